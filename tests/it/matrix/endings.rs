//! Legs that break off.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::ailing::{Ailing, echo, well};
use crate::support::{RawResponse, RecordedRequest, server};

faults! {
    it_resets_before_the_head: Ailing::server(server().resets_after_request(), &["reset"]);
    it_resets_within_the_head: Ailing::answers(RawResponse::raw("HTTP/1.1 200 OK\r\nX-Ha").then_resets(), &["reset"]);
    it_resets_within_the_body: Ailing::server(server().resets_mid_body(), &["reset"]);
    it_closes_within_the_body: Ailing::server(server().closes_mid_body(), &["reset"]);
    // A reset that meets the next request on its way into the socket leaves it unwritten.
    it_resets_after_the_answer: Ailing::server(
        server().answers_with(|r| echo(r).then_resets()),
        &["answered", "reset", "connect_error"]
    );
    it_closes_now_and_then: now_and_then();
    it_flaps: flapping();
}

/// Every third answer is the last on its connection, which was not said.
fn now_and_then() -> Ailing {
    let turn = AtomicUsize::new(0);
    let moody = move |request: &RecordedRequest| {
        let answer = echo(request);
        if turn.fetch_add(1, Ordering::Relaxed).is_multiple_of(3) { answer.then_closes() } else { answer }
    };
    Ailing::server(server().answers_with(moody), &["answered", "reset"])
}

/// Up and down, several times within the run.
fn flapping() -> Ailing {
    let server = Rc::new(RefCell::new(well().start()));
    let (url, flaps) = (server.borrow().url(), server.clone());
    let mut up = true;
    let turn = move || {
        if up {
            flaps.borrow_mut().stop();
        } else {
            flaps.borrow_mut().restart();
        }
        up = !up;
    };
    let mut ailing = Ailing::new(url, &["answered", "reset", "connect_error"], move || {
        server.borrow_mut().recover(well());
        server
    });
    ailing.meanwhile = Some((Duration::from_millis(100), Box::new(turn)));
    ailing
}
