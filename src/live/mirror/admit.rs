//! May this request be mirrored? The refusals in the order in which they are tried: what costs nothing first, what
//! takes room last.

use http::{HeaderMap, Method, header};

use super::offer::Head;
use super::sample::{Sampler, Source};
use crate::gate::{Admission, Experiment, Gate, Policy};
use crate::model::Refusal;
use crate::model::clock::Instant;

/// Charged for each mirrored request beside its fields and bodies: the structures around them, and the part of a read
/// buffer that its fields keep alive.
const OVERHEAD: usize = 4 * 1024;

/// A place in the mirror for one request, or why there is none.
pub(super) fn admit(
    gate: &Gate,
    (policy, experiment): (&Policy, &Experiment),
    sampler: &Sampler,
    head: &Head<'_>,
    now: Instant,
) -> Result<Admission, Refusal> {
    switched(gate)?;
    let parts = head.parts;
    if head.said.upgrade || parts.method == Method::CONNECT {
        return Err(Refusal::Upgrade);
    }
    if head.said.marked {
        return Err(Refusal::Marked);
    }
    if !policy.methods.contains(&parts.method) {
        return Err(Refusal::Method);
    }
    let (target, fields, trace) = (&parts.uri, &parts.headers, head.said.trace);
    if !sampler.takes(policy, &Source { client: head.peer.address, target, fields, trace }) {
        return Err(Refusal::NotSampled);
    }
    let declared = declared_length(&parts.headers);
    if declared > policy.max_body as u64 {
        return Err(Refusal::BodyTooLarge);
    }
    let body = usize::try_from(declared).unwrap_or(usize::MAX);
    let pass = experiment.pass()?;
    let mut admission = gate.admit(OVERHEAD + size(&parts.headers) + body, now)?;
    admission.pass = pass;
    Ok(admission)
}

/// Whether mirroring is stopped altogether, for a request that comes and for one whose body came meanwhile.
pub(super) fn switched(gate: &Gate) -> Result<(), Refusal> {
    if gate.switches.is_draining() {
        return Err(Refusal::Shutdown);
    }
    if gate.switches.is_paused() {
        return Err(Refusal::Paused);
    }
    if gate.switches.is_guarded() { Err(Refusal::Guard) } else { Ok(()) }
}

/// The declared length of the body; 0 where there is none. hyper has refused what is not a number.
fn declared_length(fields: &HeaderMap) -> u64 {
    fields
        .get(header::CONTENT_LENGTH)
        .and_then(|v| v.to_str().ok())
        .and_then(|v| v.trim().parse().ok())
        .unwrap_or(0)
}

fn size(fields: &HeaderMap) -> usize {
    fields.iter().map(|(name, value)| name.as_str().len() + value.len()).sum()
}
