//! Watches the config file and those of its certificates: their folders, so that the swap of a symlink is seen, and their
//! content every half minute, for file systems that tell nothing.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use notify::{RecursiveMode, Watcher};
use tokio::sync::mpsc;

use super::Reloader;
use crate::config::text_hash;

/// How often the content is looked at without being told.
const POLL: Duration = Duration::from_secs(30);

/// Editors write in several steps; the files are read once they are through.
const SETTLE: Duration = Duration::from_millis(50);

/// Reloads whenever the content of the files changes; never returns.
pub async fn watch(reloader: Arc<Reloader>) {
    let config: Vec<PathBuf> = reloader.path().into_iter().collect();
    let certificates = reloader.certificate_files();
    let known = Some(reloader.text_hash());
    // What is in force was read a moment ago; that it changed meanwhile is seen at the next change or reload.
    let shown = content(&certificates);
    let (of_config, of_certificates) = (reloader.clone(), reloader);
    let reload = move || drop(of_config.reload("the file changed"));
    let reload_certificates = move || {
        of_certificates.reload_certificates("a file changed");
    };
    tokio::join!(on_change(config, known, reload), on_change(certificates, shown, reload_certificates));
}

/// Acts whenever the content of the files is another than was seen last; never returns.
async fn on_change(files: Vec<PathBuf>, mut seen: Option<String>, act: impl Fn() + Clone + Send + 'static) {
    if files.is_empty() {
        return std::future::pending().await;
    }
    let (tell, mut told) = mpsc::channel(1);
    let watcher = watcher(&files, tell);
    if let Err(error) = &watcher {
        tracing::warn!(%error, "changes of {} are seen only every {} s", files[0].display(), POLL.as_secs());
    }
    loop {
        // Woken or not, what counts is the content; looked at first, as it may have changed before it was watched.
        let now = content(&files);
        if now != seen && now.is_some() {
            seen = now;
            // Parsing and resolving may take a while; the admin API must not wait for it.
            let _ = tokio::task::spawn_blocking(act.clone()).await;
        }
        if let Ok(Some(())) = tokio::time::timeout(POLL, told.recv()).await {
            tokio::time::sleep(SETTLE).await;
            while told.try_recv().is_ok() {}
        }
    }
}

fn watcher(files: &[PathBuf], tell: mpsc::Sender<()>) -> notify::Result<notify::RecommendedWatcher> {
    let mut watcher = notify::recommended_watcher(move |_| {
        // Full means that it will look anyway.
        let _ = tell.try_send(());
    })?;
    let folders: BTreeSet<PathBuf> = files.iter().map(|path| folder(path)).collect();
    for folder in folders {
        watcher.watch(&folder, RecursiveMode::NonRecursive)?;
    }
    Ok(watcher)
}

fn folder(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// A hash of all of them; `None` while one cannot be read.
fn content(files: &[PathBuf]) -> Option<String> {
    let hashes: Option<Vec<String>> =
        files.iter().map(|path| std::fs::read(path).ok().map(|bytes| text_hash(&bytes))).collect();
    hashes.map(|hashes| hashes.join(" "))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_is_watched_also_of_a_bare_name() {
        for (path, expected) in
            [("umbrage.toml", "."), ("a/umbrage.toml", "a"), ("/etc/u/u.toml", "/etc/u"), ("/u.toml", "/")]
        {
            assert_eq!(folder(Path::new(path)), Path::new(expected), "{path}");
        }
    }

    #[test]
    fn a_file_that_is_gone_for_a_moment_has_no_content() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("u.toml");
        assert_eq!(content(std::slice::from_ref(&path)), None);
        std::fs::write(&path, "a").unwrap();
        let first = content(std::slice::from_ref(&path)).unwrap();
        std::fs::write(&path, "b").unwrap();
        assert_ne!(content(std::slice::from_ref(&path)).unwrap(), first);
        std::fs::write(&path, "a").unwrap();
        assert_eq!(content(std::slice::from_ref(&path)).unwrap(), first, "what counts is the content");
    }

    #[test]
    fn of_several_files_each_counts_and_none_may_be_missing() {
        let folder = tempfile::tempdir().unwrap();
        let files = ["a", "b"].map(|name| folder.path().join(name));
        std::fs::write(&files[0], "1").unwrap();
        assert_eq!(content(&files), None);
        std::fs::write(&files[1], "2").unwrap();
        let first = content(&files).unwrap();
        std::fs::write(&files[1], "3").unwrap();
        assert_ne!(content(&files).unwrap(), first);
    }

    #[test]
    fn the_swap_of_a_symlink_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        // As Kubernetes lays a ConfigMap out: the file, through ..data, through a folder of the day.
        for (day, text) in [("one", "a"), ("two", "b")] {
            std::fs::create_dir(folder.path().join(day)).unwrap();
            std::fs::write(folder.path().join(day).join("u.toml"), text).unwrap();
        }
        let link = |to: &str, name: &str| std::os::unix::fs::symlink(to, folder.path().join(name)).unwrap();
        link("one", "..data");
        link("..data/u.toml", "u.toml");
        let path = folder.path().join("u.toml");
        let before = content(std::slice::from_ref(&path));
        let (tell, mut told) = mpsc::channel(1);
        let _watcher = watcher(std::slice::from_ref(&path), tell).unwrap();
        link("two", "..new");
        std::fs::rename(folder.path().join("..new"), folder.path().join("..data")).unwrap();
        assert!(told.blocking_recv().is_some(), "the folder tells");
        assert_ne!(content(std::slice::from_ref(&path)), before);
    }
}
