//! Pairs the answers of two legs and compares them.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use crate::compare::{self, Rules};
use crate::model::clock;
use crate::model::{Answer, Comparison, Exchange, Incomparable};

/// Compares a leg's exchange with stable's; a bug in the comparison is a reason, not the end of the plane.
///
/// `stable` is `Err` with the reason if there is nothing of stable's to compare with. The second value is the time that
/// the comparison took, where there was one.
pub(super) fn join(
    stable: Result<&Answer, Incomparable>,
    leg: &Exchange,
    rules: &Rules,
) -> (Comparison, Option<Duration>) {
    let answers = stable
        .and_then(|stable| leg.result.as_ref().map(|leg| (stable, leg)).map_err(|_| Incomparable::NoAnswer));
    let (stable, leg) = match answers {
        Ok(pair) => pair,
        Err(reason) => return (Comparison::incomparable(reason), None),
    };
    let began = clock::now();
    // Sound to unwind through: the answers and rules are only read.
    let comparison = catch_unwind(AssertUnwindSafe(|| compare::compare(stable, leg, rules)))
        .unwrap_or_else(|_| Comparison::incomparable(Incomparable::Panicked));
    (comparison, Some(clock::now() - began))
}

#[cfg(test)]
#[path = "join_tests.rs"]
mod tests;
