//! A pause ends when it should, and only itself.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use tokio::time::advance;

use super::super::fixture::office;
use super::*;

/// A desk whose timer runs.
fn kept() -> (Arc<Desk>, tokio::task::JoinSet<()>) {
    let desk = office().desk();
    let mut tasks = tokio::task::JoinSet::new();
    let timer = desk.clone();
    tasks.spawn(async move { keep(&timer).await });
    (desk, tasks)
}

/// Lets the timer's task see what happened.
async fn settle() {
    for _ in 0..8 {
        tokio::task::yield_now().await;
    }
}

async fn pass(seconds: u64) {
    settle().await;
    advance(Duration::from_secs(seconds)).await;
    settle().await;
}

#[tokio::test(start_paused = true)]
async fn a_pause_with_an_end_resumes_by_itself() {
    let (desk, _tasks) = kept();
    begin(&desk, Some(Duration::from_mins(10)));
    pass(599).await;
    assert!(desk.office.switches.is_paused());
    assert_eq!(remaining(&desk), Some(Duration::from_secs(1)));
    pass(2).await;
    assert!(!desk.office.switches.is_paused());
    assert_eq!(remaining(&desk), None);
}

#[tokio::test(start_paused = true)]
async fn a_pause_without_an_end_has_none() {
    let (desk, _tasks) = kept();
    begin(&desk, None);
    pass(1_000_000).await;
    assert!(desk.office.switches.is_paused());
    assert_eq!(remaining(&desk), None);
    end(&desk);
    assert!(!desk.office.switches.is_paused());
}

#[tokio::test(start_paused = true)]
async fn a_later_pause_replaces_the_end_of_an_earlier_one() {
    let (desk, _tasks) = kept();
    begin(&desk, Some(Duration::from_secs(10)));
    pass(5).await;
    begin(&desk, Some(Duration::from_mins(1)));
    pass(30).await;
    assert!(desk.office.switches.is_paused(), "the first end must not end the second pause");
    pass(31).await;
    assert!(!desk.office.switches.is_paused());
    begin(&desk, Some(Duration::from_mins(1)));
    begin(&desk, Some(Duration::from_secs(10)));
    pass(11).await;
    assert!(!desk.office.switches.is_paused(), "the shorter one came later and counts");
}

#[tokio::test(start_paused = true)]
async fn a_pause_for_good_outlives_an_earlier_end_and_so_does_one_of_somebody_else() {
    let (desk, _tasks) = kept();
    begin(&desk, Some(Duration::from_secs(10)));
    begin(&desk, None);
    pass(20).await;
    assert!(desk.office.switches.is_paused());
    end(&desk);
    begin(&desk, Some(Duration::from_secs(10)));
    let guard = desk.office.switches.pause();
    pass(20).await;
    assert!(desk.office.switches.is_paused(), "a pause by somebody else is not ours to end");
    assert!(desk.office.switches.resume_from(guard));
}
