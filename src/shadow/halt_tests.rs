//! What was not sent is cut off at once, the rest after its drain, and a resume before that lets it go on.
#![allow(clippy::unwrap_used)]

use tokio::task::JoinSet;
use tokio::time::advance;

use super::*;
use crate::gate::fixture::policy;
use crate::model::{Ppm, clock};

const DRAIN: Duration = Duration::from_secs(2);

/// Two routes, `a` and `b`, each with one that was sent and one that was not.
struct Rig {
    switches: Arc<Switches>,
    halts: Halts,
    ended: Rc<RefCell<Vec<String>>>,
    _tasks: JoinSet<()>,
}

impl Rig {
    fn new() -> Self {
        let switches = Arc::new(Switches::default());
        switches.install(vec![policy("a"), policy("b")]);
        let halts = Halts::new(switches.clone());
        let (ended, mut tasks) = (Rc::<RefCell<Vec<String>>>::default(), JoinSet::new());
        for (route, written) in [("a", true), ("a", false), ("b", true), ("b", false)] {
            let (halt, ended) = (halts.of(&route.into()), ended.clone());
            tasks.spawn_local(async move {
                halt.cuts(DRAIN, || written).await;
                ended.borrow_mut().push(format!("{route} {}", if written { "sent" } else { "unsent" }));
            });
        }
        Rig { switches, halts, ended, _tasks: tasks }
    }

    /// What was cut off once this time has passed and it was looked.
    async fn after(&self, time: Duration) -> Vec<String> {
        settle().await;
        advance(time).await;
        self.halts.look(clock::now());
        settle().await;
        let mut ended = self.ended.take();
        ended.sort_unstable();
        ended
    }
}

async fn settle() {
    for _ in 0..8 {
        tokio::task::yield_now().await;
    }
}

fn run(test: impl AsyncFnOnce(Rig)) {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    tokio::task::LocalSet::new().block_on(&runtime, async { test(Rig::new()).await });
}

const MOMENT: Duration = Duration::from_millis(1);

#[test]
fn a_pause_cuts_off_what_was_not_sent_and_lets_the_rest_end() {
    run(async |rig| {
        assert!(rig.after(Duration::from_hours(1)).await.is_empty(), "nothing is stopped");
        rig.switches.pause();
        assert_eq!(rig.after(MOMENT).await, ["a unsent", "b unsent"]);
        assert!(rig.after(DRAIN.saturating_sub(MOMENT)).await.is_empty());
        assert_eq!(rig.after(MOMENT).await, ["a sent", "b sent"]);
    });
}

#[test]
fn a_guard_does_the_same() {
    run(async |rig| {
        rig.switches.guard(true);
        assert_eq!(rig.after(MOMENT).await, ["a unsent", "b unsent"]);
        assert_eq!(rig.after(DRAIN).await, ["a sent", "b sent"]);
    });
}

#[test]
fn a_share_of_nothing_stops_its_own_route_and_so_does_a_route_that_is_no_more() {
    run(async |rig| {
        rig.switches.set_percent(Some("b"), Ppm::ZERO).unwrap();
        assert!(rig.halts.stops("b") && !rig.halts.stops("a"));
        assert_eq!(rig.after(MOMENT).await, ["b unsent"]);
        assert_eq!(rig.after(DRAIN).await, ["b sent"]);
        rig.switches.install(vec![policy("b")]);
        assert!(rig.halts.stops("a"));
        assert_eq!(rig.after(MOMENT).await, ["a unsent"]);
        assert_eq!(rig.after(DRAIN).await, ["a sent"]);
    });
}

#[test]
fn a_resume_in_time_lets_it_go_on_and_the_next_stop_counts_anew() {
    run(async |rig| {
        rig.switches.pause();
        rig.after(MOMENT).await;
        assert!(rig.after(DRAIN / 2).await.is_empty());
        rig.switches.resume();
        assert!(rig.after(MOMENT).await.is_empty());
        assert!(rig.after(DRAIN * 10).await.is_empty());
        rig.switches.pause();
        assert!(rig.after(MOMENT).await.is_empty());
        assert!(rig.after(DRAIN / 2).await.is_empty());
        assert_eq!(rig.after(DRAIN).await, ["a sent", "b sent"]);
    });
}

#[test]
fn routes_that_nothing_is_under_way_of_are_forgotten() {
    run(async |rig| {
        rig.switches.pause();
        rig.after(MOMENT).await;
        rig.after(DRAIN).await;
        rig.after(MOMENT).await;
        assert_eq!(rig.halts.known.borrow().len(), 0);
    });
}

#[test]
fn one_that_comes_after_a_resume_does_not_fall_to_the_stop_before() {
    run(async |rig| {
        rig.switches.pause();
        rig.after(MOMENT).await;
        rig.switches.resume();
        let halt = rig.halts.of(&"a".into());
        let unsent = halt.cuts(DRAIN, || false);
        let cut = tokio::time::timeout(DRAIN * 2, unsent).await;
        assert!(cut.is_err());
        // Those of the other route were not looked at.
        assert_eq!(rig.ended.take(), ["b sent"]);
    });
}
