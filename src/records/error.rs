//! Why a store cannot be used; every message names the path and says what to do.

use std::path::PathBuf;

/// Why a store cannot be opened or read.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The folder or a file in it cannot be made, read or written.
    #[error("cannot use {path}: {source}")]
    Folder {
        /// The folder or file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Another process writes to this folder.
    #[error("{path} is in use by another process; give each process a `records.dir` of its own")]
    Held {
        /// The lock file.
        path: PathBuf,
    },
    /// A newer Umbrage made it.
    #[error(
        "{path} has schema version {found} and this program knows versions up to {known}; use the newer program, or another `records.dir`"
    )]
    Newer {
        /// The database file.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// The newest version known here.
        known: i64,
    },
    /// There is no store, or none that has been written to yet.
    #[error("no evidence is kept in {path}")]
    Absent {
        /// The database file.
        path: PathBuf,
    },
    /// `SQLite` refused.
    #[error("cannot use {path}: {source}")]
    Sql {
        /// The database file.
        path: PathBuf,
        /// What it said.
        source: rusqlite::Error,
    },
    /// A row does not hold what was written.
    #[error("{path}: {what} cannot be read: {source}")]
    Row {
        /// The database file.
        path: PathBuf,
        /// Which row.
        what: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// The thread could not be started.
    #[error("cannot start the writer thread: {0}")]
    Thread(std::io::Error),
}
