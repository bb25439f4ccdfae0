//! Every command against a real admin server, and what is printed.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::thread::JoinHandle;

use tokio::sync::oneshot;

use super::super::client::tests::answers;
use super::*;
use crate::admin::fixture::{OfficeFixture, office};
use crate::admin::{Office, ReloadAnswer, serve};

/// An admin server on a thread of its own.
struct Running {
    address: String,
    office: Arc<Office>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

fn start(fixture: OfficeFixture) -> Running {
    let office = fixture.build();
    let served = office.clone();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let (stop, stopped) = oneshot::channel::<()>();
    let thread = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            serve(tokio::net::TcpListener::from_std(listener).unwrap(), served, stopped).await;
        });
    });
    Running { address, office, stop: Some(stop), thread: Some(thread) }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.stop.take());
        self.thread.take().unwrap().join().unwrap();
    }
}

impl Running {
    fn ctl(&self, action: &Action) -> (u8, String, String) {
        ctl(&self.address, None, action)
    }
}

/// Exit code, stdout, stderr.
fn ctl(admin: &str, token: Option<&str>, action: &Action) -> (u8, String, String) {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let code = run(admin, token, action, &mut out, &mut err);
    (code, String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
}

fn fine(line: &str) -> (u8, String, String) {
    (FINE, format!("{line}\n"), String::new())
}

fn percent(percent: f64, route: Option<&str>) -> Action {
    Action::Percent { percent: Ppm::from_percent(percent).unwrap(), route: route.map(str::to_owned) }
}

#[test]
fn pause_and_resume_turn_the_switch_and_say_so() {
    let running = start(office());
    let said = running.ctl(&Action::Pause { length: None });
    assert_eq!(said, fine("mirroring paused until 'umbrage ctl resume'"));
    assert!(running.office.switches.is_paused());
    let said = running.ctl(&Action::Pause { length: Some(Duration::from_mins(10)) });
    assert_eq!(said, fine("mirroring paused; it resumes by itself in 10m"));
    assert_eq!(running.ctl(&Action::Resume), fine("mirroring resumed: orders 25 %, default 5 %"));
    assert!(!running.office.switches.is_paused());
}

#[test]
fn percent_says_what_is_in_force() {
    let running = start(office());
    let said = running.ctl(&percent(0.5, Some("orders")));
    assert_eq!(said, fine("from the next request on: orders 0.5 %, default 5 %"));
    running.ctl(&Action::Pause { length: None });
    let said = running.ctl(&percent(100.0, None));
    assert_eq!(said, fine("from the next request on: orders 100 %, default 100 %; mirroring is paused"));
    let (code, out, err) = running.ctl(&percent(1.0, Some("nope")));
    assert_eq!((code, out.as_str()), (FAILED, ""));
    assert_eq!(err, "umbrage ctl: the admin API refused: no route is named 'nope'\n");
}

#[test]
fn reload_says_what_changed_or_why_it_was_refused() {
    let strings = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>();
    let answer = ReloadAnswer {
        applied: true,
        changed: strings(&["mirror.percent", "shadow.url"]),
        needs_restart: strings(&["listen.workers"]),
        epoch_began: true,
        problems: None,
    };
    let said = start(office().reload(answer)).ctl(&Action::Reload);
    let line = "configuration reloaded; changed: mirror.percent, shadow.url; a new epoch of evidence begins; takes effect after a restart: listen.workers";
    assert_eq!(said, fine(line));
    let same = ReloadAnswer { applied: true, ..ReloadAnswer::default() };
    let said = start(office().reload(same)).ctl(&Action::Reload);
    assert_eq!(said, fine("configuration read again; nothing changed that takes effect now"));
    let refused = ReloadAnswer {
        problems: Some("umbrage.toml:3: unknown key\n".to_owned()),
        ..ReloadAnswer::default()
    };
    let (code, out, err) = start(office().reload(refused)).ctl(&Action::Reload);
    assert_eq!((code, out.as_str()), (FAILED, ""));
    assert_eq!(
        err,
        "umbrage ctl: reload refused, the old configuration stays in force:\numbrage.toml:3: unknown key\n"
    );
}

#[test]
fn a_token_is_sent_and_asked_for() {
    let running = start(office().token("s3cret"));
    let (code, _, err) = running.ctl(&Action::Resume);
    assert_eq!(code, FAILED);
    assert!(err.contains("UMBRAGE_TOKEN"), "{err}");
    assert_eq!(ctl(&running.address, Some("s3cret"), &Action::Resume).0, FINE);
}

#[test]
fn wrong_usage_is_told_before_anybody_is_asked() {
    let nowhere = "http://127.0.0.1:1";
    let wrong = [
        Action::Pause { length: Some(Duration::ZERO) },
        Action::Pause { length: Some(MAX_PAUSE + Duration::from_secs(1)) },
    ];
    for action in wrong {
        assert_eq!(ctl(nowhere, None, &action).0, USAGE, "{action:?}");
    }
    assert_eq!(ctl("ftp://x", None, &Action::Resume).0, USAGE);
    let (code, out, err) = ctl(nowhere, None, &Action::Resume);
    assert_eq!((code, out.as_str()), (FAILED, ""));
    assert!(err.contains("is umbrage running?") && err.contains("--admin"), "{err}");
}

#[test]
fn odd_answers_are_borne() {
    let (address, served) = answers(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nnull");
    assert_eq!(ctl(&address, None, &Action::Resume), fine("mirroring resumed: no route"));
    served.join().unwrap();
    let body = json!({"paused": true, "resumes_in_seconds": 1e300}).to_string();
    let (address, served) =
        answers(format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len()).as_bytes());
    assert_eq!(ctl(&address, None, &Action::Pause { length: None }).0, FINE);
    served.join().unwrap();
    let many: Vec<Value> = (0..20).map(|n| json!({"route": format!("r{n}"), "percent": n})).collect();
    let line = shares(&json!({"routes": many}));
    assert!(line.starts_with("r0 0 %, r1 1 %") && line.ends_with(", and 8 more"), "{line}");
}
