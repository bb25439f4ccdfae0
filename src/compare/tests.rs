//! Tests of whole answers: status, heads, captures, encodings, trailers, content types.
#![allow(clippy::unwrap_used)]

use std::io::Write;

use bytes::Bytes;
use http::{HeaderName, HeaderValue};

use super::*;
use crate::model::{Absent, Incomparable, Severity, Verdict};

type Fields<'a> = &'a [(&'a str, &'a str)];

fn fields(fields: Fields<'_>) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in fields {
        map.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_str(value).unwrap());
    }
    map
}

pub(super) fn answer(head: Fields<'_>, body: impl Into<Vec<u8>>) -> Answer {
    Answer {
        status: StatusCode::OK,
        headers: fields(head),
        body: Capture::Complete(Bytes::from(body.into()).into()),
        trailers: None,
    }
}

fn rules() -> Rules {
    Rules::compile(Settings::default()).unwrap()
}

fn rules_with(headers: &[&str], paths: &[&str]) -> Rules {
    let mut settings = Settings::default();
    settings.ignored_headers.extend(headers.iter().map(|&name| name.to_owned()));
    settings.ignored_paths.extend(paths.iter().map(|&path| path.to_owned()));
    Rules::compile(settings).unwrap()
}

/// Path, kind, stable's and the other's value of each difference.
type Found<'c> = Vec<(&'c str, Kind, Option<&'c str>, Option<&'c str>)>;

fn found(comparison: &Comparison) -> Found<'_> {
    let seen = comparison.differences.iter();
    seen.map(|d| (d.path.as_str(), d.kind, d.stable.as_deref(), d.shadow.as_deref())).collect()
}

fn heads(stable: Fields<'_>, other: Fields<'_>) -> Comparison {
    compare(&answer(stable, ""), &answer(other, ""), &rules())
}

#[test]
fn equal_answers_leave_nothing_behind() {
    let one = answer(&[("content-type", "text/plain"), ("x-a", "1")], "body");
    let comparison = compare(&one, &one.clone(), &rules());
    assert_eq!(comparison.verdict, Verdict::Match);
    assert_eq!((comparison.reason, comparison.differences.len(), comparison.omitted), (None, 0, 0));
    assert_eq!(
        (comparison.hidden.capacity(), comparison.selected.capacity()),
        (0, 0),
        "nothing was allocated"
    );
}

#[test]
fn another_status_is_a_mismatch_whatever_the_body() {
    let stable = answer(&[], "x");
    let mut other = answer(&[], "x");
    other.status = StatusCode::BAD_GATEWAY;
    let comparison = compare(&stable, &other, &rules());
    assert_eq!(found(&comparison), [("status", Kind::Value, Some("200"), Some("502"))]);
    assert_eq!(comparison.differences[0].severity, Severity::High);
    other.body = Capture::Absent(Absent::Truncated);
    let comparison = compare(&stable, &other, &rules());
    assert_eq!(
        (comparison.verdict, comparison.reason, comparison.differences.len()),
        (Verdict::Mismatch, None, 1)
    );
}

#[test]
fn fields_that_differ() {
    use Kind::{Added, Length, Missing, Order, Value};
    let both = ("x-same", "1");
    for (stable, other, kind, left, right) in [
        (vec![both, ("x-a", "1")], vec![both], Missing, Some("1"), None),
        (vec![both], vec![both, ("x-a", "1")], Added, None, Some("1")),
        (vec![both, ("x-a", "1")], vec![("x-a", "2"), both], Value, Some("1"), Some("2")),
        (
            vec![("x-a", "1"), ("x-a", "2")],
            vec![("x-a", "2"), ("x-a", "1")],
            Order,
            Some("1, 2"),
            Some("2, 1"),
        ),
        (vec![("x-a", "1"), ("x-a", "2")], vec![("x-a", "1")], Length, Some("1, 2"), Some("1")),
        (
            vec![("x-a", "1"), ("x-a", "2")],
            vec![("x-a", "1"), ("x-a", "3")],
            Value,
            Some("1, 2"),
            Some("1, 3"),
        ),
    ] {
        let comparison = heads(&stable, &other);
        assert_eq!(found(&comparison), [("header:x-a", kind, left, right)], "{stable:?} {other:?}");
        assert_eq!(comparison.differences[0].part, Part::Header);
    }
    assert_eq!(heads(&[("x-a", "1"), ("x-b", "2")], &[("x-b", "2"), ("x-a", "1")]).verdict, Verdict::Match);
}

#[test]
fn ignored_fields_are_hidden_and_counted() {
    let comparison = heads(&[("date", "today"), ("server", "a")], &[("server", "b")]);
    assert_eq!(comparison.verdict, Verdict::Match);
    let names = rules().names();
    let hidden: Vec<_> = names.iter().zip(&comparison.hidden).filter(|(_, n)| **n > 0).collect();
    assert_eq!(hidden, [(&"header:date".to_owned(), &1), (&"header:server".to_owned(), &1)]);
    let aligned = heads(&[("date", "today"), ("x-a", "1")], &[("date", "tomorrow"), ("x-a", "1")]);
    assert_eq!((aligned.verdict, aligned.hidden.iter().sum::<u32>()), (Verdict::Match, 1));
    let both = heads(&[("date", "today"), ("x-a", "1")], &[("date", "tomorrow"), ("x-a", "2")]);
    assert_eq!(
        (found(&both).len(), both.hidden.iter().sum::<u32>()),
        (1, 1),
        "counted once, whichever way is taken"
    );
}

#[test]
fn a_written_rule_tells_whether_its_field_was_there() {
    let rules = rules_with(&["x-build", "x-absent"], &[]);
    let head: Fields<'_> = &[("x-build", "1"), ("x-a", "1")];
    let comparison = compare(&answer(head, ""), &answer(&[("x-build", "1"), ("x-a", "2")], ""), &rules);
    let by_name = |name: &str| rules.names().iter().position(|rule| rule == name).unwrap();
    assert_eq!(comparison.selected[by_name("header:x-build")], 1);
    assert_eq!(comparison.selected[by_name("header:x-absent")], 0);
    assert!(comparison.hidden.is_empty());
    assert!(!rules.is_default(by_name("header:x-build")) && rules.is_default(by_name("header:date")));
}

#[test]
fn cookies_are_compared_by_name() {
    let set = |value: &'static str| ("set-cookie", value);
    let same = heads(&[set("sid=1; Path=/"), set("b=2")], &[set("b=3"), set("sid=9; Path=/; Secure")]);
    assert_eq!(same.verdict, Verdict::Match);
    assert_eq!(heads(&[set("sid=1")], &[set("sid=2")]).verdict, Verdict::Match);
    let comparison = heads(&[set("session=secret1"), set("a=1")], &[set("a=2"), set("token=secret2")]);
    assert_eq!(
        found(&comparison),
        [
            ("header:set-cookie[session]", Kind::Missing, Some("session"), None),
            ("header:set-cookie[token]", Kind::Added, None, Some("token")),
        ]
    );
    assert!(!format!("{comparison:?}").contains("secret"));
    assert_eq!(found(&heads(&[set("a=1")], &[]))[0].0, "header:set-cookie[a]");
    let long = format!("{}=1", "n".repeat(5000));
    assert!(heads(&[("set-cookie", &long)], &[]).differences[0].path.len() < 100);
    let ignored = rules_with(&["set-cookie"], &[]);
    assert_eq!(compare(&answer(&[set("a=1")], ""), &answer(&[], ""), &ignored).verdict, Verdict::Match);
}

#[test]
fn content_types_are_compared_by_meaning() {
    let with = |value: &'static str| [("content-type", value)];
    assert_eq!(
        heads(&with("text/html; charset=UTF-8"), &with("text/html;charset=utf-8")).verdict,
        Verdict::Match
    );
    let other = heads(&with("text/html"), &with("application/json"));
    assert_eq!(found(&other)[0].0, "header:content-type");
}

#[test]
fn content_length_is_compared_only_where_it_is_the_bodies_trace() {
    let head = |length: &'static str| [("content-length", length)];
    let differs =
        |stable: &Answer, other: &Answer| compare(stable, other, &rules()).verdict == Verdict::Mismatch;
    assert_eq!(found(&heads(&head("5"), &head("6")))[0].0, "header:content-length");
    assert!(!differs(&answer(&head("5"), ""), &answer(&[], "")), "one side alone says nothing");
    let json = |length: &'static str, body: &'static str| {
        answer(&[("content-length", length), ("content-type", "application/json")], body)
    };
    assert!(!differs(&json("2", "{}"), &json("3", "{ }")), "the bodies are compared by themselves");
    for status in [StatusCode::NO_CONTENT, StatusCode::NOT_MODIFIED] {
        let (mut a, mut b) = (answer(&head("5"), ""), answer(&head("6"), ""));
        (a.status, b.status) = (status, status);
        assert!(!differs(&a, &b), "{status}");
    }
    let packed = answer(&[("content-length", "9"), ("content-encoding", "gzip")], "");
    assert!(!differs(&answer(&head("5"), ""), &packed), "another encoding has another length");
    let written = rules_with(&["content-length"], &[]);
    assert_eq!(compare(&answer(&head("5"), ""), &answer(&head("6"), ""), &written).verdict, Verdict::Match);
}

#[test]
fn trailers_are_a_part_of_their_own() {
    let with = |trailers: Option<Fields<'_>>| Answer { trailers: trailers.map(fields), ..answer(&[], "x") };
    let comparison =
        compare(&with(Some(&[("grpc-status", "0")])), &with(Some(&[("grpc-status", "13")])), &rules());
    assert_eq!(found(&comparison), [("trailer:grpc-status", Kind::Value, Some("0"), Some("13"))]);
    assert_eq!(comparison.differences[0].part, Part::Trailer);
    assert_eq!(compare(&with(None), &with(Some(&[])), &rules()).verdict, Verdict::Match);
    assert_eq!(found(&compare(&with(Some(&[("x", "1")])), &with(None), &rules()))[0].1, Kind::Missing);
    let cut = Answer { body: Capture::Absent(Absent::Truncated), ..with(None) };
    assert!(compare(&with(Some(&[("x", "1")])), &cut, &rules()).differences.is_empty(), "they never came");
}

#[test]
fn absent_bodies_have_their_reasons() {
    let whole = || Capture::Complete(Bytes::from_static(b"x").into());
    let verdict = |stable: Capture, other: Capture| {
        let (mut a, mut b) = (answer(&[("x-a", "1")], ""), answer(&[("x-a", "2")], ""));
        (a.body, b.body) = (stable, other);
        let comparison = compare(&a, &b, &rules());
        assert_eq!(comparison.verdict, Verdict::Incomparable);
        assert_eq!(found(&comparison)[0].0, "header:x-a", "what the heads showed is kept");
        comparison.reason.unwrap()
    };
    let gone = Capture::Absent;
    assert_eq!(verdict(gone(Absent::Truncated), whole()), Incomparable::StableTruncated);
    assert_eq!(verdict(gone(Absent::Memory), whole()), Incomparable::Memory);
    assert_eq!(verdict(gone(Absent::TooLong), whole()), Incomparable::TooLong);
    assert_eq!(verdict(whole(), gone(Absent::Truncated)), Incomparable::Truncated);
    assert_eq!(verdict(whole(), gone(Absent::Memory)), Incomparable::Memory);
    assert_eq!(verdict(whole(), gone(Absent::TooLong)), Incomparable::TooLong);
    assert_eq!(verdict(gone(Absent::Memory), gone(Absent::Truncated)), Incomparable::Memory);
}

fn digest(bytes: &[u8]) -> Capture {
    Capture::Digest { len: bytes.len() as u64, hash: blake3::hash(bytes).into() }
}

#[test]
fn bodies_over_the_cap_are_compared_by_length_and_hash() {
    let one = |head: Fields<'_>, body: Capture| Answer { body, ..answer(head, "") };
    let whole = |bytes: &'static [u8]| Capture::Complete(Bytes::from_static(bytes).into());
    let png: Fields<'_> = &[("content-type", "image/png")];
    let compared = |stable, other| compare(&one(png, stable), &one(png, other), &rules());
    assert_eq!(compared(digest(b"abc"), digest(b"abc")).verdict, Verdict::Match);
    assert_eq!(compared(whole(b"abc"), digest(b"abc")).verdict, Verdict::Match);
    assert_eq!(found(&compared(digest(b"abc"), digest(b"abd")))[0].1, Kind::Value);
    assert_eq!(found(&compared(whole(b"abd"), digest(b"abc")))[0].1, Kind::Value);
    let length = compared(whole(b"ab"), digest(b"abc"));
    assert_eq!(found(&length), [("bytes", Kind::Length, Some("2 bytes"), Some("3 bytes"))]);

    let gzip: Fields<'_> = &[("content-encoding", "gzip")];
    let encoded = compare(&one(gzip, digest(b"abc")), &one(gzip, digest(b"ab")), &rules());
    assert_eq!(encoded.reason, Some(Incomparable::OverCap), "equal content may be packed otherwise");
    assert_eq!(
        compare(&one(gzip, digest(b"abc")), &one(gzip, digest(b"abc")), &rules()).verdict,
        Verdict::Match
    );
    let json: Fields<'_> = &[("content-type", "application/json")];
    let ruled = rules_with(&[], &["$.id"]);
    let differing = |rules: &Rules| compare(&one(json, digest(b"a")), &one(json, digest(b"b")), rules);
    assert_eq!(differing(&ruled).reason, Some(Incomparable::OverCap), "the rule would have to be applied");
    assert_eq!(differing(&rules()).verdict, Verdict::Mismatch);
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn encodings_are_undone() {
    let json = ("content-type", "application/json");
    let packed = |body: &[u8]| answer(&[json, ("content-encoding", "gzip")], gzip(body));
    assert_eq!(
        compare(&packed(b"{\"a\":1}"), &answer(&[json], "{\"a\":1.0}"), &rules()).verdict,
        Verdict::Match
    );
    let differing = compare(&packed(b"{\"a\":1}"), &packed(b"{\"a\":2}"), &rules());
    assert_eq!(found(&differing), [("$.a", Kind::Value, Some("1"), Some("2"))]);
    let broken = |body: &'static str| answer(&[("content-encoding", "gzip")], body);
    assert_eq!(compare(&broken("x"), &broken("y"), &rules()).reason, Some(Incomparable::Encoding));
    assert_eq!(
        compare(&broken("x"), &broken("x"), &rules()).verdict,
        Verdict::Match,
        "equal bytes are equal"
    );
    assert_eq!(compare(&broken("x"), &answer(&[], "x"), &rules()).reason, Some(Incomparable::Encoding));
    assert_eq!(
        compare(&broken(""), &answer(&[], ""), &rules()).verdict,
        Verdict::Match,
        "as in answers to HEAD"
    );
    let small = Rules::compile(Settings { max_decoded: 10, ..Settings::default() }).unwrap();
    assert_eq!(
        compare(&packed(&[b' '; 11]), &packed(b"1"), &small).reason,
        Some(Incomparable::DecodedTooLarge)
    );
}

fn bodies(stable: &[u8], other: &[u8], media_type: Option<&str>) -> Comparison {
    compare_bodies(stable, other, media_type, &rules())
}

#[test]
fn the_media_type_chooses_and_the_bytes_where_there_is_none() {
    let path = |stable: &[u8], other: &[u8], media_type| {
        let comparison = bodies(stable, other, media_type);
        comparison.differences.first().map(|d| (d.path.clone(), d.pointer.clone(), d.kind))
    };
    let expect = |path: &str, pointer: &str, kind| Some((path.to_owned(), pointer.to_owned(), kind));
    assert_eq!(path(b"[1]", b"[2]", None), expect("$[*]", "/0", Kind::Value));
    assert_eq!(path(b"[1]", b"[2]", Some("text/plain")), expect("text", "line 1", Kind::Value));
    assert_eq!(path(b"[1]", b"[2]", Some("image/png")), expect("bytes", "byte 1", Kind::Value));
    assert_eq!(path(b"1", b"1.0", Some("application/vnd.x+json")), None);
    assert_eq!(path(b"a\nb", b"a\nc", None), expect("text", "line 2", Kind::Value));
    assert_eq!(path(b"a\0b", b"a\0c", None), expect("bytes", "byte 2", Kind::Value));
    assert_eq!(path(b"a\xff", b"a\xfe", Some("text/html")), expect("bytes", "byte 1", Kind::Value));
    assert_eq!(path(b"abc", b"ab", Some("image/png")), expect("bytes", "byte 2", Kind::Length));
    assert_eq!(path(b"\xef\xbb\xbfa", b"a", Some("text/plain")), None, "a byte order mark is no content");
    assert_eq!(path(b"\xef\xbb\xbf{}", b"{}", Some("application/json")), None);
    assert_eq!(
        path(b"a=1&b=2", b"a=1&b=3", Some("application/x-www-form-urlencoded")),
        expect("text", "line 1", Kind::Value)
    );
}

#[test]
fn json_against_something_else_is_a_difference_of_type() {
    let json = Some("application/json");
    let one = |stable: &[u8], other: &[u8]| {
        let comparison = bodies(stable, other, json);
        assert_eq!(comparison.differences.len(), 1);
        (comparison.differences[0].path.clone(), comparison.differences[0].kind)
    };
    assert_eq!(one(b"{}", b"<html>"), ("$".to_owned(), Kind::Type));
    assert_eq!(one(b"{} x", b"{}"), ("$".to_owned(), Kind::Type));
    assert_eq!(one(b"NaN", b"1"), ("$".to_owned(), Kind::Type));
    assert_eq!(one(b"null", b""), ("$".to_owned(), Kind::Missing));
    assert_eq!(one(b"", b"null"), ("$".to_owned(), Kind::Added));
    assert_eq!(one(b"NaN", b"Infinity"), ("text".to_owned(), Kind::Value));
    assert_eq!(one(b"{\xff", b"{\xfe"), ("bytes".to_owned(), Kind::Value));
    assert_eq!(one(b"oops", b""), ("text".to_owned(), Kind::Missing));
    let (json, html) = (("content-type", "application/json"), ("content-type", "text/html"));
    let types = compare(&answer(&[json], "{}"), &answer(&[html], "<p>"), &rules());
    assert_eq!(
        found(&types).iter().map(|d| (d.0, d.1)).collect::<Vec<_>>(),
        [("header:content-type", Kind::Value), ("$", Kind::Type)]
    );
    let mislabelled = compare(&answer(&[json], "{\"a\":1}"), &answer(&[html], "{ \"a\": 1 }"), &rules());
    assert_eq!(found(&mislabelled).len(), 1, "the bodies are equal documents");
    let hidden = compare_bodies(b"{}", b"<html>", Some("application/json"), &rules_with(&[], &["$"]));
    assert_eq!((hidden.verdict, hidden.hidden.iter().sum::<u32>()), (Verdict::Match, 1));
}

#[test]
fn texts_are_compared_by_line() {
    let lines = |stable: &str, other: &str| {
        let comparison = bodies(stable.as_bytes(), other.as_bytes(), Some("text/plain"));
        comparison
            .differences
            .into_iter()
            .map(|d| (d.pointer, d.kind, d.stable, d.shadow))
            .collect::<Vec<_>>()
    };
    let text = |text: &str| Some(text.to_owned());
    let line = |n: usize| format!("line {n}");
    assert_eq!(lines("a\nb\nc", "a\nx\nc"), [(line(2), Kind::Value, text("b"), text("x"))]);
    assert_eq!(lines("a\nb\nc", "a\nc"), [(line(2), Kind::Missing, text("b"), None)]);
    assert_eq!(lines("a\nc", "a\nb\nc"), [(line(2), Kind::Added, None, text("b"))]);
    assert_eq!(lines("a\n", "a"), [(line(2), Kind::Missing, text(""), None)]);
    assert_eq!(lines("a\r\nb", "a\nb"), [(line(1), Kind::Value, text("a\r"), text("a"))]);
    assert_eq!(
        lines("h\na\nb\nc\nd\nt", "h\nb\nc\nX\nd\ny\nt"),
        [
            (line(2), Kind::Missing, text("a"), None),
            (line(4), Kind::Added, None, text("X")),
            (line(6), Kind::Added, None, text("y")),
        ]
    );
}
