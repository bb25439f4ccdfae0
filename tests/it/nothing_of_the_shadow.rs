//! Nothing that the shadow or control says reaches a client: both put a secret wherever HTTP has a place for one, under
//! random traffic that is all mirrored, and no byte of it comes out; every answer is stable's to the byte.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::thread;

use fastrand::Rng;

use crate::support::multiplexed::{Multiplexed, multiplexed, request, whole};
use crate::support::{
    Act, PATIENCE, Proxy, ProxyBuilder, RawResponse, RecordedRequest, ServerBuilder, client, modern, proxy,
    says, server,
};

/// What no client may hear, in any case.
const SECRET: &str = "xyzzy-nothing-happens";

/// Statuses that stable never has.
const ODD: [u16; 2] = [299, 599];

/// Connections of each protocol, and turns on each, for each seed.
const CLIENTS: u64 = 3;
const TURNS: usize = 25;

/// Where the secret is put.
const PLACES: [&str; 17] = [
    "reason",
    "field",
    "name",
    "cookie",
    "body",
    "html",
    "extension",
    "trailer",
    "early_hints",
    "continue",
    "behind",
    "reset",
    "switch",
    "redirect",
    "status",
    "close",
    "garbage",
];

/// What a leg says that has a secret to tell, at that place.
fn tells(place: &str) -> RawResponse {
    let s = SECRET;
    let plain = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n";
    let chunks = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n";
    let early = format!("HTTP/1.1 103 Early Hints\r\nLink: </{s}>\r\n\r\n");
    match place {
        "reason" => RawResponse::raw(format!("HTTP/1.1 200 {s}\r\nContent-Length: 0\r\n\r\n")),
        "field" => RawResponse::raw(format!("{plain}ETag: \"{s}\"\r\nServer: {s}\r\n\r\nok")),
        "name" => RawResponse::raw(format!("{plain}{s}: 1\r\n\r\nok")),
        "cookie" => RawResponse::raw(format!("{plain}Set-Cookie: {s}={s}; Path=/\r\n\r\nok")),
        "html" => {
            let body = format!("<a href=\"/{s}\">{s}</a>").repeat(3000);
            RawResponse::raw(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()))
        }
        "extension" => RawResponse::raw(format!("{chunks}\r\n2;{s}=\"{s}\"\r\nok\r\n0;{s}\r\n\r\n")),
        "trailer" => {
            RawResponse::raw(format!("{chunks}Trailer: {s}\r\n\r\n2\r\nok\r\n0\r\n{s}: {s}\r\n\r\n"))
        }
        "early_hints" => RawResponse::raw(early.repeat(3) + plain + "\r\nok"),
        "continue" => RawResponse::raw(format!("HTTP/1.1 100 {s}\r\nX-A: {s}\r\n\r\n{plain}\r\nok")),
        "behind" => {
            RawResponse::raw(format!("{plain}\r\nokHTTP/1.1 200 {s}\r\nContent-Length: 21\r\n\r\n{s}"))
        }
        "reset" => {
            RawResponse::raw(format!("HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n{s}")).then_resets()
        }
        "switch" => RawResponse::raw(format!(
            "HTTP/1.1 101 {s}\r\nConnection: upgrade\r\nUpgrade: websocket\r\nX-A: {s}\r\n\r\n{s}"
        )),
        "redirect" => {
            RawResponse::raw(format!("HTTP/1.1 307 Go\r\nLocation: /{s}\r\nContent-Length: 0\r\n\r\n"))
        }
        "status" => RawResponse::raw("HTTP/1.1 299 Odd\r\nContent-Length: 0\r\n\r\n"),
        "close" => RawResponse::raw(format!("HTTP/1.1 599 Odd\r\n\r\n{s}")).then_closes(),
        "garbage" => RawResponse::raw(format!("{s} 220 ESMTP\r\n\r\n")).then_closes(),
        // "body".
        _ => RawResponse::raw(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{s}", s.len())),
    }
}

/// A leg that tells its secret at one place after another, and notes at which it did.
fn telling(told: &Arc<Mutex<BTreeSet<&'static str>>>) -> ServerBuilder {
    let (told, turn) = (told.clone(), Mutex::new(0));
    server().answers_with(move |_| {
        let mut turn = turn.lock().unwrap();
        let place = PLACES[*turn % PLACES.len()];
        *turn += 1;
        told.lock().unwrap().insert(place);
        tells(place)
    })
}

/// A request as it was drawn.
#[derive(Clone, Debug)]
struct Drawn {
    method: &'static str,
    target: String,
    body: Vec<u8>,
    chunked: bool,
}

fn draw(rng: &mut Rng, name: &str) -> Drawn {
    let method = *rng.choice(&["GET", "GET", "HEAD", "OPTIONS", "POST", "PUT", "DELETE"]).unwrap();
    let size = match (method, rng.u8(0..4)) {
        ("POST" | "PUT", 0) => rng.usize(10_000..70_000),
        ("POST" | "PUT", _) => rng.usize(1..500),
        _ => 0,
    };
    let body = (0..size).map(|_| rng.alphanumeric() as u8).collect();
    Drawn { method, target: format!("/{name}/{}?q={}", rng.u32(..), rng.u8(..)), body, chunked: rng.bool() }
}

/// What stable answers to a request: status, fields, body.
fn due(method: &str, target: &str, body: &[u8]) -> (u16, Vec<(&'static str, String)>, Vec<u8>) {
    let sum = target.bytes().chain(body.iter().copied()).map(usize::from).sum::<usize>();
    let status = [200, 201, 404, 204][sum % 4];
    let fields = vec![
        ("X-Target", format!("{method} {target}")),
        ("Set-Cookie", format!("a={sum}")),
        ("ETag", format!("\"{sum}\"")),
    ];
    let text = format!("{{\"sum\":{sum}}}").repeat(1 + sum % 50).into_bytes();
    (status, fields, if status == 204 { Vec::new() } else { text })
}

fn stable() -> ServerBuilder {
    server().answers_with(|asked: &RecordedRequest| {
        let (status, fields, body) = due(&asked.method, &asked.target, &asked.body);
        let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        crate::support::answer(status, &fields, body)
    })
}

/// The bytes that a client of HTTP/1.1 gets.
fn due_bytes(drawn: &Drawn) -> Vec<u8> {
    let (status, fields, body) = due(drawn.method, &drawn.target, &drawn.body);
    let reason = http::StatusCode::from_u16(status).unwrap().canonical_reason().unwrap();
    let mut bytes = format!("HTTP/1.1 {status} {reason}\r\n");
    for (name, value) in fields {
        bytes += &format!("{name}: {value}\r\n");
    }
    if status != 204 {
        bytes += &format!("Content-Length: {}\r\n", body.len());
    }
    bytes += "\r\n";
    if drawn.method == "HEAD" { bytes.into_bytes() } else { [bytes.as_bytes(), &body].concat() }
}

/// Whether these bytes tell the secret.
fn tells_of_it(bytes: &[u8]) -> bool {
    let lower = bytes.to_ascii_lowercase();
    let has = |what: &str| lower.windows(what.len()).any(|window| window == what.as_bytes());
    has(SECRET) || ODD.iter().any(|odd| has(&format!("http/1.1 {odd}")))
}

/// One connection of HTTP/1.1, kept alive, with up to four requests at once; `Err` with what a client got that it should not have.
fn converse(address: SocketAddr, rng: &mut Rng, name: &str) -> Result<(), String> {
    let mut client = client(address).patient_for(PATIENCE * 3).that_remembers();
    let mut expected = Vec::new();
    for _ in 0..TURNS {
        let asked: Vec<Drawn> = (0..rng.usize(1..5)).map(|_| draw(rng, name)).collect();
        for drawn in &asked {
            let Drawn { method, target, body, chunked } = drawn;
            if *chunked && !body.is_empty() {
                client.request(method, target, &[("Transfer-Encoding", "chunked")], "");
                body.chunks(rng.usize(1..20_000)).for_each(|piece| {
                    client.send_chunk(piece);
                });
                client.send_last_chunk();
            } else {
                client.request(method, target, &[], body);
            }
        }
        for drawn in &asked {
            if let Err(broken) = client.try_read_response() {
                let what =
                    if tells_of_it(client.heard()) { "the secret".to_owned() } else { format!("{broken:?}") };
                return Err(format!("{drawn:?}: {what}"));
            }
            expected.extend(due_bytes(drawn));
        }
        if tells_of_it(client.heard()) {
            return Err("the secret".to_owned());
        }
    }
    let behind = client.half_close().read_to_close();
    let heard = client.heard();
    if tells_of_it(heard) {
        return Err("the secret".to_owned());
    }
    if behind.is_empty() && heard == expected {
        Ok(())
    } else {
        Err(format!("{} bytes are not stable's", heard.len()))
    }
}

/// One connection of HTTP/2, with up to four streams at once.
fn multiplex(address: SocketAddr, rng: &mut Rng, name: &str) -> Result<(), String> {
    let connection = multiplexed(address);
    for _ in 0..TURNS {
        let asked: Vec<Drawn> = (0..rng.usize(1..5)).map(|_| draw(rng, name)).collect();
        for (drawn, reply) in asked.iter().zip(at_once(&connection, &asked)) {
            let reply = reply.map_err(|error| format!("{error} for {drawn:?}"))?;
            let (status, fields, body) = due(drawn.method, &drawn.target, &drawn.body);
            let all = format!("{:?} {:?} {}", reply.head, reply.trailers, reply.text());
            if tells_of_it(all.as_bytes()) || ODD.contains(&reply.status()) {
                return Err("the secret".to_owned());
            }
            let length = (status != 204).then(|| ("content-length", body.len().to_string()));
            let named = fields.into_iter().chain(length);
            let mut names: BTreeSet<_> = reply.head.headers().keys().map(ToString::to_string).collect();
            let same = named.into_iter().all(|(field, value)| {
                names.remove(&field.to_ascii_lowercase());
                reply.header(&field.to_ascii_lowercase()) == Some(value.as_str())
            });
            let body = if drawn.method == "HEAD" { Vec::new() } else { body };
            if !same
                || !names.is_empty()
                || (reply.status(), &reply.body) != (status, &body)
                || reply.trailers.is_some()
            {
                return Err(format!("{reply:?} is not stable's for {drawn:?}"));
            }
        }
    }
    Ok(())
}

fn at_once(
    connection: &Multiplexed,
    asked: &[Drawn],
) -> Vec<Result<crate::support::multiplexed::Reply, h2::Error>> {
    let streams = asked.iter().map(|drawn| {
        let send = connection.send.clone();
        let body = bytes::Bytes::copy_from_slice(&drawn.body);
        async move {
            let mut send = send.ready().await?;
            let (reply, mut stream) =
                send.send_request(request(drawn.method, &drawn.target), body.is_empty())?;
            if !body.is_empty() {
                stream.send_data(body, true)?;
            }
            whole(reply.await?).await
        }
    });
    connection.wait_long(futures_util::future::join_all(streams))
}

/// Random traffic over both protocols; `Err` with the first thing that a client should not have got.
fn traffic(proxy: &Proxy, seed: u64) -> Result<(), String> {
    let address = proxy.addr();
    thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS * 2)
            .map(|number| {
                scope.spawn(move || {
                    let (mut rng, name) = (Rng::with_seed(seed ^ (number << 32)), format!("{seed}/{number}"));
                    let told = if number % 2 == 0 {
                        converse(address, &mut rng, &name)
                    } else {
                        multiplex(address, &mut rng, &name)
                    };
                    told.map_err(|what| format!("seed {seed}, client {number}: {what}"))
                })
            })
            .collect();
        clients.into_iter().try_for_each(|client| client.join().expect("a client"))
    })
}

/// Everything mirrored, whatever the legs do.
fn rig(built: ProxyBuilder) -> ProxyBuilder {
    let keys = [
        ("mirror", "methods = [\"GET\", \"HEAD\", \"OPTIONS\", \"POST\", \"PUT\", \"DELETE\"]"),
        ("mirror", "max_per_second = 1000000"),
        ("mirror", "max_in_flight = 4096"),
        ("mirror", "nice = 0"),
        ("shadow", "timeout = \"5s\""),
        ("breaker", "failures = 0"),
        ("breaker", "failing_percent = 100"),
    ];
    keys.iter().fold(built.percent(100.0), |built, (section, line)| built.with(section, line))
}

#[test]
fn no_client_ever_hears_what_the_shadow_or_control_said() {
    let told: [Arc<Mutex<BTreeSet<_>>>; 2] = Default::default();
    let (stable, shadow, control) = (stable().start(), telling(&told[0]).start(), telling(&told[1]).start());
    let proxy = rig(proxy().stable(&stable).shadow(&shadow)).control_at(&control, 100.0).start();
    for seed in [1, 0x5eed, 20_261_124] {
        traffic(&proxy, seed).unwrap();
    }
    let page = proxy.assert_laws();
    let mirrored = page.sum("umbrage_mirror_decisions_total", &[("decision", "mirrored")]);
    let all = page.sum("umbrage_requests_total", &[]);
    assert!(mirrored > all * 0.9, "{mirrored} of {all}");
    assert_eq!(page.sum("umbrage_shadow_plane_panics_total", &[]), 0.0);
    for (leg, told) in ["shadow", "control"].into_iter().zip(&told) {
        assert_eq!(*told.lock().unwrap(), BTreeSet::from(PLACES), "the {leg} told it everywhere");
    }
}

#[test]
fn nor_what_they_said_over_http2() {
    let telling = || {
        modern().acts(|_, turn| match turn % 4 {
            0 => Act::ResetMidBody,
            1 => says(299, &[("x-a", SECRET), (SECRET, "1")], SECRET),
            _ => Act::Answer {
                status: 200,
                headers: vec![("set-cookie".to_owned(), format!("{SECRET}={SECRET}"))],
                body: SECRET.repeat(2000).into(),
                trailers: Some((SECRET.to_owned(), SECRET.to_owned())),
            },
        })
    };
    let (stable, shadow, control) = (stable().start(), telling().start(), telling().start());
    let built = rig(proxy().stable(&stable).shadow_url(&shadow.url()).control(100.0));
    let built = built.with("control", &format!("url = {:?}", control.url()));
    let both = ["shadow", "control"].iter().fold(built, |built, leg| built.with(leg, "protocol = \"http2\""));
    let proxy = both.start();
    traffic(&proxy, 0xc0de).unwrap();
    let page = proxy.assert_laws();
    for leg in ["shadow", "control"] {
        let answered = page.sum("umbrage_leg_requests_total", &[("leg", leg), ("code", "299")]);
        assert!(answered > 10.0, "the {leg} told it {answered} times");
    }
}

/// Those who look for the secret would find it: stable itself tells it, wherever a proxy passes stable's word on.
#[test]
fn a_secret_that_stable_tells_is_heard() {
    for place in
        ["reason", "field", "name", "cookie", "body", "html", "trailer", "redirect", "status", "close"]
    {
        let (stable, shadow) = (server().always(tells(place)).start(), server().start());
        let proxy = rig(proxy().stable(&stable).shadow(&shadow)).start();
        for multiplexed in [false, true] {
            // What HTTP/2 has no place for.
            if multiplexed && place == "reason" {
                continue;
            }
            let mut rng = Rng::with_seed(7);
            let told = if multiplexed {
                multiplex(proxy.addr(), &mut rng, place)
            } else {
                converse(proxy.addr(), &mut rng, place)
            };
            let heard = told.err().is_some_and(|what| what.ends_with("the secret"));
            assert!(heard, "{place}: nobody heard it");
        }
    }
}
