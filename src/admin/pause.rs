//! A pause that ends by itself: one timer, moved by every pause and resume.

use std::time::Duration;

use tokio::time::sleep_until;

use super::desk::Desk;
use crate::gate::Pause;
use crate::model::clock::{self, Instant};

/// When a pause is over, and which.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PauseEnd {
    pause: Pause,
    pub(super) at: Instant,
}

/// Pauses, for a while or until somebody resumes.
pub(super) fn begin(desk: &Desk, length: Option<Duration>) {
    // Paused while the end is locked, so that of two at once the later one's end stands.
    desk.pause_end.send_modify(|end| {
        let pause = desk.office.switches.pause();
        *end = length.map(|length| PauseEnd { pause, at: clock::now() + length });
    });
}

/// Resumes at once.
pub(super) fn end(desk: &Desk) {
    desk.pause_end.send_modify(|end| {
        desk.office.switches.resume();
        *end = None;
    });
}

/// How long the pause goes on; `None` if it has no end or there is none.
pub(super) fn remaining(desk: &Desk) -> Option<Duration> {
    let end = (*desk.pause_end.borrow()).filter(|_| desk.office.switches.is_paused())?;
    Some(end.at.saturating_duration_since(clock::now()))
}

/// Waits for the end of each pause; runs for ever.
pub(super) async fn keep(desk: &Desk) {
    let mut ends = desk.pause_end.subscribe();
    loop {
        let end = *ends.borrow_and_update();
        let Some(end) = end else {
            if ends.changed().await.is_err() {
                return;
            }
            continue;
        };
        tokio::select! {
            _ = ends.changed() => {}
            () = sleep_until(end.at) => expire(desk, end),
        }
    }
}

fn expire(desk: &Desk, end: PauseEnd) {
    if desk.office.switches.resume_from(end.pause) {
        tracing::info!(paused = false, "mirroring resumed: its pause is over");
    }
    desk.pause_end.send_if_modified(|now| {
        let same = *now == Some(end);
        if same {
            *now = None;
        }
        same
    });
}

#[cfg(test)]
#[path = "pause_tests.rs"]
mod tests;
