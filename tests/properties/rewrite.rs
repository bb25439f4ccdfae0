//! Whatever a client sends and however it is cut, the origin sees sound requests, each of them one that the client sent, in
//! order, and the client gets one sound answer for each.

use std::rc::Rc;

use super::grammar::{Choices, conversation, raw};
use super::stage::{Act, Stage};
use super::verdict::{Played, answers, due, judge};

thread_local! {
    static STAGE: Stage = Stage::new("");
}

/// The first byte says whether the rest are choices or what is sent.
pub fn check(data: &[u8]) {
    let mut choices = Choices::new(data);
    let pieces = if choices.byte() & 1 == 0 { conversation(&mut choices) } else { raw(&mut choices) };
    hold(&pieces);
}

/// What must hold of a conversation.
fn hold(pieces: &[Vec<u8>]) {
    let sent = pieces.concat();
    let wanted = due(&sent);
    let answer = Rc::new(|place: usize, request: &super::strict::Message| {
        let body = if request.line[0] == "HEAD" { "" } else { "seen" };
        Act {
            pieces: vec![
                format!("HTTP/1.1 200 OK\r\nX-Seen: {place}\r\nContent-Length: 4\r\n\r\n{body}").into(),
            ],
            closes: false,
        }
    });
    let outcome = STAGE.with(|stage| stage.play(pieces, answer, |got| answers(&sent, got) >= wanted));
    assert!(outcome.log.faults.is_empty(), "{:?}\nsent: {}", outcome.log.faults, sent.escape_ascii());
    judge(&Played { sent: &sent, seen: &outcome.log.seen, got: &outcome.got, client: "10.1.2.3" });
}
