//! Watches the config file: its folder, so that the swap of a symlink is seen, and its content every half minute, for
//! file systems that tell nothing.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use notify::{RecursiveMode, Watcher};
use tokio::sync::mpsc;

use super::Reloader;
use crate::config::text_hash;

/// How often the content is looked at without being told.
const POLL: Duration = Duration::from_secs(30);

/// Editors write in several steps; the file is read once they are through.
const SETTLE: Duration = Duration::from_millis(50);

/// Reloads whenever the content of the file changes; never returns while there is a file to watch.
pub async fn watch(reloader: Arc<Reloader>) {
    let Some(path) = reloader.path() else {
        return std::future::pending().await;
    };
    let (tell, mut told) = mpsc::channel(1);
    let watcher = watcher(&path, tell);
    if let Err(error) = &watcher {
        tracing::warn!(%error, "changes of the config file are seen only every {} s", POLL.as_secs());
    }
    let mut seen = Some(reloader.text_hash());
    loop {
        // Woken or not, what counts is the content; looked at first, as it may have changed before it was watched.
        let now = content(&path);
        if now != seen && now.is_some() {
            seen = now;
            let reloader = reloader.clone();
            // Parsing and resolving may take a while; the admin API must not wait for it.
            let _ = tokio::task::spawn_blocking(move || reloader.reload("the file changed")).await;
        }
        if let Ok(Some(())) = tokio::time::timeout(POLL, told.recv()).await {
            tokio::time::sleep(SETTLE).await;
            while told.try_recv().is_ok() {}
        }
    }
}

fn watcher(path: &Path, tell: mpsc::Sender<()>) -> notify::Result<notify::RecommendedWatcher> {
    let mut watcher = notify::recommended_watcher(move |_| {
        // Full means that it will look anyway.
        let _ = tell.try_send(());
    })?;
    watcher.watch(&folder(path), RecursiveMode::NonRecursive)?;
    Ok(watcher)
}

fn folder(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

fn content(path: &Path) -> Option<String> {
    std::fs::read(path).ok().map(|bytes| text_hash(&bytes))
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
        assert_eq!(content(&path), None);
        std::fs::write(&path, "a").unwrap();
        let first = content(&path).unwrap();
        std::fs::write(&path, "b").unwrap();
        assert_ne!(content(&path).unwrap(), first);
        std::fs::write(&path, "a").unwrap();
        assert_eq!(content(&path).unwrap(), first, "what counts is the content");
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
        let before = content(&path);
        let (tell, mut told) = mpsc::channel(1);
        let _watcher = watcher(&path, tell).unwrap();
        link("two", "..new");
        std::fs::rename(folder.path().join("..new"), folder.path().join("..data")).unwrap();
        assert!(told.blocking_recv().is_some(), "the folder tells");
        assert_ne!(content(&path), before);
    }
}
