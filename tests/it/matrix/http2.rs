//! Legs that misbehave in HTTP/2.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::ailing::{Ailing, body, fields};
use crate::support::frames::{CONTINUATION, HEADERS, SETTINGS};
use crate::support::{Act, ModernBuilder, RawResponse, Seen, frame, goaway_frame, modern, server};

faults! {
    it_goes_away: framed(RawResponse::raw([settings(), goaway_frame(0)].concat()).then_hangs(), &["connect_error"]);
    it_never_speaks: framed(RawResponse::nothing().then_hangs(), &["connect_timeout"]);
    it_opens_no_window: framed(RawResponse::raw(no_window()).then_hangs(), &["timeout"]);
    a_header_block_without_end: framed(
        RawResponse::raw([settings(), frame(HEADERS, 0, 1, &[0x88])].concat())
            .then_endless(frame(CONTINUATION, 0, 1, &[0; 1024])),
        &["invalid_response", "connect_error", "reset"]
    );
    it_resets_streams: acting(Act::Reset, &["reset"]);
    it_refuses_streams: acting(Act::Refuse, &["reset", "connect_error"]);
    it_resets_streams_within_the_body: acting(Act::ResetMidBody, &["reset"]);
    it_never_answers_a_stream: acting(Act::Hang, &["timeout"]);
}

fn settings() -> Vec<u8> {
    frame(SETTINGS, 0, 0, &[])
}

/// `SETTINGS_INITIAL_WINDOW_SIZE` is none.
fn no_window() -> Vec<u8> {
    frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 0])
}

/// Answers the preface with these bytes.
fn framed(sick: RawResponse, outcomes: &'static [&'static str]) -> Ailing {
    let server = server().always(sick).start();
    let ailing = Ailing::new(server.url(), outcomes, move || echoing().start_on(server.leave()));
    ailing.with("protocol = \"http2\"".to_owned())
}

/// Acts so on every stream.
fn acting(act: Act, outcomes: &'static [&'static str]) -> Ailing {
    let ill = Arc::new(AtomicBool::new(true));
    let told = ill.clone();
    let backend = modern()
        .acts(move |seen, _| if told.load(Ordering::Relaxed) { act.clone() } else { echo(seen) })
        .start();
    let ailing = Ailing::new(backend.url(), outcomes, move || {
        ill.store(false, Ordering::Relaxed);
        backend
    });
    ailing.with("protocol = \"http2\"".to_owned())
}

/// What every leg answers that is well, in HTTP/2.
pub fn echoing() -> ModernBuilder {
    modern().acts(|seen, _| echo(seen))
}

fn echo(seen: &Seen) -> Act {
    let target = seen.uri.path_and_query().map_or("*", http::uri::PathAndQuery::as_str);
    let headers = fields(target).map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).to_vec();
    Act::Answer { status: 200, headers, body: body(target, &seen.body).into(), trailers: None }
}
