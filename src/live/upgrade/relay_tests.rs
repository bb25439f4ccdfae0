//! Bytes both ways over streams in memory, whose room the tests choose.

use std::cell::Cell;
use std::rc::Rc;

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::task::{JoinHandle, LocalSet, spawn_local};

use super::*;

type Relayed = JoinHandle<Result<(), Broken>>;

/// A relay between two ends in the test's hand: (client, stable, the relay itself, how often something moved).
fn relayed(
    room: usize,
    first: (&'static [u8], &'static [u8]),
) -> (DuplexStream, DuplexStream, Relayed, Rc<Cell<usize>>) {
    let (client, mut inner_client) = duplex(room);
    let (stable, mut inner_stable) = duplex(room);
    let moves = Rc::new(Cell::new(0));
    let counted = moves.clone();
    let (up, down) =
        (Way::beginning_with(Bytes::from_static(first.0)), Way::beginning_with(Bytes::from_static(first.1)));
    let task = spawn_local(async move {
        relay((&mut inner_client, up), (&mut inner_stable, down), || counted.set(counted.get() + 1)).await
    });
    (client, stable, task, moves)
}

async fn local<F: Future>(test: F) -> F::Output {
    LocalSet::new().run_until(test).await
}

async fn expect(stream: &mut DuplexStream, text: &str) {
    let mut read = vec![0; text.len()];
    stream.read_exact(&mut read).await.expect("bytes");
    assert_eq!(String::from_utf8_lossy(&read), text);
}

#[tokio::test(flavor = "current_thread")]
async fn what_was_read_before_comes_first_both_ways() {
    local(async {
        let (mut client, mut stable, _task, _) = relayed(64, (b"early ", b"greeting "));
        client.write_all(b"late").await.expect("writes");
        stable.write_all(b"more").await.expect("writes");
        expect(&mut stable, "early late").await;
        expect(&mut client, "greeting more").await;
    })
    .await;
}

#[tokio::test(flavor = "current_thread")]
async fn the_end_of_one_way_leaves_the_other_open() {
    local(async {
        let (mut client, mut stable, task, _) = relayed(64, (b"", b""));
        client.write_all(b"all of it").await.expect("writes");
        client.shutdown().await.expect("ends");
        let mut all = String::new();
        stable.read_to_string(&mut all).await.expect("an end");
        assert_eq!(all, "all of it");
        stable.write_all(b"still here").await.expect("writes");
        expect(&mut client, "still here").await;
        stable.shutdown().await.expect("ends");
        assert!(task.await.expect("no panic").is_ok());
    })
    .await;
}

#[tokio::test(flavor = "current_thread")]
async fn a_receiver_that_takes_nothing_stops_the_sender_within_one_piece() {
    local(async {
        let (mut client, stable, _task, moves) = relayed(8, (b"", b""));
        let mut sent = 0;
        let mut idle = 0;
        // The relay is polled between two tries; what it cannot pass on shows within some of them.
        while idle < 100 {
            let write = client.write(&[b'x'; 64]);
            match futures_util::FutureExt::now_or_never(write) {
                Some(written) => (sent, idle) = (sent + written.expect("writes"), 0),
                None => idle += 1,
            }
            tokio::task::yield_now().await;
        }
        assert!((1..=8 + 8 + 8).contains(&sent), "{sent} bytes: two rooms and one piece of a room's size");
        assert!(moves.get() > 0);
        drop(stable);
    })
    .await;
}

#[tokio::test(flavor = "current_thread")]
async fn more_than_any_room_arrives_whole_and_in_order() {
    local(async {
        let (client, stable, task, _) = relayed(1000, (b"", b""));
        let sent: Vec<u8> = (0..200_000_u32).map(|n| (n % 251) as u8).collect();
        let both = [client, stable].map(|mut end| {
            let sent = sent.clone();
            spawn_local(async move {
                let (mut reader, mut writer) = tokio::io::split(&mut end);
                let mut read = Vec::new();
                let write = async {
                    writer.write_all(&sent).await.expect("writes");
                    writer.shutdown().await.expect("ends");
                };
                let ((), all) = tokio::join!(write, reader.read_to_end(&mut read));
                all.expect("an end");
                read
            })
        });
        for end in both {
            assert!(end.await.expect("no panic") == sent);
        }
        assert!(task.await.expect("no panic").is_ok());
    })
    .await;
}

#[tokio::test(flavor = "current_thread")]
async fn who_broke_it_is_known() {
    local(async {
        let (mut client, stable, task, _) = relayed(8, (b"", b""));
        drop(stable);
        client.write_all(b"into nothing").await.expect_err("nobody takes it");
        assert!(task.await.expect("no panic") == Err(Broken::Stable));
        let (client, mut stable, task, _) = relayed(8, (b"", b""));
        drop(client);
        stable.write_all(b"into nothing").await.expect_err("nobody takes it");
        assert!(task.await.expect("no panic") == Err(Broken::Client));
    })
    .await;
}
