//! A head as it arrives, read line by line and never twice.

use super::fault::Fault;
use super::fields::{Delimited, Framing, name_of};
use super::inspector::Limits;
use super::request_line::{self, RequestLine, Version};
use super::text;

/// Empty lines that may stand before a request: some clients end a body with one too many (RFC 9112 section 2.2).
const MAX_EMPTY_LINES: u8 = 2;

/// Bytes of a request line beside its target: the longest method, two spaces and the version.
const AROUND_TARGET: usize = 80;

/// How far a head is read.
#[derive(Debug, Default)]
pub(super) struct Head {
    /// Where the line begins that is not read yet.
    line: usize,
    /// Up to where there is text, without a line end.
    searched: usize,
    empty: u8,
    request: Option<RequestLine>,
    fields: usize,
    framing: Framing,
}

/// What came of reading on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// More has to come.
    Incomplete,
    /// The head ends after this many bytes.
    Complete(usize, Delimited),
    Bad(Fault),
}

impl Head {
    /// Reads on in `head`, which begins where the head does and holds all that came of it.
    pub(super) fn advance(&mut self, head: &mut [u8], limits: Limits) -> Step {
        loop {
            let end = self.searched + text::length(&head[self.searched..]);
            self.searched = end;
            match head[end..] {
                [] | [b'\r'] => {
                    let incomplete = self.incomplete(head.len(), limits);
                    return incomplete.map_or_else(Step::Bad, |()| Step::Incomplete);
                }
                [b'\r', b'\n', ..] if end + 2 > limits.head => return Step::Bad(self.too_large()),
                [b'\r', b'\n', ..] => {}
                [b'\r' | b'\n', ..] => {
                    return Step::Bad(Fault::Malformed("a line that does not end in CR LF"));
                }
                _ => return Step::Bad(Fault::Malformed("a control character in a head")),
            }
            let line = self.line..end;
            (self.line, self.searched) = (end + 2, end + 2);
            match self.take(&mut head[line], limits) {
                Ok(None) => {}
                Ok(Some(delimited)) => return Step::Complete(end + 2, delimited),
                Err(fault) => return Step::Bad(fault),
            }
        }
    }

    /// Whether it asks for another protocol, so that the bytes behind it may not be HTTP.
    pub(super) fn may_switch(&self) -> bool {
        self.request
            .is_some_and(|line| line.connect || (line.version == Version::Http11 && self.framing.upgrade))
    }

    /// Whether it asks for options of the server as a whole without saying so in the form that others know.
    pub(super) fn is_asterisk(&self) -> bool {
        self.request.is_some_and(|line| line.asterisk)
    }

    /// Whether its request line was read and is of HTTP/1.0.
    pub(super) fn is_old(&self) -> bool {
        self.request.is_some_and(|line| line.version == Version::Http10)
    }

    fn take(&mut self, line: &mut [u8], limits: Limits) -> Result<Option<Delimited>, Fault> {
        let Some(request) = self.request else {
            if line.is_empty() && self.empty < MAX_EMPTY_LINES {
                self.empty += 1;
            } else {
                let read = request_line::read(line, limits.target)?;
                self.request = Some(read);
                if read.connect {
                    return Err(Fault::Connect);
                }
            }
            return Ok(None);
        };
        if line.is_empty() {
            return self.framing.delimited(request.version).map(Some);
        }
        self.fields += 1;
        if self.fields > limits.fields {
            return Err(Fault::FieldsTooLarge);
        }
        let name = name_of(line)?;
        self.framing.add(line, name)?;
        Ok(None)
    }

    fn incomplete(&self, len: usize, limits: Limits) -> Result<(), Fault> {
        let line_too_long = self.request.is_none() && len - self.line > limits.target + AROUND_TARGET;
        if line_too_long || len >= limits.head { Err(self.too_large()) } else { Ok(()) }
    }

    fn too_large(&self) -> Fault {
        if self.request.is_none() { Fault::TargetTooLong } else { Fault::FieldsTooLarge }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { head: 200, target: 50, fields: 3 };

    fn read(text: &str) -> Step {
        Head::default().advance(&mut text.as_bytes().to_vec(), LIMITS)
    }

    #[test]
    fn it_ends_at_its_empty_line() {
        let text = "POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\n";
        assert_eq!(read(&format!("{text}abc")), Step::Complete(text.len(), Delimited::Length(3)));
        assert_eq!(read(&format!("\r\n\r\n{text}abc")), Step::Complete(text.len() + 4, Delimited::Length(3)));
        for end in 0..text.len() {
            assert_eq!(read(&text[..end]), Step::Incomplete, "{:?}", &text[..end]);
        }
        assert!(matches!(read(&format!("\r\n\r\n\r\n{text}")), Step::Bad(Fault::Malformed(_))));
    }

    #[test]
    fn a_bare_line_feed_ends_no_line() {
        for text in [
            "\n",
            "GET / HTTP/1.1\n",
            "GET / HTTP/1.1\r\nA: b\n",
            "GET / HTTP/1.1\r\n\n",
            "\r\n\nGET / HTTP/1.1\r\n",
        ] {
            assert!(matches!(read(text), Step::Bad(Fault::Malformed(_))), "{text:?}");
        }
    }

    #[test]
    fn what_is_too_large_is_known_before_it_ends() {
        assert_eq!(read(&"a".repeat(129)), Step::Incomplete);
        assert_eq!(read(&"a".repeat(131)), Step::Bad(Fault::TargetTooLong));
        assert_eq!(
            read(&format!("GET / HTTP/1.1\r\nA: {}", "b".repeat(200))),
            Step::Bad(Fault::FieldsTooLarge)
        );
        assert_eq!(
            read(&format!("GET / HTTP/1.1\r\n{}", "A: b\r\n".repeat(4))),
            Step::Bad(Fault::FieldsTooLarge)
        );
        let exact = |n: usize| format!("GET / HTTP/1.1\r\nA: {}\r\n\r\n", "b".repeat(n - 23));
        assert_eq!(read(&exact(200)), Step::Complete(200, Delimited::Length(0)));
        assert_eq!(read(&exact(201)), Step::Bad(Fault::FieldsTooLarge));
    }

    #[test]
    fn who_asks_for_another_protocol_is_known() {
        let switches = |text: &str| {
            let mut head = Head::default();
            assert!(
                matches!(head.advance(&mut text.as_bytes().to_vec(), LIMITS), Step::Complete(..)),
                "{text:?}"
            );
            head.may_switch()
        };
        assert!(switches("GET / HTTP/1.1\r\nUpgrade: x\r\n\r\n"));
        assert_eq!(read("CONNECT a:1 HTTP/1.1\r\n"), Step::Bad(Fault::Connect));
        assert!(!switches("GET / HTTP/1.0\r\nUpgrade: x\r\n\r\n"), "RFC 9110 section 7.8");
        assert!(!switches("GET / HTTP/1.1\r\n\r\n"));
    }
}
