//! Looks at the store from any thread or process while a writer has it open; changes nothing.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, OptionalExtension, Row, named_params};
use serde::de::DeserializeOwned;

use super::StoreError;
use super::folder::DATABASE;
use super::record::{EpochRow, Sample, SampleSummary, TallyRow};
use super::store::{VERSION, integer, version};

/// A read-only view; every call sees the newest committed state.
#[derive(Debug)]
pub struct Reader {
    path: PathBuf,
    connection: Connection,
}

/// Which samples are wanted; what is `None` does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SampleFilter {
    /// Of this epoch.
    pub epoch: Option<u64>,
    /// Of this route.
    pub route: Option<String>,
    /// Of this endpoint.
    pub endpoint: Option<String>,
    /// Of this difference signature.
    pub signature: Option<String>,
    /// Of a signature with this path.
    pub path: Option<String>,
    /// At most so many; never more than [`SampleFilter::MAX`].
    pub limit: Option<u32>,
}

impl SampleFilter {
    /// Samples listed at most in one call.
    pub const MAX: u32 = 1000;
}

impl Reader {
    /// Opens the store in this folder.
    ///
    /// # Errors
    /// There is none, it cannot be read, or a newer program made it.
    pub fn open(dir: &Path) -> Result<Self, StoreError> {
        let path = dir.join(DATABASE);
        if !path.is_file() {
            return Err(StoreError::Absent { path });
        }
        let sql = |source| StoreError::Sql { path: path.clone(), source };
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&path, flags).map_err(sql)?;
        connection.busy_timeout(Duration::from_secs(1)).map_err(sql)?;
        connection.execute_batch("PRAGMA trusted_schema = OFF").map_err(sql)?;
        match version(&connection).map_err(sql)? {
            0 => Err(StoreError::Absent { path }),
            found if found > VERSION => Err(StoreError::Newer { path, found, known: VERSION }),
            _ => Ok(Reader { path, connection }),
        }
    }

    /// The epoch in force; `None` before the first.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn latest_epoch(&self) -> Result<Option<EpochRow>, StoreError> {
        self.connection
            .query_row(
                "SELECT number, key, started_unix_ms, version FROM epoch ORDER BY number DESC LIMIT 1",
                [],
                |row| {
                    Ok(EpochRow {
                        number: unsigned(row, 0)?,
                        key: row.get(1)?,
                        started_unix_ms: unsigned(row, 2)?,
                        version: row.get(3)?,
                    })
                },
            )
            .optional()
            .map_err(|e| self.failed(e))
    }

    /// The counts of every endpoint in an epoch, by route and endpoint.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn tallies(&self, epoch: u64) -> Result<Vec<TallyRow>, StoreError> {
        self.rows(
            "SELECT epoch, route, endpoint, compared, mismatched, data FROM tally WHERE epoch = :epoch
             ORDER BY route, endpoint",
            named_params! { ":epoch": integer(epoch) },
            |row| {
                Ok(TallyRow {
                    epoch: unsigned(row, 0)?,
                    route: row.get(1)?,
                    endpoint: row.get(2)?,
                    compared: unsigned(row, 3)?,
                    mismatched: unsigned(row, 4)?,
                    data: row.get(5)?,
                })
            },
        )
    }

    /// What an epoch's evidence rests on, as it was offered; `None` before it was.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn coverage(&self, epoch: u64) -> Result<Option<String>, StoreError> {
        self.connection
            .query_row("SELECT json FROM coverage WHERE epoch = ?1", [integer(epoch)], |row| row.get(0))
            .optional()
            .map_err(|e| self.failed(e))
    }

    /// The samples that pass the filter, newest first.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn samples(&self, filter: &SampleFilter) -> Result<Vec<SampleSummary>, StoreError> {
        self.rows(
            "SELECT id, epoch, route, endpoint, signature, taken_unix_ms FROM sample
             WHERE (:epoch IS NULL OR epoch = :epoch) AND (:route IS NULL OR route = :route)
               AND (:endpoint IS NULL OR endpoint = :endpoint) AND (:signature IS NULL OR signature = :signature)
               AND (:path IS NULL OR instr(signature, ':' || :path || ':') > 0)
             ORDER BY taken_unix_ms DESC, id LIMIT :limit",
            named_params! {
                ":epoch": filter.epoch.map(integer),
                ":route": filter.route,
                ":endpoint": filter.endpoint,
                ":signature": filter.signature,
                ":path": filter.path,
                ":limit": filter.limit.unwrap_or(SampleFilter::MAX).min(SampleFilter::MAX),
            },
            |row| {
                Ok(SampleSummary {
                    id: row.get(0)?,
                    epoch: unsigned(row, 1)?,
                    route: row.get(2)?,
                    endpoint: row.get(3)?,
                    signature: row.get(4)?,
                    taken_unix_ms: unsigned(row, 5)?,
                })
            },
        )
    }

    /// A whole sample; `None` if it is not there or no longer.
    ///
    /// # Errors
    /// The database cannot be read, or the row is not what was written.
    pub fn sample(&self, id: &str) -> Result<Option<Sample>, StoreError> {
        self.connection
            .query_row(
                "SELECT epoch, route, endpoint, signature, slot, taken_unix_ms, request, stable, shadow, control,
                   differences FROM sample WHERE id = ?1",
                [id],
                |row| Ok(self.read_sample(id, row)),
            )
            .optional()
            .map_err(|e| self.failed(e))?
            .transpose()
    }

    fn read_sample(&self, id: &str, row: &Row<'_>) -> Result<Sample, StoreError> {
        let sql = |e| self.failed(e);
        let control: Option<String> = row.get(9).map_err(sql)?;
        Ok(Sample {
            id: id.to_owned(),
            epoch: unsigned(row, 0).map_err(sql)?,
            route: row.get(1).map_err(sql)?,
            endpoint: row.get(2).map_err(sql)?,
            signature: row.get(3).map_err(sql)?,
            slot: row.get(4).map_err(sql)?,
            taken_unix_ms: unsigned(row, 5).map_err(sql)?,
            request: self.parse(id, &row.get::<_, String>(6).map_err(sql)?)?,
            stable: self.parse(id, &row.get::<_, String>(7).map_err(sql)?)?,
            shadow: self.parse(id, &row.get::<_, String>(8).map_err(sql)?)?,
            control: control.map(|json| self.parse(id, &json)).transpose()?,
            differences: self.parse(id, &row.get::<_, String>(10).map_err(sql)?)?,
        })
    }

    fn parse<T: DeserializeOwned>(&self, id: &str, json: &str) -> Result<T, StoreError> {
        serde_json::from_str(json).map_err(|source| StoreError::Row {
            path: self.path.clone(),
            what: format!("sample {id:?}"),
            source,
        })
    }

    fn rows<T>(
        &self,
        sql: &str,
        params: &[(&str, &dyn rusqlite::ToSql)],
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, StoreError> {
        let mut statement = self.connection.prepare_cached(sql).map_err(|e| self.failed(e))?;
        let rows = statement.query_map(params, read).and_then(Iterator::collect);
        rows.map_err(|e| self.failed(e))
    }

    fn failed(&self, source: rusqlite::Error) -> StoreError {
        StoreError::Sql { path: self.path.clone(), source }
    }
}

/// Counts are never negative unless somebody else wrote the row.
fn unsigned(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    Ok(u64::try_from(row.get::<_, i64>(column)?).unwrap_or(0))
}

#[cfg(test)]
#[path = "reader_tests.rs"]
mod tests;
