//! The whole way once: a request is answered by stable, asked of the shadow, compared, counted and reported.

use crate::support::{PATIENCE, proxy, server};

#[test]
fn a_difference_is_found_and_reported_and_the_client_gets_stables_answer() {
    let json = [("content-type", "application/json")];
    let stable = server().answers(200, &json, br#"{"id":7,"price":10}"#).start();
    let shadow = server().answers(200, &json, br#"{"id":7,"price":"10"}"#).start();
    let proxy = proxy().stable(&stable).shadow(&shadow).percent(100.0).start();

    let answer = proxy.client().get("/orders/7").read_response();
    assert_eq!((answer.status, answer.text().as_str()), (200, r#"{"id":7,"price":10}"#));

    proxy.compared(1);
    let copy = &shadow.wait_for_requests(1, PATIENCE)[0];
    assert_eq!(copy.header("umbrage-shadow"), Some("1"));
    assert_eq!(stable.requests()[0].header("umbrage-shadow"), None);
    let report = proxy.report();
    let endpoint = &report["endpoints"][0];
    assert_eq!(endpoint["endpoint"], "GET /orders/{id}");
    assert_eq!(
        (&endpoint["fields"][0]["path"], &endpoint["fields"][0]["kind"]),
        (&"$.price".into(), &"type".into())
    );
    proxy.assert_laws();
}
