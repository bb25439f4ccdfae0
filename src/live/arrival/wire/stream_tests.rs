//! The stream as hyper sees it: nothing that is not sound, in as many pieces as its buffer has room for.

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf, duplex};

use super::inspector::Limits;
use super::stream::Wire;
use crate::live::arrival::Activity;
use crate::model::clock;

const LIMITS: Limits = Limits { head: 8192, target: 1024, fields: 16 };
const HEAD: &str = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

struct Rig {
    client: DuplexStream,
    wire: Wire<DuplexStream>,
    activity: Rc<Activity>,
}

fn rig() -> Rig {
    let (client, stream) = duplex(1 << 20);
    let activity = Rc::new(Activity::new(clock::now(), 0));
    Rig { client, wire: Wire::new(stream, LIMITS, activity.clone()), activity }
}

impl Rig {
    async fn sends(&mut self, text: &str) -> &mut Self {
        self.client.write_all(text.as_bytes()).await.expect("room for it");
        self
    }

    /// One read into so much room: what came, an error's kind, or nothing yet.
    fn read(&mut self, room: usize) -> Poll<Result<String, std::io::ErrorKind>> {
        let mut bytes = vec![0; room];
        let mut buf = ReadBuf::new(&mut bytes);
        let mut cx = Context::from_waker(Waker::noop());
        let read = Pin::new(&mut self.wire).poll_read(&mut cx, &mut buf);
        read.map(|done| {
            done.map(|()| String::from_utf8_lossy(buf.filled()).into_owned()).map_err(|e| e.kind())
        })
    }

    fn gets(&mut self) -> String {
        match self.read(8192) {
            Poll::Ready(Ok(text)) => text,
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_head_is_passed_on_once_it_is_whole() {
    let mut rig = rig();
    for byte in HEAD[..HEAD.len() - 1].chars() {
        rig.sends(&byte.to_string()).await;
        assert!(rig.read(8192).is_pending());
    }
    rig.sends("\n").await;
    assert_eq!(rig.gets(), HEAD);
    assert!(!rig.activity.is_idle(), "it is timed from its first byte");
}

#[tokio::test]
async fn what_has_no_room_is_given_later() {
    let mut rig = rig();
    rig.sends(&HEAD[..5]).await;
    assert!(rig.read(8192).is_pending());
    rig.sends(&HEAD[5..]).await;
    let mut got = String::new();
    while got.len() < HEAD.len() {
        match rig.read(4) {
            Poll::Ready(Ok(part)) if !part.is_empty() => got += &part,
            other => panic!("{other:?} after {got:?}"),
        }
    }
    assert_eq!(got, HEAD);
    assert!(rig.read(4).is_pending());
}

#[tokio::test]
async fn a_bad_head_is_replaced_and_nothing_after_it_is_passed_on() {
    let mut rig = rig();
    rig.sends(&format!("{HEAD}PUT / HTTP/1.0\r\nX : y\r\n\r\n{HEAD}")).await;
    assert_eq!(rig.gets(), HEAD);
    assert_eq!(rig.gets(), "PUT * HTTP/1.0\r\nhost: -\r\nconnection: close\r\n\r\n");
    assert!(rig.activity.wire().take().is_none());
    assert!(rig.activity.wire().take().is_some());
    rig.sends(HEAD).await;
    assert!(rig.read(8192).is_pending());
}

#[tokio::test]
async fn what_was_sound_of_a_broken_body_is_passed_on_and_then_an_error() {
    let mut rig = rig();
    let sound = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n";
    rig.sends(&format!("{sound}zz\r\n{HEAD}")).await;
    assert_eq!(rig.gets(), sound);
    assert_eq!(rig.read(8192), Poll::Ready(Err(std::io::ErrorKind::InvalidData)));
    assert_eq!(rig.read(8192), Poll::Ready(Err(std::io::ErrorKind::InvalidData)), "for ever");
}

#[tokio::test]
async fn bytes_behind_a_request_for_another_protocol_wait_for_the_answer() {
    let ask = "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: x\r\n\r\n";
    let mut tunnel = rig();
    tunnel.sends(&format!("{ask}\0not http\n")).await;
    assert_eq!(tunnel.gets(), ask);
    assert!(tunnel.read(8192).is_pending());
    let (_stream, early) = tunnel.wire.into_tunnel("read;".into());
    assert_eq!(early, "read;\0not http\n");

    let mut http = rig();
    http.sends(&format!("{ask}{HEAD}")).await;
    assert_eq!(http.gets(), ask);
    assert!(http.read(8192).is_pending());
    http.activity.wire().take();
    http.activity.wire().stay();
    assert_eq!(http.gets(), HEAD);
}

#[tokio::test]
async fn what_waits_for_another_protocol_is_bounded_and_never_passed_on_unseen() {
    let mut rig = rig();
    let ask = "GET / HTTP/1.1\r\nUpgrade: x\r\n\r\n";
    rig.sends(ask).await.sends(&"x".repeat(1 << 16)).await;
    assert_eq!(rig.gets(), ask);
    assert!(rig.read(8192).is_pending());
    let mut rig = self::rig();
    rig.sends(ask).await.sends(HEAD).await;
    assert_eq!(rig.gets(), ask);
    rig.client.shutdown().await.expect("closes");
    assert_eq!(rig.gets(), "", "the end, and no byte before it");
}

#[tokio::test]
async fn a_body_that_is_told_to_have_stalled_fails_where_it_is_waited_for() {
    let mut rig = rig();
    rig.sends("POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\na").await;
    rig.gets();
    assert!(rig.read(8192).is_pending());
    rig.activity.wire().stall();
    rig.sends("b").await;
    assert_eq!(rig.gets(), "b", "what came is passed on");
    assert_eq!(rig.read(8192), Poll::Ready(Err(std::io::ErrorKind::TimedOut)));
}

#[tokio::test]
async fn it_closes_its_direction_and_reads_on_to_the_end_or_a_bound() {
    let close = |rig: &mut Rig| {
        Pin::new(&mut rig.wire).poll_shutdown(&mut Context::from_waker(Waker::noop())).is_ready()
    };
    let mut rig = rig();
    rig.sends("whatever").await;
    assert!(!close(&mut rig));
    rig.client.shutdown().await.expect("closes");
    assert!(close(&mut rig));

    let mut endless = self::rig();
    let mut rounds = 0;
    while !close(&mut endless) {
        endless.sends(&"x".repeat(1 << 18)).await;
        // A task may read so much at a time, and no more.
        tokio::task::yield_now().await;
        rounds += 1;
        assert!(rounds < 32, "it reads without end");
    }
    assert_eq!(rounds, 16);
}
