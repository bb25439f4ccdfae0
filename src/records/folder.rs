//! The store's folder: made if it is not there, held by one process, damaged files set aside.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::StoreError;

/// Name of the database file.
pub(super) const DATABASE: &str = "umbrage.db";
/// Name of the file whose advisory lock says that a process writes here.
const LOCK: &str = "umbrage.lock";
/// Name of the file with the key of the redaction.
const KEY: &str = "redact.key";
/// Between the database's name and the time at which it was set aside.
const ASIDE: &str = ".damaged-";
/// Damaged databases kept.
const KEEP_ASIDE: usize = 2;

/// A folder that this process alone writes to; let go when dropped, or by the system when the process dies.
#[derive(Debug)]
pub(super) struct Folder {
    dir: PathBuf,
    _lock: File,
}

impl Folder {
    /// Makes the folder (mode 0700) if it is not there and takes its lock.
    pub(super) fn hold(dir: &Path) -> Result<Self, StoreError> {
        make(dir)?;
        let path = dir.join(LOCK);
        let lock = private().create(true).open(&path).map_err(|source| failed(&path, source))?;
        match lock.try_lock() {
            Ok(()) => Ok(Folder { dir: dir.to_owned(), _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(StoreError::Held { path }),
            Err(TryLockError::Error(source)) => Err(failed(&path, source)),
        }
    }

    /// Where the database is.
    pub(super) fn database(&self) -> PathBuf {
        self.dir.join(DATABASE)
    }

    /// Makes an empty database file that only its owner may read; `SQLite` gives its log the same mode.
    pub(super) fn prepare(&self) -> Result<(), StoreError> {
        let path = self.database();
        private().create(true).open(&path).map(drop).map_err(|source| failed(&path, source))
    }

    /// Renames a damaged database and its log, so that a new one can begin; gives its new name.
    /// Only the latest few are kept.
    pub(super) fn set_aside(&self, unix_ms: u64) -> Result<PathBuf, StoreError> {
        let from = self.database();
        let mut to = self.dir.join(format!("{DATABASE}{ASIDE}{unix_ms:015}"));
        // Twice in one millisecond must not lose the first.
        for n in 1..100 {
            if !to.exists() {
                break;
            }
            to = self.dir.join(format!("{DATABASE}{ASIDE}{unix_ms:015}.{n:02}"));
        }
        for suffix in ["-wal", "-shm", ""] {
            let (old, new) = (with_suffix(&from, suffix), with_suffix(&to, suffix));
            match std::fs::rename(&old, new) {
                Err(e) if e.kind() == io::ErrorKind::NotFound => {}
                other => other.map_err(|source| failed(&old, source))?,
            }
        }
        self.forget_old();
        Ok(to)
    }

    /// Best effort: what cannot be listed or removed stays.
    fn forget_old(&self) {
        let prefix = format!("{DATABASE}{ASIDE}");
        let Ok(entries) = std::fs::read_dir(&self.dir) else { return };
        let mut names: Vec<String> = entries
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter(|name| name.starts_with(&prefix) && !name.ends_with("-wal") && !name.ends_with("-shm"))
            .collect();
        names.sort_unstable();
        let old = names.len().saturating_sub(KEEP_ASIDE);
        for name in &names[..old] {
            for suffix in ["", "-wal", "-shm"] {
                // Already gone is as good as removed.
                drop(std::fs::remove_file(with_suffix(&self.dir.join(name), suffix)));
            }
        }
    }
}

/// The key of the redaction: read from the folder, or drawn from the system's random source and kept there (mode 0600),
/// so that equal values stay equal from one start to the next.
///
/// # Errors
/// [`StoreError::Folder`] when the file cannot be read or made, or does not hold 32 bytes.
pub fn redact_key(dir: &Path) -> Result<[u8; 32], StoreError> {
    make(dir)?;
    let path = dir.join(KEY);
    match read_key(&path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => {}
        other => return other.map_err(|source| failed(&path, source)),
    }
    let key = random().map_err(|source| failed(Path::new(RANDOM), source))?;
    // Written beside and linked into place: whoever comes second finds a whole key, not half of one.
    let draft = dir.join(format!("{KEY}.{:02x}{:02x}{:02x}{:02x}", key[28], key[29], key[30], key[31]));
    // Four bytes of 32 in its name leave 224 bits that nobody knows.
    let made = write_key(&draft, &key).and_then(|()| match std::fs::hard_link(&draft, &path) {
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => read_key(&path),
        other => other.map(|()| key),
    });
    drop(std::fs::remove_file(&draft));
    made.map_err(|source| failed(&path, source))
}

const RANDOM: &str = "/dev/urandom";

/// 32 bytes from the system's random source.
pub(super) fn random() -> io::Result<[u8; 32]> {
    let mut key = [0; 32];
    File::open(RANDOM)?.read_exact(&mut key)?;
    Ok(key)
}

fn read_key(path: &Path) -> io::Result<[u8; 32]> {
    let mut bytes = Vec::with_capacity(33);
    File::open(path)?.take(33).read_to_end(&mut bytes)?;
    bytes.try_into().map_err(|_| {
        io::Error::new(io::ErrorKind::InvalidData, "not a key of 32 bytes; remove it to have a new one made")
    })
}

fn write_key(path: &Path, key: &[u8; 32]) -> io::Result<()> {
    let mut file = private().create(true).truncate(true).open(path)?;
    file.write_all(key)?;
    file.sync_all()
}

fn make(dir: &Path) -> Result<(), StoreError> {
    DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(|source| failed(dir, source))
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).mode(0o600);
    options
}

fn failed(path: &Path, source: io::Error) -> StoreError {
    StoreError::Folder { path: path.to_owned(), source }
}

/// The path with something after its file name.
pub(super) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

#[cfg(test)]
#[path = "folder_tests.rs"]
mod tests;
