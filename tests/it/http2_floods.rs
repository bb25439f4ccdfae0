//! Promise: a client that works us with frames is cut off, and others do not notice.

use super::support::frames::{
    ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, Fate, GET, HEADERS, OK, PING, PRIORITY, RST_STREAM,
    SETTINGS, WINDOW_UPDATE, frame, frames, hpack,
};
use super::support::{Proxy, Server, latch, proxy, server};

fn rig() -> (Server, Proxy) {
    let stable = server().answers(200, &[], "fine").start();
    let proxy = proxy().stable(&stable).with("listen", "workers = 1").start();
    (stable, proxy)
}

/// Sends `bytes` many times; the connection must end, and another on the same worker go on.
#[track_caller]
fn ends(what: &str, open: impl FnOnce(&mut super::support::frames::Frames), bytes: impl Fn(u32) -> Vec<u8>) {
    let (_stable, proxy) = rig();
    let mut neighbour = frames(proxy.addr());
    assert_eq!(neighbour.headers(1, &GET, END_STREAM).fate(1), OK);
    let mut client = frames(proxy.addr());
    open(&mut client);
    let mut taken = 0;
    // Far more than any buffer between us holds of them.
    for n in 0..2000_u32 {
        let many: Vec<u8> = (0..100).flat_map(|m| bytes(n * 100 + m)).collect();
        taken += client.flood(&many, 1);
        if taken <= n as usize {
            break;
        }
    }
    assert!(taken < 2000, "{what}: all were taken");
    assert_eq!(neighbour.headers(3, &GET, END_STREAM).fate(3), OK, "{what}");
    let page = proxy.metrics_when("its end is counted", |page| {
        page.sum("umbrage_client_connection_errors_total", &[]) == 1.0
    });
    for reason in ["malformed", "io"] {
        assert_eq!(
            page.sum("umbrage_client_connection_errors_total", &[("reason", reason)]),
            0.0,
            "{what}: {reason}"
        );
    }
    assert_eq!(page.sum("umbrage_client_connections", &[]), 1.0, "{what}");
}

#[test]
fn pings() {
    ends("PING", |_| (), |_| frame(PING, 0, 0, b"12345678"));
}

#[test]
fn answers_to_pings_that_nobody_sent() {
    ends("PING", |_| (), |_| frame(PING, ACK, 0, b"12345678"));
}

#[test]
fn settings() {
    ends("SETTINGS", |_| (), |_| frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0xff, 0xff]));
}

#[test]
fn priorities() {
    ends("PRIORITY", |_| (), |n| frame(PRIORITY, 0, 2 * n + 1, &[0, 0, 0, 0, 1]));
}

#[test]
fn window_updates() {
    ends("WINDOW_UPDATE", |_| (), |_| frame(WINDOW_UPDATE, 0, 0, &[0, 0, 0, 1]));
}

#[test]
fn frames_that_nobody_knows() {
    ends("unknown", |_| (), |_| frame(0xbe, 0, 0, b""));
}

#[test]
fn empty_pieces_of_a_body() {
    let open = |client: &mut super::support::frames::Frames| {
        client.headers(1, &[&[(":method", "POST")], &GET[1..]].concat(), 0);
    };
    ends("DATA", open, |_| frame(DATA, 0, 1, b""));
}

#[test]
fn a_head_without_end() {
    let open = |client: &mut super::support::frames::Frames| {
        client.frame(HEADERS, END_STREAM, 1, &hpack(&GET));
    };
    ends("CONTINUATION", open, |_| frame(CONTINUATION, 0, 1, b""));
    let open = |client: &mut super::support::frames::Frames| {
        client.frame(HEADERS, END_STREAM, 1, &hpack(&GET));
    };
    ends("CONTINUATION", open, |_| frame(CONTINUATION, 0, 1, &hpack(&[("x-a", "y".repeat(200))])));
}

#[test]
fn rapid_resets() {
    let reset = |n: u32| {
        let stream = 2 * n + 1;
        [
            frame(HEADERS, END_HEADERS | END_STREAM, stream, &hpack(&GET)),
            frame(RST_STREAM, 0, stream, &[0, 0, 0, 8]),
        ]
        .concat()
    };
    ends("RST_STREAM", |_| (), reset);
}

#[test]
fn resets_that_we_are_made_to_send() {
    let head = |stream| frame(HEADERS, END_HEADERS | END_STREAM, stream, &hpack(&GET));
    // Errors of their stream alone (RFC 9113): a window beyond its bound, section 6.9.1; a body longer than was said, section 8.1.1.
    let overflow = |n: u32| {
        let stream = 2 * n + 1;
        [head(stream), frame(WINDOW_UPDATE, 0, stream, &[0x7f, 0xff, 0xff, 0xff])].concat()
    };
    ends("MadeYouReset by a window", |_| (), overflow);
    let longer = |n: u32| {
        let stream = 2 * n + 1;
        let said = [&GET[..], &[("content-length", "1")]].concat();
        [frame(HEADERS, END_HEADERS, stream, &hpack(&said)), frame(DATA, 0, stream, b"xx")].concat()
    };
    ends("MadeYouReset by a body", |_| (), longer);
}

#[test]
fn streams_beyond_the_bound_are_refused_and_the_others_answered() {
    let gate = latch();
    let stable = server().answers(200, &[], "").waits_for(&gate).start();
    let proxy = proxy().stable(&stable).with("listen", "max_streams = 3").start();
    let mut client = frames(proxy.addr());
    for n in 0..5 {
        client.headers(2 * n + 1, &GET, END_STREAM);
    }
    // REFUSED_STREAM: it may be sent again.
    assert_eq!(client.fate(7), Fate::Reset(7));
    assert_eq!(client.fate(9), Fate::Reset(7));
    gate.wait_until_reached(3);
    gate.release();
    let mut fates = vec![];
    for _ in 0..3 {
        let head = client.read_kind(HEADERS).expect("an answer");
        fates.push(head.stream);
    }
    fates.sort_unstable();
    assert_eq!(fates, [1, 3, 5]);
    assert_eq!(stable.requests().len(), 3);
}

#[test]
fn an_ordinary_download_is_no_flood() {
    let body = "x".repeat(8 << 20);
    let stable = server().answers(200, &[], &body).start();
    let proxy = proxy().stable(&stable).start();
    let mut client = frames(proxy.addr());
    client.headers(1, &GET, END_STREAM);
    let mut got = 0;
    // A window for each frame, for the stream and for the connection: as busy as clients come.
    while got < body.len() {
        let piece = client.read_kind(DATA).expect("more of it");
        got += piece.payload.len();
        let more = u32::try_from(piece.payload.len()).unwrap().to_be_bytes();
        if piece.flags & END_STREAM == 0 && !piece.payload.is_empty() {
            client.frame(WINDOW_UPDATE, 0, 1, &more).frame(WINDOW_UPDATE, 0, 0, &more);
        }
    }
    assert_eq!(client.headers(3, &GET, END_STREAM).fate(3), OK);
}

/// A field of 4,000 bytes that is remembered, and then named by a byte each time.
#[test]
fn a_block_of_bytes_that_each_stand_for_a_large_field_is_not_read() {
    const ENHANCE_YOUR_CALM: u32 = 11;
    let (_stable, proxy) = rig();
    let mut client = frames(proxy.addr());
    let mut block = hpack(&GET);
    block.extend([0x40, 1, b'x', 0x7f, 0xa1, 0x1e]);
    block.extend([b'v'; 4000]);
    block.extend([0xbe; 10_000]);
    client.frame(HEADERS, END_HEADERS | END_STREAM, 1, &block);
    assert_eq!(client.fate(1), Fate::GoneAway(ENHANCE_YOUR_CALM));
    let flood = [("reason", "flood")];
    proxy.metrics_when("it is counted", |page| {
        page.sum("umbrage_client_connection_errors_total", &flood) == 1.0
    });
    assert_eq!(frames(proxy.addr()).headers(1, &GET, END_STREAM).fate(1), OK);
}

#[test]
fn the_bounds_on_fields_and_targets_hold_in_both_versions() {
    let stable = server().answers(200, &[], "fine").start();
    let proxy = proxy().stable(&stable).with("listen", "max_fields = 20");
    let proxy = proxy.with("listen", "max_target_bytes = \"1KiB\"").start();
    let long = format!("/{}", "a".repeat(2000));
    let names: Vec<String> = (0..30).map(|n| format!("x-{n}")).collect();
    let many: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "1")).collect();
    assert_eq!(proxy.client().get(&long).read_response().status, 414);
    assert_eq!(proxy.client().request("GET", "/", &many, "").read_response().status, 431);
    let mut client = frames(proxy.addr());
    client.headers(1, &[GET[0], GET[1], GET[2], (":path", &long)], END_STREAM);
    assert_ne!(client.fate(1), OK);
    client.headers(3, &[&GET[..], &many].concat(), END_STREAM);
    assert_ne!(client.fate(3), OK);
    client.headers(5, &GET, END_STREAM);
    assert_eq!(client.fate(5), OK);
    let page = proxy.assert_laws();
    for code in ["414", "431"] {
        assert_eq!(page.sum("umbrage_requests_total", &[("code", code)]), 2.0, "{code}");
    }
}
