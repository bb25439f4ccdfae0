//! The sample has the right size, is nested, exact at both ends, and the same everywhere.

use http::{HeaderName, HeaderValue, Method};

use super::*;
use crate::gate::PolicySettings;

const N: u32 = 200_000;

fn policy(percent: f64, by: SampleBy, seed: u64) -> Policy {
    Policy::new(PolicySettings {
        has_shadow: true,
        route: "r".into(),
        percent: Ppm::from_percent(percent).expect("a percentage"),
        sample_by: by,
        seed,
        methods: vec![Method::GET],
        max_body: 0,
        max_capture: 0,
    })
}

fn client() -> IpAddr {
    "192.0.2.7".parse().expect("an address")
}

fn source(fields: &HeaderMap) -> Source<'_> {
    static ROOT: std::sync::LazyLock<Uri> = std::sync::LazyLock::new(|| Uri::from_static("/"));
    Source { client: client(), target: &ROOT, fields, trace: None }
}

fn by_header(policy: &Policy, user: u32) -> bool {
    let mut fields = HeaderMap::new();
    fields.insert(HeaderName::from_static("x-user"), HeaderValue::from(user));
    Sampler::new(1).takes(policy, &source(&fields))
}

fn within_three_sigma(taken: u32, percent: f64) {
    let p = percent / 100.0;
    let (mean, sigma) = (f64::from(N) * p, (f64::from(N) * p * (1.0 - p)).sqrt());
    assert!((f64::from(taken) - mean).abs() <= 3.0 * sigma, "{taken} of {N} at {percent} %");
}

#[test]
fn random_decisions_have_the_configured_share() {
    for percent in [0.0, 0.01, 1.0, 5.0, 50.0, 100.0] {
        let (sampler, policy) = (Sampler::new(20_261_122), policy(percent, SampleBy::Random, 0));
        let taken = (0..N).filter(|_| sampler.takes(&policy, &source(&HeaderMap::new()))).count();
        within_three_sigma(u32::try_from(taken).expect("small"), percent);
    }
}

#[test]
fn keyed_decisions_have_the_configured_share_and_are_nested() {
    let by = || SampleBy::Header(HeaderName::from_static("x-user"));
    let mut before: Vec<bool> = vec![false; N as usize];
    for percent in [0.0, 0.01, 1.0, 5.0, 50.0, 100.0] {
        let policy = policy(percent, by(), 7);
        let now: Vec<bool> = (0..N).map(|user| by_header(&policy, user)).collect();
        within_three_sigma(u32::try_from(now.iter().filter(|t| **t).count()).expect("small"), percent);
        assert!(
            before.iter().zip(&now).all(|(b, n)| !b || *n),
            "the set at {percent} % does not contain the smaller one"
        );
        before = now;
    }
    assert!(before.iter().all(|t| *t), "100 % is everything");
}

#[test]
fn another_seed_is_another_set() {
    let by = || SampleBy::Header(HeaderName::from_static("x-user"));
    let (one, other) = (policy(50.0, by(), 1), policy(50.0, by(), 2));
    let differing = (0..10_000).filter(|u| by_header(&one, *u) != by_header(&other, *u)).count();
    assert!((4_000..6_000).contains(&differing), "{differing} of 10000 differ");
}

#[test]
fn the_hash_is_the_same_on_every_machine_for_ever() {
    assert_eq!(keyed_hash(1, b"alice"), keyed_hash(1, b"alice"));
    assert_eq!([keyed_hash(0, b""), keyed_hash(42, b"alice")], [PINNED_EMPTY, PINNED_ALICE]);
}

/// Recorded from the first version: a change of these would move every keyed sample.
const PINNED_EMPTY: u64 = 18_122_532_814_728_306_429;
const PINNED_ALICE: u64 = 17_323_810_217_190_746_782;

#[test]
fn keys_are_taken_from_where_they_stand() {
    let mut fields = HeaderMap::new();
    fields.insert("cookie", HeaderValue::from_static("xid=no; id=yes; id2=no"));
    let trace = TraceContext::parse(b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
    let target = Uri::from_static("/?xid=no&id=yes&id=second");
    let source = Source { target: &target, trace, ..source(&fields) };
    let found = |by: SampleBy| key(&by, &source).map(std::borrow::Cow::into_owned);
    assert_eq!(found(SampleBy::Cookie("id".into())).as_deref(), Some(&b"yes"[..]));
    assert_eq!(found(SampleBy::Query("id".into())).as_deref(), Some(&b"yes"[..]));
    assert_eq!(found(SampleBy::Trace).as_deref(), Some(&b"4bf92f3577b34da6a3ce929d0e0e4736"[..]));
    assert_eq!(found(SampleBy::ClientIp).as_deref(), Some(&[192, 0, 2, 7][..]));
    for none in [
        SampleBy::Random,
        SampleBy::Header(HeaderName::from_static("x-no")),
        SampleBy::Cookie("no".into()),
        SampleBy::Query("no".into()),
    ] {
        assert_eq!(found(none), None);
    }
}

#[test]
fn a_changed_share_holds_for_the_next_request() {
    let policy = policy(0.0, SampleBy::Random, 0);
    let takes = |p: &Policy| Sampler::new(1).takes(p, &source(&HeaderMap::new()));
    assert!(!takes(&policy));
    policy.set_percent(Ppm::ALL);
    assert!(takes(&policy));
}
