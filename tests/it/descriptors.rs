//! When the machine has no descriptors left: what was there is served, new clients wait, and it is said once.

use tempfile::TempDir;

use crate::process::Running;
use crate::support::{PATIENCE, client, eventually, proxy, server};

#[test]
fn a_want_of_descriptors_is_said_at_its_begin_and_at_its_end() {
    let stable = server().answers(200, &[], "x").start();
    let dir = TempDir::new().unwrap();
    let config = dir.path().join("umbrage.toml");
    let built =
        proxy().stable(&stable).with("listen", "workers = 1").with("listen", "idle_timeout = \"500ms\"");
    std::fs::write(&config, built.toml(dir.path())).unwrap();
    let running = Running::start_with_few_descriptors(&config, 64);
    let mut first = client(running.address);
    assert_eq!(first.get("/").read_response().status, 200);

    // The kernel takes more than the process may; the idle ones are closed in turn, so that descriptors come and go.
    let mut silent: Vec<_> = (0..100).map(|_| client(running.address)).collect();
    running.wait_for_log("new client connections have to wait");
    for client in &mut silent {
        client.read_to_close();
    }

    let failures =
        || running.metrics().sum("umbrage_client_connection_errors_total", &[("reason", "accept")]);
    assert!(failures() > 1.0, "there was more than one to say");
    let lines = |part: &str| running.log().lines().filter(|line| line.contains(part)).count();
    let (begun, ended) = ("new client connections have to wait", "\"client connections are accepted again\"");
    eventually(PATIENCE * 3, "it is said that it is over", || {
        assert_eq!(running.get("/"), "x");
        lines(ended) > 0 && lines(begun) == lines(ended)
    });
    let begins = f64::from(u32::try_from(lines(begun)).unwrap());
    assert!(begins < failures(), "{begins} lines: {}", running.log());
}
