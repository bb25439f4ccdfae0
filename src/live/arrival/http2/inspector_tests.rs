//! The inspector, byte by byte, on lawful and unlawful frames.

use proptest::prelude::*;

use super::*;

const BOUNDS: Bounds = Bounds {
    head: 1 << 14,
    streams: 100,
    request: Multiplexed { body: std::time::Duration::MAX, fields: 128, target: 8192 },
    tunnels: None,
};

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    [&Head { length: payload.len(), kind, flags, stream }.bytes()[..], payload].concat()
}

struct Rig {
    inspector: Inspector,
    activity: Activity,
}

/// Behind the preface and the client's SETTINGS.
fn rig() -> Rig {
    let now = clock::now();
    let mut rig = Rig { inspector: Inspector::new(BOUNDS, now), activity: Activity::new(now, 0) };
    rig.passes(&[&[0; PREFACE][..], &frame(SETTINGS, 0, 0, &[])].concat());
    rig
}

impl Rig {
    fn read(&mut self, bytes: &[u8]) -> Passed {
        self.inspector.read(bytes, &self.activity)
    }

    #[track_caller]
    fn passes(&mut self, bytes: &[u8]) {
        let passed = self.read(bytes);
        assert_eq!(passed, Passed { bytes: bytes.len(), then: Then::Wait });
    }
}

/// A whole request without a body: GET, http, `/`.
const BLOCK: [u8; 3] = [0x82, 0x86, 0x84];

fn request(stream: u32, flags: u8) -> Vec<u8> {
    frame(HEADERS, END_HEADERS | flags, stream, &BLOCK)
}

/// What the first frame leads to on a new connection.
fn then(bytes: &[u8]) -> Then {
    rig().read(bytes).then
}

#[test]
fn a_connection_that_only_pings_is_ended_after_its_burst() {
    let mut rig = rig();
    let ping = frame(PING, 0, 0, &[0; 8]);
    let taken = (0..5000).take_while(|_| rig.read(&ping).then == Then::Wait).count();
    assert!((900..1300).contains(&taken), "{taken}");
    assert_eq!(rig.read(&ping).then, Then::Flood);
}

#[test]
fn requests_and_bodies_cost_nothing_and_empty_bodies_do() {
    let mut rig = rig();
    for n in 0..10_000 {
        rig.passes(&request(2 * n + 1, 0));
        rig.passes(&frame(DATA, 0, 2 * n + 1, b"x"));
        rig.passes(&frame(DATA, END_STREAM, 2 * n + 1, b""));
    }
    rig.passes(&request(20_001, 0));
    let empty = frame(DATA, 0, 20_001, b"");
    let taken = (0..5000).take_while(|_| rig.read(&empty).then == Then::Wait).count();
    assert!(taken < 1300, "{taken}");
}

/// Everything of a connection, given in parts of this size as a socket would; what passed of it.
fn in_parts(bytes: &[u8], size: usize) -> Vec<u8> {
    let now = clock::now();
    let mut rig = Rig { inspector: Inspector::new(BOUNDS, now), activity: Activity::new(now, 0) };
    let (mut kept, mut passed) = (Vec::new(), Vec::new());
    for part in bytes.chunks(size) {
        kept.extend_from_slice(part);
        let Passed { bytes, then } = rig.read(&kept);
        assert_eq!(then, Then::Wait);
        passed.extend(kept.drain(..bytes));
    }
    assert_eq!(kept, b"", "{size}");
    passed
}

#[test]
fn frames_are_told_apart_however_they_are_cut() {
    let bytes = [
        vec![0; PREFACE],
        frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0xff, 0xff, 0, 3, 0, 0, 0, 9]),
        frame(HEADERS, 0, 1, &BLOCK[..1]),
        frame(CONTINUATION, 0, 1, &[]),
        frame(CONTINUATION, END_HEADERS, 1, &BLOCK[1..]),
        frame(DATA, 0, 1, &[1; 16_384]),
        frame(
            HEADERS,
            END_HEADERS | PADDED | WITH_PRIORITY,
            3,
            &[&[2, 0, 0, 0, 0, 1][..], &BLOCK, &[0; 2]].concat(),
        ),
        frame(0xbe, 0xff, 9, &[SETTINGS; 40]),
        frame(DATA, END_STREAM, 1, &[HEADERS; 100]),
        request(5, END_STREAM),
    ]
    .concat();
    for size in [1, 2, 3, 7, 9, 10, 64, 1000, bytes.len()] {
        assert_eq!(in_parts(&bytes, size), bytes, "{size}");
    }
}

#[test]
fn no_part_of_a_block_passes_before_all_of_it_came() {
    let mut rig = rig();
    let begun = frame(HEADERS, 0, 1, &BLOCK[..2]);
    assert_eq!(rig.read(&begun), Passed { bytes: 0, then: Then::Wait });
    assert!(!rig.activity.is_idle(), "it is timed");
    let whole = [begun, frame(CONTINUATION, END_HEADERS, 1, &BLOCK[2..])].concat();
    rig.passes(&whole);
    assert!(rig.activity.is_idle(), "malformed or not, it has come");
    rig.activity.begin();
    rig.passes(&request(3, END_STREAM));
    assert!(!rig.activity.is_idle(), "a head within a request does not end the request");
}

#[test]
fn a_ping_is_no_request() {
    let mut rig = rig();
    rig.passes(&frame(PING, 0, 0, &[0; 8]));
    assert!(rig.activity.is_idle());
}

#[test]
fn settings_come_first() {
    let now = clock::now();
    for first in [frame(PING, 0, 0, &[0; 8]), request(1, END_STREAM), frame(SETTINGS, ACK, 0, &[])] {
        let activity = Activity::new(now, 0);
        let mut inspector = Inspector::new(BOUNDS, now);
        let bytes = [&[0; PREFACE][..], &first].concat();
        let passed = inspector.read(&bytes, &activity);
        assert_eq!(passed, Passed { bytes: PREFACE, then: Then::End(Code::Protocol) }, "{first:?}");
    }
}

#[test]
fn sizes_that_no_frame_of_a_kind_has() {
    for (kind, flags, sizes) in [
        (PRIORITY, 0, &[4, 6][..]),
        (RST_STREAM, 0, &[0, 3, 5]),
        (SETTINGS, 0, &[1, 5, 7]),
        (SETTINGS, ACK, &[6]),
        (PING, 0, &[7, 9]),
        (GOAWAY, 0, &[7]),
        (WINDOW_UPDATE, 0, &[3, 5]),
        (DATA, 0, &[MAX_PAYLOAD + 1]),
        (HEADERS, END_HEADERS, &[MAX_PAYLOAD + 1]),
        (0xbe, 0, &[MAX_PAYLOAD + 1]),
    ] {
        for size in sizes {
            // The head is enough.
            let head = Head { length: *size, kind, flags, stream: 1 }.bytes();
            assert_eq!(then(&head), Then::End(Code::FrameSize), "{kind} of {size}");
        }
    }
    for flags in [PADDED, WITH_PRIORITY, PADDED | WITH_PRIORITY] {
        assert_eq!(then(&frame(HEADERS, END_HEADERS | flags, 1, &[])), Then::End(Code::FrameSize));
    }
}

#[test]
fn what_is_out_of_order() {
    let begun = frame(HEADERS, 0, 1, &BLOCK[..1]);
    for (bytes, code) in [
        (frame(CONTINUATION, END_HEADERS, 1, &BLOCK), Code::Protocol),
        (frame(PUSH_PROMISE, END_HEADERS, 1, &[0; 8]), Code::Protocol),
        (request(0, END_STREAM), Code::Protocol),
        ([begun.clone(), frame(PING, 0, 0, &[0; 8])].concat(), Code::Protocol),
        ([begun.clone(), frame(CONTINUATION, END_HEADERS, 3, &BLOCK)].concat(), Code::Protocol),
        ([begun, frame(0xbe, 0, 1, &[])].concat(), Code::Protocol),
        (frame(HEADERS, END_HEADERS | PADDED, 1, &[4, 0x82, 0x86, 0x84]), Code::Protocol),
        (frame(SETTINGS, 0, 0, &[0, 4, 0x80, 0, 0, 0]), Code::FlowControl),
        ([request(1, END_STREAM), frame(DATA, 0, 1, b"x")].concat(), Code::StreamClosed),
        ([request(1, END_STREAM), request(1, END_STREAM)].concat(), Code::StreamClosed),
        (
            [request(1, 0), frame(RST_STREAM, 0, 1, &[0; 4]), frame(DATA, 0, 1, b"x")].concat(),
            Code::StreamClosed,
        ),
        ([request(9, END_STREAM), request(5, END_STREAM)].concat(), Code::Protocol),
        (frame(HEADERS, END_HEADERS, 1, &[0x80]), Code::Compression),
    ] {
        assert_eq!(then(&bytes), Then::End(code), "{bytes:?}");
    }
}

#[test]
fn what_is_malformed_is_replaced_and_what_follows_is_read_on() {
    let good = request(1, END_STREAM);
    let bad = frame(HEADERS, END_HEADERS | END_STREAM, 3, &[&BLOCK[..], b"\x00\x01X\x011"].concat());
    let mut rig = rig();
    let instead = frames(3, true, b"\x00\x0aconnection\x00");
    let expected = Passed { bytes: good.len(), then: Then::Replace(bad.len(), instead) };
    assert_eq!(rig.read(&[&good[..], &bad, &request(5, END_STREAM)].concat()), expected);
    rig.passes(&request(5, END_STREAM));
}

#[test]
fn a_window_that_opens_by_nothing_is_an_error_of_its_stream() {
    let more = |stream, by: u32| frame(WINDOW_UPDATE, 0, stream, &by.to_be_bytes());
    let mut rig = rig();
    rig.passes(&[more(0, 0), more(1, 0)].concat());
    rig.passes(&request(1, 0));
    rig.passes(&more(1, 1));
    let instead = frame(PRIORITY, 0, 1, &[0, 0, 0, 1, 0]);
    let expected = Passed { bytes: 0, then: Then::Replace(13, instead) };
    assert_eq!(rig.read(&more(1, 0)[..12]), Passed { bytes: 0, then: Then::Wait });
    assert_eq!(rig.read(&more(1, 0)), expected);
}

#[test]
fn a_block_without_end_is_not_kept_without_end() {
    let mut rig = rig();
    let mut bytes = frame(HEADERS, 0, 1, &[0; 16_000]);
    for _ in 0..10 {
        match rig.read(&bytes) {
            Passed { bytes: 0, then: Then::Wait } => bytes.extend(frame(CONTINUATION, 0, 1, &[0; 16_000])),
            other => {
                assert_eq!(other, Passed { bytes: 0, then: Then::End(Code::EnhanceYourCalm) });
                assert!(bytes.len() <= LENIENCE * BOUNDS.head + 2 * 16_009);
                return;
            }
        }
    }
    panic!("{} bytes were kept", bytes.len());
}

/// What h2 reads of a connection that comes in parts of these sizes, and how it ends.
fn read_of(bytes: &[u8], sizes: &[usize]) -> (Vec<u8>, Option<Code>) {
    let now = clock::now();
    let mut rig = Rig { inspector: Inspector::new(BOUNDS, now), activity: Activity::new(now, 0) };
    let (mut kept, mut read, mut rest) = (Vec::new(), Vec::new(), bytes);
    for size in sizes.iter().cycle() {
        let (part, more) = rest.split_at(rest.len().min(*size));
        kept.extend_from_slice(part);
        loop {
            let Passed { bytes, then } = rig.read(&kept);
            read.extend(kept.drain(..bytes));
            match then {
                Then::Wait => break,
                Then::Replace(count, others) => {
                    kept.drain(..count);
                    read.extend(others);
                }
                Then::End(code) => return (read, Some(code)),
                Then::Flood => return (read, None),
            }
        }
        if more.is_empty() {
            return (read, None);
        }
        rest = more;
    }
    unreachable!("sizes are not empty")
}

/// Frames, most of them lawful; blocks of fields that are known, written out, remembered or malformed.
fn some_frames() -> impl Strategy<Value = Vec<u8>> {
    let field = prop_oneof![
        prop::sample::select(vec![
            &b"\x82"[..],
            b"\x86",
            b"\x84",
            b"\xbe",
            b"\xbf",
            b"\x3f\xe1\x1f",
            b"\x20"
        ]),
        prop::sample::select(vec![
            &b"\x40\x01a\x011"[..],
            b"\x00\x01b\x012",
            b"\x40\x01X\x01\x0a",
            b"\x04\x04/a#b"
        ]),
    ];
    let block = prop::collection::vec(field, 0..6).prop_map(|fields| fields.concat());
    let stream = prop::sample::select(vec![0_u32, 1, 3, 5, 7]);
    let head = (stream.clone(), 0..64_u8, block)
        .prop_map(|(stream, flags, block)| frame(HEADERS, flags, stream, &block));
    let other = (0..12_u8, 0..16_u8, stream, prop::collection::vec(any::<u8>(), 0..12))
        .prop_map(|(kind, flags, stream, payload)| frame(kind, flags, stream, &payload));
    prop_oneof![3 => head, 1 => other]
}

proptest! {
    #[test]
    fn how_the_bytes_are_cut_changes_nothing(
        frames in prop::collection::vec(some_frames(), 0..8),
        sizes in prop::collection::vec(1..40_usize, 1..6),
    ) {
        let bytes = [&[0; PREFACE][..], &frame(SETTINGS, 0, 0, &[]), &frames.concat()].concat();
        let whole = read_of(&bytes, &[bytes.len()]);
        prop_assert_eq!(read_of(&bytes, &sizes), whole.clone());
        prop_assert_eq!(read_of(&bytes, &[1]), whole);
    }
}
