//! Good files, and every way in which a file is of no use.

use std::path::{Path, PathBuf};

use super::super::fixture;
use super::*;

fn written(dir: &Path, name: &str, text: &str) -> PathBuf {
    let path = dir.join(name);
    std::fs::write(&path, text).expect("writes");
    path
}

#[test]
fn a_pair_is_read_and_belongs_together() {
    let dir = tempfile::tempdir().expect("a folder");
    let made = fixture::pair(dir.path(), "a", &["a.example"], |_| {});
    let read = pair(&made.cert, &made.key).expect("a pair");
    assert_eq!(read.cert[0].as_ref(), made.der);
    assert_eq!(roots(&made.cert).expect("roots").len(), 1);
}

#[test]
fn a_chain_keeps_its_order() {
    let dir = tempfile::tempdir().expect("a folder");
    let (a, b) =
        (fixture::pair(dir.path(), "a", &["a"], |_| {}), fixture::pair(dir.path(), "b", &["b"], |_| {}));
    let both = [&b.cert, &a.cert].map(|path| std::fs::read_to_string(path).expect("reads")).concat();
    let found = chain(&written(dir.path(), "both.pem", &both)).expect("two");
    assert_eq!(found.iter().map(AsRef::as_ref).collect::<Vec<_>>(), [b.der.as_slice(), a.der.as_slice()]);
}

#[test]
fn another_certificates_key_is_told() {
    let dir = tempfile::tempdir().expect("a folder");
    let (a, b) =
        (fixture::pair(dir.path(), "a", &["a"], |_| {}), fixture::pair(dir.path(), "b", &["b"], |_| {}));
    let error = pair(&a.cert, &b.key).expect_err("not a pair");
    assert!(matches!(&error, TlsError::Mismatch { .. }), "{error}");
    assert_eq!(error.path(), Some(&b.key));
    assert!(error.to_string().ends_with("a.pem") && error.to_string().contains("b.key"), "{error}");
}

#[test]
fn every_useless_file_is_named_and_nothing_of_it_shown() {
    let dir = tempfile::tempdir().expect("a folder");
    let made = fixture::pair(dir.path(), "a", &["a"], |_| {});
    let secret = "c2VjcmV0";
    let cases = [
        ("missing.pem", None, "No such file"),
        ("empty.pem", Some(String::new()), "there is no"),
        ("text.pem", Some("not PEM at all".to_owned()), "there is no"),
        ("cut.pem", Some(format!("-----BEGIN CERTIFICATE-----\n{secret}\n")), "no end"),
        ("cut.key", Some(format!("-----BEGIN PRIVATE KEY-----\n{secret}\n")), "no end"),
        (
            "bad.key",
            Some(format!("-----BEGIN PRIVATE KEY-----\n{secret}\n-----END PRIVATE KEY-----\n")),
            "not a usable",
        ),
        (
            "bad.pem",
            Some(format!("-----BEGIN CERTIFICATE-----\n{secret}\n-----END CERTIFICATE-----\n")),
            "not a usable",
        ),
        (
            "junk.pem",
            Some("-----BEGIN CERTIFICATE-----\n***\n-----END CERTIFICATE-----\n".to_owned()),
            "Base64",
        ),
    ];
    for (name, text, said) in cases {
        let path = dir.path().join(name);
        if let Some(text) = text {
            written(dir.path(), name, &text);
        }
        let told = if name.ends_with("key") { pair(&made.cert, &path) } else { pair(&path, &made.key) };
        let error = told.expect_err(name);
        assert!(error.to_string().contains(name) && error.to_string().contains(said), "{error}");
        assert!(!error.to_string().contains(secret), "{error}");
        assert_eq!(error.path(), Some(&path));
    }
}

#[test]
fn a_certificate_where_a_key_belongs_is_no_key() {
    let dir = tempfile::tempdir().expect("a folder");
    let made = fixture::pair(dir.path(), "a", &["a"], |_| {});
    assert!(key(&made.cert).is_err());
    assert!(chain(&made.key).is_err());
    assert!(roots(&made.key).is_err());
}

#[test]
fn a_file_without_end_is_not_read_to_its_end() {
    let error = chain(Path::new("/dev/zero")).expect_err("endless");
    assert!(error.to_string().contains("larger than"), "{error}");
}
