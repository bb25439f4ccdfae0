//! What the system says of this process: memory and descriptors, each as a share of its limit. Linux only; elsewhere there is
//! no reading.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use rustix::process::{Resource, getrlimit};

/// Bytes read of a file of the system's; the longest, `memory.stat`, has some 2 KiB.
const FILE_BYTES: u64 = 64 * 1024;
/// Control groups above each other that are looked at; the kernel lets few people nest deeper.
const DEPTH: usize = 32;

/// Where the system's files are.
#[derive(Clone, Debug)]
pub(super) struct System {
    /// What is mounted at `/proc`.
    proc: PathBuf,
    /// What is mounted at `/sys/fs/cgroup`.
    cgroup: PathBuf,
}

impl System {
    pub(super) fn here() -> Self {
        System { proc: "/proc".into(), cgroup: "/sys/fs/cgroup".into() }
    }

    /// Memory in use: of the tightest limit of the process's control groups (version 2), or, where none has one, the
    /// process's own of all that the machine has.
    ///
    /// # Errors
    /// The system does not tell.
    pub(super) fn memory(&self) -> io::Result<f64> {
        if let Some(share) = self.tightest_group() {
            return Ok(share);
        }
        let used = number_of(&read(&self.proc.join("self/status"))?, "VmRSS:")?;
        let all = number_of(&read(&self.proc.join("meminfo"))?, "MemTotal:")?;
        share(used, all).ok_or_else(|| told_nothing("MemTotal"))
    }

    /// Open descriptors of those that may be.
    ///
    /// # Errors
    /// The system does not tell, or there is no limit.
    pub(super) fn descriptors(&self) -> io::Result<f64> {
        let limit = getrlimit(Resource::Nofile).current.ok_or_else(|| told_nothing("a limit"))?;
        share(self.open_descriptors(limit)?, limit).ok_or_else(|| told_nothing("a limit"))
    }

    fn open_descriptors(&self, limit: u64) -> io::Result<u64> {
        let folder = self.proc.join("self/fd");
        // Linux 6.2 and later tell their number as the size of the folder; before, it is 0 and they have to be counted.
        match fs::metadata(&folder)?.len() {
            0 => {
                let most = usize::try_from(limit).unwrap_or(usize::MAX);
                // The descriptor of the folder itself, which is closed by then, is none.
                Ok((fs::read_dir(&folder)?.take(most).count() as u64).saturating_sub(1))
            }
            open => Ok(open),
        }
    }

    /// The share of the control group, from the process's own up to the root, that has the least left.
    fn tightest_group(&self) -> Option<f64> {
        let groups = read(&self.proc.join("self/cgroup")).ok()?;
        let own = groups.lines().find_map(|line| line.strip_prefix("0::/"))?;
        // Of a process that was moved, the path may lead out of what is mounted.
        let own = Path::new(own);
        if own.components().any(|part| !matches!(part, std::path::Component::Normal(_))) {
            return None;
        }
        let shares = own.ancestors().take(DEPTH).filter_map(|group| of_group(&self.cgroup.join(group)));
        shares.max_by(f64::total_cmp)
    }
}

/// What a control group uses of its limit; `None` where it has none. Files that the kernel would drop without a loss are not
/// counted as used.
fn of_group(group: &Path) -> Option<f64> {
    let limit = read(&group.join("memory.max")).ok()?.trim().parse().ok()?;
    let used: u64 = read(&group.join("memory.current")).ok()?.trim().parse().ok()?;
    let files = read(&group.join("memory.stat")).and_then(|stat| number_of(&stat, "inactive_file"));
    share(used.saturating_sub(files.unwrap_or(0)), limit)
}

#[allow(clippy::cast_precision_loss)] // A share needs no more.
fn share(used: u64, limit: u64) -> Option<f64> {
    (limit > 0).then(|| used as f64 / limit as f64)
}

fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(FILE_BYTES).read_to_string(&mut text)?;
    Ok(text)
}

/// The number behind `name` at the begin of a line.
fn number_of(text: &str, name: &str) -> io::Result<u64> {
    let words = text.lines().map(|line| line.split_ascii_whitespace());
    let found =
        words.filter_map(|mut words| (words.next() == Some(name)).then(|| words.next()?.parse().ok()));
    found.flatten().next().ok_or_else(|| told_nothing(name))
}

fn told_nothing(of: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("the system does not tell {of}"))
}

#[cfg(test)]
#[path = "readings_tests.rs"]
mod tests;
