//! Promise: what is wrong with a client's frames is told by the code that RFC 9113 has for it, and an error of one stream is no
//! error of its neighbours.

use super::support::frames::{
    ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, FLOW_CONTROL_ERROR, FRAME_SIZE_ERROR, Fate, Frames,
    GET, GOAWAY, HEADERS, OK, PADDED, PING, PREFACE, PRIORITY, PROTOCOL_ERROR, PUSH_PROMISE, RST_STREAM,
    SETTINGS, STREAM_CLOSED, WINDOW_UPDATE, WITH_PRIORITY, frame, frames, hpack, silent_frames,
};
use super::support::{Proxy, Server, answer, proxy, server};

/// Answers with the path that was asked for.
fn rig() -> (Server, Proxy) {
    let stable = server().answers_with(|request| answer(200, &[], &request.target)).start();
    let proxy = proxy().stable(&stable).with("listen", "workers = 1").start();
    (stable, proxy)
}

/// A GET that is whole.
fn get(stream: u32) -> Vec<u8> {
    frame(HEADERS, END_HEADERS | END_STREAM, stream, &hpack(&GET))
}

/// A POST whose body is to come.
fn post(stream: u32) -> Vec<u8> {
    let fields = [(":method", "POST"), GET[1], GET[2], (":path", "/never-whole")];
    frame(HEADERS, END_HEADERS, stream, &hpack(&fields))
}

fn setting(id: u8, value: u32) -> Vec<u8> {
    frame(SETTINGS, 0, 0, &[&[0, id][..], &value.to_be_bytes()].concat())
}

type Case = (&'static str, Vec<u8>, u32);

/// Each must end its connection with this code, in order, and no other connection.
#[track_caller]
fn connection_errors(cases: Vec<Case>) {
    let (_stable, proxy) = rig();
    let mut neighbour = frames(proxy.addr());
    let count = cases.len();
    for (n, (name, bytes, code)) in cases.into_iter().enumerate() {
        let mut client = frames(proxy.addr());
        client.send(&bytes);
        let told = std::iter::from_fn(|| client.read()).find(|frame| frame.kind == GOAWAY);
        let told = told.unwrap_or_else(|| panic!("{name}: it ended without a word"));
        assert_eq!(told.payload[4..8], code.to_be_bytes(), "{name}");
        // What is still on its way does not tear it.
        client.frame(PING, 0, 0, b"12345678").read_to_close();
        let stream = 2 * u32::try_from(n).unwrap() + 1;
        assert_eq!(neighbour.ask(stream, &format!("/{n}")), format!("/{n}").as_bytes(), "{name}");
    }
    let page = proxy.metrics_when("each is counted", |page| {
        page.sum("umbrage_client_connection_errors_total", &[("reason", "malformed")]) == count as f64
    });
    assert_eq!(page.sum("umbrage_client_connection_errors_total", &[]), count as f64);
    proxy.assert_laws();
}

/// Each must reset stream 1 with this code and leave the connection as it was.
#[track_caller]
fn stream_errors(cases: Vec<Case>) {
    let (_stable, proxy) = rig();
    for (name, bytes, code) in cases {
        let mut client = frames(proxy.addr());
        assert_eq!(client.send(&bytes).fate(1), Fate::Reset(code), "{name}");
        innocents(&mut client, name);
    }
    proxy.assert_laws();
}

/// Two more requests get each its own answer.
#[track_caller]
fn innocents(client: &mut Frames, name: &str) {
    for stream in [1001, 1003] {
        let path = format!("/innocent-{stream}");
        assert_eq!(client.ask(stream, &path), path.as_bytes(), "{name}");
    }
}

#[test]
fn settings_begin_every_connection() {
    let (_stable, proxy) = rig();
    let first: [&[u8]; 5] = [
        &frame(PING, 0, 0, b"12345678"),
        &get(1),
        &frame(WINDOW_UPDATE, 0, 0, &[0, 0, 0, 1]),
        &frame(SETTINGS, ACK, 0, &[]),
        &frame(0xbe, 0, 0, &[]),
    ];
    for bytes in first {
        let mut client = silent_frames(proxy.addr());
        client.send(PREFACE).send(bytes);
        let told = client.read_kind(GOAWAY).expect("a word");
        assert_eq!(told.payload[4..8], PROTOCOL_ERROR.to_be_bytes(), "{bytes:?}");
        client.read_to_close();
    }
    let page = proxy.metrics_when("all are counted", |page| {
        page.sum("umbrage_client_connection_errors_total", &[("reason", "malformed")]) == 5.0
    });
    assert_eq!(page.sum("umbrage_requests_total", &[]), 0.0);
}

#[test]
fn sizes_section_4_2() {
    let large = vec![b'x'; 16_385];
    let head = hpack(&[GET[0], GET[1], GET[2], GET[3], ("x-large", &"y".repeat(16_400))]);
    connection_errors(vec![
        ("DATA", [post(1), frame(DATA, 0, 1, &large)].concat(), FRAME_SIZE_ERROR),
        ("HEADERS", frame(HEADERS, END_HEADERS | END_STREAM, 1, &head), FRAME_SIZE_ERROR),
        ("one that nobody knows", frame(0xbe, 0, 0, &large), FRAME_SIZE_ERROR),
        ("PING", frame(PING, 0, 0, &[0; 7]), FRAME_SIZE_ERROR),
        ("PING too long", frame(PING, ACK, 0, &[0; 9]), FRAME_SIZE_ERROR),
        ("SETTINGS", frame(SETTINGS, 0, 0, &[0; 5]), FRAME_SIZE_ERROR),
        ("SETTINGS ACK", frame(SETTINGS, ACK, 0, &[0; 6]), FRAME_SIZE_ERROR),
        ("WINDOW_UPDATE", frame(WINDOW_UPDATE, 0, 0, &[0, 0, 1]), FRAME_SIZE_ERROR),
        ("RST_STREAM", [post(1), frame(RST_STREAM, 0, 1, &[0; 3])].concat(), FRAME_SIZE_ERROR),
        ("PRIORITY", frame(PRIORITY, 0, 1, &[0; 4]), FRAME_SIZE_ERROR),
        ("GOAWAY", frame(GOAWAY, 0, 0, &[0; 7]), FRAME_SIZE_ERROR),
        ("no room for the padding's length", frame(HEADERS, END_HEADERS | PADDED, 1, &[]), FRAME_SIZE_ERROR),
        ("none for the priority", frame(HEADERS, END_HEADERS | WITH_PRIORITY, 1, &[0; 4]), FRAME_SIZE_ERROR),
    ]);
}

#[test]
fn streams_that_frames_of_a_kind_do_not_have_section_6() {
    let goaway = [0; 8];
    connection_errors(vec![
        ("DATA on none", frame(DATA, 0, 0, b"x"), PROTOCOL_ERROR),
        ("HEADERS on none", frame(HEADERS, END_HEADERS | END_STREAM, 0, &hpack(&GET)), PROTOCOL_ERROR),
        ("PRIORITY on none", frame(PRIORITY, 0, 0, &[0, 0, 0, 1, 16]), PROTOCOL_ERROR),
        ("RST_STREAM on none", frame(RST_STREAM, 0, 0, &[0, 0, 0, 8]), PROTOCOL_ERROR),
        ("CONTINUATION on none", frame(CONTINUATION, END_HEADERS, 0, &[]), PROTOCOL_ERROR),
        ("SETTINGS on one", frame(SETTINGS, 0, 1, &[]), PROTOCOL_ERROR),
        ("PING on one", frame(PING, 0, 1, &[0; 8]), PROTOCOL_ERROR),
        ("GOAWAY on one", frame(GOAWAY, 0, 1, &goaway), PROTOCOL_ERROR),
        ("PUSH_PROMISE", frame(PUSH_PROMISE, END_HEADERS, 1, &[0, 0, 0, 2]), PROTOCOL_ERROR),
    ]);
}

#[test]
fn states_of_streams_section_5_1() {
    let rst = |stream| frame(RST_STREAM, 0, stream, &[0, 0, 0, 8]);
    let end = frame(DATA, END_STREAM, 1, b"x");
    connection_errors(vec![
        ("idle: DATA", frame(DATA, END_STREAM, 1, b"x"), PROTOCOL_ERROR),
        ("idle: RST_STREAM", rst(1), PROTOCOL_ERROR),
        ("idle: WINDOW_UPDATE", frame(WINDOW_UPDATE, 0, 1, &[0, 0, 0, 1]), PROTOCOL_ERROR),
        ("idle: CONTINUATION", frame(CONTINUATION, END_HEADERS, 1, &hpack(&GET)), PROTOCOL_ERROR),
        ("half-closed: DATA", [get(1), frame(DATA, END_STREAM, 1, b"x")].concat(), STREAM_CLOSED),
        ("half-closed: HEADERS", [get(1), get(1)].concat(), STREAM_CLOSED),
        ("half-closed: CONTINUATION", [get(1), frame(CONTINUATION, 4, 1, &[])].concat(), PROTOCOL_ERROR),
        ("half-closed by a body: DATA", [post(1), end.clone(), end].concat(), STREAM_CLOSED),
        ("reset: DATA", [post(1), rst(1), frame(DATA, 0, 1, b"x")].concat(), STREAM_CLOSED),
        ("reset: HEADERS", [post(1), rst(1), get(1)].concat(), STREAM_CLOSED),
        ("an even number, section 5.1.1", get(2), PROTOCOL_ERROR),
        ("a lower number", [get(5), get(3)].concat(), PROTOCOL_ERROR),
    ]);
}

#[test]
fn a_closed_stream_stays_closed() {
    let (_stable, proxy) = rig();
    for (bytes, code) in [
        (frame(DATA, END_STREAM, 1, b"x"), STREAM_CLOSED),
        (get(1), STREAM_CLOSED),
        (frame(CONTINUATION, END_HEADERS, 1, &[]), PROTOCOL_ERROR),
    ] {
        let mut client = frames(proxy.addr());
        assert_eq!(client.ask(1, "/whole"), b"/whole");
        let told = client.send(&bytes).read_kind(GOAWAY).expect("a word");
        assert_eq!(told.payload[4..8], code.to_be_bytes(), "{bytes:?}");
    }
    // These may still be on their way (section 5.1, closed).
    let mut client = frames(proxy.addr());
    assert_eq!(client.ask(1, "/whole"), b"/whole");
    client.frame(WINDOW_UPDATE, 0, 1, &[0, 0, 0, 1]).frame(RST_STREAM, 0, 1, &[0, 0, 0, 8]);
    client.frame(PRIORITY, 0, 1, &[0, 0, 0, 0, 16]);
    innocents(&mut client, "late frames");
}

#[test]
fn blocks_in_one_piece_section_6_10() {
    let block = hpack(&GET);
    let begun = frame(HEADERS, END_STREAM, 1, &block[..5]);
    let rest = frame(CONTINUATION, END_HEADERS, 1, &block[5..]);
    let within = |bytes: Vec<u8>| [begun.clone(), bytes, rest.clone()].concat();
    connection_errors(vec![
        ("PING within", within(frame(PING, 0, 0, &[0; 8])), PROTOCOL_ERROR),
        ("PRIORITY within", within(frame(PRIORITY, 0, 3, &[0, 0, 0, 0, 16])), PROTOCOL_ERROR),
        ("SETTINGS within", within(frame(SETTINGS, 0, 0, &[])), PROTOCOL_ERROR),
        ("DATA within", within(frame(DATA, 0, 1, b"x")), PROTOCOL_ERROR),
        ("HEADERS within", within(get(3)), PROTOCOL_ERROR),
        ("what nobody knows within", within(frame(0xbe, 0, 0, &[])), PROTOCOL_ERROR),
        (
            "of another stream",
            [begun.clone(), frame(CONTINUATION, 4, 3, &block[5..])].concat(),
            PROTOCOL_ERROR,
        ),
        ("behind its end", [get(1), rest.clone()].concat(), PROTOCOL_ERROR),
        ("behind DATA", [post(1), frame(DATA, 0, 1, b"x"), rest.clone()].concat(), PROTOCOL_ERROR),
    ]);
    let (_stable, proxy) = rig();
    let pieces: Vec<u8> = [frame(HEADERS, END_STREAM, 1, &[])]
        .into_iter()
        .chain(block.iter().map(|byte| frame(CONTINUATION, 0, 1, &[*byte])))
        .chain([frame(CONTINUATION, END_HEADERS, 1, &[])])
        .take(4)
        .flatten()
        .collect();
    let mut client = frames(proxy.addr());
    client.send(&pieces).frame(CONTINUATION, END_HEADERS, 1, &block[3..]);
    assert_eq!(client.fate(1), OK);
    innocents(&mut client, "in pieces");
}

#[test]
fn padding_sections_6_1_and_6_2() {
    let block = hpack(&GET);
    connection_errors(vec![
        ("DATA", [post(1), frame(DATA, PADDED, 1, &[4, b'a', b'b', b'c'])].concat(), PROTOCOL_ERROR),
        ("DATA all of it", [post(1), frame(DATA, PADDED, 1, &[1])].concat(), PROTOCOL_ERROR),
        ("HEADERS", frame(HEADERS, END_HEADERS | PADDED, 1, &[&[255][..], &block].concat()), PROTOCOL_ERROR),
    ]);
    let (stable, proxy) = rig();
    let mut client = frames(proxy.addr());
    let priority = [0, 0, 0, 0, 7];
    let padded = [&[3][..], &priority, &block, &[0; 3]].concat();
    client.frame(HEADERS, END_HEADERS | END_STREAM | PADDED | WITH_PRIORITY, 1, &padded);
    assert_eq!(client.fate(1), OK);
    client.send(post(3)).frame(DATA, END_STREAM | PADDED, 3, &[2, b'o', b'k', 0, 0]);
    assert_eq!(client.fate(3), OK);
    assert_eq!(stable.requests()[1].text(), "ok");
    innocents(&mut client, "padded");
}

#[test]
fn settings_section_6_5() {
    connection_errors(vec![
        ("ENABLE_PUSH", setting(2, 2), PROTOCOL_ERROR),
        ("INITIAL_WINDOW_SIZE", setting(4, 1 << 31), FLOW_CONTROL_ERROR),
        ("MAX_FRAME_SIZE too small", setting(5, 16_383), PROTOCOL_ERROR),
        ("MAX_FRAME_SIZE too large", setting(5, 1 << 24), PROTOCOL_ERROR),
    ]);
    let (_stable, proxy) = rig();
    let mut client = frames(proxy.addr());
    let known = [setting(0xff, 1), setting(1, 0), setting(3, 0), setting(4, 100), setting(6, 1 << 20)];
    client.send(known.concat());
    let acknowledged =
        std::iter::from_fn(|| client.read()).filter(|frame| frame.kind == SETTINGS && frame.flags & ACK != 0);
    assert_eq!(acknowledged.take(6).count(), 6);
    innocents(&mut client, "lawful settings");
}

#[test]
fn windows_section_6_9() {
    let more = |stream, by: u32| frame(WINDOW_UPDATE, 0, stream, &by.to_be_bytes());
    connection_errors(vec![
        ("by nothing", more(0, 0), PROTOCOL_ERROR),
        ("by nothing on an idle stream", more(1, 0), PROTOCOL_ERROR),
        ("beyond the bound", [more(0, 0x7fff_ffff), more(0, 0x7fff_ffff)].concat(), FLOW_CONTROL_ERROR),
        (
            "beyond it by a setting",
            [post(1), more(1, 0x7fff_0000), setting(4, 0x7fff_ffff)].concat(),
            FLOW_CONTROL_ERROR,
        ),
    ]);
    stream_errors(vec![
        (
            "beyond the bound",
            [post(1), more(1, 0x7fff_ffff), more(1, 0x7fff_ffff)].concat(),
            FLOW_CONTROL_ERROR,
        ),
        ("by nothing", [post(1), more(1, 0)].concat(), PROTOCOL_ERROR),
        ("by the reserved bit", [post(1), more(1, 1 << 31)].concat(), PROTOCOL_ERROR),
    ]);
}

#[test]
fn an_answer_waits_for_the_window_and_takes_no_more() {
    let (_stable, proxy) = rig();
    let mut client = frames(proxy.addr());
    client.send(setting(4, 0)).headers(1, &GET, END_STREAM);
    assert_eq!(client.fate(1), OK);
    client.frame(PING, 0, 0, b"12345678");
    let until = std::iter::from_fn(|| client.read()).take_while(|frame| frame.kind != PING);
    assert_eq!(until.filter(|frame| frame.kind == DATA).count(), 0, "no byte without a window");
    client.frame(WINDOW_UPDATE, 0, 1, &[0, 0, 0, 1]);
    assert_eq!(client.read_kind(DATA).expect("one byte").payload, b"/");
    // The window may be made negative, and opened again (section 6.9.2).
    client.send(setting(4, 10));
    client.headers(3, &[GET[0], GET[1], GET[2], (":path", "/123456789abc")], END_STREAM);
    assert_eq!(client.fate(3), OK);
    assert_eq!(client.read_kind(DATA).expect("ten").payload, b"/123456789");
    client.send(setting(4, 8)).frame(WINDOW_UPDATE, 0, 3, &[0, 0, 0, 5]);
    assert_eq!(client.read_kind(DATA).expect("the rest").payload, b"abc");
}

#[test]
fn errors_of_a_stream() {
    let dependent = [&[0, 0, 0, 1, 16][..], &hpack(&GET)].concat();
    let said = [(":method", "POST"), GET[1], GET[2], GET[3], ("content-length", "1")];
    let said = frame(HEADERS, END_HEADERS, 1, &hpack(&said));
    stream_errors(vec![
        ("PRIORITY on itself, section 5.3.1", frame(PRIORITY, 0, 1, &[0, 0, 0, 1, 16]), PROTOCOL_ERROR),
        (
            "HEADERS on itself",
            frame(HEADERS, END_HEADERS | END_STREAM | WITH_PRIORITY, 1, &dependent),
            PROTOCOL_ERROR,
        ),
        (
            "trailers that are no end, section 8.1",
            [post(1), frame(HEADERS, END_HEADERS, 1, &hpack(&[("x-a", "1")]))].concat(),
            PROTOCOL_ERROR,
        ),
        (
            "a body longer than said",
            [said.clone(), frame(DATA, END_STREAM, 1, b"xx")].concat(),
            PROTOCOL_ERROR,
        ),
        (
            "in several pieces",
            [said.clone(), frame(DATA, 0, 1, b"x"), frame(DATA, END_STREAM, 1, b"x")].concat(),
            PROTOCOL_ERROR,
        ),
        ("and shorter", [said, frame(DATA, END_STREAM, 1, b"")].concat(), PROTOCOL_ERROR),
    ]);
}

#[test]
fn what_is_unknown_is_ignored_sections_4_1_and_5_5() {
    let (_stable, proxy) = rig();
    let mut client = frames(proxy.addr());
    client.frame(0xbe, 0xff, 0, b"extension").frame(0xbe, 0xff, 1, b"");
    // Flags that PING does not have, and the reserved bit.
    client.frame(PING, 0xfe, 0x8000_0000, b"12345678");
    let pong = client.read_kind(PING).expect("an answer");
    assert_eq!((pong.flags, pong.payload.as_slice()), (ACK, &b"12345678"[..]));
    client.frame(PING, ACK, 0, b"unasked!").frame(PRIORITY, 0, 9, &[0, 0, 0, 0, 16]);
    innocents(&mut client, "what is unknown");
}

#[test]
fn the_last_stream_is_told_with_the_error() {
    let (_stable, proxy) = rig();
    let mut client = frames(proxy.addr());
    assert_eq!(client.ask(1, "/a"), b"/a");
    assert_eq!(client.ask(3, "/b"), b"/b");
    let told = client.frame(PING, 0, 0, b"short").read_kind(GOAWAY).expect("a word");
    assert_eq!(told.payload[..8], [0, 0, 0, 3, 0, 0, 0, 6]);
    client.read_to_close();
}

#[test]
fn who_is_told_of_an_error_and_stays_is_not_waited_for() {
    let (_stable, proxy) = rig();
    let mut client = frames(proxy.addr());
    client.frame(PING, 0, 0, b"short").read_to_close();
    // Our direction is closed; the client's is not, until the sweep finds it.
    let page = proxy.metrics_when("it is gone", |page| page.sum("umbrage_client_connections", &[]) == 0.0);
    assert_eq!(page.sum("umbrage_client_connection_errors_total", &[("reason", "malformed")]), 1.0);
}
