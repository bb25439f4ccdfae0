//! The database itself: opened, laid out, written to in whole batches.

use std::time::Duration;

use rusqlite::{CachedStatement, Connection, ErrorCode, OpenFlags, Transaction, TransactionBehavior, params};
use serde::Serialize;

use super::bounds::Bounds;
use super::folder::{Folder, with_suffix};
use super::record::{EpochRow, Sample, TallyRow};
use super::{Record, StoreError};

/// The version of the schema that is written, kept in `PRAGMA user_version`.
pub(super) const VERSION: i64 = 1;
const SCHEMA: &str = include_str!("schema.sql");
/// `PRAGMA application_id`: "UMBR".
const APPLICATION: i64 = 0x554d_4252;
/// How long a lock that somebody else holds is waited for.
const BUSY: Duration = Duration::from_millis(500);
/// Above this size a database is not checked whole at start, which would take seconds; damage is then found in use.
const CHECK_UP_TO: u64 = 256 * 1024 * 1024;

/// The database, held for writing by this process alone.
#[derive(Debug)]
pub(super) struct Store {
    pub(super) connection: Connection,
    pub(super) bounds: Bounds,
    folder: Folder,
    /// A damaged database was let go and no new one could be made yet.
    lost: bool,
}

/// Why a batch was not written.
#[derive(Debug, thiserror::Error)]
pub(super) enum WriteError {
    /// The log cannot be emptied because somebody reads the database, and has reached its bound.
    #[error("the log has reached its bound of {0} bytes while another program reads the database")]
    LogFull(u64),
    /// `SQLite` refused.
    #[error(transparent)]
    Sql(#[from] rusqlite::Error),
    /// There is no database and none can be made.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Store {
    /// Opens the database in the folder or makes one; one that is damaged is set aside, said, and begun anew.
    pub(super) fn open(folder: Folder, bounds: Bounds, now_unix_ms: u64) -> Result<Self, StoreError> {
        folder.prepare()?;
        let connection = match connect(&folder, &bounds) {
            Err(StoreError::Sql { source, .. }) if damaged(&source) => {
                begin_anew(&folder, &bounds, &source, now_unix_ms)?
            }
            other => other?,
        };
        Ok(Store { connection, bounds, folder, lost: false })
    }

    /// Sets the database aside because it was found damaged in use, and begins a new one.
    pub(super) fn replace(&mut self, why: &rusqlite::Error, now_unix_ms: u64) -> Result<(), StoreError> {
        // The damaged file must be let go before the new one is opened under its name.
        let nothing = Connection::open_in_memory()
            .map_err(|source| StoreError::Sql { path: self.folder.database(), source })?;
        drop(std::mem::replace(&mut self.connection, nothing));
        self.lost = true;
        self.connection = begin_anew(&self.folder, &self.bounds, why, now_unix_ms)?;
        self.lost = false;
        Ok(())
    }

    /// Writes records in one transaction: all that can be kept or, with an error, none.
    /// Gives the number of records that no store could take (too big, not storable); the others are safe then.
    pub(super) fn write<'r>(
        &mut self,
        records: impl Iterator<Item = &'r Record>,
        now_unix_ms: u64,
    ) -> Result<u64, WriteError> {
        if self.lost {
            self.folder.prepare()?;
            self.connection = connect(&self.folder, &self.bounds)?;
            self.lost = false;
        }
        self.make_room_in_log()?;
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut refused = 0;
        for record in records {
            match write_one(&transaction, record, now_unix_ms) {
                Err(e) if unstorable(&e) => {
                    tracing::warn!(error = %e, "a record cannot be stored and is left out");
                    refused += 1;
                }
                other => other?,
            }
        }
        transaction.commit()?;
        Ok(refused)
    }

    /// Bytes in the log now.
    pub(super) fn log_size(&self) -> u64 {
        std::fs::metadata(with_suffix(&self.folder.database(), "-wal")).map_or(0, |m| m.len())
    }

    /// Empties the log when it has grown past its bound; an error if that is not possible.
    fn make_room_in_log(&self) -> Result<(), WriteError> {
        if self.log_size() <= self.bounds.log_bytes {
            return Ok(());
        }
        self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        if self.log_size() <= self.bounds.log_bytes {
            Ok(())
        } else {
            Err(WriteError::LogFull(self.bounds.log_bytes))
        }
    }

    /// Moves the log into the database and lets both go.
    pub(super) fn close(self) -> Result<(), rusqlite::Error> {
        self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        self.connection.close().map_err(|(_, error)| error)
    }
}

impl WriteError {
    /// The database is damaged and must be replaced.
    pub(super) fn damage(&self) -> Option<&rusqlite::Error> {
        match self {
            WriteError::Sql(error) if damaged(error) => Some(error),
            _ => None,
        }
    }

    /// There is no room, on the disk or within our own bound.
    pub(super) fn is_full(&self) -> bool {
        matches!(self, WriteError::Sql(e) if e.sqlite_error_code() == Some(ErrorCode::DiskFull))
    }
}

fn damaged(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
}

/// True for an error that lies in the record, not in the store.
fn unstorable(error: &rusqlite::Error) -> bool {
    use ErrorCode::{ConstraintViolation, ParameterOutOfRange, TooBig, TypeMismatch};
    match error.sqlite_error_code() {
        Some(code) => matches!(code, ConstraintViolation | ParameterOutOfRange | TooBig | TypeMismatch),
        None => matches!(error, rusqlite::Error::ToSqlConversionFailure(_)),
    }
}

fn begin_anew(
    folder: &Folder,
    bounds: &Bounds,
    why: &rusqlite::Error,
    now_unix_ms: u64,
) -> Result<Connection, StoreError> {
    let aside = folder.set_aside(now_unix_ms)?;
    tracing::warn!(error = %why, set_aside = %aside.display(), "the store is damaged: it was set aside and a new one begins");
    folder.prepare()?;
    connect(folder, bounds)
}

fn connect(folder: &Folder, bounds: &Bounds) -> Result<Connection, StoreError> {
    let path = folder.database();
    let sql = |source| StoreError::Sql { path: path.clone(), source };
    let flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(&path, flags).map_err(sql)?;
    connection.busy_timeout(BUSY).map_err(sql)?;
    let found = version(&connection).map_err(sql)?;
    if found > VERSION {
        return Err(StoreError::Newer { path, found, known: VERSION });
    }
    if found == 0 {
        // Before anything else is written, or it has no effect: free pages can be given back later.
        connection.execute_batch("PRAGMA auto_vacuum = INCREMENTAL").map_err(sql)?;
        settle(&connection, bounds).map_err(sql)?;
        lay_out(&mut connection).map_err(sql)?;
        return Ok(connection);
    }
    if std::fs::metadata(&path).is_ok_and(|m| m.len() <= CHECK_UP_TO) {
        check(&connection).map_err(sql)?;
    }
    settle(&connection, bounds).map_err(sql)?;
    Ok(connection)
}

/// The schema's version; 0 for a database without one.
pub(super) fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// How the database is run. In WAL with `synchronous=NORMAL` a killed process loses nothing that was committed, a power
/// cut at most what was committed since the last checkpoint, and neither damages the file (sqlite.org/wal.html).
fn settle(connection: &Connection, bounds: &Bounds) -> rusqlite::Result<()> {
    connection.execute_batch(&format!(
        "PRAGMA journal_mode = WAL;
         PRAGMA synchronous = NORMAL;
         PRAGMA wal_autocheckpoint = {};
         PRAGMA journal_size_limit = {};
         PRAGMA max_page_count = {};
         PRAGMA cache_size = -2048;
         PRAGMA temp_store = MEMORY;
         PRAGMA trusted_schema = OFF;",
        bounds.checkpoint_pages,
        bounds.log_bytes / 2,
        bounds.max_pages
    ))
}

fn lay_out(connection: &mut Connection) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(SCHEMA)?;
    transaction.pragma_update(None, "application_id", APPLICATION)?;
    transaction.pragma_update(None, "user_version", VERSION)?;
    transaction.commit()
}

fn check(connection: &Connection) -> rusqlite::Result<()> {
    let found: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if found == "ok" {
        return Ok(());
    }
    Err(rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT), Some(found)))
}

fn write_one(transaction: &Transaction<'_>, record: &Record, now_unix_ms: u64) -> rusqlite::Result<()> {
    match record {
        Record::Epoch(row) => write_epoch(transaction, row),
        Record::Tally(row) => write_tally(transaction, row, now_unix_ms),
        Record::Coverage { epoch, json } => write_coverage(transaction, *epoch, json, now_unix_ms),
        Record::Sample(sample) => write_sample(transaction, sample),
    }
}

fn write_epoch(transaction: &Transaction<'_>, row: &EpochRow) -> rusqlite::Result<()> {
    cached(
        transaction,
        "INSERT INTO epoch (number, key, started_unix_ms, version) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (number) DO UPDATE SET key = excluded.key, version = excluded.version",
    )?
    .execute(params![integer(row.number), row.key, integer(row.started_unix_ms), row.version])
    .map(drop)
}

fn write_tally(transaction: &Transaction<'_>, row: &TallyRow, now_unix_ms: u64) -> rusqlite::Result<()> {
    cached(
        transaction,
        "INSERT INTO tally (epoch, route, endpoint, compared, mismatched, data, written_unix_ms)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
         ON CONFLICT (epoch, route, endpoint) DO UPDATE SET compared = excluded.compared,
           mismatched = excluded.mismatched, data = excluded.data, written_unix_ms = excluded.written_unix_ms",
    )?
    .execute(params![
        integer(row.epoch),
        row.route,
        row.endpoint,
        integer(row.compared),
        integer(row.mismatched),
        row.data,
        integer(now_unix_ms)
    ])
    .map(drop)
}

fn write_coverage(
    transaction: &Transaction<'_>,
    epoch: u64,
    json: &str,
    now_unix_ms: u64,
) -> rusqlite::Result<()> {
    cached(
        transaction,
        "INSERT INTO coverage (epoch, json, written_unix_ms) VALUES (?1, ?2, ?3)
         ON CONFLICT (epoch) DO UPDATE SET json = excluded.json, written_unix_ms = excluded.written_unix_ms",
    )?
    .execute(params![integer(epoch), json, integer(now_unix_ms)])
    .map(drop)
}

fn write_sample(transaction: &Transaction<'_>, sample: &Sample) -> rusqlite::Result<()> {
    cached(
        transaction,
        "INSERT OR REPLACE INTO sample (id, epoch, route, endpoint, signature, slot, taken_unix_ms,
           request, stable, shadow, control, differences)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
    )?
    .execute(params![
        sample.id,
        integer(sample.epoch),
        sample.route,
        sample.endpoint,
        sample.signature,
        sample.slot,
        integer(sample.taken_unix_ms),
        json(&sample.request)?,
        json(&sample.stable)?,
        json(&sample.shadow)?,
        sample.control.as_ref().map(json).transpose()?,
        json(&sample.differences)?
    ])
    .map(drop)
}

fn cached<'t>(transaction: &'t Transaction<'_>, sql: &str) -> rusqlite::Result<CachedStatement<'t>> {
    transaction.prepare_cached(sql)
}

fn json(value: &impl Serialize) -> rusqlite::Result<String> {
    serde_json::to_string(value).map_err(|e| rusqlite::Error::ToSqlConversionFailure(Box::new(e)))
}

/// `SQLite`'s integers are signed: what is beyond them counts as the largest.
pub(super) fn integer(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

#[cfg(test)]
#[path = "store_tests.rs"]
mod tests;
