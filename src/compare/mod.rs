//! Pure comparison of two answers: no clock, I/O, async or randomness; the same input gives the same output for ever.
//!
//! The order of the work, cheapest first: status, heads (`head`), bodies (`body`: captures, then `decode`, then
//! `content`, which chooses `json`, `text` or `binary`), trailers. What is found goes through `findings`,
//! which bounds it. Every loop here is bounded by the size of its input (times a logarithm where something is sorted) and
//! nothing recurses, so that a hostile answer costs no more than a big one.
//!
//! What a verdict means:
//! * any difference that no rule hides makes a [`Verdict::Mismatch`](crate::model::Verdict::Mismatch);
//! * a body that cannot be compared makes [`Verdict::Incomparable`](crate::model::Verdict::Incomparable), with the
//!   differences of the heads kept beside the reason, unless the status differs: another status is a mismatch whatever
//!   the body holds.

mod binary;
mod body;
mod content;
mod cookies;
mod decode;
mod findings;
mod head;
mod json;
mod media;
pub mod rules;
mod text;

pub use findings::{MAX_DIFFERENCES, MAX_VALUE_CHARS};
pub use rules::{DEFAULT_IGNORED_HEADERS, Numbers, RuleError, Rules, Settings};

use http::header::CONTENT_LENGTH;
use http::{HeaderMap, StatusCode};

use crate::model::{Answer, Capture, Comparison, Kind, Part};
use findings::{Findings, Place};

/// Compares what `other` answered with what stable answered.
#[must_use]
pub fn compare(stable: &Answer, other: &Answer, rules: &Rules) -> Comparison {
    let mut findings = Findings::new(rules);
    let status_differs = stable.status != other.status;
    if status_differs {
        findings.add(Part::Status, Kind::Value, || Place {
            path: "status".to_owned(),
            pointer: String::new(),
            stable: Some(stable.status.as_str().to_owned()),
            shadow: Some(other.status.as_str().to_owned()),
        });
    }
    head::compare(&stable.headers, &other.headers, Part::Header, bare(stable, other), &mut findings);
    let body = body::compare(stable, other, &mut findings);
    if !matches!((&stable.body, &other.body), (Capture::Absent(_), _) | (_, Capture::Absent(_))) {
        trailers(stable.trailers.as_ref(), other.trailers.as_ref(), &mut findings);
    }
    match body {
        Err(reason) if !status_differs => findings.incomparable(reason),
        _ => findings.finish(),
    }
}

/// Compares two bodies, neither of them encoded; without a media type JSON is told by its first character.
#[must_use]
pub fn compare_bodies(stable: &[u8], other: &[u8], media_type: Option<&str>, rules: &Rules) -> Comparison {
    let mut findings = Findings::new(rules);
    match content::compare((stable, media_type), (other, media_type), &mut findings) {
        Ok(()) => findings.finish(),
        Err(reason) => findings.incomparable(reason),
    }
}

/// An answer's body without its Content-Encoding, for showing; `None` where it has none or cannot be decoded.
#[must_use]
pub fn decoded(answer: &Answer, rules: &Rules) -> Option<Vec<u8>> {
    body::plain(answer, rules.settings().max_decoded)
}

/// Whether Content-Length is the only trace of the bodies, as in answers to HEAD: none is there, both heads declare one
/// under the same Content-Encoding, and neither status forbids it.
fn bare(stable: &Answer, other: &Answer) -> bool {
    let bodyless = |answer: &Answer| {
        answer.body.is_empty()
            && !matches!(answer.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
            && answer.headers.contains_key(CONTENT_LENGTH)
    };
    bodyless(stable) && bodyless(other) && decode::codings(&stable.headers) == decode::codings(&other.headers)
}

/// Compares the trailer fields; none at all is the same as an empty section.
fn trailers(stable: Option<&HeaderMap>, other: Option<&HeaderMap>, findings: &mut Findings<'_>) {
    if stable.is_none() && other.is_none() {
        return;
    }
    let none = HeaderMap::new();
    head::compare(stable.unwrap_or(&none), other.unwrap_or(&none), Part::Trailer, false, findings);
}

#[cfg(test)]
mod hostile_tests;
#[cfg(test)]
mod property_tests;
#[cfg(test)]
mod tests;
