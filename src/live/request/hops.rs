//! May a request go one hop further? Circles, `Max-Forwards`, and TRACE, which tells a page what its browser sent.

use bytes::{BufMut, Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, Version, header};

use super::headers::Pseudonym;
use super::survey::{Field, Survey};
use crate::live::error::{ALLOWED, Obstacle};

/// What a TRACE never carries on and never shows: RFC 9110 section 9.3.8.
const CREDENTIALS: [HeaderName; 3] = [header::AUTHORIZATION, header::COOKIE, header::PROXY_AUTHORIZATION];

/// Counts the hop. `Some` is the answer of the last one: it ends here.
///
/// # Errors
/// The [`Obstacle`] to answer with.
pub(in crate::live) fn step<B: http_body::Body>(
    request: &mut Request<B>,
    survey: Survey,
    pseudonym: &Pseudonym,
    trace_method: bool,
) -> Result<Option<Response<Bytes>>, Obstacle> {
    if survey.has(Field::Via) && pseudonym.is_in(request.headers()) {
        return Err(Obstacle::Loop);
    }
    let trace = *request.method() == Method::TRACE;
    if trace {
        if !trace_method {
            return Err(Obstacle::Trace);
        }
        if !request.body().is_end_stream() {
            return Err(Obstacle::BadRequest("TRACE with a body"));
        }
        for name in CREDENTIALS {
            request.headers_mut().remove(name);
        }
    }
    if !survey.has(Field::MaxForwards) || !(trace || *request.method() == Method::OPTIONS) {
        return Ok(None);
    }
    match left(request.headers())? {
        0 if trace => Ok(Some(reflection(request))),
        0 => Ok(Some(options(trace_method))),
        more => {
            request.headers_mut().insert(header::MAX_FORWARDS, HeaderValue::from(more - 1));
            Ok(None)
        }
    }
}

/// RFC 9110 section 7.6.2; a number beyond our own is taken for the largest of ours, as it allows.
fn left(fields: &HeaderMap) -> Result<u32, Obstacle> {
    let mut values = fields.get_all(header::MAX_FORWARDS).iter().map(HeaderValue::as_bytes);
    match (values.next(), values.next()) {
        (Some(digits), None) if !digits.is_empty() && digits.iter().all(u8::is_ascii_digit) => {
            let number = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok());
            Ok(number.unwrap_or(u32::MAX))
        }
        _ => Err(Obstacle::BadRequest("a bad Max-Forwards")),
    }
}

/// What may be asked here: everything but what is refused for every target.
fn options(trace_method: bool) -> Response<Bytes> {
    let allow = if trace_method { format!("{ALLOWED}, TRACE") } else { ALLOWED.to_owned() };
    let mut response = Response::new(Bytes::new());
    if let Ok(allow) = HeaderValue::try_from(allow) {
        response.headers_mut().insert(header::ALLOW, allow);
    }
    response
}

/// The request as it came, without its credentials. As large as its head at most, which has a bound.
fn reflection<B>(request: &Request<B>) -> Response<Bytes> {
    let version = if request.version() == Version::HTTP_10 { "HTTP/1.0" } else { "HTTP/1.1" };
    let mut text = BytesMut::new();
    text.put(format!("{} {} {version}\r\n", request.method(), request.uri()).as_bytes());
    for (name, value) in request.headers() {
        for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
            text.put(part);
        }
    }
    text.put(&b"\r\n"[..]);
    let mut response = Response::new(text.freeze());
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("message/http"));
    response
}

#[cfg(test)]
mod tests {
    use http_body_util::{Empty, Full};

    use super::*;
    use crate::live::settings::Via;

    type Stepped = Result<Option<Response<Bytes>>, Obstacle>;

    fn stepped(method: &str, fields: &[(&str, &str)], trace_method: bool) -> (Stepped, HeaderMap) {
        let mut builder = Request::builder().method(method).uri("/a?b=c");
        for (name, value) in fields {
            builder = builder.header(*name, *value);
        }
        let mut request = builder.body(Empty::<Bytes>::new()).expect("a request");
        let survey = Survey::of(request.headers(), None);
        let stepped = step(&mut request, survey, &Pseudonym::new("a1", Via::Requests), trace_method);
        (stepped, request.into_parts().0.headers)
    }

    #[test]
    fn max_forwards_counts_down_for_options_and_trace_alone() {
        for method in ["OPTIONS", "TRACE"] {
            for (sent, left) in [("7", "6"), ("1", "0"), ("007", "6"), ("99999999999999999999", "4294967294")]
            {
                let (stepped, fields) = stepped(method, &[("max-forwards", sent)], true);
                assert!(matches!(stepped, Ok(None)), "{method} {sent}");
                assert_eq!(fields["max-forwards"], left);
            }
        }
        for sent in ["0", "7", "many"] {
            let (stepped, fields) = stepped("GET", &[("max-forwards", sent)], true);
            assert!(matches!(stepped, Ok(None)));
            assert_eq!(fields["max-forwards"], sent, "not for GET");
        }
    }

    #[test]
    fn a_bad_max_forwards_is_a_bad_request() {
        for bad in [&["-1"][..], &["+1"], &["1.0"], &[""], &["0x1"], &["1, 2"], &["1", "1"]] {
            let fields: Vec<(&str, &str)> = bad.iter().map(|value| ("max-forwards", *value)).collect();
            assert!(matches!(stepped("OPTIONS", &fields, true).0, Err(Obstacle::BadRequest(_))), "{bad:?}");
        }
    }

    #[test]
    fn the_last_hop_answers_itself() {
        for (on, ends) in [(true, "OPTIONS, TRACE"), (false, "DELETE, OPTIONS")] {
            let answer = stepped("OPTIONS", &[("max-forwards", "0")], on).0.expect("fine").expect("the end");
            assert!(answer.headers()["allow"].to_str().expect("text").ends_with(ends));
            assert!(answer.status().is_success() && answer.body().is_empty());
        }
        let fields = [("max-forwards", "0"), ("x-a", "1"), ("authorization", "s3cret"), ("cookie", "s3cret")];
        let answer = stepped("TRACE", &fields, true).0.expect("fine").expect("the end");
        assert_eq!(answer.headers()["content-type"], "message/http");
        assert_eq!(answer.body(), "TRACE /a?b=c HTTP/1.1\r\nmax-forwards: 0\r\nx-a: 1\r\n\r\n");
    }

    #[test]
    fn trace_is_off_and_where_it_is_on_it_has_no_body_and_no_credentials() {
        assert!(matches!(stepped("TRACE", &[("max-forwards", "0")], false).0, Err(Obstacle::Trace)));
        let fields = [("authorization", "b"), ("cookie", "c"), ("proxy-authorization", "d"), ("x-a", "1")];
        let (stepped, left) = stepped("TRACE", &fields, true);
        assert!(matches!(stepped, Ok(None)));
        assert_eq!(left.keys().map(HeaderName::as_str).collect::<Vec<_>>(), ["x-a"]);
        let mut full =
            Request::builder().method("TRACE").body(Full::new(Bytes::from("x"))).expect("a request");
        let refused = step(&mut full, Survey::default(), &Pseudonym::new("a1", Via::Requests), true);
        assert!(matches!(refused, Err(Obstacle::BadRequest(_))));
    }

    #[test]
    fn what_passed_here_before_goes_in_a_circle() {
        assert!(matches!(stepped("GET", &[("via", "1.1 umbrage-a1, 1.1 x")], true).0, Err(Obstacle::Loop)));
        assert!(matches!(stepped("GET", &[("via", "1.1 umbrage-b2")], true).0, Ok(None)));
    }
}
