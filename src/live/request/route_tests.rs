//! The first match wins, and a template matches as a naive reading of it says.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;
use crate::gate::fixture::{leg, policy};

fn route(name: &str, matcher: Match) -> Arc<Route> {
    Arc::new(Route {
        name: name.into(),
        matcher,
        stable: Arc::new(leg(1)),
        mirror: policy(name),
        experiment: None,
    })
}

fn matching(hosts: &[&str], path: &str, methods: &[Method]) -> Match {
    Match {
        hosts: hosts.iter().map(|h| (*h).to_owned()).collect(),
        path: (!path.is_empty()).then(|| PathTemplate::parse(path).unwrap()),
        methods: methods.to_vec(),
    }
}

#[test]
fn the_first_match_wins_whatever_comes_later() {
    let routes = Routes {
        routes: vec![
            route("admin", matching(&["admin.example"], "", &[])),
            route("reads", matching(&[], "/orders/{id}", &[Method::GET, Method::HEAD])),
            route("orders", matching(&[], "/orders/{*rest}", &[])),
            route("shop", matching(&["shop.example", "www.example"], "", &[Method::POST])),
        ],
    };
    for (host, path, method, name) in [
        ("admin.example", "/orders/7", Method::GET, Some("admin")),
        ("shop.example", "/orders/7", Method::GET, Some("reads")),
        ("shop.example", "/orders/7", Method::PUT, Some("orders")),
        ("shop.example", "/orders/7/x", Method::GET, Some("orders")),
        ("www.example", "/", Method::POST, Some("shop")),
        ("www.example", "/", Method::GET, None),
        ("", "/", Method::POST, None),
        ("sub.shop.example", "/", Method::POST, None),
    ] {
        let found = routes.find(host, path, &method).map(|r| &*r.name);
        assert_eq!(found, name, "{method} {host} {path}");
    }
    assert!(Routes::default().find("", "/", &Method::GET).is_none());
}

#[test]
fn a_match_without_conditions_takes_everything() {
    for (host, path) in [("", "/"), ("a", "/b/c"), ("a", "*")] {
        assert!(Match::default().fits(host, path, &Method::OPTIONS), "{host} {path}");
    }
}

/// What a template means, by way of a list of its segments: slow, and plain.
fn naively(template: &str, path: &str) -> bool {
    let wanted: Vec<&str> = template.split('/').collect();
    let given: Vec<&str> = path.split('/').collect();
    for (n, segment) in wanted.iter().enumerate() {
        if segment.starts_with("{*") {
            return n <= given.len();
        }
        let Some(here) = given.get(n) else { return false };
        let fits = if segment.starts_with('{') { !here.is_empty() } else { segment == here };
        if !fits {
            return false;
        }
    }
    wanted.len() == given.len()
}

fn template() -> impl Strategy<Value = String> {
    let segment = prop::sample::select(vec!["a", "b", "", "{x}", "{long-name_1}", "%2F"]);
    (prop::collection::vec(segment, 1..5), any::<bool>()).prop_map(|(mut segments, rest)| {
        if rest {
            segments.push("{*rest}");
        }
        format!("/{}", segments.join("/"))
    })
}

fn path() -> impl Strategy<Value = String> {
    let segment = prop::sample::select(vec!["a", "b", "", "c", "%2F", "{x}", ".."]);
    prop::collection::vec(segment, 0..6).prop_map(|segments| format!("/{}", segments.join("/")))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_template_matches_as_the_naive_reading_says(template in template(), path in path()) {
        let compiled = PathTemplate::parse(&template).unwrap();
        prop_assert_eq!(compiled.matches(&path), naively(&template, &path), "{} {}", template, path);
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in "\\PC{0,30}", path in "\\PC{0,30}") {
        if let Ok(template) = PathTemplate::parse(&text) {
            let _ = template.matches(&path);
            prop_assert!(text.starts_with('/'));
        }
    }
}
