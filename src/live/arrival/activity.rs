//! What a client connection is doing, kept in two words so that one sweep can time thousands without a timer for each.

use std::cell::Cell;
use std::time::Duration;

use tokio::sync::Notify;

use crate::model::clock::Instant;

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
    flushed: Cell<bool>,
    passed: Cell<bool>,
    draining: Cell<bool>,
    verdict: Cell<Option<Verdict>>,
    told: Notify,
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
}

/// Why a connection is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It was idle, or slow with a head, for too long.
    Expired(&'static str),
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
            flushed: Cell::new(true),
            passed: Cell::new(false),
            draining: Cell::new(false),
            verdict: Cell::new(None),
            told: Notify::new(),
        }
    }

    /// Bytes came from the client.
    pub(super) fn read(&self, now: impl FnOnce() -> Instant) {
        if self.state.get() == State::Idle {
            self.state.set(State::Head);
            self.since.set(now());
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

    /// What came was no request, or the whole of a head; who serves it says when its request begins.
    pub(super) fn settle(&self, now: Instant) {
        if self.state.get() == State::Head {
            self.state.set(State::Idle);
            self.since.set(now);
        }
    }

    /// A request's answer ended.
    pub(in crate::live) fn end(&self, now: Instant) {
        self.requests.set(self.requests.get().saturating_sub(1));
        if self.requests.get() == 0 {
            self.state.set(State::Idle);
            self.since.set(now);
        }
    }

    /// From now on it is a tunnel, until its request ends.
    pub(super) fn open_tunnel(&self, now: Instant) {
        self.state.set(State::Tunnel);
        self.since.set(now);
    }

    /// Bytes passed in the tunnel; when, the next look at it says.
    pub(super) fn pass(&self) {
        self.passed.set(true);
    }

    /// Nothing is being served and no head has begun.
    pub(super) fn is_idle(&self) -> bool {
        self.state.get() == State::Idle
    }

    /// Nothing came for long enough that probably nothing is on its way.
    pub(super) fn is_quiet(&self, now: Instant) -> bool {
        self.is_idle() && now.saturating_duration_since(self.since.get()) >= QUIET
    }

    /// It was told to end as soon as nothing is being served.
    pub(super) fn is_draining(&self) -> bool {
        self.draining.get()
    }

    /// Whether the client's socket took what it was last offered.
    pub(super) fn wrote(&self, taken: bool) {
        self.flushed.set(taken);
    }

    /// Nothing waits for the client to read.
    pub(super) fn is_flushed(&self) -> bool {
        self.flushed.get()
    }

    /// Ends the connection if it kept us waiting for too long.
    pub(super) fn judge(&self, now: Instant, patience: Patience) {
        if self.passed.take() {
            self.since.set(now);
        }
        let waited = now.saturating_duration_since(self.since.get());
        match self.state.get() {
            State::Head if waited >= patience.header => self.tell(Verdict::Expired("header_timeout")),
            State::Tunnel if waited >= patience.tunnel => self.tell(Verdict::Expired("tunnel_timeout")),
            State::Idle if waited >= patience.idle => self.tell(Verdict::Expired("idle_timeout")),
            _ => {}
        }
    }

    /// Tells the connection to end.
    pub(super) fn tell(&self, verdict: Verdict) {
        if matches!(verdict, Verdict::Drain | Verdict::Enough) {
            self.draining.set(true);
        }
        self.verdict.set(Some(verdict));
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
mod tests {
    use super::*;
    use crate::model::clock;

    const PATIENCE: Patience = Patience {
        header: Duration::from_secs(10),
        idle: Duration::from_secs(75),
        tunnel: Duration::from_hours(1),
    };

    fn told(activity: &Activity) -> Option<Verdict> {
        activity.verdict.take()
    }

    #[test]
    fn each_state_has_its_own_patience() {
        let start = clock::now();
        let at = |s| start + Duration::from_secs(s);
        let activity = Activity::new(start, 0);
        activity.judge(at(74), PATIENCE);
        assert_eq!(told(&activity), None);
        activity.read(|| at(74));
        activity.read(|| at(80));
        activity.judge(at(83), PATIENCE);
        assert_eq!(told(&activity), None);
        activity.judge(at(84), PATIENCE);
        assert_eq!(told(&activity), Some(Verdict::Expired("header_timeout")));
        activity.begin();
        activity.judge(at(10_000), PATIENCE);
        assert_eq!(told(&activity), None, "a request being served is not the client's delay");
        activity.end(at(10_000));
        activity.judge(at(10_075), PATIENCE);
        assert_eq!(told(&activity), Some(Verdict::Expired("idle_timeout")));
    }

    #[test]
    fn a_tunnel_lives_while_bytes_pass() {
        let start = clock::now();
        let at = |s| start + Duration::from_secs(s);
        let activity = Activity::new(start, 0);
        activity.begin();
        activity.open_tunnel(start);
        activity.read(|| unreachable!("bytes in a tunnel begin no head"));
        activity.judge(at(3599), PATIENCE);
        assert_eq!(told(&activity), None);
        activity.pass();
        activity.judge(at(3600), PATIENCE);
        activity.judge(at(7199), PATIENCE);
        assert_eq!(told(&activity), None, "something passed an hour ago");
        activity.judge(at(7200), PATIENCE);
        assert_eq!(told(&activity), Some(Verdict::Expired("tunnel_timeout")));
        assert!(!activity.is_idle() && !activity.is_quiet(at(7200)));
    }

    #[test]
    fn a_connection_is_quiet_once_its_client_has_had_time_for_another_request() {
        let start = clock::now();
        let activity = Activity::new(start, 0);
        assert!(!activity.is_quiet(start + QUIET / 2), "its first request may be on its way");
        assert!(activity.is_quiet(start + QUIET));
        activity.begin();
        assert!(!activity.is_quiet(start + 10 * QUIET));
        activity.end(start + 10 * QUIET);
        assert!(!activity.is_quiet(start + 10 * QUIET));
        assert!(activity.is_quiet(start + 11 * QUIET));
    }

    #[test]
    fn overlapping_requests_keep_it_busy_until_the_last_one_ends() {
        let start = clock::now();
        let later = start + Duration::from_hours(1);
        let activity = Activity::new(start, 0);
        assert!(activity.is_idle());
        activity.begin();
        activity.begin();
        activity.end(later);
        assert!(!activity.is_idle());
        activity.judge(later + PATIENCE.idle, PATIENCE);
        assert_eq!(told(&activity), None);
        activity.end(later);
        assert!(activity.is_idle());
        activity.judge(later + PATIENCE.idle - Duration::from_nanos(1), PATIENCE);
        assert_eq!(told(&activity), None, "idle since the last end, not since the first");
        activity.judge(later + PATIENCE.idle, PATIENCE);
        assert_eq!(told(&activity), Some(Verdict::Expired("idle_timeout")));
    }

    #[test]
    fn bytes_during_a_request_begin_no_head() {
        let start = clock::now();
        let activity = Activity::new(start, 0);
        activity.begin();
        activity.read(|| unreachable!("the clock is not read while serving"));
        activity.judge(start + Duration::from_hours(1), PATIENCE);
        assert_eq!(told(&activity), None);
    }

    #[test]
    fn an_end_without_a_beginning_and_a_clock_that_stands_still_do_no_harm() {
        let start = clock::now() + Duration::from_secs(100);
        let activity = Activity::new(start, 0);
        activity.end(start);
        activity.judge(start - Duration::from_secs(50), PATIENCE);
        assert!(activity.is_idle());
        assert_eq!(told(&activity), None);
    }

    #[test]
    fn a_verdict_that_was_told_before_anybody_waited_is_not_lost() {
        let activity = Activity::new(clock::now(), 0);
        activity.tell(Verdict::Drain);
        let mut waiting = std::pin::pin!(activity.verdict());
        let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
        let told = std::future::Future::poll(waiting.as_mut(), &mut cx);
        assert_eq!(told, std::task::Poll::Ready(Verdict::Drain));
        let mut again = std::pin::pin!(activity.verdict());
        assert!(std::future::Future::poll(again.as_mut(), &mut cx).is_pending(), "it is told once");
        activity.tell(Verdict::Expired("idle_timeout"));
        let told = std::future::Future::poll(again.as_mut(), &mut cx);
        assert_eq!(told, std::task::Poll::Ready(Verdict::Expired("idle_timeout")));
    }

    #[test]
    fn the_last_request_that_a_connection_may_have_is_told() {
        let start = clock::now();
        let activity = Activity::new(start, 2);
        activity.begin();
        assert_eq!(told(&activity), None);
        activity.begin();
        assert_eq!(told(&activity), Some(Verdict::Enough));
        activity.begin();
        assert_eq!(told(&activity), None, "it is told once");
        let endless = Activity::new(start, 0);
        for _ in 0..1000 {
            endless.begin();
        }
        assert_eq!(told(&endless), None);
    }

    #[test]
    fn a_head_that_came_to_nothing_leaves_the_connection_idle_from_then_on() {
        let start = clock::now();
        let at = |s| start + Duration::from_secs(s);
        let activity = Activity::new(start, 0);
        activity.read(|| at(1));
        activity.settle(at(5));
        assert!(activity.is_idle());
        activity.judge(at(79), PATIENCE);
        assert_eq!(told(&activity), None);
        activity.judge(at(80), PATIENCE);
        assert_eq!(told(&activity), Some(Verdict::Expired("idle_timeout")));
        activity.begin();
        activity.settle(at(90));
        assert!(!activity.is_idle(), "a request is not unmade");
    }
}
