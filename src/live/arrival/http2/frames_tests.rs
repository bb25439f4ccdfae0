//! The meter of frames, byte by byte and under floods.

use std::time::Duration;

use super::*;

fn frame(kind: u8, flags: u8, payload: usize) -> Vec<u8> {
    let length = u32::try_from(payload).expect("short").to_be_bytes();
    let mut bytes = vec![length[1], length[2], length[3], kind, flags, 0, 0, 0, 1];
    bytes.resize(HEAD + payload, 0xff);
    bytes
}

fn meter() -> (Meter, Activity) {
    let now = clock::now();
    (Meter { preface: 0, ..Meter::new(now) }, Activity::new(now, 0))
}

const PING: u8 = 6;

fn pings(meter: &mut Meter, activity: &Activity, most: usize) -> usize {
    (0..most).take_while(|_| meter.pass(&frame(PING, 0, 8), activity).is_ok()).count()
}

#[test]
fn a_connection_that_only_pings_is_ended_after_its_burst() {
    let (mut meter, activity) = meter();
    let taken = pings(&mut meter, &activity, 5000);
    assert!((BURST as usize..BURST as usize + 200).contains(&taken), "{taken}");
}

#[test]
fn time_pays_for_frames_and_never_more_than_a_burst() {
    let (mut meter, _) = meter();
    let start = meter.filled;
    let mut paid = |after: u64| {
        let now = start + Duration::from_secs(after);
        (0..10_000).take_while(|_| meter.pay(|| now, || 0).is_ok()).count()
    };
    assert_eq!(paid(0), BURST as usize);
    assert_eq!(paid(1), RATE as usize);
    assert_eq!(paid(3), 2 * RATE as usize);
    assert_eq!(paid(3600), BURST as usize);
}

#[test]
fn what_passes_pays_for_frames() {
    let (mut meter, activity) = meter();
    let filled = meter.filled;
    while meter.pay(|| filled, || 0).is_ok() {}
    meter.pass(&frame(DATA, 0, 16 * 1024), &activity).expect("a body");
    let paid = (0..100).take_while(|_| meter.pay(|| filled, || 0).is_ok()).count();
    assert_eq!(paid, 16);
}

#[test]
fn each_message_of_a_stream_pays_for_what_acknowledges_it() {
    let (mut meter, activity) = meter();
    for message in 0..20_000 {
        activity.answered();
        for _ in 0..FRAMES_FOR_A_PIECE {
            assert_eq!(meter.pass(&frame(PING, 0, 8), &activity), Ok(()), "{message}");
        }
    }
    let taken = pings(&mut meter, &activity, 5000);
    assert!(taken <= BURST as usize + 200, "{taken}: what was spent once is not there again");
}

#[test]
fn requests_and_bodies_cost_nothing_and_empty_bodies_do() {
    let (mut meter, activity) = meter();
    for _ in 0..10_000 {
        meter.pass(&frame(HEADERS, END_HEADERS, 20), &activity).expect("a request");
        meter.pass(&frame(DATA, 0, 1), &activity).expect("a body");
        meter.pass(&frame(DATA, END_STREAM, 0), &activity).expect("its end");
    }
    let (mut meter, activity) = self::meter();
    let taken = (0..5000).take_while(|_| meter.pass(&frame(DATA, 0, 0), &activity).is_ok()).count();
    assert!(taken < BURST as usize + 200, "{taken}");
}

#[test]
fn frames_are_told_apart_however_they_are_cut() {
    let bytes = [
        vec![0; PREFACE],
        frame(4, 0, 12),
        frame(HEADERS, 0, 30),
        frame(CONTINUATION, 0, 0),
        frame(CONTINUATION, END_HEADERS, 5),
        frame(DATA, 1, 70_000),
    ];
    let bytes = bytes.concat();
    for size in [1, 2, 3, 7, 9, 10, 64, 1000, bytes.len()] {
        let activity = Activity::new(clock::now(), 0);
        let mut meter = Meter::new(clock::now());
        for part in bytes.chunks(size) {
            meter.pass(part, &activity).expect("few frames");
        }
        assert_eq!((meter.preface, meter.have, meter.payload), (0, 0, 0), "{size}");
        assert_eq!((meter.credit, meter.bytes), (BURST - 3, 70_000), "{size}");
    }
}

#[test]
fn a_head_is_timed_from_its_first_frame_to_its_last() {
    let (mut meter, activity) = meter();
    meter.pass(&frame(PING, 0, 8), &activity).expect("few");
    assert!(activity.is_idle(), "a ping is no request");
    meter.pass(&frame(HEADERS, 0, 8), &activity).expect("few");
    assert!(!activity.is_idle());
    meter.pass(&frame(CONTINUATION, 0, 8), &activity).expect("few");
    assert!(!activity.is_idle());
    meter.pass(&frame(CONTINUATION, END_HEADERS, 8), &activity).expect("few");
    assert!(activity.is_idle(), "malformed or not, it has come");
}

#[test]
fn a_head_within_a_request_does_not_end_the_request() {
    let (mut meter, activity) = meter();
    activity.begin();
    meter.pass(&frame(HEADERS, END_HEADERS, 8), &activity).expect("few");
    assert!(!activity.is_idle());
}
