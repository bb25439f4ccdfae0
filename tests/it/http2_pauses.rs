//! Promise: over HTTP/2 too nobody is waited for without end: not a client that takes nothing, not stable when its answer
//! pauses, not a client that is gone without a word; and neighbours do not notice.

use std::time::Duration;

use super::support::frames::{
    CANCEL, DATA, END_STREAM, Fate, Frames, GET, GOAWAY, OK, RST_STREAM, SETTINGS, WINDOW_UPDATE, frame,
    frames,
};
use super::support::{Server, answer, by_hand, proxy, server};

/// Answers each path with itself, and `/large` with more than any window.
fn stable() -> Server {
    let large = "x".repeat(4 << 20);
    server()
        .answers_with(move |request| {
            answer(200, &[], if request.target == "/large" { large.as_str() } else { &request.target })
        })
        .start()
}

fn ask_large(client: &mut Frames, stream: u32) {
    client.headers(stream, &[GET[0], GET[1], GET[2], (":path", "/large")], END_STREAM);
    assert_eq!(client.fate(stream), OK);
}

/// Opens the connection's window, so that one stream alone holds itself up.
fn wide(client: &mut Frames) {
    client.frame(WINDOW_UPDATE, 0, 0, &(16_u32 << 20).to_be_bytes());
}

#[test]
fn a_stream_whose_client_takes_nothing_is_reset_and_its_neighbours_go_on() {
    let stable = stable();
    let log = tempfile::tempdir().unwrap();
    let path = log.path().join("access.jsonl");
    let proxy = proxy()
        .stable(&stable)
        .with("listen", &format!("workers = 1\nwrite_timeout = \"1s\"\naccess_log = \"{}\"", path.display()))
        .start();
    let mut client = frames(proxy.addr());
    wide(&mut client);
    ask_large(&mut client, 1);
    let mut stream = 3;
    // The window of the first stays closed; asking goes on all the while.
    let reset = loop {
        let name = format!("/{stream}");
        client.headers(stream, &[GET[0], GET[1], GET[2], (":path", &name)], END_STREAM);
        let mut whole = false;
        let mut reset = None;
        while !whole {
            let frame = client.read().expect("the connection lives");
            if frame.stream == stream && frame.kind == DATA {
                assert_eq!(frame.payload, name.as_bytes());
                whole = true;
            } else if frame.kind == RST_STREAM {
                assert_eq!(frame.stream, 1);
                reset = Some(frame.payload);
            }
        }
        stream += 2;
        if let Some(code) = reset {
            break code;
        }
    };
    assert_eq!(reset, CANCEL.to_be_bytes());
    assert_eq!(client.ask(stream, "/after"), b"/after");
    drop(client);
    let page = proxy.assert_laws();
    assert_eq!(page.sum("umbrage_client_connection_errors_total", &[]), 0.0);
    assert_eq!(page.sum("umbrage_leg_errors_total", &[]), 0.0, "it is not stable's fault");
    proxy.drain();
    let lines = std::fs::read_to_string(&path).unwrap();
    let line = lines.lines().find(|line| line.contains("/large")).expect("its line");
    assert!(line.contains("write_timeout"), "{line}");
}

#[test]
fn a_client_that_takes_a_little_from_time_to_time_is_not_cut_off() {
    let stable = stable();
    let proxy = proxy().stable(&stable).with("listen", "workers = 1\nwrite_timeout = \"1500ms\"").start();
    let mut client = frames(proxy.addr());
    wide(&mut client);
    ask_large(&mut client, 1);
    let mut got = 0;
    // 64 KiB at a time, each half as late as it may be, for longer than it may be in all.
    for _ in 0..5 {
        let mut window = 0;
        while window < 65_000 {
            let piece = client.read_kind(DATA).expect("more of it");
            window += piece.payload.len();
        }
        got += window;
        client.hears_nothing_for(Duration::from_millis(700));
        client.frame(WINDOW_UPDATE, 0, 1, &u32::try_from(window).unwrap().to_be_bytes());
    }
    client.frame(WINDOW_UPDATE, 0, 1, &(8_u32 << 20).to_be_bytes());
    while got < 4 << 20 {
        got += client.read_kind(DATA).expect("the rest").payload.len();
    }
    assert_eq!(got, 4 << 20);
}

#[test]
fn an_answer_that_pauses_is_given_up_and_stable_is_blamed() {
    let slow = by_hand();
    let proxy = proxy()
        .stable_url(&slow.url())
        .with("listen", "workers = 1")
        .with("stable", "body_timeout = \"1s\"")
        .start();
    let mut client = frames(proxy.addr());
    client.headers(1, &GET, END_STREAM);
    let mut talk = slow.accept();
    talk.read_head();
    talk.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
    assert_eq!(client.fate(1), OK);
    assert_eq!(client.read_kind(DATA).expect("what came").payload, b"abc");
    assert_eq!(client.fate(1), Fate::Reset(CANCEL));
    talk.read_to_end();
    // The connection is well.
    client.headers(3, &GET, END_STREAM);
    let mut talk = slow.accept();
    talk.read_head();
    talk.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    assert_eq!(client.fate(3), OK);
    assert_eq!(client.read_kind(DATA).expect("a body").payload, b"ok");
    let page = proxy.assert_laws();
    assert_eq!(page.sum("umbrage_leg_errors_total", &[("leg", "stable"), ("reason", "body_timeout")]), 1.0);
}

#[test]
fn a_pause_within_its_bound_is_waited_for() {
    let slow = by_hand();
    let proxy = proxy().stable_url(&slow.url()).with("stable", "body_timeout = \"30s\"").start();
    let mut client = frames(proxy.addr());
    client.headers(1, &GET, END_STREAM);
    let mut talk = slow.accept();
    talk.read_head();
    talk.send("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabc");
    assert_eq!(client.fate(1), OK);
    assert_eq!(client.read_kind(DATA).expect("what came").payload, b"abc");
    client.hears_nothing_for(Duration::from_millis(1200));
    talk.send("def");
    assert_eq!(client.read_kind(DATA).expect("the rest").payload, b"def");
}

#[test]
fn who_is_gone_without_a_word_in_the_midst_of_an_answer_is_found_out() {
    let stable = stable();
    let proxy = proxy().stable(&stable).with("listen", "workers = 1\nwrite_timeout = \"1s\"").start();
    let mut client = frames(proxy.addr());
    // All the windows are open, and nothing is read of what comes: its socket fills.
    let much = (1_u32 << 30).to_be_bytes();
    client.send(frame(SETTINGS, 0, 0, &[&[0, 4][..], &much].concat())).frame(WINDOW_UPDATE, 0, 0, &much);
    for stream in 0..8 {
        client.headers(2 * stream + 1, &[GET[0], GET[1], GET[2], (":path", "/large")], END_STREAM);
    }
    let page = proxy.metrics_when("it is given up", |page| {
        page.sum("umbrage_client_connection_errors_total", &[("reason", "write_timeout")]) == 1.0
    });
    assert_eq!(page.sum("umbrage_client_connections", &[]), 0.0);
    proxy.assert_laws();
}

#[test]
fn who_is_gone_while_nothing_is_asked_is_left_in_order() {
    let stable = stable();
    let proxy = proxy().stable(&stable).with("listen", "idle_timeout = \"500ms\"").start();
    let mut client = frames(proxy.addr());
    assert_eq!(client.ask(1, "/a"), b"/a");
    // It answers nothing any more.
    assert!(client.read_kind(GOAWAY).is_some());
    client.read_to_close();
    let page = proxy.metrics_when("it is gone", |page| page.sum("umbrage_client_connections", &[]) == 0.0);
    assert_eq!(page.sum("umbrage_client_connection_errors_total", &[]), 0.0);
    assert_eq!(page.sum("umbrage_client_connections_total", &[("protocol", "http2")]), 1.0);
}

#[test]
fn an_upload_that_stalls_is_given_up_after_body_timeout_however_patient_stable_is() {
    let stable = stable();
    let proxy = proxy()
        .stable(&stable)
        .with("listen", "body_timeout = \"500ms\"")
        .with("stable", "response_timeout = \"60s\"")
        .start();
    let mut client = frames(proxy.addr());
    let post = [(":method", "POST"), GET[1], GET[2], (":path", "/upload")];
    client.headers(1, &post, 0);
    client.frame(DATA, 0, 1, b"a first piece");
    let neighbour = [GET[0], GET[1], GET[2], (":path", "/neighbour")];
    client.headers(3, &neighbour, END_STREAM);
    assert_eq!(client.fate(3), OK);
    // Written out: 408.
    assert!(matches!(client.fate(1), Fate::Answered(head) if head & 0x80 == 0));
    let timed_out = [("code", "408")];
    proxy.metrics_when("it is counted", |page| page.sum("umbrage_requests_total", &timed_out) == 1.0);
    client.headers(5, &neighbour, END_STREAM);
    assert_eq!(client.fate(5), OK);
    proxy.assert_laws();
}
