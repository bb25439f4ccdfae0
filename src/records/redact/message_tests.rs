//! Whole messages: nothing secret in them, everything else as far as the bounds go.
#![allow(clippy::unwrap_used)]

use bytes::Bytes;
use http::{Extensions, HeaderName, HeaderValue, Method, StatusCode};
use proptest::prelude::*;

use super::*;
use crate::model::{Failure, Leg, Outcome, Timing};

fn redactor(rules: &[&str]) -> Redactor {
    let rules: Vec<String> = rules.iter().map(|&r| r.to_owned()).collect();
    Redactor::new([5; 32], &rules).unwrap()
}

fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    let pair = |(name, value): &(&str, &str)| {
        (HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_str(value).unwrap())
    };
    let mut map = HeaderMap::new();
    for (name, value) in pairs.iter().map(pair) {
        map.append(name, value);
    }
    map
}

fn chunks(body: &[u8]) -> Chunks {
    let mut chunks = Chunks::default();
    for part in body.chunks(7) {
        chunks.push(Bytes::copy_from_slice(part));
    }
    chunks
}

fn request(target: &str, fields: &[(&str, &str)], body: &[u8]) -> MirroredRequest {
    MirroredRequest {
        method: Method::POST,
        target: target.parse().unwrap(),
        headers: headers(fields),
        trace: None,
        client: None,
        extensions: Extensions::new(),
        body: chunks(body),
    }
}

fn exchange(result: Result<Answer, Failure>) -> Exchange {
    Exchange { leg: Leg::Shadow, timing: Timing::default(), result }
}

fn answer(fields: &[(&str, &str)], body: Capture) -> Exchange {
    exchange(Ok(Answer { status: StatusCode::OK, headers: headers(fields), body, trailers: None }))
}

fn complete(body: &[u8]) -> Capture {
    Capture::Complete(chunks(body))
}

#[test]
fn a_request_is_shown_without_its_secrets() {
    let r = redactor(&["$.card"]);
    let fields = [
        ("host", "shop"),
        ("authorization", "Bearer s3cret"),
        ("cookie", "id=s3cret"),
        ("accept", "a"),
        ("accept", "b"),
    ];
    let got = r.request(&request("/pay?token=s3cret&n=1", &fields, br#"{"card":"s3cret","n":1}"#));
    let h = r.hasher.replace("s3cret");
    assert_eq!(got.line, format!("POST /pay?token={h}&n=1"));
    let fields: Vec<(&str, &str)> = got.headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    let (bearer, cookie) = (r.hasher.replace("Bearer s3cret"), format!("id={h}"));
    assert_eq!(
        fields,
        [
            ("host", "shop"),
            ("authorization", &*bearer),
            ("cookie", &*cookie),
            ("accept", "a"),
            ("accept", "b")
        ]
    );
    assert_eq!(got.body.text, format!(r#"{{"card":"{h}","n":1}}"#));
    assert_eq!((got.body.length, got.body.omitted), (Some(23), None));
}

#[test]
fn a_form_is_redacted_by_the_names_of_its_fields() {
    let r = redactor(&[]);
    let fields = [("content-type", "application/x-www-form-urlencoded; charset=utf-8")];
    let got = r.request(&request("/", &fields, b"user=me&password=s3cret"));
    assert_eq!(got.body.text, format!("user=me&password={}", r.hasher.replace("s3cret")));
    let ruled = redactor(&["$.a"]).request(&request("/", &fields, b"user=me&password=s3cret"));
    assert_eq!(ruled.body.text, "", "a form is not JSON, so rules for JSON cannot be applied");
    assert!(ruled.body.omitted.unwrap().contains("not JSON"));
}

#[test]
fn an_answer_is_shown_as_far_as_it_is_text() {
    let r = redactor(&[]);
    let got = r.answer(&answer(&[("set-cookie", "id=1; Path=/")], complete(b"hello /x?token=abc")), None);
    assert_eq!(got.line, "200 OK");
    assert_eq!(got.headers[0].1, format!("id={}; Path=/", r.hasher.replace("1")));
    assert_eq!(got.body.text, format!("hello /x?token={}", r.hasher.replace("abc")));
    let binary = r.answer(&answer(&[], complete(&[0xff, 0xfe, 0])), None).body;
    assert_eq!(
        (binary.text.as_str(), binary.length, binary.omitted.as_deref()),
        ("", Some(3), Some("left out: not text"))
    );
    let empty = r.answer(&answer(&[("content-encoding", "gzip")], complete(b"")), None).body;
    assert_eq!((empty.length, empty.omitted), (Some(0), None));
}

#[test]
fn an_encoded_body_is_shown_only_when_it_was_decoded() {
    let r = redactor(&["$.a"]);
    let gzip = answer(&[("content-encoding", "gzip")], complete(b"\x1f\x8bwhatever"));
    assert!(r.answer(&gzip, None).body.omitted.unwrap().contains("Content-Encoding"));
    let shown = r.answer(&gzip, Some(br#"{"a":1}"#)).body;
    assert_eq!(shown.text, format!(r#"{{"a":"{}"}}"#, r.hasher.replace("1")));
    let identity = answer(&[("content-encoding", "identity")], complete(b"[1]"));
    assert_eq!(r.answer(&identity, None).body.text, "[1]");
}

#[test]
fn what_is_not_there_is_left_out_with_its_reason() {
    let r = redactor(&[]);
    for (body, length, reason) in [
        (Capture::Digest { len: 9, hash: [0; 32] }, Some(9), "over the cap"),
        (Capture::Absent(Absent::Truncated), None, "cut short"),
        (Capture::Absent(Absent::Memory), None, "byte budget"),
        (Capture::Absent(Absent::TooLong), None, "longer"),
    ] {
        let got = r.answer(&answer(&[], body), None).body;
        assert_eq!((got.text.as_str(), got.length), ("", length));
        assert!(got.omitted.unwrap().contains(reason));
    }
    let failure = Failure { outcome: Outcome::ALL[1], detail: "refused by http://u:p@h/?token=abc".into() };
    let got = r.answer(&exchange(Err(failure)), None);
    assert!(got.line.starts_with("no answer: refused") && !got.line.contains("abc"), "{}", got.line);
}

#[test]
fn excerpts_end_at_their_bound_and_say_so() {
    let r = redactor(&[]);
    for (length, whole) in [(4096, true), (4097, false), (8192, false), (8193, false), (1 << 20, false)] {
        let got = r.answer(&answer(&[], complete(&vec![b'x'; length])), None).body;
        assert_eq!(got.length, Some(length as u64));
        assert_eq!(got.omitted.is_none(), whole, "{length}");
        assert!(got.text.len() <= Excerpt::MAX);
    }
    let odd = "ä".repeat(6000);
    let got = r.answer(&answer(&[], complete(format!("x{odd}").as_bytes())), None).body;
    assert!(got.text.starts_with("xä") && got.text.ends_with("ä…"), "the cut goes between characters");
    let ruled = redactor(&["$.a"]).request(&request("/", &[], &vec![b'1'; json::MAX_BODY + 5]));
    assert_eq!(ruled.body.length, Some(json::MAX_BODY as u64 + 5));
    assert!(ruled.body.omitted.unwrap().contains("over 262144"));
}

#[test]
fn trailers_are_redacted_like_fields() {
    let r = redactor(&[]);
    let mut with = answer(&[], complete(b"x"));
    if let Ok(answer) = &mut with.result {
        answer.trailers = Some(headers(&[("x-signature", "s3cret"), ("checksum", "1")]));
    }
    let got = r.answer(&with, None);
    assert_eq!(
        got.trailers,
        [("x-signature".to_owned(), r.hasher.replace("s3cret")), ("checksum".into(), "1".into())]
    );
}

proptest! {
    #[test]
    fn no_secret_appears_anywhere(secret in "[A-Z][A-Za-z0-9]{9,30}", noise in "[a-z0-9 ]{0,30}") {
        let r = redactor(&["$..card", "header:x-tenant"]);
        let body = serde_json::json!({"n": noise, "list": [{"card": secret}, {"card": {"number": [secret]}}]}).to_string();
        let bearer = format!("Bearer {secret}");
        let cookie = format!("a={secret}; b={secret}");
        let fields = [("authorization", &*bearer), ("cookie", &*cookie), ("x-tenant", &*secret), ("x-api-key", &*secret),
            ("set-cookie", &*cookie), ("referer", &*format!("https://h/?key={secret}"))].map(|(n, v)| (n, v.to_owned()));
        let fields: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (*n, v.as_str())).collect();
        let asked = r.request(&request(&format!("/x?access_token={secret}"), &fields, body.as_bytes()));
        prop_assert!(!serde_json::to_string(&asked).unwrap().contains(&secret));
        let answered = r.answer(&answer(&fields, complete(body.as_bytes())), None);
        prop_assert!(!serde_json::to_string(&answered).unwrap().contains(&secret));
    }

    #[test]
    fn any_body_is_survived(body in prop::collection::vec(any::<u8>(), 0..300)) {
        for rules in [&[][..], &["$..a"]] {
            let got = redactor(rules).answer(&answer(&[], complete(&body)), None);
            prop_assert_eq!(got.body.length, Some(body.len() as u64));
        }
    }
}
