//! Python's standard client: one kept-alive connection, requests of every kind one after the other.

use super::tool::{run, tool};
use crate::support::{proxy, server};

const CLIENT: &str = r#"
import http.client, sys
host, port = sys.argv[1].rsplit(":", 1)
connection = http.client.HTTPConnection(host, int(port), timeout=30)
connection.connect()
ours = connection.sock.getsockname()
for number in range(200):
    body = b"x" * (number * 97)
    if number % 3 == 0:
        connection.request("GET", f"/{number}")
        expected = b""
    elif number % 3 == 1:
        connection.request("POST", f"/{number}", body=body)
        expected = body
    else:
        pieces = (body[at:at + 1000] for at in range(0, len(body), 1000))
        connection.request("PUT", f"/{number}", body=pieces, encode_chunked=True,
                           headers={"Transfer-Encoding": "chunked"})
        expected = body
    answer = connection.getresponse()
    assert answer.status == 200, answer.status
    assert answer.headers["x-target"] == f"/{number}", answer.headers
    assert answer.read() == expected, number
    assert connection.sock.getsockname() == ours, "another connection"
print("well")
"#;

#[test]
fn two_hundred_requests_take_one_connection() {
    let Some(program) = tool("python3") else { return };
    let (stable, shadow) = (server().echoes().start(), server().echoes().start());
    let proxy = proxy().stable(&stable).shadow(&shadow).percent(50.0).start();
    let said = run(&program, &["-c", CLIENT, &proxy.addr().to_string()]);
    assert_eq!(said.out.trim(), "well");
    let page = proxy.assert_laws();
    assert_eq!(page.sum("umbrage_client_connections_total", &[]), 1.0);
    assert_eq!(page.sum("umbrage_requests_total", &[("code", "200")]), 200.0);
}
