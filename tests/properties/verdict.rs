//! What must hold of a client's bytes, what an origin saw of them, and what the client got: the same in memory and on sockets.

use super::strict::{self, Broken, Framing, Message};

/// The host and the address that conversations come from are known to whoever plays them.
pub struct Played<'a> {
    /// All that the client sent.
    pub sent: &'a [u8],
    /// What the origin saw, in the order in which the heads came.
    pub seen: &'a [Message],
    /// All that the client got.
    pub got: &'a [u8],
    /// The client's address, as text.
    pub client: &'a str,
}

/// The requests that stand in a client's bytes, one after the other, up to where it is no HTTP any more; the last one may be
/// incomplete. And the bytes behind them.
pub fn requests(mut sent: &[u8]) -> (Vec<Message>, &[u8]) {
    let mut found = Vec::new();
    while let Ok(message) = strict::request(sent) {
        sent = &sent[message.length..];
        let whole = message.complete;
        found.push(message);
        if !whole {
            break;
        }
    }
    (found, sent)
}

/// How many requests, from the first on, are beyond doubt and of a kind that is forwarded and answered: so many answers are
/// due.
pub fn due(sent: &[u8]) -> usize {
    requests(sent).0.iter().take_while(|request| is_plain(request)).count()
}

fn is_plain(request: &Message) -> bool {
    const ODD: [&str; 9] = [
        "connection",
        "expect",
        "upgrade",
        "via",
        "max-forwards",
        "trailer",
        "te",
        "proxy-connection",
        "http2-settings",
    ];
    let [method, target, version] = &request.line;
    let hosts = request.all("host");
    request.complete
        && version == "HTTP/1.1"
        && ["GET", "POST", "HEAD", "PUT", "DELETE", "PATCH"].contains(&method.as_str())
        && target.starts_with('/')
        && target.len() < 200
        && target.bytes().all(|b| b.is_ascii_alphanumeric() || b"/?=&;.%".contains(&b))
        && matches!(&hosts[..], [host] if ["a.example", "b.example:8080", "[::1]:80"].contains(&host.as_str()))
        && request.fields.len() + request.trailers.len() < 40
        && request.length < 4000
        && !ODD.iter().any(|name| request.has(name))
}

/// How many final answers there are, by their heads, as far as they can be told apart.
pub fn answers(sent: &[u8], got: &[u8]) -> usize {
    final_answers(sent, got, false).map_or(0, |answers| answers.len())
}

/// The final answers, each read as one to the request that it answers; what is wrong with them, if they are none.
fn final_answers(sent: &[u8], mut got: &[u8], ended: bool) -> Result<Vec<Message>, String> {
    let (asked, rest) = requests(sent);
    let mut found: Vec<Message> = Vec::new();
    while !got.is_empty() {
        let request = asked.get(found.len());
        let method = request.map_or_else(|| refused_method(rest), |request| request.line[0].clone());
        let mut read = strict::answer(got, &method, ended);
        if request.is_none() && read.as_ref().is_ok_and(|answer| answer.length < got.len()) {
            // The method of what was refused is known to the proxy only as far as it had come.
            read = strict::answer(got, "", ended);
        }
        let answer = match read {
            Ok(answer) if answer.complete => answer,
            Ok(_) | Err(Broken::Incomplete) if !ended => return Ok(found),
            broken => return Err(format!("answer {} to {method} is broken: {broken:?}", found.len())),
        };
        got = &got[answer.length..];
        if answer.line[1] == "100" {
            let asked_for_it = request.is_some_and(|request| {
                let expected = request.list("expect");
                request.line[2] == "HTTP/1.1"
                    && !expected.is_empty()
                    && expected.iter().all(|e| e == "100-continue")
            });
            if !asked_for_it {
                return Err("an interim answer that nobody asked for".to_owned());
            }
            continue;
        }
        let closes = answer.list("connection").contains(&"close".to_owned());
        found.push(answer);
        if closes && !got.is_empty() {
            return Err("bytes behind an answer that is the last by its own word".to_owned());
        }
    }
    Ok(found)
}

/// The method of what is no request, as far as one can be seen.
fn refused_method(bytes: &[u8]) -> String {
    let word = bytes.trim_ascii_start().split(|b| *b == b' ').next().unwrap_or_default();
    String::from_utf8_lossy(word).into_owned()
}

/// Everything that must hold.
///
/// # Panics
/// It does not.
#[track_caller]
pub fn judge(played: &Played<'_>) {
    let told = |what: &str| {
        let seen: Vec<String> = played
            .seen
            .iter()
            .map(|m| format!("{:?} {:?}", m.line, String::from_utf8_lossy(&m.body)))
            .collect();
        panic!(
            "{what}\nsent: {}\ngot:  {}\nseen: {seen:#?}",
            played.sent.escape_ascii(),
            played.got.escape_ascii()
        );
    };
    let (asked, _) = requests(played.sent);
    let mut places = Vec::new();
    let mut next = 0;
    for seen in played.seen {
        let place = asked[next..].iter().position(|asked| is_same(asked, seen));
        let Some(place) = place else {
            return told("the origin saw a request that the client did not send, or not then");
        };
        if let Err(what) = carried(&asked[next + place], seen, played.client) {
            return told(&what);
        }
        places.push(next + place);
        next += place + 1;
    }
    let answers = match final_answers(played.sent, played.got, true) {
        Ok(answers) => answers,
        Err(what) => return told(&what),
    };
    if answers.len() > asked.len() + 1 {
        return told("more answers than requests");
    }
    for (n, answer) in answers.iter().enumerate() {
        let seen = answer.all("x-seen").first().map(|text| text.parse::<usize>());
        match seen {
            Some(Ok(seen)) if places.get(seen) == Some(&n) => {}
            Some(_) => return told(&format!("answer {n} is to another request")),
            None => {}
        }
    }
    let due = due(played.sent);
    if answers.iter().take_while(|answer| answer.has("x-seen")).count() < due {
        told(&format!("of {due} sound requests not all were answered by the origin"));
    }
}

/// Whether what the origin saw is this request: its method, its target, its body, and whether it was whole.
fn is_same(asked: &Message, seen: &Message) -> bool {
    let whole = if seen.complete {
        asked.complete && asked.body == seen.body
    } else {
        asked.body.starts_with(&seen.body)
    };
    asked.line[0] == seen.line[0] && forwarded_target(asked) == seen.line[1] && whole
}

/// A target as it is forwarded: RFC 9112 sections 3.2.1 and 3.2.4.
fn forwarded_target(request: &Message) -> String {
    let [method, target, _] = &request.line;
    let Some((_, rest)) = target.split_once("://").filter(|_| !target.starts_with('/')) else {
        return target.clone();
    };
    match rest.find(['/', '?']) {
        None if method == "OPTIONS" => "*".to_owned(),
        None => "/".to_owned(),
        Some(at) if rest[at..].starts_with('?') => format!("/{}", &rest[at..]),
        Some(at) => rest[at..].to_owned(),
    }
}

/// What a backend may get of a request, and what it must.
fn carried(asked: &Message, seen: &Message, client: &str) -> Result<(), String> {
    const NEVER: [&str; 10] = [
        "keep-alive",
        "proxy-connection",
        "expect",
        "umbrage-shadow",
        "x_forwarded_for",
        "x.forwarded.proto",
        "forwarded",
        "x-smuggled",
        "x-first",
        "x-fold",
    ];
    const KEPT: [&str; 8] = [
        "x-id",
        "accept",
        "cookie",
        "content-type",
        "x-long",
        "content_length",
        "transfer_encoding",
        "content-encoding",
    ];
    let is = |ok: bool, what: &str| if ok { Ok(()) } else { Err(format!("{what} in {:?}", seen.fields)) };
    is(seen.line[2] == "HTTP/1.1", "another version")?;
    is(seen.line[1].starts_with('/') || (seen.line[1] == "*" && seen.line[0] == "OPTIONS"), "no path")?;
    is(seen.all("host").len() <= 1, "two hosts")?;
    // HTTP/1.0 without a host gets the one of the leg.
    let none = asked.line[2] == "HTTP/1.0" && forwarded_host(asked).is_empty();
    is(none || seen.all("host") == forwarded_host(asked), "another host")?;
    for name in NEVER {
        // What is named x-… here is never sent as a field of its own.
        is(!seen.has(name), name)?;
    }
    let upgrade = seen.list("upgrade");
    is(upgrade.iter().all(|protocol| protocol == "websocket"), "a strange upgrade")?;
    let options = seen.list("connection");
    is(options.is_empty() == upgrade.is_empty() && options.iter().all(|o| o == "upgrade"), "Connection")?;
    is(seen.all("te").iter().all(|te| te == "trailers"), "TE")?;
    is(seen.all("x-forwarded-for") == [client], "X-Forwarded-For")?;
    is(seen.all("via").len() == 1, "Via")?;
    is(asked.body.is_empty() || seen.framing != Framing::Nothing, "a body without a framing")?;
    for name in ["content-length", "transfer-encoding", "host", "x-forwarded-for", "authorization"] {
        is(
            !seen.trailers.iter().any(|(n, _)| n.eq_ignore_ascii_case(name)),
            "a field of the head in the trailers",
        )?;
    }
    let named = asked.list("connection");
    for name in KEPT.iter().filter(|name| !named.iter().any(|n| n == *name)) {
        is(asked.all(name) == seen.all(name), &format!("another {name}"))?;
    }
    Ok(())
}

/// The host as it is forwarded: the target's own, if it has one.
fn forwarded_host(request: &Message) -> Vec<String> {
    let target = &request.line[1];
    let absolute = target.split_once("://").filter(|_| !target.starts_with('/'));
    match absolute {
        Some((_, rest)) => vec![rest[..rest.find(['/', '?']).unwrap_or(rest.len())].to_owned()],
        None => request.all("host"),
    }
}
