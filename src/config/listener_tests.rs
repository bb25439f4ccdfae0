//! `listen.tls` as users get it wrong, with real files.

use std::path::Path;

use crate::config::{Config, Problems};
use crate::live::ClientAuth;
use crate::tls::fixture;

fn config(dir: &Path, tls: &str) -> Result<(Config, Problems), Problems> {
    let tls = tls.replace("DIR", &dir.display().to_string());
    let text = format!(
        "[listen]\naddress = \"127.0.0.1:0\"\ntls = {{ {tls} }}\n[stable]\nurl = \"http://127.0.0.1:9001\"\n"
    );
    Config::from_text("t", &text)
}

fn folder() -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a folder");
    fixture::pair(dir.path(), "a", &["a.example"], |_| {});
    fixture::pair(dir.path(), "b", &["b.example"], |_| {});
    fixture::pair(dir.path(), "old", &["a.example"], |params| {
        params.not_after = rcgen::date_time_ymd(2020, 1, 1);
    });
    dir
}

#[test]
fn everything_that_is_given_arrives() {
    let dir = folder();
    let all = "cert = \"DIR/a.pem\", key = \"DIR/a.key\", certificates = [{ cert = \"DIR/b.pem\", key = \"DIR/b.key\" }], \
               client_ca = \"DIR/a.pem\", client_auth = \"optional\", identity_header = \"x-client-id\", min_version = \"1.3\"";
    let (config, warnings) = config(dir.path(), all).unwrap_or_else(|p| panic!("{p}"));
    assert!(warnings.is_empty(), "{warnings}");
    let tls = config.live.tls.expect("TLS");
    assert_eq!(tls.certificates.len(), 2);
    assert_eq!(tls.client_ca, Some((dir.path().join("a.pem"), ClientAuth::Optional)));
    assert_eq!(
        (tls.tls13_only, tls.identity_header.as_ref().expect("given").as_str()),
        (true, "x-client-id")
    );
    assert_eq!(tls.files().count(), 5);
}

#[test]
fn every_useless_file_is_a_problem_where_it_is_named() {
    let dir = folder();
    for (tls, said) in [
        ("cert = \"DIR/a.pem\", key = \"DIR/none.key\"", "none.key: No such file"),
        ("cert = \"DIR/none.pem\", key = \"DIR/a.key\"", "none.pem: No such file"),
        ("cert = \"DIR/a.pem\", key = \"DIR/b.key\"", "b.key is not the key of"),
        ("cert = \"DIR/a.key\", key = \"DIR/a.key\"", "there is no certificate in it"),
        ("cert = \"DIR/a.pem\", key = \"DIR/a.key\", client_ca = \"DIR/none.pem\"", "none.pem: No such file"),
        (
            "cert = \"DIR/a.pem\", key = \"DIR/a.key\", certificates = [{ cert = \"DIR/b.pem\", key = \"DIR/a.key\" }]",
            "a.key is not the key of",
        ),
    ] {
        let told = config(dir.path(), tls).expect_err(tls).render(false);
        assert!(told.contains(said) && told.contains("t:3:"), "{told}");
    }
}

#[test]
fn an_identity_is_not_told_in_a_field_that_means_something_else() {
    let dir = folder();
    for name in ["host", "connection", "content-length"] {
        let tls = format!(
            "cert = \"DIR/a.pem\", key = \"DIR/a.key\", client_ca = \"DIR/a.pem\", identity_header = \"{name}\""
        );
        let told = config(dir.path(), &tls).expect_err(name).render(false);
        assert!(told.contains("names a field of the connection"), "{told}");
    }
}

#[test]
fn an_expired_certificate_is_a_warning() {
    let dir = folder();
    let (_, warnings) =
        config(dir.path(), "cert = \"DIR/old.pem\", key = \"DIR/old.key\"").unwrap_or_else(|p| panic!("{p}"));
    assert!(warnings.render(false).contains("has expired"), "{warnings}");
}
