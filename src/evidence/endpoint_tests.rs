//! Tests of the naming of endpoints.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;

fn compiled(templates: &[&str]) -> Endpoints {
    Endpoints::compile(&templates.iter().map(|t| (*t).to_owned()).collect::<Vec<_>>()).unwrap()
}

fn errors(templates: &[&str]) -> Vec<EndpointError> {
    Endpoints::compile(&templates.iter().map(|t| (*t).to_owned()).collect::<Vec<_>>()).unwrap_err()
}

fn inferred(path: &str) -> String {
    Endpoints::default().name("GET", path).strip_prefix("GET ").unwrap().to_owned()
}

#[test]
fn the_first_template_that_fits_gives_the_name() {
    let endpoints = compiled(&["/users/me", "/users/{name}", "/users/{name}/{*what}", "/files/{*rest}"]);
    for (path, name) in [
        ("/users/me", "GET /users/me"),
        ("/users/bob", "GET /users/{name}"),
        ("/users/bob/orders/7", "GET /users/{name}/{*what}"),
        ("/files", "GET /files/{*rest}"),
        ("/files/", "GET /files/{*rest}"),
        ("/files/a/b/c", "GET /files/{*rest}"),
        ("/users/", "GET /users/"),
        ("/filesystem/a", "GET /filesystem/a"),
        ("/users/bob?x=1", "GET /users/{name}"),
    ] {
        assert_eq!(endpoints.name("GET", path), name, "{path}");
    }
}

#[test]
fn every_bad_template_is_named() {
    let found = errors(&[
        "users/{id}",
        "/a/{id",
        "/a/x{id}",
        "/a/{}",
        "/a/{*}",
        "/{*rest}/b",
        "/a?b",
        "/{id}/{id}",
        "/a b",
        "/fine",
        "/{a b}",
    ]);
    let named: Vec<&str> = found.iter().map(|e| e.template.as_str()).collect();
    let expected = [
        "users/{id}",
        "/a/{id",
        "/a/x{id}",
        "/a/{}",
        "/a/{*}",
        "/{*rest}/b",
        "/a?b",
        "/{id}/{id}",
        "/a b",
        "/{a b}",
    ];
    assert_eq!(named, expected);
    assert_eq!(found[0].to_string(), "an endpoint's path starts with '/'");
    assert_eq!(found[5].to_string(), "'{*rest}' may only stand at the end");
}

#[test]
fn a_template_hidden_by_one_of_the_same_shape_is_refused() {
    let found = errors(&["/a/{id}", "/a/{name}", "/b/{*x}", "/b/{*y}", "/a/{id}/c"]);
    assert_eq!(found.len(), 2);
    assert_eq!(found[0].message, "never reached: '/a/{id}' before it takes the same paths");
    let long = format!("/{}", "a".repeat(MAX_TEMPLATE));
    assert_eq!(errors(&[&long]).len(), 1);
    let many: Vec<String> = (0..=MAX_TEMPLATES).map(|n| format!("/{n}")).collect();
    assert_eq!(Endpoints::compile(&many).unwrap_err().len(), 1);
}

#[test]
fn identifiers_give_way_to_placeholders() {
    for (path, name) in [
        ("/", "/"),
        ("/orders/42", "/orders/{id}"),
        ("/orders/-1", "/orders/{id}"),
        ("/orders/123456789012345678901234567890", "/orders/{id}"),
        ("/orders/order-1001/lines/3", "/orders/{id}/lines/{id}"),
        ("/orders/INV_20931", "/orders/{id}"),
        ("/u/3f2b8c1e-7a6d-4e0f-9b1a-2c3d4e5f6a7b", "/u/{uuid}"),
        ("/u/3F2B8C1E-7A6D-4E0F-9B1A-2C3D4E5F6A7B.json", "/u/{uuid}.json"),
        ("/blob/d41d8cd98f00b204e9800998ecf8427e", "/blob/{hash}"),
        ("/docs/507f1f77bcf86cd799439011", "/docs/{hash}"),
        ("/days/2026-11-22", "/days/{date}"),
        ("/days/2026-11-22T10:00:00Z", "/days/{date}"),
        ("/days/2026-11-22T10%3A00%3A00.5%2B01%3A00", "/days/{date}"),
        ("/s/01ARZ3NDEKTSV4RRFFQ69G5FAV", "/s/{token}"),
        ("/s/eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N", "/s/{token}"),
        ("/near/4.9041,52.3676", "/near/{number}"),
        ("/search/caf%C3%A9%20noir", "/search/{text}"),
        ("/mail/joe@example.com", "/mail/{text}"),
        ("/img/42.png", "/img/{id}.png"),
        ("/a;jsessionid=1234567890ABCDEF1234/b", "/a/b"),
        ("/users/{id}", "/users/{text}"),
        ("/a/\u{1b}[31m", "/a/{text}"),
    ] {
        assert_eq!(inferred(path), name, "{path}");
    }
}

#[test]
fn names_stay() {
    for path in [
        "/api/v1/users",
        "/api/2.0/x",
        "/health",
        "/a//b",
        "/a/",
        "/oauth2/token",
        "/i18n/de-DE",
        "/robots.txt",
        "/@types/node",
        "/static/jquery-3.7.1.min.js",
        "/2026-13-45",
        "/deadbeef",
        "/internationalisation",
        "/q3-2026",
        "/mp3",
        "/.well-known/x",
    ] {
        assert_eq!(inferred(path), path);
    }
}

#[test]
fn methods_that_a_client_invents_share_a_name() {
    let endpoints = Endpoints::default();
    assert_eq!(endpoints.name("PATCH", "/a"), "PATCH /a");
    for method in ["get", "FOO", "", "GET\n", "PROPFIND"] {
        assert_eq!(endpoints.name(method, "/a"), "OTHER /a");
    }
    assert_eq!(endpoints.name("OPTIONS", "*"), "OPTIONS *");
    assert_eq!(endpoints.name("GET", ""), "GET /");
    assert_eq!(endpoints.name("CONNECT", "example.com:443"), "CONNECT {text}");
}

#[test]
fn deep_and_long_paths_are_cut() {
    let deep = "/a".repeat(1000);
    assert_eq!(inferred(&deep), format!("{}{}", "/a".repeat(MAX_SEGMENTS), REST));
    assert_eq!(inferred(&"/a".repeat(MAX_SEGMENTS)), "/a".repeat(MAX_SEGMENTS));
    let long = format!("/{}/x", "word".repeat(10_000));
    assert_eq!(inferred(&long), "/{text}/x");
    let wide = format!("/{}", ["abcdefghijklmnopqrstuvwxyz-abcdefghij"; 12].join("/"));
    assert!(inferred(&wide).len() <= MAX_NAME && inferred(&wide).ends_with(REST));
}

proptest! {
    #[test]
    fn any_path_gets_a_bounded_name_without_control_characters(method in ".{0,9}", path in "/?(.{0,40}/?){0,20}") {
        let name = Endpoints::default().name(&method, &path);
        prop_assert!(name.len() <= MAX_NAME + 8, "{}", name.len());
        prop_assert!(!name.chars().any(char::is_control));
    }

    #[test]
    fn an_identifier_never_shows(id in 0u64.., uuid in any::<u128>(), hash in any::<u128>()) {
        prop_assert_eq!(inferred(&format!("/x/{id}/y")), "/x/{id}/y");
        let hex = format!("{uuid:032x}");
        let dashed = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-");
        prop_assert_eq!(inferred(&format!("/x/{dashed}")), "/x/{uuid}");
        prop_assert_eq!(inferred(&format!("/x/a1{hash:032x}")), "/x/{hash}");
    }
}
