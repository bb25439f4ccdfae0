//! What totals grew by in the last while.

use std::collections::VecDeque;
use std::time::Duration;

use crate::model::clock::Instant;

/// Totals are kept this many times in a window.
const MARKS: u32 = 10;

/// Totals of the past, the oldest first; at most [`MARKS`] and two more.
#[derive(Debug)]
pub(super) struct Window<T>(VecDeque<(Instant, T)>);

impl<T> Default for Window<T> {
    fn default() -> Self {
        Window(VecDeque::new())
    }
}

impl<T: Clone> Window<T> {
    /// Takes the totals of now, and gives those of the beginning of the window: the latest that are as old as that, or the
    /// first that there were.
    pub(super) fn begin(&mut self, now: Instant, totals: &T, length: Duration) -> T {
        let age = |at: Instant| now.saturating_duration_since(at);
        if self.0.back().is_none_or(|(at, _)| age(*at) >= length / MARKS) {
            self.0.push_back((now, totals.clone()));
        }
        while self.0.len() > MARKS as usize + 2 || self.0.get(1).is_some_and(|(at, _)| age(*at) >= length) {
            self.0.pop_front();
        }
        self.0.front().map_or_else(|| totals.clone(), |(_, first)| first.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::clock;

    #[test]
    fn it_begins_as_long_ago_as_it_is_long_and_holds_few_marks() {
        let (mut window, start) = (Window::default(), clock::now());
        let length = Duration::from_secs(10);
        let mut at = |ms: u64| {
            let begin = window.begin(start + Duration::from_millis(ms), &ms, length);
            (begin, window.0.len())
        };
        for ms in (0..10_000).step_by(250) {
            assert_eq!(at(ms).0, 0);
        }
        for ms in (10_000..60_000).step_by(250) {
            let (begin, marks) = at(ms);
            assert!(
                (10_000..11_000).contains(&(ms - begin)) && marks <= 12,
                "{begin} at {ms}, {marks} marks"
            );
        }
        assert_eq!(at(600_000).0, 59_000, "after a gap the last that is known");
        assert_eq!(at(610_000).0, 600_000);
    }

    #[test]
    fn a_shorter_window_forgets_at_once() {
        let (mut window, start) = (Window::default(), clock::now());
        for second in 0..20 {
            window.begin(start + Duration::from_secs(second), &second, Duration::from_secs(100));
        }
        let now = start + Duration::from_secs(20);
        assert!(window.begin(now, &20, Duration::from_secs(5)) >= 8);
    }
}
