//! The evidence that a store holds, as it can be gone on with or reported.

use std::path::Path;

use crate::evidence::{Epoch, Limits, Report, Tally, tally};
use crate::records::{EpochRow, Reader, StoreError, TallyRow};

/// The latest epoch of a store; `None` if it holds none yet.
///
/// # Errors
/// There is no store, or it cannot be read.
pub fn latest(dir: &Path) -> Result<Option<(Reader, EpochRow)>, StoreError> {
    let reader = Reader::open(dir)?;
    let latest = reader.latest_epoch()?;
    Ok(latest.map(|epoch| (reader, epoch)))
}

/// The tally of a stored epoch; what is damaged is left out and said.
///
/// # Errors
/// The store cannot be read.
pub fn restore(reader: &Reader, epoch: EpochRow, limits: Limits) -> Result<Tally, StoreError> {
    let rows: Vec<_> = reader.tallies(epoch.number)?.into_iter().map(row).collect();
    let coverage = reader.coverage(epoch.number)?.unwrap_or_default();
    let EpochRow { number, key, started_unix_ms, version } = epoch;
    let restored = Tally::restore(Epoch { number, key, started_unix_ms, version }, limits, &rows, &coverage);
    for error in &restored.skipped {
        tracing::warn!(%error, "stored evidence was damaged");
    }
    Ok(restored.tally)
}

/// The report of a store's latest epoch; `None` if it holds none yet.
///
/// # Errors
/// There is no store, or it cannot be read.
pub fn report(dir: &Path) -> Result<Option<Report>, StoreError> {
    let Some((reader, epoch)) = latest(dir)? else { return Ok(None) };
    Ok(Some(Report::of(&restore(&reader, epoch, Limits::default())?)))
}

fn row(row: TallyRow) -> tally::EndpointRow {
    tally::EndpointRow {
        route: row.route,
        endpoint: row.endpoint,
        compared: row.compared,
        mismatched: row.mismatched,
        data: row.data,
    }
}
