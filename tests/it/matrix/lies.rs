//! Legs that speak no HTTP, say one length and mean another, or lead in circles.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use super::ailing::{Ailing, echo};
use crate::support::{RawResponse, RecordedRequest, answer, server, try_client};

faults! {
    it_speaks_no_http: Ailing::answers(RawResponse::raw("220 mail.example ESMTP\r\n\r\n").then_hangs(), &["invalid_response"]);
    a_chunk_of_an_impossible_size: Ailing::answers(
        RawResponse::raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nabc").then_hangs(),
        &["invalid_response"]
    );
    a_chunk_size_that_is_none: Ailing::answers(
        RawResponse::raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nabc").then_hangs(),
        &["invalid_response"]
    );
    lengths_that_differ: Ailing::answers(
        RawResponse::raw("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd").then_hangs(),
        &["invalid_response"]
    );
    less_than_it_said: Ailing::answers(RawResponse::raw("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc").then_closes(), &["reset"]);
    more_than_it_said: Ailing::answers(
        RawResponse::raw("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nsplit"),
        &["answered", "reset", "invalid_response"]
    );
    a_circle_of_redirects: Ailing::server(
        server().answers_with(|request| answer(302, &[("Location", &request.target)], "")),
        &["answered"]
    );
    it_calls_the_proxy_back: caller();
}

/// Asks the proxy what it was asked, as a service may that finds its peers through their public name.
fn caller() -> Ailing {
    let told: Arc<OnceLock<SocketAddr>> = Arc::default();
    let proxy = told.clone();
    let asks = move |request: &RecordedRequest| {
        let Some(mut client) = proxy.get().and_then(|address| try_client(*address).ok()) else {
            return RawResponse::nothing().then_closes();
        };
        let marks: Vec<_> = request.headers.iter().filter(|(name, _)| name == "umbrage-shadow").collect();
        assert_eq!(marks.len(), 1, "{}", request.head_text());
        client.request(&request.method, &request.target, &[("umbrage-shadow", "1")], &request.body);
        match client.try_read_response() {
            Ok(_) => echo(request),
            Err(_) => RawResponse::nothing().then_closes(),
        }
    };
    // As many customers again.
    let mut ailing = Ailing::server(server().answers_with(asks), &["answered"]).takes(32);
    ailing.told = told;
    ailing
}
