//! The planted bugs are there, and nothing else is.

use super::*;
use crate::evidence::{Epoch, Limits, Tally};

fn ask(edition: Edition, method: &str, path: &str, body: &str) -> Reply {
    let method = method.parse().unwrap();
    edition.answer(&method, path, body.as_bytes(), &mut fastrand::Rng::with_seed(1))
}

fn both(method: &str, path: &str, body: &str) -> (Reply, Reply) {
    (ask(Edition::Old, method, path, body), ask(Edition::Rewrite, method, path, body))
}

#[test]
fn a_number_becomes_a_string() {
    let (old, mut new) = both("GET", "/orders/7", "");
    assert!(old.body["total"].is_number());
    let text = new.body["total"].as_str().unwrap().to_owned();
    assert_eq!(text, old.body["total"].to_string());
    new.body["total"] = old.body["total"].clone();
    assert_eq!(old, new, "and nothing else");
}

#[test]
fn a_field_goes_missing_and_a_cent_from_twelve_pieces_on() {
    for (quantity, lost) in [(1, 0), (11, 0), (12, 1)] {
        let body = format!(r#"{{"reference":5,"quantity":{quantity}}}"#);
        let (old, new) = both("POST", "/orders", &body);
        assert_eq!((old.status.as_u16(), new.status.as_u16()), (201, 201));
        assert_eq!((&old.body["payment_url"], &new.body["payment_url"]), (&json!("/pay/5"), &Value::Null));
        let total = |cents: u64| json!(euros(cents));
        assert_eq!(old.body["total"], total(1250 * quantity));
        assert_eq!(new.body["total"], total(1250 * quantity - lost));
    }
}

#[test]
fn a_header_changes() {
    let (old, mut new) = both("GET", "/orders?page=3", "");
    assert_eq!((old.cache_control, new.cache_control), ("private, max-age=60", "no-store"));
    new.cache_control = old.cache_control;
    assert_eq!(old, new, "and nothing else");
}

#[test]
fn one_endpoint_is_slower() {
    let (old, mut new) = both("GET", "/orders/7/history", "");
    assert!(new.delay >= 5 * old.delay);
    new.delay = old.delay;
    assert_eq!(old, new, "and nothing else");
}

#[test]
fn products_and_failures_are_alike() {
    for (method, path, body, status) in [
        ("GET", "/products/mug-12", "", 200),
        ("HEAD", "/products/mug-12", "", 200),
        ("GET", "/", "", 404),
        ("GET", "/orders/seven", "", 404),
        ("GET", "/orders/7/future", "", 404),
        ("DELETE", "/orders/7", "", 404),
        ("POST", "/orders", "", 400),
        ("POST", "/orders", "{\"reference\":-1}", 400),
        ("POST", "/orders", "[[[[", 400),
    ] {
        let (old, new) = both(method, path, body);
        assert_eq!(old.status.as_u16(), status, "{method} {path}");
        assert_eq!(old, new, "{method} {path}");
    }
}

#[test]
fn the_carrier_changes_its_mind_now_and_then_on_both_sides() {
    for edition in [Edition::Old, Edition::Rewrite] {
        let mut dice = fastrand::Rng::with_seed(3);
        let mut eta =
            || edition.answer(&Method::GET, "/orders/7", b"", &mut dice).body["eta_minutes"].as_u64();
        let answers: Vec<Option<u64>> = (0..800).map(|_| eta()).collect();
        let odd = answers.iter().filter(|eta| **eta != Some(27)).count();
        assert!((50..150).contains(&odd), "{odd} of 800");
    }
}

#[test]
fn nothing_is_found_in_no_evidence() {
    let nothing = Report::of(&Tally::new(Epoch::default(), Limits::default()));
    assert!(PLANTED.iter().all(|planted| !planted.is_found(&nothing)));
}

proptest::proptest! {
    #[test]
    fn whatever_is_asked_is_answered(method in "[A-Z]{1,8}|GET|POST", path in ".{0,80}|/orders/[0-9]{0,30}(/history)?", body in ".{0,200}") {
        for edition in [Edition::Old, Edition::Rewrite] {
            let status = ask(edition, &method, &path, &body).status.as_u16();
            proptest::prop_assert!([200, 201, 400, 404].contains(&status), "{status}");
        }
    }

    #[test]
    fn a_created_order_is_worth_its_pieces(reference in 0u64.., quantity in 0u64..) {
        let body = format!(r#"{{"reference":{reference},"quantity":{quantity}}}"#);
        let (old, new) = both("POST", "/orders", &body);
        proptest::prop_assert_eq!(old.body["total"].clone(), json!(euros(1250 * quantity.min(1000))));
        proptest::prop_assert_eq!(old.body["total"] == new.body["total"], quantity < WHOLESALE);
    }
}
