//! Which requests are in the sample: a keyed hash against a threshold, so that the set at 5 % is contained in the set
//! at 10 %, and instances with the same seed decide alike for the same key.

use std::cell::RefCell;
use std::hash::Hasher;
use std::net::IpAddr;

use http::{HeaderMap, Uri, header};
use siphasher::sip::SipHasher13;

use crate::gate::{Policy, SampleBy};
use crate::model::{Ppm, TraceContext};

/// Second half of the hash key; the first is the configured seed.
const KEY: u64 = 0x756d_6272_6167_6531;

/// Where keys are taken from.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// The client's address.
    pub client: IpAddr,
    /// Path and query.
    pub target: &'a Uri,
    /// The fields.
    pub fields: &'a HeaderMap,
    /// The trace that the client is in, whatever became of its fields.
    pub trace: Option<TraceContext>,
}

/// Draws what has no key of its own.
#[derive(Debug)]
pub struct Sampler {
    draws: RefCell<fastrand::Rng>,
}

impl Sampler {
    /// A sampler whose own draws follow from `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Sampler { draws: RefCell::new(fastrand::Rng::with_seed(seed)) }
    }

    /// Whether a request is in its policy's sample.
    #[must_use]
    pub fn takes(&self, policy: &Policy, source: &Source<'_>) -> bool {
        let percent = policy.percent();
        // Exact at both ends, without a hash.
        if percent == Ppm::ZERO || percent == Ppm::ALL {
            return percent == Ppm::ALL;
        }
        let hash = match key(&policy.sample_by, source) {
            Some(key) => keyed_hash(policy.seed, &key),
            None => self.draws.borrow_mut().u64(..),
        };
        below(hash, percent)
    }
}

/// Whether a hash lies below the threshold of a share.
#[must_use]
pub fn below(hash: u64, share: Ppm) -> bool {
    (u128::from(hash) * 1_000_000) >> 64 < u128::from(share.parts())
}

/// SipHash-1-3 of a key under a seed.
#[must_use]
pub fn keyed_hash(seed: u64, key: &[u8]) -> u64 {
    let mut hasher = SipHasher13::new_with_keys(seed, KEY);
    hasher.write(key);
    hasher.finish()
}

fn key<'a>(by: &SampleBy, source: &'a Source<'_>) -> Option<std::borrow::Cow<'a, [u8]>> {
    let fields = source.fields;
    match by {
        SampleBy::Random => None,
        SampleBy::ClientIp => Some(match source.client {
            IpAddr::V4(ip) => ip.octets().to_vec().into(),
            IpAddr::V6(ip) => ip.octets().to_vec().into(),
        }),
        SampleBy::Trace => source.trace.as_ref().map(|trace| trace.id().as_bytes().into()),
        SampleBy::Header(name) => Some(fields.get(name)?.as_bytes().into()),
        SampleBy::Cookie(name) => cookie(fields, name).map(Into::into),
        SampleBy::Query(name) => query(source.target.query()?, name).map(Into::into),
    }
    .filter(|key: &std::borrow::Cow<'_, [u8]>| !key.is_empty())
}

fn cookie<'a>(fields: &'a HeaderMap, name: &str) -> Option<&'a [u8]> {
    let crumbs = fields.get_all(header::COOKIE).into_iter().flat_map(|v| v.as_bytes().split(|b| *b == b';'));
    crumbs.map(<[u8]>::trim_ascii).find_map(|crumb| crumb.strip_prefix(name.as_bytes())?.strip_prefix(b"="))
}

fn query<'a>(query: &'a str, name: &str) -> Option<&'a [u8]> {
    query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('=')).map(str::as_bytes)
}

#[cfg(test)]
mod tests;
