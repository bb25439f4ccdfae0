//! An address that fails again and again rests; a request then finds out whether it is well.
//!
//! A failure is what the address itself is to blame for: no connection, one that broke before an answer, and the statuses
//! by which a gateway says that nobody is there (502, 503, 504). A 500 is an answer: leaving its address out would only
//! hide a fault of the code, which all addresses have.

use std::cell::Cell;
use std::time::Duration;

use http::StatusCode;

use super::super::Ejection;
use crate::model::clock::Instant;

/// A rest at most: what was repaired is found out within this time.
const LONGEST_REST: Duration = Duration::from_mins(5);

/// How an address did of late.
#[derive(Debug, Default)]
pub(in crate::upstream) struct Conduct {
    failures: Cell<u32>,
    rests: Cell<u32>,
    until: Cell<Option<Instant>>,
}

impl Conduct {
    /// Whether it rests.
    pub(in crate::upstream) fn rests(&self, now: Instant) -> bool {
        self.until.get().is_some_and(|until| now < until)
    }

    /// It answered.
    pub(in crate::upstream) fn succeeded(&self) {
        self.failures.set(0);
        if self.until.take().is_some() {
            // What came back and answered starts anew, one failure being a failure again.
            self.rests.set(0);
        }
    }

    /// It failed; how long it has to rest from now on, if this was one failure too many. `may_rest` says whether it can
    /// be done without.
    pub(in crate::upstream) fn failed(
        &self,
        settings: &Ejection,
        now: Instant,
        may_rest: bool,
    ) -> Option<Duration> {
        if settings.failures == 0 || self.rests(now) {
            return None;
        }
        self.failures.set(self.failures.get().saturating_add(1));
        // After a rest the first request is a trial.
        let enough = self.failures.get() >= settings.failures || self.until.get().is_some();
        if !enough || !may_rest {
            return None;
        }
        let rest =
            settings.rest.saturating_mul(1 << self.rests.get().min(16)).min(LONGEST_REST.max(settings.rest));
        self.rests.set(self.rests.get().saturating_add(1));
        self.until.set(Some(now + rest));
        Some(rest)
    }

    /// Failures in a row.
    pub(in crate::upstream) fn failures(&self) -> u32 {
        self.failures.get()
    }
}

/// Whether a status says that the address cannot serve.
pub(in crate::upstream) fn is_failure(status: StatusCode) -> bool {
    matches!(status, StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::clock;

    const SETTINGS: Ejection = Ejection { failures: 3, rest: Duration::from_secs(10) };

    fn fail(conduct: &Conduct, now: Instant, times: u32) -> Option<Duration> {
        (0..times).filter_map(|_| conduct.failed(&SETTINGS, now, true)).last()
    }

    #[test]
    fn only_failures_in_a_row_lead_to_a_rest() {
        let (conduct, now) = (Conduct::default(), clock::now());
        assert_eq!(fail(&conduct, now, 2), None);
        conduct.succeeded();
        assert_eq!(fail(&conduct, now, 2), None);
        assert!(!conduct.rests(now));
        assert_eq!(fail(&conduct, now, 1), Some(Duration::from_secs(10)));
        assert!(conduct.rests(now + Duration::from_secs(9)));
        assert!(!conduct.rests(now + Duration::from_secs(10)));
    }

    #[test]
    fn each_further_rest_is_longer_up_to_a_bound_and_a_success_starts_anew() {
        let (conduct, mut now) = (Conduct::default(), clock::now());
        let mut rests = Vec::new();
        fail(&conduct, now, 2);
        for _ in 0..8 {
            // One failure after a rest is enough.
            let rest = fail(&conduct, now, 1).unwrap_or_default();
            rests.push(rest.as_secs());
            now += rest;
        }
        assert_eq!(rests, [10, 20, 40, 80, 160, 300, 300, 300]);
        conduct.succeeded();
        assert_eq!(fail(&conduct, now, 2), None, "one failure is none after a success");
        assert_eq!(fail(&conduct, now, 1), Some(Duration::from_secs(10)));
    }

    #[test]
    fn what_cannot_be_done_without_never_rests() {
        let (conduct, now) = (Conduct::default(), clock::now());
        assert!((0..9).all(|_| conduct.failed(&SETTINGS, now, false).is_none()));
        let off = Ejection { failures: 0, ..SETTINGS };
        assert!((0..9).all(|_| conduct.failed(&off, now, true).is_none()));
        assert!(!conduct.rests(now));
    }

    #[test]
    fn an_answer_of_the_code_is_no_failure_of_the_address() {
        let failures: Vec<u16> =
            (200..600).filter(|code| StatusCode::from_u16(*code).is_ok_and(is_failure)).collect();
        assert_eq!(failures, [502, 503, 504]);
    }
}
