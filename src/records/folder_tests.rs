//! One holder at a time; keys and damaged files.
#![allow(clippy::unwrap_used)]

use std::os::unix::fs::PermissionsExt;

use super::*;

#[test]
fn the_folder_is_made_private_and_held_by_one() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("a/b");
    let first = Folder::hold(&dir).unwrap();
    first.prepare().unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&dir), 0o700);
    assert_eq!(mode(&first.database()), 0o600);

    let second = Folder::hold(&dir).unwrap_err();
    assert!(matches!(second, StoreError::Held { .. }), "{second}");
    let said = second.to_string();
    assert!(said.contains("umbrage.lock") && said.contains("records.dir"), "{said}");

    drop(first);
    Folder::hold(&dir).unwrap();
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let temp = tempfile::tempdir().unwrap();
    let file = temp.path().join("file");
    std::fs::write(&file, "in the way").unwrap();
    for dir in [file.clone(), file.join("below")] {
        let error = Folder::hold(&dir).unwrap_err().to_string();
        assert!(error.contains(dir.to_str().unwrap()), "{error}");
        let error = redact_key(&dir).unwrap_err().to_string();
        assert!(error.contains(dir.to_str().unwrap()), "{error}");
    }
}

#[test]
fn damaged_files_are_set_aside_together_and_only_the_latest_stay() {
    let temp = tempfile::tempdir().unwrap();
    let folder = Folder::hold(temp.path()).unwrap();
    let mut aside = Vec::new();
    for n in [5u64, 5, 70, 600] {
        std::fs::write(folder.database(), format!("db {}", aside.len())).unwrap();
        std::fs::write(with_suffix(&folder.database(), "-wal"), "log").unwrap();
        aside.push(folder.set_aside(n).unwrap());
        assert!(!folder.database().exists());
        assert!(!with_suffix(&folder.database(), "-wal").exists());
    }
    assert_ne!(aside[0], aside[1], "twice in one millisecond loses nothing");
    let there: Vec<bool> = aside.iter().map(|path| path.exists()).collect();
    assert_eq!(there, [false, false, true, true]);
    assert_eq!(std::fs::read_to_string(&aside[3]).unwrap(), "db 3");
    assert!(with_suffix(&aside[3], "-wal").exists());
    assert!(!with_suffix(&aside[0], "-wal").exists());
}

#[test]
fn setting_aside_what_is_not_there_is_no_error() {
    let temp = tempfile::tempdir().unwrap();
    Folder::hold(temp.path()).unwrap().set_aside(1).unwrap();
}

#[test]
fn the_key_is_made_once_private_and_random() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("data");
    let key = redact_key(&dir).unwrap();
    assert_eq!(redact_key(&dir).unwrap(), key, "equal values stay equal after a restart");
    assert_ne!(redact_key(&temp.path().join("other")).unwrap(), key);
    assert_ne!(key, [0; 32]);
    let mode = std::fs::metadata(dir.join(KEY)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
    assert_eq!(std::fs::read_dir(&dir).unwrap().count(), 1, "no draft is left");
}

#[test]
fn processes_that_start_together_agree_on_the_key() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path();
    let keys: Vec<[u8; 32]> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| redact_key(dir))).collect();
        threads.into_iter().map(|t| t.join().unwrap().unwrap()).collect()
    });
    assert!(keys.windows(2).all(|pair| pair[0] == pair[1]));
}

#[test]
fn a_broken_key_file_is_said_and_never_replaced() {
    let temp = tempfile::tempdir().unwrap();
    for content in [&b""[..], b"short", &[1; 33]] {
        std::fs::write(temp.path().join(KEY), content).unwrap();
        let error = redact_key(temp.path()).unwrap_err().to_string();
        assert!(error.contains("redact.key") && error.contains("32 bytes"), "{error}");
        assert_eq!(std::fs::read(temp.path().join(KEY)).unwrap(), content);
    }
}
