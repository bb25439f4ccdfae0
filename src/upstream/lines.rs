//! Whether the lines of an answer's head end as they must. hyper takes a bare LF for the end of a line (RFC 9112 section
//! 2.2 allows it), and others do not: what one reads as two fields is one for another.

/// How far the heads before an answer's body are read.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Lines {
    /// The byte before the next one.
    last: u8,
    /// Bytes of the line so far, without its end.
    length: usize,
    /// The status, once its line has come so far.
    status: [u8; 3],
    /// Lines of this head so far.
    ended: usize,
    /// The final head came; what follows is no head.
    over: bool,
}

/// Where the status code stands in a status line.
const STATUS: usize = "HTTP/1.1 ".len();

impl Lines {
    /// Reads on; false at a bare LF in a head.
    pub(super) fn read(&mut self, bytes: &[u8]) -> bool {
        let mut rest = bytes;
        while !self.over && !rest.is_empty() {
            let end = memchr::memchr(b'\n', rest);
            let line = &rest[..end.unwrap_or(rest.len())];
            if self.ended == 0 {
                for (digit, at) in self.status.iter_mut().zip(STATUS..) {
                    if let Some(byte) = at.checked_sub(self.length).and_then(|at| line.get(at)) {
                        *digit = *byte;
                    }
                }
            }
            let last = line.last().copied().unwrap_or(self.last);
            self.length += line.len();
            self.last = last;
            let Some(end) = end else { return true };
            if last != b'\r' {
                return false;
            }
            self.end_line();
            rest = &rest[end + 1..];
        }
        true
    }

    fn end_line(&mut self) {
        let empty = self.length == 1;
        (self.last, self.length) = (b'\n', 0);
        self.ended += 1;
        if empty && self.ended > 1 {
            // An interim answer is followed by another head, but for the one that ends HTTP.
            self.over = self.status[0] != b'1' || &self.status == b"101";
            self.ended = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether these bytes are sound, however they are cut.
    fn sound(text: &str) -> bool {
        let whole = Lines::default().read(text.as_bytes());
        for at in 0..text.len() {
            let mut lines = Lines::default();
            let (one, other) = text.as_bytes().split_at(at);
            assert_eq!(lines.read(one) && lines.read(other), whole, "{text:?} cut at {at}");
        }
        let mut bytewise = Lines::default();
        assert_eq!(text.as_bytes().iter().all(|byte| bytewise.read(&[*byte])), whole, "{text:?}");
        whole
    }

    #[test]
    fn lines_end_in_both() {
        assert!(sound("HTTP/1.1 200 OK\r\nA: b\r\n\r\n"));
        assert!(!sound("HTTP/1.1 200 OK\nA: b\r\n\r\n"));
        assert!(!sound("HTTP/1.1 200 OK\r\nA: b\nC: d\r\n\r\n"));
        assert!(!sound("HTTP/1.1 200 OK\r\nA: b\r\n\n"));
        assert!(!sound("\n"));
    }

    #[test]
    fn a_body_is_not_a_head_and_a_head_after_an_interim_answer_is() {
        assert!(sound("HTTP/1.1 200 OK\r\n\r\na\nb"));
        assert!(sound("HTTP/1.1 103 Hints\r\nA: b\r\n\r\nHTTP/1.1 200 OK\r\n\r\na\nb"));
        assert!(!sound("HTTP/1.1 103 Hints\r\nA: b\r\n\r\nHTTP/1.1 200 OK\n"));
        assert!(!sound("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 100 Continue\n\n"));
    }

    #[test]
    fn what_follows_a_switch_is_no_head() {
        assert!(sound("HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n\n\0\n"));
        assert!(!sound("HTTP/1.1 101 Switching\r\nUpgrade: x\n\r\n"));
    }

    #[test]
    fn empty_lines_before_an_answer_are_not_its_end() {
        assert!(!sound("\r\nHTTP/1.1 200 OK\r\nA: b\n"));
    }
}
