//! What a client connection is doing, kept in a few words so that one sweep can time thousands without a timer for each.

use std::cell::Cell;
use std::time::Duration;

use tokio::sync::Notify;

use super::pauses::{Overdue, Pauses};
use super::wire::Ledger;
use crate::model::clock::Instant;

/// How long a connection that we close may go on sending: time for an answer to arrive, not for more.
const LINGER: Duration = Duration::from_secs(2);

/// A client that uses its connection all the time sends its next request within this; so does one that has just made it.
const QUIET: Duration = Duration::from_millis(500);

/// The state of one connection.
#[derive(Debug)]
pub(in crate::live) struct Activity {
    state: Cell<State>,
    since: Cell<Instant>,
    requests: Cell<usize>,
    /// Requests that may still begin; `None` without a bound.
    left: Cell<Option<usize>>,
    /// Part of a head came, and is kept until it is whole.
    begun: Cell<bool>,
    /// Since when the client takes nothing of what it is offered.
    blocked: Cell<Option<Instant>>,
    /// Since when the client's body is waited for.
    body: Cell<Option<Instant>>,
    /// Since when the next piece of stable's answer is waited for, and how long it may be.
    answer: Cell<Option<(Instant, Duration)>>,
    /// Pieces of answers that came since this was last asked.
    pieces: Cell<u32>,
    overdue: Cell<bool>,
    /// Many answers are under way at once: each is timed for itself.
    multiplexed: Cell<Option<Multiplexed>>,
    pauses: Pauses,
    wire: Ledger,
    passed: Cell<bool>,
    draining: Cell<bool>,
    verdict: Cell<Option<Verdict>>,
    told: Notify,
}

/// What a request of HTTP/2 is held to; the inspector of HTTP/1.1 holds those.
#[derive(Clone, Copy, Debug)]
pub(in crate::live) struct Multiplexed {
    /// How long the next piece of its body may take.
    pub(in crate::live) body: Duration,
    /// Fields in its head.
    pub(in crate::live) fields: usize,
    /// Bytes of its target.
    pub(in crate::live) target: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Nothing came since the last answer, or since the connection was made.
    Idle,
    /// Bytes of a head came.
    Head,
    /// A request is being served.
    Serving,
    /// HTTP has ended on it: bytes pass both ways.
    Tunnel,
    /// Our direction is closed, and the client's not yet.
    Lingering,
}

/// Why a connection is to end, or to be looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It was idle, or slow with a head, for too long.
    Expired(&'static str),
    /// It was idle, or closing, for long enough; nobody did wrong.
    Over,
    /// A body stalled: whoever reads it is to find that.
    Stalled,
    /// The process drains: finish what is being served.
    Drain,
    /// It had as many requests as one connection may have: finish them.
    Enough,
}

/// Bounds on waiting for a client.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    pub(super) header: Duration,
    pub(super) idle: Duration,
    pub(super) body: Duration,
    pub(super) write: Duration,
    pub(super) tunnel: Duration,
}

impl Activity {
    /// A new connection, for at most `most` requests; 0 is no bound.
    pub(super) fn new(now: Instant, most: usize) -> Self {
        Activity {
            state: Cell::new(State::Idle),
            since: Cell::new(now),
            requests: Cell::new(0),
            left: Cell::new((most > 0).then_some(most)),
            begun: Cell::new(false),
            blocked: Cell::new(None),
            body: Cell::new(None),
            answer: Cell::new(None),
            pieces: Cell::new(0),
            overdue: Cell::new(false),
            multiplexed: Cell::new(None),
            pauses: Pauses::default(),
            wire: Ledger::default(),
            passed: Cell::new(false),
            draining: Cell::new(false),
            verdict: Cell::new(None),
            told: Notify::new(),
        }
    }

    /// What the stream and the way of a request tell each other.
    pub(in crate::live) fn wire(&self) -> &Ledger {
        &self.wire
    }

    /// What the streams of HTTP/2 wait for.
    pub(super) fn pauses(&self) -> &Pauses {
        &self.pauses
    }

    /// It speaks HTTP/2.
    pub(super) fn multiplex(&self, requests: Multiplexed) {
        self.multiplexed.set(Some(requests));
    }

    /// Bytes came from the client.
    pub(super) fn read(&self) {
        self.body.set(None);
    }

    /// Whether part of a head came.
    pub(super) fn begun(&self, begun: bool, now: impl FnOnce() -> Instant) {
        self.begun.set(begun);
        if begun {
            self.stir(now);
        }
    }

    /// Something came that a request may begin with.
    pub(super) fn stir(&self, now: impl FnOnce() -> Instant) {
        if self.state.get() == State::Idle {
            self.state.set(State::Head);
            self.since.set(now());
        }
    }

    /// What came was no request, or the whole of a head; who serves it says when its request begins.
    pub(super) fn settle(&self, now: Instant) {
        if self.state.get() == State::Head {
            self.state.set(State::Idle);
            self.since.set(now);
        }
    }

    /// The client has nothing to read; it may owe the rest of a body.
    pub(super) fn waits_for_body(&self, due: bool, now: impl FnOnce() -> Instant) {
        if due && self.body.get().is_none() {
            self.body.set(Some(now()));
        }
    }

    /// A request's head is complete.
    pub(in crate::live) fn begin(&self) {
        self.requests.set(self.requests.get() + 1);
        self.state.set(State::Serving);
        if let Some(left) = self.left.get() {
            self.left.set(Some(left.saturating_sub(1)));
            if left == 1 {
                self.tell(Verdict::Enough);
            }
        }
    }

    /// A request's answer ended.
    pub(in crate::live) fn end(&self, now: Instant) {
        self.answer.set(None);
        self.requests.set(self.requests.get().saturating_sub(1));
        if self.requests.get() == 0 && self.state.get() != State::Lingering {
            self.state.set(if self.begun.get() { State::Head } else { State::Idle });
            self.since.set(now);
        }
    }

    /// From now on it is a tunnel, until its request ends.
    pub(super) fn open_tunnel(&self, now: Instant) {
        self.state.set(State::Tunnel);
        self.since.set(now);
        self.blocked.set(None);
    }

    /// Bytes passed in the tunnel; when, the next look at it says.
    pub(super) fn pass(&self) {
        self.passed.set(true);
    }

    /// Our direction is closed.
    pub(super) fn linger(&self, now: Instant) {
        self.state.set(State::Lingering);
        self.since.set(now);
    }

    /// Nothing is being served and no head has begun.
    pub(super) fn is_idle(&self) -> bool {
        self.state.get() == State::Idle
    }

    /// Our direction is closed, and what the client still sends is thrown away.
    pub(super) fn is_lingering(&self) -> bool {
        self.state.get() == State::Lingering
    }

    /// Nothing came for long enough that probably nothing is on its way.
    pub(super) fn is_quiet(&self, now: Instant) -> bool {
        self.is_idle() && now.saturating_duration_since(self.since.get()) >= QUIET
    }

    /// The reason of an end, unless the socket just went away while nothing was asked of us: so browsers leave, and what they
    /// connected in advance.
    pub(super) fn blames(&self, reason: &'static str) -> Option<&'static str> {
        (reason != "io" || !self.is_idle()).then_some(reason)
    }

    /// It was told to end as soon as nothing is being served.
    pub(super) fn is_draining(&self) -> bool {
        self.draining.get()
    }

    /// Whether the client's socket took what it was last offered.
    pub(super) fn wrote(&self, taken: bool, now: impl FnOnce() -> Instant) {
        match (taken, self.blocked.get()) {
            (true, None) | (false, Some(_)) => {}
            (false, None) => self.blocked.set(Some(now())),
            (true, Some(_)) => {
                self.blocked.set(None);
                // Meanwhile nobody asked stable for more.
                self.answer.set(self.answer.get().map(|(_, limit)| (now(), limit)));
            }
        }
    }

    /// Nothing waits for the client to read.
    pub(super) fn is_flushed(&self) -> bool {
        self.blocked.get().is_none()
    }

    /// Stable has nothing to read of an answer that has begun.
    pub(in crate::live) fn waits_for_answer(&self, limit: Duration, now: impl FnOnce() -> Instant) {
        if self.multiplexed.get().is_some() {
            self.pauses.awaited(limit);
        } else if self.answer.get().is_none() {
            self.answer.set(Some((now(), limit)));
        }
    }

    /// What each of its requests is held to by whoever serves it, where many are under way at once.
    pub(in crate::live) fn multiplexed(&self) -> Option<Multiplexed> {
        self.multiplexed.get()
    }

    /// A piece of stable's answer came.
    pub(in crate::live) fn answered(&self) {
        self.pieces.set(self.pieces.get().saturating_add(1));
        if self.multiplexed.get().is_some() {
            self.pauses.offered();
        } else {
            self.answer.set(None);
        }
    }

    /// How many pieces of answers came since this was last asked.
    pub(super) fn take_pieces(&self) -> u32 {
        self.pieces.take()
    }

    /// Why the answer that is being given up had to end, if it had to: it paused for too long.
    pub(in crate::live) fn paused(&self) -> Option<Overdue> {
        self.pauses.ended().or_else(|| self.overdue.get().then_some(Overdue::Stable))
    }

    /// Ends the connection if it kept us waiting for too long.
    pub(super) fn judge(&self, now: Instant, patience: Patience) {
        if self.passed.take() {
            self.since.set(now);
        }
        let waited = |since: Instant| now.saturating_duration_since(since);
        let for_long =
            |since: &Cell<Option<Instant>>, limit| since.get().is_some_and(|at| waited(at) >= limit);
        if for_long(&self.blocked, patience.write) {
            return self.tell(Verdict::Expired("write_timeout"));
        }
        if for_long(&self.body, patience.body) && !self.wire.is_stalled() {
            self.wire.stall();
            return self.tell(Verdict::Stalled);
        }
        if self.is_flushed() && self.answer.get().is_some_and(|(at, limit)| waited(at) >= limit) {
            self.overdue.set(true);
            return self.tell(Verdict::Expired("answer_truncated"));
        }
        self.pauses.judge(now, patience.write);
        let owes = self.body.get().is_some() && !self.wire.is_stalled();
        match (self.state.get(), waited(self.since.get())) {
            (State::Head, waited) if waited >= patience.header => {
                self.tell(Verdict::Expired("header_timeout"));
            }
            (State::Tunnel, waited) if waited >= patience.tunnel => {
                self.tell(Verdict::Expired("tunnel_timeout"));
            }
            // What is owed of a body is timed as such, though its request was answered already.
            (State::Idle, waited) if waited >= patience.idle && !owes => self.tell(Verdict::Over),
            (State::Lingering, waited) if waited >= LINGER => self.tell(Verdict::Over),
            _ => {}
        }
    }

    /// Tells the connection to end, unless it was told something that it did not hear yet.
    pub(super) fn tell(&self, verdict: Verdict) {
        if matches!(verdict, Verdict::Drain | Verdict::Enough) {
            self.draining.set(true);
        }
        self.verdict.set(self.verdict.get().or(Some(verdict)));
        self.told.notify_one();
    }

    /// Waits until it is told to end.
    pub(super) async fn verdict(&self) -> Verdict {
        loop {
            if let Some(verdict) = self.verdict.take() {
                return verdict;
            }
            self.told.notified().await;
        }
    }
}

#[cfg(test)]
#[path = "activity_tests.rs"]
mod tests;
