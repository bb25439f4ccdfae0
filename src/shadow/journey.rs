//! The way of one mirrored request, from the offer to the evidence.

use std::rc::Rc;
use std::time::Duration;

use tokio::sync::oneshot;

use super::account::Account;
use super::dispatch::{Asked, Limits, ask};
use super::join::join;
use super::keep::{Pair, redacted};
use super::plane::Tools;
use super::prepare::prepare;
use super::trial::Trial;
use crate::evidence::{Observation, Seen};
use crate::gate::{Kept, Offer, Pass};
use crate::model::clock::{self, Instant};
use crate::model::{Answer, Comparison, Exchange, Failure, Incomparable, Leg, Outcome, Timing, Verdict};

/// A pair waits for stable's answer for this many times the legs' own bound: an answer that a client takes slowly is
/// evidence too, but its pair must not hold its room for as long as the client likes.
const STABLE_PATIENCE: u32 = 2;

/// A mirrored request on its way: opened before its task first runs, so that one that never runs is counted too.
pub(super) struct Journey {
    tools: Rc<Tools>,
    trial: Rc<Trial>,
    account: Account,
    /// Whether control is asked, and by whose leave.
    control: (bool, Option<Pass>),
    offer: Offer,
}

impl Journey {
    /// Opens the account and draws whether control is asked.
    pub(super) fn new(tools: Rc<Tools>, offer: Offer) -> Self {
        let trial = tools.trial(&offer.experiment);
        let drawn = offer.experiment.control.as_ref().is_some_and(|c| tools.draw(c.percent));
        let leave = if drawn { trial.may_ask_control().ok() } else { None };
        let control = (leave.is_some(), leave.flatten());
        let account = Account::open(trial.meters.clone(), tools.books.clone(), control.0);
        Journey { tools, trial, account, control, offer }
    }
}

/// Asks the legs, waits for stable, compares, counts, keeps.
pub(super) async fn journey(journey: Journey) {
    let Journey { tools, trial, account, control: (control, leave), offer } = journey;
    let Offer { request, experiment, offered, stable, admission } = offer;
    let limits = Limits {
        deadline: offered + experiment.timeout,
        max_capture: experiment.max_capture,
        max_drain: (experiment.max_capture + tools.settings.max_drain) as u64,
    };
    let asked = async {
        let leg = |leg: Leg| {
            let pass = if leg == Leg::Control { &leave } else { &admission.pass };
            one_leg(&trial, &account, &request, (leg, pass.as_ref()), limits, admission.bytes.sibling())
        };
        match (control, tools.coin()) {
            (false, _) => (leg(Leg::Shadow).await, None),
            // Both at the same moment, and neither always first.
            (true, true) => {
                let (shadow, control) = futures_util::future::join(leg(Leg::Shadow), leg(Leg::Control)).await;
                (shadow, Some(control))
            }
            (true, false) => {
                let (control, shadow) = futures_util::future::join(leg(Leg::Control), leg(Leg::Shadow)).await;
                (shadow, Some(control))
            }
        }
    };
    let halt = tools.halts.of(&experiment.route);
    let asked = tokio::select! {
        biased;
        asked = asked => Some(asked),
        () = halt.cuts(experiment.drain, || account.written()) => None,
    };
    let Some((shadow, control)) = asked else { return account.stop() };
    let stable = wait_for_stable(stable, offered + experiment.timeout * STABLE_PATIENCE).await;
    let pairs = Pairs { request: &request, stable, shadow, control };
    pairs.conclude(&tools, &trial, &account);
    drop(admission);
}

async fn one_leg(
    trial: &Trial,
    account: &Account,
    request: &crate::model::MirroredRequest,
    (leg, pass): (Leg, Option<&Pass>),
    limits: Limits,
    bytes: crate::gate::Permit,
) -> Asked {
    let pool = match (leg, &trial.control) {
        (Leg::Control, Some(pool)) => pool,
        _ => &trial.shadow,
    };
    let asked = if clock::now() < limits.deadline {
        let prepared = prepare(request, &trial.experiment, (leg, pool.settings()));
        ask(
            leg,
            &pool.on_behalf_of(|| request.client.clone()),
            prepared,
            limits,
            bytes,
            &account.progress(leg),
        )
        .await
    } else {
        Asked::expired(leg, bytes)
    };
    let outcome =
        asked.exchange.result.as_ref().map_or_else(|failure| failure.outcome, |_| Outcome::Answered);
    account.ended(leg, outcome);
    trial.note(leg, pass, outcome);
    trial.meters.exchanged(&asked.exchange);
    if let Err(failure) = &asked.exchange.result {
        let (address, outcome) = (&pool.settings().origin().authority, failure.outcome.label());
        tracing::debug!(%leg, %address, outcome, detail = failure.detail, "no answer");
    }
    asked
}

async fn wait_for_stable(stable: oneshot::Receiver<Kept>, until: Instant) -> Result<Kept, Incomparable> {
    match tokio::time::timeout_at(until, stable).await {
        Ok(Ok(kept)) => Ok(kept),
        Ok(Err(_)) => Err(Incomparable::StableNoAnswer),
        Err(_) => Err(Incomparable::StableLate),
    }
}

struct Pairs<'a> {
    request: &'a crate::model::MirroredRequest,
    stable: Result<Kept, Incomparable>,
    shadow: Asked,
    control: Option<Asked>,
}

impl Pairs<'_> {
    fn conclude(&self, tools: &Tools, trial: &Trial, account: &Account) {
        let (compared, took) = self.compare(&self.shadow, trial);
        let control = self.control.as_ref().map(|asked| self.compare(asked, trial));
        let (stable, shadow) = (self.stable_seen(), seen(&self.shadow.exchange));
        let control_seen = self.control.as_ref().map(|asked| seen(&asked.exchange));
        let reference = control_seen.map_or(stable.total, |c| c.total);
        if let (Some(shadow), Some(reference)) = (shadow.total, reference) {
            trial.meters.lagged(shadow, reference);
        }
        let experiment = &trial.experiment;
        let endpoint = experiment.endpoints.name(self.request.method.as_str(), self.request.target.path());
        let observation = Observation {
            route: &experiment.route,
            endpoint: &endpoint,
            stable,
            shadow,
            comparison: &compared,
            control: control_seen.zip(control.as_ref().map(|(comparison, _)| comparison)),
        };
        let took = [took, control.as_ref().and_then(|(_, took)| *took)];
        let epoch = account.conclude(experiment.epoch(), &observation, &trial.rules, took);
        if let Some(epoch) = epoch.filter(|_| compared.verdict == Verdict::Mismatch) {
            self.keep(tools, trial, epoch, &endpoint, &compared);
        }
    }

    /// Compares a leg's answer with stable's; nothing is counted yet.
    fn compare(&self, asked: &Asked, trial: &Trial) -> (Comparison, Option<Duration>) {
        let stable = match &self.stable {
            Ok(kept) => kept.exchange.result.as_ref().map_err(|_| Incomparable::StableNoAnswer),
            Err(reason) => Err(*reason),
        };
        let (comparison, took) = join(stable, &asked.exchange, &trial.experiment.rules);
        (redacted(trial, comparison), took)
    }

    fn keep(&self, tools: &Tools, trial: &Trial, epoch: u64, endpoint: &str, compared: &Comparison) {
        let Ok(stable) = &self.stable else { return };
        let pair = Pair {
            trial,
            epoch,
            endpoint,
            request: self.request,
            stable: &stable.exchange,
            shadow: &self.shadow.exchange,
            control: self.control.as_ref().map(|asked| &asked.exchange),
            differences: &compared.differences,
        };
        tools.keeper.consider(&pair, clock::now());
    }

    fn stable_seen(&self) -> Seen {
        match &self.stable {
            Ok(kept) => seen(&kept.exchange),
            Err(Incomparable::StableLate) => unseen(Outcome::Timeout),
            Err(_) => unseen(Outcome::Reset),
        }
    }
}

fn seen(exchange: &Exchange) -> Seen {
    match &exchange.result {
        Err(failure) => unseen(failure.outcome),
        Ok(answer) => Seen {
            status: Some(answer.status.as_u16()),
            outcome: Outcome::Answered,
            first_byte: exchange.timing.first_byte,
            total: whole(answer, exchange.timing),
        },
    }
}

/// The time of a whole answer; one that was cut short took no comparable time.
fn whole(answer: &Answer, timing: Timing) -> Option<Duration> {
    use crate::model::{Absent, Capture};
    match answer.body {
        Capture::Complete(_) | Capture::Digest { .. } | Capture::Absent(Absent::Memory) => Some(timing.total),
        Capture::Absent(Absent::Truncated | Absent::TooLong) => None,
    }
}

fn unseen(outcome: Outcome) -> Seen {
    Seen { status: None, outcome, first_byte: None, total: None }
}

impl Asked {
    /// A leg that was not asked: its deadline had passed in the queue.
    fn expired(leg: Leg, bytes: crate::gate::Permit) -> Self {
        let failure =
            Failure { outcome: Outcome::Expired, detail: "its deadline passed in the queue".to_owned() };
        Asked { exchange: Exchange { leg, timing: Timing::default(), result: Err(failure) }, _bytes: bytes }
    }
}
