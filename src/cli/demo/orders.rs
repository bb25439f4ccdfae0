//! The orders API of the demo, old and rewritten: pure answers, and the bugs that were planted in the rewrite.

use std::time::Duration;

use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::evidence::Report;
use crate::evidence::report::Endpoint;
use crate::model::Kind;

/// Which of the two answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edition {
    /// The service that customers know.
    Old,
    /// Its rewrite, with the bugs of [`PLANTED`].
    Rewrite,
}

/// What a backend sends, and how long it thinks first.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    /// Status code.
    pub status: StatusCode,
    /// `Cache-Control`.
    pub cache_control: &'static str,
    /// The body.
    pub body: Value,
    /// Time before the first byte.
    pub delay: Duration,
}

/// A bug of the rewrite.
#[derive(Clone, Copy, Debug)]
pub struct Planted {
    /// In words.
    pub what: &'static str,
    /// Where.
    pub endpoint: &'static str,
    /// How it shows.
    pub shows: Shows,
}

/// How a bug shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shows {
    /// As a difference at this path, of this kind.
    Difference(&'static str, Kind),
    /// In the latency.
    Slower,
}

/// Every bug of the rewrite.
pub const PLANTED: &[Planted] = &[
    Planted {
        what: "a number became a string",
        endpoint: "GET /orders/{id}",
        shows: Shows::Difference("$.total", Kind::Type),
    },
    Planted {
        what: "a field is missing",
        endpoint: "POST /orders",
        shows: Shows::Difference("$.payment_url", Kind::Missing),
    },
    Planted {
        what: "a header changed",
        endpoint: "GET /orders",
        shows: Shows::Difference("header:cache-control", Kind::Value),
    },
    Planted {
        what: "a cent is lost, from twelve pieces on",
        endpoint: "POST /orders",
        shows: Shows::Difference("$.total", Kind::Value),
    },
    Planted { what: "one endpoint is slower", endpoint: "GET /orders/{id}/history", shows: Shows::Slower },
];

/// What differs from one answer to the next on either side: no bug, but noise.
pub const NOISE: (&str, &str) = ("GET /orders/{id}", "$.eta_minutes");

/// The path templates of the API, for the config.
pub const TEMPLATES: [&str; 3] = ["/orders/{id}", "/orders/{id}/history", "/products/{sku}"];

/// Paths worth asking, told to whoever asks for another.
const PATHS: [&str; 4] = ["/orders", "/orders/7", "/orders/7/history", "/products/mug-12"];

/// The old service's time to think; both need it for everything but the slow endpoint.
const BRISK: Duration = Duration::from_millis(2);
/// The rewrite's time to read an order's history, one query for each event.
const SLOW: Duration = Duration::from_millis(25);
/// Pieces from which on the rewrite rounds the discount once more.
const WHOLESALE: u64 = 12;
/// Shown as slower once the median is this many times the reference's, at the confidence of the report.
const SLOWER: f64 = 1.5;

impl Edition {
    /// Answers one request; `path` comes with its query.
    #[must_use]
    pub fn answer(self, method: &Method, path: &str, body: &[u8], dice: &mut fastrand::Rng) -> Reply {
        let path = path.split_once('?').map_or(path, |(path, _)| path);
        let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
        match (method.as_str(), segments.as_slice()) {
            ("GET" | "HEAD", ["orders"]) => self.list(),
            ("POST", ["orders"]) => self.create(body),
            ("GET" | "HEAD", ["orders", id]) => found(id, |id| self.order(id, dice)),
            ("GET" | "HEAD", ["orders", id, "history"]) => found(id, |id| self.history(id)),
            ("GET" | "HEAD", ["products", sku]) => Reply::of(StatusCode::OK, product(sku)),
            _ => unknown(),
        }
    }

    fn list(self) -> Reply {
        let orders: Vec<Value> = (1..=5).map(|id| json!({"id": id, "total": euros(total(id))})).collect();
        let cache_control = match self {
            Edition::Old => "private, max-age=60",
            Edition::Rewrite => "no-store",
        };
        Reply {
            cache_control,
            ..Reply::of(StatusCode::OK, json!({"orders": orders, "next": "/orders?page=2"}))
        }
    }

    fn order(self, id: u64, dice: &mut fastrand::Rng) -> Reply {
        let total = match self {
            Edition::Old => json!(euros(total(id))),
            Edition::Rewrite => json!(format!("{:.2}", euros(total(id)))),
        };
        let status = ["open", "paid", "shipped"].get((id % 3) as usize);
        Reply::of(
            StatusCode::OK,
            json!({
                "id": id,
                "status": status,
                "total": total,
                "currency": "EUR",
                "items": [{"sku": format!("mug-{}", id % 40), "quantity": id % 5 + 1}],
                "eta_minutes": 20 + id % 60 + delay_of_carrier(dice),
            }),
        )
    }

    fn history(self, id: u64) -> Reply {
        let events: Vec<Value> =
            ["placed", "paid", "packed"].iter().map(|what| json!({"event": what, "order": id})).collect();
        let delay = if self == Edition::Rewrite { SLOW } else { BRISK };
        Reply { delay, ..Reply::of(StatusCode::OK, json!({"events": events})) }
    }

    fn create(self, body: &[u8]) -> Reply {
        let order: Value = serde_json::from_slice(body).unwrap_or_default();
        let (Some(id), Some(quantity)) = (order["reference"].as_u64(), order["quantity"].as_u64()) else {
            return Reply::of(
                StatusCode::BAD_REQUEST,
                json!({"error": "an order needs a reference and a quantity"}),
            );
        };
        let mut cents = 1250 * quantity.min(1000);
        if self == Edition::Rewrite && quantity >= WHOLESALE {
            cents -= 1;
        }
        let mut created = json!({"id": id, "status": "open", "quantity": quantity, "total": euros(cents)});
        if self == Edition::Old {
            created["payment_url"] = json!(format!("/pay/{id}"));
        }
        Reply::of(StatusCode::CREATED, created)
    }
}

impl Reply {
    fn of(status: StatusCode, body: Value) -> Self {
        Reply { status, cache_control: "no-cache", body, delay: BRISK }
    }
}

impl Planted {
    /// Whether the report names it.
    #[must_use]
    pub fn is_found(&self, report: &Report) -> bool {
        let Some(endpoint) = report.endpoints.iter().find(|endpoint| endpoint.endpoint == self.endpoint)
        else {
            return false;
        };
        match self.shows {
            Shows::Slower => is_slower(endpoint),
            Shows::Difference(path, kind) => endpoint
                .fields
                .iter()
                .any(|field| field.path == path && field.kind == kind && field.count > 0),
        }
    }
}

/// Whether the shadow's median is provably far above its reference's.
#[must_use]
pub fn is_slower(endpoint: &Endpoint) -> bool {
    endpoint.latency.ratio_p50.and_then(|ratio| ratio.lower).is_some_and(|lower| lower >= SLOWER)
}

/// The carrier is asked each time, and changes its mind in one answer of eight.
fn delay_of_carrier(dice: &mut fastrand::Rng) -> u64 {
    if dice.u8(..8) == 0 { dice.u64(1..=9) } else { 0 }
}

fn product(sku: &str) -> Value {
    let stock: u64 = sku.bytes().map(u64::from).sum();
    json!({"sku": sku, "price": 12.5, "stock": stock % 50})
}

fn found(id: &str, reply: impl FnOnce(u64) -> Reply) -> Reply {
    match id.parse() {
        Ok(id) => reply(id),
        Err(_) => unknown(),
    }
}

fn unknown() -> Reply {
    Reply::of(StatusCode::NOT_FOUND, json!({"error": "there is nothing here", "try": PATHS}))
}

/// An order's worth in cents.
fn total(id: u64) -> u64 {
    id % 1000 * 37 + 990
}

#[allow(clippy::cast_precision_loss)] // Far below 2⁵³.
fn euros(cents: u64) -> f64 {
    cents as f64 / 100.0
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
#[path = "orders_tests.rs"]
mod tests;
