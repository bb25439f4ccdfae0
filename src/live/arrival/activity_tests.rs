//! Each wait of a connection has its own patience, and none is timed on another's account.

use super::*;
use crate::model::clock;

const PATIENCE: Patience = Patience {
    header: Duration::from_secs(10),
    idle: Duration::from_secs(75),
    body: Duration::from_secs(30),
    write: Duration::from_mins(1),
    tunnel: Duration::from_hours(1),
};

/// What a connection is told when it is looked at after so many seconds.
fn judged(activity: &Activity, start: Instant, seconds: u64) -> Option<Verdict> {
    activity.judge(start + Duration::from_secs(seconds), PATIENCE);
    told(activity)
}

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
    activity.begun(true, || at(74));
    activity.begun(true, || at(80));
    activity.judge(at(83), PATIENCE);
    assert_eq!(told(&activity), None);
    activity.judge(at(84), PATIENCE);
    assert_eq!(told(&activity), Some(Verdict::Expired("header_timeout")));
    activity.begun(false, || unreachable!("the head is whole"));
    activity.begin();
    activity.judge(at(10_000), PATIENCE);
    assert_eq!(told(&activity), None, "a request being served is not the client's delay");
    activity.end(at(10_000));
    activity.judge(at(10_075), PATIENCE);
    assert_eq!(told(&activity), Some(Verdict::Over));
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
    assert_eq!(told(&activity), Some(Verdict::Over));
}

#[test]
fn bytes_during_a_request_begin_no_head() {
    let start = clock::now();
    let activity = Activity::new(start, 0);
    activity.begin();
    activity.read();
    activity.begun(true, || unreachable!("the clock is not read while serving"));
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
    activity.tell(Verdict::Over);
    let told = std::future::Future::poll(again.as_mut(), &mut cx);
    assert_eq!(told, std::task::Poll::Ready(Verdict::Over));
}

#[test]
fn a_head_that_came_behind_a_request_is_timed_once_that_is_answered() {
    let start = clock::now();
    let activity = Activity::new(start, 0);
    activity.begin();
    activity.begun(true, || unreachable!("the clock is not read while serving"));
    activity.end(start);
    assert!(!activity.is_idle());
    assert_eq!(judged(&activity, start, 10), Some(Verdict::Expired("header_timeout")));
}

#[test]
fn a_body_that_is_waited_for_stalls_once() {
    let start = clock::now();
    let activity = Activity::new(start, 0);
    activity.begin();
    activity.waits_for_body(false, || unreachable!("nothing is due"));
    activity.waits_for_body(true, || start);
    activity.waits_for_body(true, || unreachable!("it waits since the first time"));
    assert_eq!(judged(&activity, start, 29), None);
    activity.read();
    assert_eq!(judged(&activity, start, 31), None, "a piece came");
    activity.waits_for_body(true, || start);
    assert_eq!(judged(&activity, start, 30), Some(Verdict::Stalled));
    assert!(activity.wire().is_stalled());
    assert_eq!(judged(&activity, start, 60), None);
}

#[test]
fn an_upload_that_outlives_its_answer_is_neither_a_slow_head_nor_idle() {
    let start = clock::now();
    let activity = Activity::new(start, 0);
    activity.begin();
    activity.end(start);
    activity.waits_for_body(true, || start + Duration::from_mins(1));
    assert_eq!(judged(&activity, start, 80), None);
    assert_eq!(judged(&activity, start, 90), Some(Verdict::Stalled));
    assert_eq!(judged(&activity, start, 91), Some(Verdict::Over));
}

#[test]
fn a_client_that_takes_nothing_is_not_waited_for() {
    let start = clock::now();
    let activity = Activity::new(start, 0);
    activity.begin();
    activity.wrote(false, || start);
    activity.wrote(false, || unreachable!("it is blocked since the first time"));
    activity.waits_for_answer(Duration::from_secs(5), || start);
    assert_eq!(judged(&activity, start, 59), None, "stable is not asked for more meanwhile");
    assert_eq!(judged(&activity, start, 60), Some(Verdict::Expired("write_timeout")));
    activity.wrote(true, || start + Duration::from_mins(1));
    assert!(activity.is_flushed());
    assert_eq!(judged(&activity, start, 64), None, "stable's time begins anew");
    assert_eq!(judged(&activity, start, 65), Some(Verdict::Expired("answer_truncated")));
    assert_eq!(activity.paused(), Some(Overdue::Stable));
}

#[test]
fn an_answer_that_goes_on_is_not_overdue() {
    let start = clock::now();
    let limit = Duration::from_secs(5);
    let activity = Activity::new(start, 0);
    activity.begin();
    activity.waits_for_answer(limit, || start);
    activity.waits_for_answer(limit, || unreachable!("it waits since the first time"));
    activity.answered();
    assert_eq!(judged(&activity, start, 100), None);
    activity.waits_for_answer(limit, || start);
    activity.end(start);
    assert_eq!(judged(&activity, start, 6), None, "it ended");
    assert_eq!(activity.paused(), None);
}

#[test]
fn a_connection_that_we_close_lingers_for_a_while_only() {
    let start = clock::now();
    let activity = Activity::new(start, 0);
    activity.begin();
    activity.linger(start);
    activity.end(start);
    assert_eq!(judged(&activity, start, 1), None);
    assert_eq!(judged(&activity, start, 2), Some(Verdict::Over), "whatever ends meanwhile");
}

#[test]
fn what_was_told_first_is_heard_first() {
    let activity = Activity::new(clock::now(), 0);
    activity.tell(Verdict::Drain);
    activity.tell(Verdict::Over);
    assert_eq!(told(&activity), Some(Verdict::Drain));
}

#[test]
fn a_tunnel_lives_while_bytes_pass() {
    let start = clock::now();
    let activity = Activity::new(start, 0);
    activity.begin();
    activity.open_tunnel(start);
    assert_eq!(judged(&activity, start, 3599), None);
    activity.pass();
    assert_eq!(judged(&activity, start, 3600), None);
    assert_eq!(judged(&activity, start, 7199), None, "something passed an hour ago");
    assert_eq!(judged(&activity, start, 7200), Some(Verdict::Expired("tunnel_timeout")));
    assert!(!activity.is_idle() && !activity.is_quiet(start + Duration::from_hours(2)));
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
    activity.stir(|| at(1));
    activity.settle(at(5));
    assert!(activity.is_idle());
    activity.judge(at(79), PATIENCE);
    assert_eq!(told(&activity), None);
    activity.judge(at(80), PATIENCE);
    assert_eq!(told(&activity), Some(Verdict::Over));
    activity.begin();
    activity.settle(at(90));
    assert!(!activity.is_idle(), "a request is not unmade");
}
