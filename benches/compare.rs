//! What one comparison costs: answers that are equal, and answers with one leaf changed, at three sizes.
#![allow(missing_docs, reason = "criterion's macros make functions without any")]

use std::fmt::Write;
use std::hint::black_box;

use bytes::Bytes;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use umbrage::compare::{Rules, Settings, compare};
use umbrage::model::{Answer, Capture, Chunks};

/// A list of orders of about this many bytes; the price in the middle is given.
fn orders(size: usize, price: u32) -> String {
    let mut text = String::from("{\"items\":[");
    let count = size / 100;
    for n in 0..count {
        let price = if n == count / 2 { price } else { 1_250 };
        let comma = if n == 0 { "" } else { "," };
        let _ = write!(
            text,
            "{comma}{{\"id\":{n:08},\"name\":\"a thing to be bought {n:08}\",\"price\":{price},\"tags\":[\"new\",\"sale\"]}}"
        );
    }
    text.replace(":0", ":1") + "]}"
}

fn answer(body: String) -> Answer {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    let body = Capture::Complete(Chunks::from(Bytes::from(body)));
    Answer { status: StatusCode::OK, headers, body, trailers: None }
}

fn pairs(c: &mut Criterion) {
    let Ok(rules) = Rules::compile(Settings::default()) else { return };
    let mut group = c.benchmark_group("compare");
    for kib in [1, 10, 100] {
        let stable = answer(orders(kib << 10, 1_250));
        let bytes = stable.body.len().unwrap_or(0);
        group.throughput(Throughput::Bytes(bytes));
        for (name, price) in [("equal", 1_250), ("one_leaf", 1_251)] {
            let shadow = answer(orders(kib << 10, price));
            group.bench_function(BenchmarkId::new(name, format!("{kib}KiB")), |b| {
                b.iter(|| compare(black_box(&stable), black_box(&shadow), &rules));
            });
        }
    }
    group.finish();
}

criterion_group!(benches, pairs);
criterion_main!(benches);
