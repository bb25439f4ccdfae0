//! What mirroring costs on the customers' path before anything is copied: the sampling decision and the admission.
#![allow(missing_docs, reason = "criterion's macros make functions without any")]

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};

use criterion::{Criterion, criterion_group, criterion_main};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use umbrage::gate::{Bounds, Gate, Policy, PolicySettings, SampleBy};
use umbrage::live::mirror::{Sampler, Source};
use umbrage::model::{Ppm, clock};

fn policy(sample_by: SampleBy, parts: u32) -> Policy {
    Policy::new(PolicySettings {
        has_shadow: true,
        route: "orders".into(),
        percent: Ppm::new(parts),
        sample_by,
        seed: 1,
        methods: vec![Method::GET],
        max_body: 1 << 20,
        max_capture: 1 << 20,
    })
}

fn sampling(c: &mut Criterion) {
    let (sampler, client) = (Sampler::new(1), IpAddr::V4(Ipv4Addr::LOCALHOST));
    let target = Uri::from_static("/orders/7?user=4711");
    let mut fields = HeaderMap::new();
    fields.insert("x-user", HeaderValue::from_static("4711"));
    fields.insert("cookie", HeaderValue::from_static("theme=dark; sid=0123456789abcdef"));
    let source = Source { client, target: &target, fields: &fields, trace: None };
    let mut group = c.benchmark_group("sample");
    for (name, by, parts) in [
        ("off", SampleBy::Random, 0),
        ("random", SampleBy::Random, 50_000),
        ("header", SampleBy::Header(HeaderName::from_static("x-user")), 50_000),
        ("cookie", SampleBy::Cookie("sid".to_owned()), 50_000),
    ] {
        let policy = policy(by, parts);
        group.bench_function(name, |b| {
            b.iter(|| sampler.takes(&policy, black_box(&source)));
        });
    }
    group.finish();
}

fn admission(c: &mut Criterion) {
    let now = clock::now();
    let bounds = |max_in_flight, max_per_second| Bounds {
        max_in_flight,
        max_per_second,
        burst: std::time::Duration::from_millis(100),
        memory: 1 << 30,
    };
    let mut group = c.benchmark_group("admit");
    // The rate must not be felt where there is room: a thousand million a second is its finest step.
    for (name, bounds) in
        [("room", bounds(256, u32::MAX)), ("in_flight", bounds(0, u32::MAX)), ("rate", bounds(256, 0))]
    {
        let (gate, _offers) = Gate::new(bounds, now);
        group.bench_function(name, |b| b.iter(|| gate.admit(black_box(2_048), clock::now())));
    }
    group.finish();
}

criterion_group!(benches, sampling, admission);
criterion_main!(benches);
