//! The stream under hyper: what h2 reads, and what its client does.

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

use super::*;
use crate::live::arrival::Multiplexed;
use crate::live::arrival::http2::frame::{END_HEADERS, END_STREAM, GOAWAY, HEADERS, PING, SETTINGS};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    [&Head { length: payload.len(), kind, flags, stream }.bytes()[..], payload].concat()
}

fn rig() -> (DuplexStream, Framed<DuplexStream>, Rc<Course>) {
    let (client, ours) = duplex(1 << 20);
    let activity = Rc::new(Activity::new(clock::now(), 0));
    let (framed, course) = Framed::new(
        ours,
        Bounds {
            head: 1 << 14,
            streams: 100,
            request: Multiplexed { body: std::time::Duration::MAX, fields: 128, target: 8192 },
            tunnels: None,
        },
        activity,
    );
    (client, framed, course)
}

fn opening() -> Vec<u8> {
    [PREFACE, &frame(SETTINGS, 0, 0, &[])].concat()
}

fn malformed() -> Vec<u8> {
    frame(HEADERS, END_HEADERS | END_STREAM, 1, b"\x82\x86\x84\x00\x01X\x011")
}

fn instead() -> Vec<u8> {
    frame(HEADERS, END_HEADERS | END_STREAM, 1, b"\x00\x0aconnection\x00")
}

#[tokio::test]
async fn a_malformed_block_is_replaced_between_others_however_they_are_cut() {
    let good = frame(HEADERS, END_HEADERS | END_STREAM, 3, &[0x82, 0x86, 0x84]);
    let sent = [opening(), malformed(), good.clone()].concat();
    let wanted = [opening(), instead(), good].concat();
    for size in [1, 2, 5, 9, 12, 33, 40, sent.len()] {
        let (mut client, mut framed, _) = rig();
        let mut read = Vec::new();
        for part in sent.chunks(size) {
            client.write_all(part).await.expect("room");
            let mut piece = [0; 64];
            let mut buf = ReadBuf::new(&mut piece);
            let polled = std::future::poll_fn(|cx| {
                Poll::Ready(Pin::new(&mut framed).poll_read(cx, &mut buf).is_ready())
            });
            if polled.await {
                read.extend_from_slice(buf.filled());
            }
        }
        client.shutdown().await.expect("its direction");
        framed.read_to_end(&mut read).await.expect("the rest");
        assert_eq!(read, wanted, "{size}");
    }
}

#[tokio::test]
async fn an_error_is_one_that_h2_knows_and_its_code_is_put_right() {
    let (mut client, mut framed, course) = rig();
    let sent = [opening(), frame(PING, 0, 0, &[0; 7]), frame(PING, 0, 0, &[0; 8])].concat();
    client.write_all(&sent).await.expect("room");
    let mut read = vec![0; opening().len() + 9];
    framed.read_exact(&mut read).await.expect("as much");
    assert_eq!(read, [opening(), SPOILT.bytes().to_vec()].concat());
    let more = tokio::time::timeout(std::time::Duration::ZERO, framed.read_u8()).await;
    assert!(more.is_err(), "nothing more is read");
    let goaway = |code| frame(GOAWAY, 0, 0, &[0, 0, 0, 0, 0, 0, 0, code]);
    framed.write_all(&goaway(1)).await.expect("room");
    let mut told = vec![0; goaway(1).len()];
    client.read_exact(&mut told).await.expect("it");
    assert_eq!(told, goaway(6));
    assert!(!course.flooded());
    drop(client);
    framed.shutdown().await.expect("who left is not waited for");
}

#[tokio::test]
async fn vectored_writes_are_corrected_too() {
    let (mut client, mut framed, _) = rig();
    let sent = [opening(), frame(PING, 0, 0, &[0; 7])].concat();
    client.write_all(&sent).await.expect("room");
    framed.read_exact(&mut vec![0; opening().len() + 9]).await.expect("as much");
    let goaway = frame(GOAWAY, 0, 0, &[0, 0, 0, 0, 0, 0, 0, 1]);
    let mut rest = &goaway[..];
    while !rest.is_empty() {
        let (first, second) = rest.split_at(rest.len().min(5));
        let bufs = [io::IoSlice::new(&[]), io::IoSlice::new(first), io::IoSlice::new(second)];
        rest = &rest[framed.write_vectored(&bufs).await.expect("room")..];
    }
    let mut told = vec![0; goaway.len()];
    client.read_exact(&mut told).await.expect("it");
    assert_eq!(told.last(), Some(&6));
}

#[tokio::test]
async fn a_flood_is_the_end() {
    let (mut client, mut framed, course) = rig();
    let sent = [opening(), frame(PING, 0, 0, &[0; 8]).repeat(2000)].concat();
    client.write_all(&sent).await.expect("room");
    let mut read = Vec::new();
    let error = framed.read_to_end(&mut read).await.expect_err("it is cut off");
    assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    assert!(course.flooded());
}

#[tokio::test]
async fn what_a_client_leaves_incomplete_is_h2s_to_find() {
    let (mut client, mut framed, _) = rig();
    let sent = [opening(), malformed()[..12].to_vec()].concat();
    client.write_all(&sent).await.expect("room");
    client.shutdown().await.expect("its direction");
    let mut read = Vec::new();
    framed.read_to_end(&mut read).await.expect("an end");
    assert_eq!(read, sent);
}
