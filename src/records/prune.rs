//! What goes when the store is too large or too old: oldest samples first, then oldest epochs; the newest epoch stays.

use std::time::Duration;

use rusqlite::{Connection, TransactionBehavior};

use super::store::{Store, integer};

/// Samples deleted in one step, so that the log of one transaction stays small.
const STEP: u32 = 8;
/// Steps in one call, so that the queue is looked at again between.
const STEPS: usize = 512;
/// Free pages given back to the system in one call.
const RETURNED: u64 = 2048;

impl Store {
    /// Deletes what is older than `max_age`: samples by when they were taken, epochs by when the next one began.
    /// Gives the number of rows that went.
    pub(super) fn prune_age(&mut self, now_unix_ms: u64, max_age: Duration) -> rusqlite::Result<usize> {
        let max_age = u64::try_from(max_age.as_millis()).unwrap_or(u64::MAX);
        let Some(cutoff) = now_unix_ms.checked_sub(max_age) else { return Ok(0) };
        let mut gone = 0;
        for _ in 0..STEPS {
            let deleted = self.connection.execute(
                "DELETE FROM sample WHERE rowid IN
                   (SELECT rowid FROM sample WHERE taken_unix_ms < ?1 ORDER BY taken_unix_ms LIMIT ?2)",
                (integer(cutoff), STEP),
            )?;
            gone += deleted;
            if deleted == 0 {
                break;
            }
        }
        // The last epoch that began before the cutoff was in force at it; those before had ended by then.
        let kept: Option<i64> = self.connection.query_row(
            "SELECT max(number) FROM epoch WHERE started_unix_ms < ?1",
            [integer(cutoff)],
            |row| row.get(0),
        )?;
        if let Some(kept) = kept {
            gone += self.delete_epochs_before(kept)?;
        }
        self.give_back()?;
        Ok(gone)
    }

    /// Deletes the oldest rows while more pages are used than the bounds allow. Gives the number of rows that went.
    pub(super) fn prune_size(&mut self) -> rusqlite::Result<usize> {
        if used_pages(&self.connection)? <= self.bounds.high_pages {
            return Ok(0);
        }
        let mut gone = 0;
        for _ in 0..STEPS {
            let deleted = self.delete_oldest()?;
            gone += deleted;
            if deleted == 0 || used_pages(&self.connection)? <= self.bounds.low_pages {
                break;
            }
        }
        self.give_back()?;
        Ok(gone)
    }

    /// Some of the oldest samples or, when there are none, the oldest epoch but never the newest.
    fn delete_oldest(&mut self) -> rusqlite::Result<usize> {
        let samples = self.connection.execute(
            "DELETE FROM sample WHERE rowid IN (SELECT rowid FROM sample ORDER BY taken_unix_ms LIMIT ?1)",
            [STEP],
        )?;
        if samples > 0 {
            return Ok(samples);
        }
        let second: Option<i64> = self.connection.query_row(
            "SELECT min(number) FROM epoch WHERE number > (SELECT min(number) FROM epoch)",
            [],
            |row| row.get(0),
        )?;
        second.map_or(Ok(0), |number| self.delete_epochs_before(number))
    }

    fn delete_epochs_before(&mut self, number: i64) -> rusqlite::Result<usize> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut gone = 0;
        for sql in [
            "DELETE FROM sample WHERE epoch < ?1",
            "DELETE FROM tally WHERE epoch < ?1",
            "DELETE FROM coverage WHERE epoch < ?1",
            "DELETE FROM epoch WHERE number < ?1",
        ] {
            gone += transaction.execute(sql, [number])?;
        }
        transaction.commit()?;
        Ok(gone)
    }

    /// Returns free pages to the system when they are more than a quarter of the file, or the file is over its bound
    /// (which happens when the bound was lowered).
    fn give_back(&mut self) -> rusqlite::Result<()> {
        let (pages, free) =
            (pragma(&self.connection, "page_count")?, pragma(&self.connection, "freelist_count")?);
        let excess =
            (free.saturating_sub(pages / 4)).max(pages.saturating_sub(self.bounds.max_pages)).min(free);
        if excess > 0 {
            let sql = format!("PRAGMA incremental_vacuum({})", excess.min(RETURNED));
            let mut vacuum = self.connection.prepare(&sql)?;
            let mut pages = vacuum.query([])?;
            // Every step moves one page.
            while pages.next()?.is_some() {}
            // SQLite does not set it below the present size, so it is set again as the file shrinks.
            self.connection.execute_batch(&format!("PRAGMA max_page_count = {}", self.bounds.max_pages))?;
        }
        Ok(())
    }
}

/// Pages that hold something.
pub(super) fn used_pages(connection: &Connection) -> rusqlite::Result<u64> {
    Ok(pragma(connection, "page_count")?.saturating_sub(pragma(connection, "freelist_count")?))
}

fn pragma(connection: &Connection, name: &str) -> rusqlite::Result<u64> {
    let value: i64 = connection.pragma_query_value(None, name, |row| row.get(0))?;
    Ok(u64::try_from(value).unwrap_or(0))
}

#[cfg(test)]
#[path = "prune_tests.rs"]
mod tests;
