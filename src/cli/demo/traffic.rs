//! The demo's traffic: the same seed sends the same requests in the same order.

use http::Method;

/// What a client asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// GET or POST.
    pub method: Method,
    /// Path and query.
    pub path: String,
    /// JSON; empty for a GET.
    pub body: String,
}

/// An endless sequence of requests.
#[derive(Clone, Debug)]
pub struct Traffic {
    dice: fastrand::Rng,
    deck: Vec<Kind>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Order,
    List,
    Product,
    History,
    Create,
}

/// Each round of 20 requests has every kind in it, so that a short demo shows them all.
const ROUND: [(Kind, usize); 5] =
    [(Kind::Order, 7), (Kind::List, 4), (Kind::Product, 3), (Kind::History, 3), (Kind::Create, 3)];
/// Orders and products that there are.
const ORDERS: u64 = 10_000;
const PRODUCTS: u64 = 40;
/// Most pieces in an order.
const PIECES: u64 = 12;

impl Traffic {
    /// The sequence of a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Traffic { dice: fastrand::Rng::with_seed(seed), deck: Vec::new() }
    }

    fn draw(&mut self) -> Kind {
        if self.deck.is_empty() {
            self.deck = ROUND.iter().flat_map(|(kind, times)| std::iter::repeat_n(*kind, *times)).collect();
            self.dice.shuffle(&mut self.deck);
        }
        self.deck.pop().unwrap_or(Kind::Order)
    }
}

impl Iterator for Traffic {
    type Item = Asked;

    fn next(&mut self) -> Option<Asked> {
        let kind = self.draw();
        let id = self.dice.u64(1..=ORDERS);
        let get = |path: String| Asked { method: Method::GET, path, body: String::new() };
        Some(match kind {
            Kind::Order => get(format!("/orders/{id}")),
            Kind::List => get(format!("/orders?page={}", id % 9 + 1)),
            Kind::Product => get(format!("/products/mug-{}", id % PRODUCTS)),
            Kind::History => get(format!("/orders/{id}/history")),
            Kind::Create => {
                let quantity = self.dice.u64(1..=PIECES);
                let body =
                    format!(r#"{{"reference":{id},"sku":"mug-{}","quantity":{quantity}}}"#, id % PRODUCTS);
                Asked { method: Method::POST, path: "/orders".to_owned(), body }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_sends_the_same_requests() {
        let first: Vec<Asked> = Traffic::new(7).take(1000).collect();
        assert_eq!(first, Traffic::new(7).take(1000).collect::<Vec<_>>());
        assert_ne!(first, Traffic::new(8).take(1000).collect::<Vec<_>>());
    }

    #[test]
    fn every_round_asks_every_endpoint() {
        for seed in 0..50 {
            let round: Vec<Asked> = Traffic::new(seed).skip(20).take(20).collect();
            let count = |fits: &dyn Fn(&Asked) -> bool| round.iter().filter(|asked| fits(asked)).count();
            assert_eq!(count(&|a| a.method == Method::POST && a.path == "/orders"), 3);
            assert_eq!(count(&|a| a.path.ends_with("/history")), 3);
            assert_eq!(count(&|a| a.path.starts_with("/orders?page=")), 4);
            assert_eq!(count(&|a| a.path.starts_with("/products/")), 3);
            assert_eq!(count(&|a| a.method == Method::GET && a.path.starts_with("/orders/")), 10);
        }
    }

    #[test]
    fn only_a_post_has_a_body_and_it_is_json_within_bounds() {
        for asked in Traffic::new(3).take(2000) {
            if asked.method == Method::GET {
                assert_eq!(asked.body, "");
                continue;
            }
            let order: serde_json::Value = serde_json::from_str(&asked.body).unwrap();
            assert!((1..=PIECES).contains(&order["quantity"].as_u64().unwrap()));
            assert!((1..=ORDERS).contains(&order["reference"].as_u64().unwrap()));
        }
    }
}
