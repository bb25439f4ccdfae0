//! What one pair costs the evidence: the name of its endpoint, and folding it in.
#![allow(missing_docs, reason = "criterion's macros make functions without any")]

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use umbrage::evidence::{Endpoints, Epoch, Limits, Observation, Seen, Tally};
use umbrage::model::{Comparison, Difference, Kind, Outcome, Part, Severity, Verdict};

fn comparison(differences: usize) -> Comparison {
    let difference = |n: usize| Difference {
        path: format!("$.items[*].field{n}"),
        pointer: format!("/items/0/field{n}"),
        part: Part::Body,
        kind: Kind::Value,
        severity: Severity::Medium,
        stable: Some("1250".to_owned()),
        shadow: Some("1251".to_owned()),
    };
    Comparison {
        verdict: if differences == 0 { Verdict::Match } else { Verdict::Mismatch },
        reason: None,
        differences: (0..differences).map(difference).collect(),
        omitted: 0,
        hidden: Vec::new(),
        selected: Vec::new(),
    }
}

fn seen(millis: u64) -> Seen {
    let total = Some(Duration::from_millis(millis));
    Seen { status: Some(200), outcome: Outcome::Answered, first_byte: total, total }
}

fn fold(c: &mut Criterion) {
    let mut group = c.benchmark_group("fold");
    for differences in [0, 1, 10] {
        let comparison = comparison(differences);
        let mut tally = Tally::new(Epoch::default(), Limits::default());
        group.bench_function(format!("{differences}_differences"), |b| {
            b.iter(|| {
                tally.fold(black_box(&Observation {
                    route: "orders",
                    endpoint: "GET /orders/{id}",
                    stable: seen(3),
                    shadow: seen(4),
                    comparison: &comparison,
                    control: None,
                }));
            });
        });
    }
    group.finish();
}

fn endpoint(c: &mut Criterion) {
    let templates = ["/orders/{id}", "/users/{id}/carts/{cart}"].map(str::to_owned);
    let Ok(endpoints) = Endpoints::compile(&templates) else { return };
    let mut group = c.benchmark_group("endpoint");
    for (name, path) in [
        ("template", "/users/4711/carts/7"),
        ("guessed", "/invoices/7d8f3b1c-5a1e-4d3b-9c39-6a1f0e2b4c5d/lines/12"),
        ("literal", "/health/live"),
    ] {
        group.bench_function(name, |b| b.iter(|| endpoints.name(black_box("GET"), black_box(path))));
    }
    group.finish();
}

criterion_group!(benches, fold, endpoint);
criterion_main!(benches);
