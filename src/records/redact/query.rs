//! URLs: the values of parameters with secret names, in targets, forms, and wherever a URL stands in a text.

use super::Redactor;

/// Times that a value is decoded to look for a URL in it.
const NESTED: usize = 3;
/// Bytes of a parameter's name that are looked at, in a text of any kind.
const MAX_NAME: usize = 128;

/// A whole target or URL: everything from the first `?` is parameters, and so are `;name=value` in its path
/// and what follows a `#`. User and password before an `@` go.
pub(super) fn target(text: &str, redactor: &Redactor) -> String {
    let end = text.find(['?', '#']).unwrap_or(text.len());
    let (path, rest) = text.split_at(end);
    let path = embedded(&userinfo(path, redactor), redactor);
    match rest.chars().next() {
        Some(mark) => format!("{path}{mark}{}", form(&rest[1..], redactor)),
        None => path,
    }
}

/// `a=1&token=2`: from the first secret name in a pair to the pair's end.
pub(super) fn form(text: &str, redactor: &Redactor) -> String {
    let mut out = String::with_capacity(text.len());
    for pair in text.split_inclusive(['&', '#']) {
        let body = pair.strip_suffix(['&', '#']).unwrap_or(pair);
        let keep = visible(body, redactor);
        out.push_str(&body[..keep]);
        if keep < body.len() {
            out.push_str(&redactor.hasher.replace(&body[keep..]));
        }
        out.push_str(&pair[body.len()..]);
    }
    out
}

/// Any text: replaces `value` in `?name=value`, `&name=value`, `;name=value` and `#name=value` with a secret name, up to
/// where a URL in a text must end.
pub(super) fn embedded(text: &str, redactor: &Redactor) -> String {
    let mut out = String::new();
    let mut done = 0;
    for (at, _) in text.match_indices('=') {
        if at < done || !name_before(text, at).is_some_and(|name| hides(name, redactor)) {
            continue;
        }
        let value = &text[at + 1..];
        let value = &value[..value.find(ends_url).unwrap_or(value.len())];
        if !value.is_empty() {
            out.push_str(&text[done..=at]);
            out.push_str(&redactor.hasher.replace(value));
            done = at + 1 + value.len();
        }
    }
    out.push_str(&text[done..]);
    out
}

/// `https://user:password@host` without user and password.
fn userinfo(path: &str, redactor: &Redactor) -> String {
    let Some((scheme, rest)) = path.split_once("://") else { return path.to_owned() };
    let authority = &rest[..rest.find('/').unwrap_or(rest.len())];
    let Some((user, host)) = authority.rsplit_once('@') else { return path.to_owned() };
    format!("{scheme}://{}@{host}{}", redactor.hasher.replace(user), &rest[authority.len()..])
}

/// How many bytes of a pair may be shown.
fn visible(pair: &str, redactor: &Redactor) -> usize {
    let mut start = 0;
    // A `;` also parts pairs for some servers, and a `?` begins the parameters of a URL within a value.
    for part in pair.split_inclusive([';', '?']) {
        if let Some((name, _)) = part.split_once('=').filter(|(name, _)| hides(name, redactor)) {
            return start + name.len() + 1;
        }
        start += part.len();
    }
    match pair.split_once('=') {
        Some((name, value)) if hides_nested(value, redactor) => name.len() + 1,
        _ => pair.len(),
    }
}

/// True when a URL with a secret stands in the value, encoded.
fn hides_nested(value: &str, redactor: &Redactor) -> bool {
    let mut text = value.to_owned();
    for _ in 0..NESTED {
        let decoded = decode(&text);
        if decoded == text {
            return false;
        }
        if embedded(&decoded, redactor) != decoded {
            return true;
        }
        text = decoded;
    }
    false
}

/// The parameter's name that ends before `at`, if it is one.
fn name_before(text: &str, at: usize) -> Option<&str> {
    let from = text.ceil_char_boundary(at.saturating_sub(MAX_NAME));
    let before = &text[from..at];
    let mark = before.rfind(|c: char| matches!(c, '?' | '&' | ';' | '#') || ends_url(c))?;
    before[mark..].strip_prefix(['?', '&', ';', '#'])
}

fn hides(name: &str, redactor: &Redactor) -> bool {
    redactor.hides_parameter(decode(name).trim())
}

fn ends_url(c: char) -> bool {
    c.is_whitespace() || c.is_control() || matches!(c, '"' | '\'' | '<' | '>' | '&' | '#' | '\\' | '`')
}

/// Percent-decoded, `+` as a blank; what is no UTF-8 then becomes replacement characters.
fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let digit = |at: usize| bytes.get(at).and_then(|b| char::from(*b).to_digit(16));
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let pair = digit(at + 1).zip(digit(at + 2)).filter(|_| byte == b'%');
        let value = pair.and_then(|(high, low)| u8::try_from(high * 16 + low).ok());
        out.push(value.unwrap_or(if byte == b'+' { b' ' } else { byte }));
        at += if value.is_some() { 3 } else { 1 };
    }
    String::from_utf8(out).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned())
}

#[cfg(test)]
#[path = "query_tests.rs"]
mod tests;
