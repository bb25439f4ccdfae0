//! Whatever bytes come and however they are cut, the inspector says the same, and what it says agrees with a naive reader
//! that has the whole conversation before it and nothing in common with it.

use proptest::prelude::*;

use super::inspector::{Inspector, Limits, Passed, Then};

const LIMITS: Limits = Limits { head: 400, target: 60, fields: 6 };

/// How a conversation ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Waits,
    Refused,
    Broken,
    Held,
}

/// What became of a conversation: bytes that were passed on, heads among them, and how it ended.
type Outcome = (usize, u64, End);

/// Shows the bytes as the stream does: what is left is shown again with what follows.
fn inspect(bytes: &[u8], cuts: &[usize]) -> Outcome {
    let mut inspector = Inspector::new(LIMITS);
    let mut shown = Vec::new();
    let (mut passed, mut end, mut start) = (0, End::Waits, 0);
    for cut in cuts.iter().copied().chain([bytes.len()]) {
        shown.extend_from_slice(&bytes[start..cut]);
        start = cut;
        let Passed { bytes, then } = inspector.read(&mut shown);
        shown.drain(..bytes);
        passed += bytes;
        end = match then {
            Then::Wait => End::Waits,
            Then::Hold => End::Held,
            Then::Refuse(_) => return (passed, inspector.heads() - 1, End::Refused),
            Then::Break => return (passed, inspector.heads(), End::Broken),
        };
    }
    (passed, inspector.heads(), end)
}

/// The naive reader.
fn model(bytes: &[u8]) -> Outcome {
    let (mut at, mut heads) = (0, 0);
    loop {
        let rest = &bytes[at..];
        if rest.is_empty() {
            return (at, heads, End::Waits);
        }
        let Some(head) = naive_head(rest) else { return (at, heads, End::Refused) };
        let Some((length, framing, upgrade)) = head else { return (at, heads, End::Waits) };
        at += length;
        heads += 1;
        match framing {
            Some(length) if length > (bytes.len() - at) as u64 => return (bytes.len(), heads, End::Waits),
            Some(length) => at += usize::try_from(length).expect("no more than is there"),
            None => match naive_chunks(&bytes[at..]) {
                (taken, Some(true)) => at += taken,
                (_, None) => return (bytes.len(), heads, End::Waits),
                (taken, Some(false)) => return (at + taken, heads, End::Broken),
            },
        }
        if upgrade && at < bytes.len() {
            return (at, heads, End::Held);
        }
    }
}

type Framed = (usize, Option<u64>, bool);

/// A head's length, its body's (`None` for chunks), and whether it asks for an upgrade; `Some(None)` if it is not whole,
/// `None` if it is bad.
#[allow(clippy::option_option)]
fn naive_head(bytes: &[u8]) -> Option<Option<Framed>> {
    let mut lines: Vec<&[u8]> = Vec::new();
    let mut end = 0;
    let whole = loop {
        let Some(lf) = bytes[end..].iter().position(|b| *b == b'\n') else { break false };
        let line = bytes[end..end + lf].strip_suffix(b"\r")?;
        end += lf + 1;
        if end > LIMITS.head {
            return None;
        }
        let leading = lines.iter().all(|line| line.is_empty());
        lines.push(line);
        if line.is_empty() && !leading {
            break true;
        }
        if line.is_empty() && lines.len() > 2 {
            return None;
        }
    };
    let unended = bytes[end..].strip_suffix(b"\r").unwrap_or(&bytes[end..]);
    if !whole && unended.iter().any(|b| b.is_ascii_control() && *b != b'\t') {
        return None;
    }
    if !whole && (bytes.len() >= LIMITS.head || bytes.len() - end > 1000) {
        return None;
    }
    let mut texts = lines.iter().skip_while(|line| line.is_empty());
    let Some(first) = texts.next() else {
        return if bytes.len() - end > LIMITS.target + 80 { None } else { Some(None) };
    };
    let old = naive_request_line(first)?;
    let fields: Vec<&[u8]> = texts.copied().filter(|line| !line.is_empty()).collect();
    if fields.len() > LIMITS.fields {
        return None;
    }
    let fields = fields.into_iter().map(naive_field).collect::<Option<Vec<_>>>()?;
    let of =
        |name: &str| fields.iter().filter(|(n, _)| n == name).map(|(_, v)| v.as_str()).collect::<Vec<_>>();
    let lengths: Vec<&str> =
        of("content-length").into_iter().flat_map(|v| v.split(',')).map(str::trim).collect();
    let digits = |v: &&str| !v.is_empty() && v.bytes().all(|b| b.is_ascii_digit());
    let numbers =
        lengths.iter().filter(|v| digits(v)).filter_map(|v| v.parse::<i64>().ok()).collect::<Vec<_>>();
    if numbers.len() != lengths.len() || numbers.windows(2).any(|two| two[0] != two[1]) {
        return None;
    }
    if !whole {
        return Some(None);
    }
    let codings = of("transfer-encoding");
    if !codings.is_empty()
        && (old || !numbers.is_empty() || codings.len() > 1 || !codings[0].eq_ignore_ascii_case("chunked"))
    {
        return None;
    }
    let length = codings.is_empty().then(|| numbers.first().map_or(0, |n| n.unsigned_abs()));
    Some(Some((end, length, !old && !of("upgrade").is_empty())))
}

/// Whether it is of HTTP/1.0.
fn naive_request_line(line: &[u8]) -> Option<bool> {
    let text = std::str::from_utf8(line).ok()?;
    let words: Vec<&str> = text.split(' ').collect();
    let [method, target, version] = words[..] else { return None };
    if !is_token(method) || method.len() > 64 || method == "CONNECT" || target.len() > LIMITS.target {
        return None;
    }
    let uri: http::Uri = target.parse().ok()?;
    let absolute = uri.scheme().is_some() && uri.authority().is_some();
    if target.contains('#') || !(target.starts_with('/') || target == "*" || absolute) || !target.is_ascii() {
        return None;
    }
    match version {
        "HTTP/1.1" => Some(false),
        "HTTP/1.0" => Some(true),
        _ => None,
    }
}

fn naive_field(line: &[u8]) -> Option<(String, String)> {
    let colon = line.iter().position(|b| *b == b':')?;
    let name = std::str::from_utf8(&line[..colon]).ok().filter(|name| is_token(name))?;
    let value = &line[colon + 1..];
    if value.iter().any(|b| b.is_ascii_control() && *b != b'\t') {
        return None;
    }
    Some((name.to_ascii_lowercase(), String::from_utf8_lossy(value).trim_matches([' ', '\t']).to_owned()))
}

fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

/// How far a chunked body is sound, and whether it ended so; `None` if it goes on. Read by regular language: byte for
/// byte, the longest prefix of a sound body.
fn naive_chunks(bytes: &[u8]) -> (usize, Option<bool>) {
    let mut at = 0;
    loop {
        let digits = bytes[at..].iter().take_while(|b| b.is_ascii_hexdigit()).count();
        if digits > 15 {
            return (at + 15, Some(false));
        }
        let Some(after) = bytes.get(at + digits) else { return (at, None) };
        if digits == 0 {
            return (at, Some(false));
        }
        let size =
            std::str::from_utf8(&bytes[at..at + digits]).ok().and_then(|d| u64::from_str_radix(d, 16).ok());
        let size = size.expect("fifteen digits");
        at += digits;
        if *after != b'\r' {
            let space = bytes[at..].iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
            at += space;
            match bytes.get(at) {
                None => return (at, None),
                Some(b';') => {}
                Some(_) => return (at, Some(false)),
            }
            let text = |b: &&u8| **b != b'\r' && (**b == b'\t' || !b.is_ascii_control());
            at += bytes[at..].iter().take_while(text).count();
        }
        match naive_crlf(&bytes[at..]) {
            (2, Some(true)) => at += 2,
            (taken, end) => return (at + taken, end),
        }
        if size == 0 {
            let (taken, end) = naive_trailers(&bytes[at..]);
            return (at + taken, end);
        }
        if size > (bytes.len() - at) as u64 {
            return (bytes.len(), None);
        }
        at += usize::try_from(size).expect("no more than is there");
        match naive_crlf(&bytes[at..]) {
            (2, Some(true)) => at += 2,
            (taken, end) => return (at + taken, end),
        }
    }
}

fn naive_crlf(bytes: &[u8]) -> (usize, Option<bool>) {
    match bytes {
        [] | [b'\r'] => (bytes.len(), None),
        [b'\r', b'\n', ..] => (2, Some(true)),
        [b'\r', ..] => (1, Some(false)),
        _ => (0, Some(false)),
    }
}

fn naive_trailers(bytes: &[u8]) -> (usize, Option<bool>) {
    let mut at = 0;
    for count in 0.. {
        let Some(lf) = bytes[at..].iter().position(|b| *b == b'\n') else {
            return if bytes.len() < LIMITS.head { (bytes.len(), None) } else { (at, Some(false)) };
        };
        let Some(line) = bytes[at..at + lf].strip_suffix(b"\r") else { return (at, Some(false)) };
        if at + lf + 1 >= LIMITS.head {
            return (at, Some(false));
        }
        if line.is_empty() {
            return (at + lf + 1, Some(true));
        }
        if count >= LIMITS.fields || naive_field(line).is_none() {
            return (at, Some(false));
        }
        at += lf + 1;
    }
    unreachable!("trailers are counted")
}

/// Where a body is broken within its trailers depends on how they came: not all bytes of a line are held back.
fn agree(seen: Outcome, expected: Outcome) -> bool {
    seen == expected || (seen.1, seen.2) == (expected.1, expected.2) && seen.2 == End::Broken
}

fn field() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[A-Za-z-]{1,8}: [a-z0-9 ,]{0,12}",
        2 => "(Content-Length|content-length): [0-9]{1,2}( ?, ?[0-9]{1,2})?",
        2 => "(Transfer-Encoding|transfer-encoding):[ \t]*(chunked|Chunked|gzip, chunked|identity)[ \t]*",
        1 => "Upgrade: [a-z]{1,5}",
        1 => "[ -~\t]{0,20}",
    ]
}

fn head() -> impl Strategy<Value = String> {
    let line = prop_oneof![
        6 => "(GET|POST|OPTIONS) (/[a-z?=]{0,8}|\\*|http://a(/b)?) HTTP/1\\.[01]",
        1 => "[ -~]{0,30}",
        1 => "CONNECT a:1 HTTP/1.1",
    ];
    ("(\r\n){0,3}", line, prop::collection::vec(field(), 0..8)).prop_map(|(before, line, fields)| {
        format!("{before}{line}\r\n{}\r\n", fields.into_iter().map(|f| f + "\r\n").collect::<String>())
    })
}

fn chunk() -> impl Strategy<Value = String> {
    prop_oneof![
        5 => "[a-z]{1,20}".prop_map(|data| format!("{:x}\r\n{data}\r\n", data.len())),
        1 => "[a-z]{1,20}".prop_map(|data| format!("{:X} ;a=\"b\"\r\n{data}\r\n", data.len())),
        1 => "0{1,3}\r\n([A-Z]: [a-z]{0,9}\r\n){0,3}\r\n",
        1 => "[ -~\r\n]{0,10}",
    ]
}

fn conversation() -> impl Strategy<Value = Vec<u8>> {
    let part = prop_oneof![
        4 => head(),
        2 => prop::collection::vec(chunk(), 0..4).prop_map(|chunks| chunks.concat() + "0\r\n\r\n"),
        1 => "[a-z]{0,12}",
    ];
    let change = (
        any::<prop::sample::Index>(),
        prop_oneof![Just(b'\r'), Just(b'\n'), Just(b' '), Just(0), any::<u8>()],
        0..3_u8,
    );
    (prop::collection::vec(part, 1..6), prop::collection::vec(change, 0..3)).prop_map(|(parts, changes)| {
        let mut bytes = parts.concat().into_bytes();
        for (index, byte, kind) in changes.into_iter().take(if bytes.is_empty() { 0 } else { 3 }) {
            let at = index.index(bytes.len().max(1)).min(bytes.len());
            match kind {
                0 => bytes.insert(at, byte),
                1 if at < bytes.len() => bytes[at] = byte,
                _ if at < bytes.len() => drop(bytes.remove(at)),
                _ => {}
            }
        }
        bytes
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(800))]

    #[test]
    fn the_inspector_agrees_with_a_naive_reader(bytes in conversation()) {
        let (seen, expected) = (inspect(&bytes, &[]), model(&bytes));
        prop_assert!(agree(seen, expected), "{} seen {seen:?} expected {expected:?}", bytes.escape_ascii());
    }

    #[test]
    fn how_the_bytes_were_cut_makes_no_difference(bytes in conversation(), cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8)) {
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        cuts.sort_unstable();
        let whole = inspect(&bytes, &[]);
        let cut = inspect(&bytes, &cuts);
        prop_assert!(agree(cut, whole), "{} at {cuts:?}: {cut:?} and not {whole:?}", bytes.escape_ascii());
        let bytewise = inspect(&bytes, &(0..bytes.len()).collect::<Vec<_>>());
        prop_assert!(agree(bytewise, whole), "{}: {bytewise:?} and not {whole:?}", bytes.escape_ascii());
    }
}
