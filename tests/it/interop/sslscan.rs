//! sslscan against the TLS listener: nothing old, weak or known to be broken is agreed to.

use tempfile::TempDir;

use super::tool::{run, tool};
use crate::support::secure::authority;
use crate::support::{proxy, server};

/// What a scan of a sound server says, as parts of its elements. It has no element for compression, which neither end
/// knows, nor for the fallback signal (docs/limits.md).
const SOUND: [&str; 10] = [
    r#"protocol type="ssl" version="2" enabled="0""#,
    r#"protocol type="ssl" version="3" enabled="0""#,
    r#"protocol type="tls" version="1.0" enabled="0""#,
    r#"protocol type="tls" version="1.1" enabled="0""#,
    r#"protocol type="tls" version="1.2" enabled="1""#,
    r#"protocol type="tls" version="1.3" enabled="1""#,
    r#"renegotiation supported="0""#,
    r#"heartbleed sslversion="TLSv1.2" vulnerable="0""#,
    r#"heartbleed sslversion="TLSv1.3" vulnerable="0""#,
    r#"cipher status="preferred" sslversion="TLSv1.3""#,
];

#[test]
fn a_scan_finds_two_versions_and_strong_ciphers_alone() {
    let Some(program) = tool("sslscan") else { return };
    let (authority, dir) = (authority(), TempDir::new().unwrap());
    let issued = authority.issue(dir.path(), "server", &["localhost"]);
    let stable = server().answers(200, &[], "fine").start();
    let proxy = proxy().stable(&stable).with("listen", &format!("tls = {{ {} }}", issued.toml())).start();
    let said = run(&program, &["--xml=-", "--no-colour", "--sni-name=localhost", &proxy.addr().to_string()]);
    for part in SOUND {
        assert!(said.out.contains(part), "no {part} in {}", said.out);
    }
    assert!(!said.out.contains("compression supported=\"1\""), "{}", said.out);
    let ciphers: Vec<&str> = said.out.lines().filter(|line| line.contains("<cipher ")).collect();
    assert_eq!(ciphers.len(), 6, "{ciphers:#?}");
    for cipher in &ciphers {
        let strong = cipher.contains(r#"strength="strong""#) || cipher.contains(r#"strength="acceptable""#);
        let sealed = ["GCM", "CHACHA20"].iter().any(|mode| cipher.contains(mode));
        let forward = cipher.contains("ECDHE-") || cipher.contains("TLSv1.3");
        assert!(strong && sealed && forward, "{cipher}");
    }
}
