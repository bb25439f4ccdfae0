//! Fields on their way, in both directions: nothing of one hop, nothing that a client may not claim, and nothing lost of what
//! is end to end.

use http::{HeaderMap, HeaderName, HeaderValue};
use umbrage::fuzzing::{Plane, client, prepare_request, prepare_response};

thread_local! {
    static STRANGERS: Plane = Plane::of(super::BARE).unwrap_or_else(|problems| panic!("{problems}"));
    static TRUSTED: Plane = {
        let toml = super::BARE.replace("[listen]", "[listen]\ntrusted_proxies = [\"10.0.0.0/8\"]");
        Plane::of(&toml).unwrap_or_else(|problems| panic!("{problems}"))
    };
}

/// Of one hop, whatever they hold.
const ONE_HOP: [&str; 6] =
    ["connection", "keep-alive", "proxy-connection", "upgrade", "expect", "umbrage-shadow"];
/// What a proxy writes on, or looks at; their values are looked at one by one.
const OURS: [&str; 12] = [
    "te",
    "transfer-encoding",
    "trailer",
    "via",
    "x-request-id",
    "traceparent",
    "tracestate",
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-forwarded-host",
    "x-forwarded-port",
    "forwarded",
];
/// What `Connection` cannot take away.
const PROTECTED: [&str; 7] =
    ["host", "content-length", "content-type", "authorization", "cookie", "set-cookie", "max-forwards"];

/// The first byte says whether the client is trusted; lines of names and values follow.
pub fn check(data: &[u8]) {
    let (flags, lines) = data.split_first().unwrap_or((&0, &[]));
    let mut before = HeaderMap::new();
    for line in lines.split(|b| *b == b'\n').take(64) {
        let colon = line.iter().position(|b| *b == b':').unwrap_or(line.len());
        let value = line.get(colon + 1..).unwrap_or_default();
        if let (Ok(name), Ok(value)) =
            (HeaderName::from_bytes(&line[..colon]), HeaderValue::from_bytes(value))
        {
            before.append(name, value);
        }
    }
    let trusted = flags & 1 == 1;
    let plane = if trusted { &TRUSTED } else { &STRANGERS };
    let mut after = before.clone();
    plane.with(|plane| prepare_request(&mut after, client(), &plane.shared.snapshot.load()));
    request(&before, &after, trusted).unwrap_or_else(|what| panic!("{what}: {before:?} became {after:?}"));
    let mut after = before.clone();
    prepare_response(&mut after);
    response(&before, &after)
        .unwrap_or_else(|what| panic!("{what}: the answer's {before:?} became {after:?}"));
}

fn all<'a>(fields: &'a HeaderMap, name: &str) -> Vec<&'a [u8]> {
    fields.get_all(name).iter().map(HeaderValue::as_bytes).collect()
}

fn is(ok: bool, what: &str) -> Result<(), String> {
    if ok { Ok(()) } else { Err(what.to_owned()) }
}

fn request(before: &HeaderMap, after: &HeaderMap, trusted: bool) -> Result<(), String> {
    for name in ONE_HOP {
        is(!after.contains_key(name), name)?;
    }
    framing(before, after)?;
    for name in after.keys() {
        is(!is_alias(name.as_str()), "an alias")?;
        is(trusted || !is_claim(name.as_str()) || name.as_str().starts_with("x-forwarded-"), "a claim")?;
    }
    let hops = all(after, "x-forwarded-for");
    is(
        hops.len() == 1 && if trusted { hops[0].ends_with(b"10.1.2.3") } else { hops[0] == b"10.1.2.3" },
        "X-Forwarded-For",
    )?;
    for name in ["x-forwarded-proto", "x-forwarded-port"] {
        is(all(after, name).len() == 1, name)?;
    }
    is(trusted || all(after, "x-forwarded-proto") == [b"http"], "a claimed scheme")?;
    is(trusted || all(after, "x-forwarded-host").first() == all(before, "host").first(), "a claimed host")?;
    is(all(after, "x-forwarded-host").len() <= 1, "two hosts claimed")?;
    is(all(after, "x-request-id").len() == 1, "no request id")?;
    let via = all(after, "via");
    is(via.len() == 1 && via[0].ends_with(b"1.1 umbrage-a1"), "Via")?;
    is(via[0].starts_with(&all(before, "via").join(&b", "[..])), "a hop was taken off Via")?;
    kept(before, after, |name| is_claim(name) || is_alias(name) || ONE_HOP.contains(&name))
}

fn response(before: &HeaderMap, after: &HeaderMap) -> Result<(), String> {
    let gone = ["connection", "keep-alive", "proxy-connection", "upgrade", "transfer-encoding"];
    for name in gone {
        is(!after.contains_key(name), name)?;
    }
    is(
        !before.contains_key("transfer-encoding") || !after.contains_key("content-length"),
        "a length beside chunks",
    )?;
    let mut before = before.clone();
    if before.contains_key("transfer-encoding") {
        before.remove("content-length");
    }
    kept(&before, after, |name| gone.contains(&name))
}

/// One coding if there was any, trailers if they were wanted, and of the announced ones none that steers.
fn framing(before: &HeaderMap, after: &HeaderMap) -> Result<(), String> {
    let chunked: &[&[u8]] = if before.contains_key("transfer-encoding") { &[b"chunked"] } else { &[] };
    is(all(after, "transfer-encoding") == chunked, "Transfer-Encoding")?;
    is(all(after, "te").len() <= 1 && all(after, "te").iter().all(|te| *te == b"trailers"), "TE")?;
    let announced = all(after, "trailer").join(&b","[..]).to_ascii_lowercase();
    for name in announced.split(|b| *b == b',').map(<[u8]>::trim_ascii) {
        let name = String::from_utf8_lossy(name);
        let steers =
            ["content-length", "transfer-encoding", "host", "authorization", "cookie", "connection", "te"]
                .contains(&&*name);
        is(!steers && !is_claim(&name) && !is_alias(&name), "a trailer that steers")?;
    }
    Ok(())
}

/// Whatever is not of one hop, not a proxy's own, and not named by `Connection` has its values still, in their order; nothing
/// else has come.
fn kept(before: &HeaderMap, after: &HeaderMap, of_one_hop: impl Fn(&str) -> bool) -> Result<(), String> {
    let named = all(before, "connection").into_iter().filter_map(|line| std::str::from_utf8(line).ok());
    let named: Vec<String> =
        named.flat_map(|line| line.split(',')).map(|word| word.trim().to_ascii_lowercase()).collect();
    for name in before.keys().map(HeaderName::as_str) {
        if of_one_hop(name) || OURS.contains(&name) {
            continue;
        }
        // Nor can it take away who asked, in either direction: a proxy before us may have written that on.
        let protected = PROTECTED.contains(&name) || is_claim(name) || is_alias(name);
        if named.iter().any(|n| n == name) && !protected {
            // Options that are fields of one hop anyway name nothing else; a line that is no text names nothing.
            is(
                !after.contains_key(name) || ["close", "keep-alive"].contains(&name) || !is_text(before),
                &format!("{name}, which Connection names"),
            )?;
        } else {
            is(all(before, name) == all(after, name), &format!("another {name}"))?;
        }
    }
    is(
        after.keys().all(|name| before.contains_key(name) || OURS.contains(&name.as_str())),
        "a field from nowhere",
    )
}

/// Whether every line of `Connection` is visible ASCII, so that its options can be told apart by everybody.
fn is_text(fields: &HeaderMap) -> bool {
    fields.get_all("connection").iter().all(|line| line.to_str().is_ok())
}

/// Names that backends believe of who asked.
fn is_claim(name: &str) -> bool {
    const CLAIMS: [&str; 11] = [
        "cf-connecting-ip",
        "client-ip",
        "fastly-client-ip",
        "front-end-https",
        "true-client-ip",
        "x-client-ip",
        "x-cluster-client-ip",
        "x-envoy-external-address",
        "x-real-ip",
        "x-scheme",
        "x-url-scheme",
    ];
    let plain = name.replace(['_', '.'], "-");
    plain.starts_with("x-forwarded")
        || plain.starts_with("forwarded")
        || plain == "x-original-forwarded-for"
        || CLAIMS.contains(&plain.as_str())
}

/// The same, and the request's id, in a spelling that some backends read as theirs.
fn is_alias(name: &str) -> bool {
    name.contains(['_', '.']) && (is_claim(name) || name.replace(['_', '.'], "-") == "x-request-id")
}
