//! Requests and answers as they are shown: line, fields and excerpt, redacted and bounded.

use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};

use super::{Redactor, json, query};
use crate::model::{Absent, Answer, Capture, Chunks, Exchange, MirroredRequest};
use crate::records::record::{Excerpt, SampleMessage, trim};

/// Bytes of a form that are looked at.
const MAX_FORM: usize = 256 * 1024;

impl Redactor {
    /// A request as it is shown.
    #[must_use]
    pub fn request(&self, request: &MirroredRequest) -> SampleMessage {
        let target =
            request.target.path_and_query().map_or_else(|| request.target.to_string(), ToString::to_string);
        finished(SampleMessage {
            line: format!("{} {}", request.method, self.target(&target)),
            headers: self.fields(&request.headers),
            body: self.body(
                &request.headers,
                &joined(&request.body, json::MAX_BODY + 1),
                request.body.len() as u64,
                false,
            ),
            trailers: Vec::new(),
        })
    }

    /// An answer, or why there is none, as it is shown. `decoded` is the body without its Content-Encoding where it has one
    /// and was decoded; without it an encoded body is not shown.
    #[must_use]
    pub fn answer(&self, exchange: &Exchange, decoded: Option<&[u8]>) -> SampleMessage {
        let answer = match &exchange.result {
            Ok(answer) => answer,
            Err(failure) => {
                let line = format!("no answer: {}", query::embedded(&failure.detail, self));
                return finished(SampleMessage { line, ..SampleMessage::default() });
            }
        };
        let reason = answer.status.canonical_reason().unwrap_or_default();
        finished(SampleMessage {
            line: format!("{} {reason}", answer.status.as_str()).trim_end().to_owned(),
            headers: self.fields(&answer.headers),
            body: self.answer_body(answer, decoded),
            trailers: answer.trailers.as_ref().map(|t| self.fields(t)).unwrap_or_default(),
        })
    }

    fn fields(&self, headers: &HeaderMap) -> Vec<(String, String)> {
        let shown = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        headers
            .iter()
            .map(|(name, value)| (name.as_str().to_owned(), self.field(name.as_str(), &shown(value))))
            .collect()
    }

    fn answer_body(&self, answer: &Answer, decoded: Option<&[u8]>) -> Excerpt {
        match &answer.body {
            Capture::Complete(chunks) => {
                let length = chunks.len() as u64;
                match decoded {
                    Some(bytes) => self.body(&answer.headers, bytes, length, true),
                    None => self.body(&answer.headers, &joined(chunks, json::MAX_BODY + 1), length, false),
                }
            }
            Capture::Digest { len, .. } => {
                left_out(Some(*len), "left out: over the cap, compared by length and digest")
            }
            Capture::Absent(Absent::Truncated) => left_out(None, "left out: it was cut short"),
            Capture::Absent(Absent::Memory) => left_out(None, "left out: the byte budget was used up"),
            Capture::Absent(Absent::TooLong) => left_out(None, "left out: longer than is read"),
        }
    }

    /// What is shown of a body: as much as the rules can be applied to, at most [`Excerpt::MAX`] bytes.
    fn body(&self, headers: &HeaderMap, bytes: &[u8], length: u64, decoded: bool) -> Excerpt {
        let header =
            |name| headers.get(name).and_then(|v: &http::HeaderValue| v.to_str().ok()).unwrap_or_default();
        let coding = header(CONTENT_ENCODING).trim();
        if bytes.is_empty() {
            return Excerpt { length: Some(length), ..Excerpt::default() };
        }
        if !decoded && !coding.is_empty() && !coding.eq_ignore_ascii_case("identity") {
            return left_out(Some(length), "left out: its Content-Encoding was not decoded");
        }
        if !self.paths.is_empty() {
            return match json::body(bytes, &self.paths, &self.hasher) {
                Ok(text) => self.excerpt(&text, false, length),
                Err(reason) => left_out(Some(length), &reason),
            };
        }
        let form = header(CONTENT_TYPE).to_ascii_lowercase().starts_with("application/x-www-form-urlencoded");
        match text_of(bytes, if form { MAX_FORM } else { 2 * Excerpt::MAX }) {
            Some(text) if form => self.excerpt(&query::form(text, self), text.len() < bytes.len(), length),
            Some(text) => self.excerpt(text, text.len() < bytes.len(), length),
            None => left_out(Some(length), "left out: not text"),
        }
    }

    /// URLs stand in texts of every kind, so their secrets are looked for once more. `cut` says that there was more.
    fn excerpt(&self, text: &str, cut: bool, length: u64) -> Excerpt {
        // Twice the bound: what is replaced may become shorter, and the rest need not be looked at.
        let looked_at = &text[..text.floor_char_boundary(2 * Excerpt::MAX)];
        let mut shown = query::embedded(looked_at, self);
        let cut = cut || looked_at.len() < text.len() || shown.len() > Excerpt::MAX;
        trim(&mut shown, Excerpt::MAX);
        let omitted = cut.then(|| format!("only the first {} bytes are kept", Excerpt::MAX));
        Excerpt { text: shown, length: Some(length), omitted }
    }
}

fn finished(mut message: SampleMessage) -> SampleMessage {
    message.bound();
    message
}

fn left_out(length: Option<u64>, reason: &str) -> Excerpt {
    Excerpt { text: String::new(), length, omitted: Some(reason.to_owned()) }
}

/// The first `max` bytes as one piece.
fn joined(chunks: &Chunks, max: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(chunks.len().min(max));
    for part in chunks.iter() {
        let room = max - bytes.len();
        bytes.extend_from_slice(&part[..part.len().min(room)]);
        if bytes.len() == max {
            break;
        }
    }
    bytes
}

/// The first `max` bytes as text, without the character that the cut went through; `None` if it is not text.
fn text_of(bytes: &[u8], max: usize) -> Option<&str> {
    let cut = &bytes[..bytes.len().min(max)];
    match std::str::from_utf8(cut) {
        Ok(text) => Some(text),
        Err(e) if e.error_len().is_none() && cut.len() < bytes.len() => {
            std::str::from_utf8(&cut[..e.valid_up_to()]).ok()
        }
        Err(_) => None,
    }
}

#[cfg(test)]
#[path = "message_tests.rs"]
mod tests;
