//! What a proxy owes both ends in HTTP/1.1, line by line. Behind everything tricky wait two innocent requests on the same
//! connection: they get their own answers, or, where the connection must close, nobody ever sees them.

mod bodies;
mod forwarding;
mod heads;
mod pace;
mod responses;

use crate::support::{
    Client, PATIENCE, Proxy, ProxyBuilder, RawResponse, RecordedRequest, Response, Server, ServerBuilder,
    answer, proxy, server,
};

const INNOCENTS: &str =
    "GET /innocent/1 HTTP/1.1\r\nHost: innocent\r\n\r\nGET /innocent/22 HTTP/1.1\r\nHost: innocent\r\n\r\n";

/// A stable and a proxy before it.
struct Rig {
    stable: Server,
    proxy: Proxy,
}

/// Answers `/innocent…` with the target itself, and everything else with `tricky`.
fn tricky(tricky: RawResponse) -> ServerBuilder {
    server().answers_with(move |request| match request.target.strip_prefix("/innocent") {
        Some(name) => answer(200, &[], name),
        None => tricky.clone(),
    })
}

fn rig() -> Rig {
    rig_with(tricky(answer(200, &[], "x")), |proxy| proxy)
}

fn rig_with(stable: ServerBuilder, change: impl FnOnce(ProxyBuilder) -> ProxyBuilder) -> Rig {
    let stable = stable.start();
    // An id is another for each request, and requests are compared here.
    let proxy = change(proxy().stable(&stable).with("listen", "request_id = \"off\"")).start();
    Rig { stable, proxy }
}

/// How the bytes of a client are cut.
#[derive(Clone, Copy, Debug)]
enum Cut {
    Whole,
    Bytes,
}

impl Rig {
    /// Sends `bytes` and the innocents behind them, without waiting for anything.
    fn send(&self, bytes: &[u8], cut: Cut) -> Client {
        let mut client = self.proxy.client();
        let all = [bytes, INNOCENTS.as_bytes()].concat();
        // A peer that closes while this is sent is no failure of the test.
        match cut {
            Cut::Whole => drop(client.try_send(&all)),
            Cut::Bytes => drop(all.iter().try_for_each(|byte| client.try_send([*byte]))),
        }
        client
    }

    /// `bytes` are answered with this status by the proxy itself, which then closes in order; stable saw nothing.
    #[track_caller]
    fn refuses(&self, bytes: impl AsRef<[u8]>, status: u16) {
        let bytes = bytes.as_ref();
        for cut in [Cut::Whole, Cut::Bytes] {
            // The larger cases are about size, and would be sent for long.
            if bytes.len() > 2000 && matches!(cut, Cut::Bytes) {
                continue;
            }
            let shown = bytes[..bytes.len().min(100)].escape_ascii().to_string();
            let mut client = self.send(bytes, cut);
            let response = client.try_read_response();
            let response = response.unwrap_or_else(|broken| panic!("{shown} {cut:?}: {broken:?}"));
            assert_eq!((shown.as_str(), response.status), (shown.as_str(), status), "{}", response.text());
            let blamed = response.header("umbrage-error").unwrap_or_default();
            assert!(blamed.starts_with("client; "), "{shown}: {blamed}");
            assert_eq!(response.header("connection"), Some("close"), "{shown}");
            assert!(!response.body.is_empty(), "{shown}");
            assert_eq!(client.read_to_close(), b"", "{shown}");
        }
        let seen = self.stable.begun();
        assert!(seen.is_empty(), "{} was forwarded: {seen:#?}", bytes.escape_ascii());
    }

    /// `bytes` are answered by stable, and the innocents behind them get their own; what stable saw of them.
    #[track_caller]
    fn passes(&self, bytes: impl AsRef<[u8]>) -> RecordedRequest {
        let mut requests = Vec::new();
        for cut in [Cut::Whole, Cut::Bytes] {
            let before = self.stable.requests().len();
            let mut client = self.send(bytes.as_ref(), cut);
            let response = client.read_response();
            assert_eq!(response.status, 200, "{}", response.text());
            innocents(&mut client);
            requests.push(self.stable.wait_for_requests(before + 3, PATIENCE).swap_remove(before));
        }
        let mut last = requests.swap_remove(1);
        last.connection = requests[0].connection;
        assert_eq!(requests[0], last, "how it was cut made a difference");
        last
    }

    /// One request that is well, and stable's answer to it; the innocents get their own.
    #[track_caller]
    fn gets(&self, method: &str, headers: &[(&str, &str)]) -> Response {
        let mut client = self.proxy.client();
        client.request(method, "/tricky", headers, "");
        client.send(INNOCENTS);
        let response = client.read_response();
        innocents(&mut client);
        response
    }
}

/// The two innocents' own answers.
#[track_caller]
fn innocents(client: &mut Client) {
    for name in ["/1", "/22"] {
        let response = client.read_response();
        assert_eq!((response.status, response.text().as_str()), (200, name));
    }
}
