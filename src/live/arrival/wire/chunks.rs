//! A chunked body as it arrives: RFC 9112 section 7.1, to the letter, each byte read once.

use super::fields::name_of;
use super::inspector::Limits;
use super::text;

/// Digits of a chunk's size: what fits 60 bits, and no zeros without end.
const MAX_DIGITS: u8 = 15;

/// Bytes of chunk extensions in one body, and of the whitespace before them. They are dropped, so more only costs.
const MAX_EXTENSIONS: usize = 8 * 1024;

/// How far a chunked body is read.
#[derive(Debug, Default)]
pub(super) struct Chunks {
    state: State,
    size: u64,
    digits: u8,
    extensions: usize,
    trailers: usize,
    trailer_bytes: usize,
    /// The trailer line that is not complete; hyper has it already.
    line: Vec<u8>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Size,
    /// Whitespace after the size, which only an extension may follow.
    Space,
    Extension,
    SizeLf,
    Data,
    DataCr,
    DataLf,
    Trailer,
}

/// What came of reading on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// More has to come.
    Incomplete,
    /// The body ends after this many bytes.
    Complete(usize),
    /// From this byte on it is no chunked body.
    Bad(usize),
}

impl Chunks {
    /// Reads on in the bytes that follow those of the last call.
    pub(super) fn advance(&mut self, bytes: &[u8], limits: Limits) -> Step {
        let mut at = 0;
        while at < bytes.len() {
            let rest = &bytes[at..];
            match self.state {
                State::Data => {
                    let taken = usize::try_from(self.size).map_or(rest.len(), |size| size.min(rest.len()));
                    self.size -= taken as u64;
                    at += taken;
                    if self.size == 0 {
                        self.state = State::DataCr;
                    }
                }
                State::Trailer => match self.trailer(rest, limits) {
                    Some((taken, true)) => return Step::Complete(at + taken),
                    Some((taken, false)) => at += taken,
                    None => return Step::Bad(at),
                },
                _ => match self.mark(rest[0]) {
                    Some(state) => {
                        self.state = state;
                        at += 1;
                    }
                    None => return Step::Bad(at),
                },
            }
        }
        Step::Incomplete
    }

    /// One byte of what stands around data; `None` if it may not stand there.
    fn mark(&mut self, byte: u8) -> Option<State> {
        match (self.state, byte) {
            (State::Size, b'\r') if self.digits > 0 => Some(State::SizeLf),
            (State::Size, b';') if self.digits > 0 => Some(State::Extension),
            (State::Size, b' ' | b'\t') if self.digits > 0 => Some(State::Space),
            (State::Size, digit) => self.digit(digit),
            (State::Space, b';') => Some(State::Extension),
            (State::Space, b' ' | b'\t') => self.extension(),
            (State::Extension, b'\r') => Some(State::SizeLf),
            // Others end a line here, and would read the rest of the extension as data.
            (State::Extension, 0x7f) => None,
            (State::Extension, byte) if byte >= b' ' || byte == b'\t' => self.extension(),
            (State::SizeLf, b'\n') if self.size == 0 => Some(State::Trailer),
            (State::SizeLf, b'\n') => Some(State::Data),
            (State::DataCr, b'\r') => Some(State::DataLf),
            (State::DataLf, b'\n') => {
                (self.size, self.digits) = (0, 0);
                Some(State::Size)
            }
            _ => None,
        }
    }

    fn digit(&mut self, byte: u8) -> Option<State> {
        let digit = char::from(byte).to_digit(16)?;
        self.digits += 1;
        self.size = self.size << 4 | u64::from(digit);
        (self.digits <= MAX_DIGITS).then_some(State::Size)
    }

    fn extension(&mut self) -> Option<State> {
        self.extensions += 1;
        (self.extensions <= MAX_EXTENSIONS).then_some(self.state)
    }

    /// As much of a trailer line as is there: how many bytes, and whether the section ends with it.
    fn trailer(&mut self, rest: &[u8], limits: Limits) -> Option<(usize, bool)> {
        let end = memchr::memchr(b'\n', rest).map(|lf| lf + 1);
        let taken = end.unwrap_or(rest.len());
        self.trailer_bytes += taken;
        if self.trailer_bytes >= limits.head {
            return None;
        }
        self.line.extend_from_slice(&rest[..taken]);
        if end.is_none() {
            return Some((taken, false));
        }
        let line = self.line.strip_suffix(b"\r\n")?;
        if line.is_empty() {
            return Some((taken, true));
        }
        self.trailers += 1;
        if self.trailers > limits.fields || text::length(line) < line.len() || name_of(line).is_err() {
            return None;
        }
        self.line.clear();
        Some((taken, false))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { head: 100, target: 50, fields: 2 };

    fn read(text: &str) -> Step {
        Chunks::default().advance(text.as_bytes(), LIMITS)
    }

    #[test]
    fn a_body_ends_after_its_trailers() {
        for body in [
            "0\r\n\r\n",
            "000\r\n\r\n",
            "3\r\nabc\r\n0\r\n\r\n",
            "A\r\n0123456789\r\n0\r\n\r\n",
            "a;x\r\n0123456789\r\n0;y=\"z\"\r\n\r\n",
            "3 ;x\r\nabc\r\n0\t ; y\r\n\r\n",
            "3\r\na\r\n\r\n0\r\n\r\n",
            "0\r\nX-A: b\r\nx-c:\r\n\r\n",
        ] {
            assert_eq!(read(&format!("{body}GET")), Step::Complete(body.len()), "{body:?}");
            for end in 0..body.len() {
                assert_eq!(read(&body[..end]), Step::Incomplete, "{:?}", &body[..end]);
            }
        }
    }

    #[test]
    fn what_another_reader_would_read_otherwise_is_refused() {
        for bad in [
            "\r\n",
            ";\r\n",
            " 3\r\n",
            "+3\r\n",
            "-3\r\n",
            "0x3\r\n",
            "3_0\r\n",
            "3h\r\n",
            "g\r\n",
            "3 \r\n",
            "3 3\r\n",
            "3\nabc\r\n",
            "3\r\r\nabc",
            "3\r\nabcd\r\n",
            "3\r\nabc\n",
            "3\r\nabc\r\r",
            "3\r\nabcX",
            "3;a\nb\r\n",
            "3;a\rb\r\n",
            "3;\0\r\n",
            "3;\x7f\r\n",
            "0\r\nX-A : b\r\n",
            "0\r\n X-A: b\r\n",
            "0\r\nX-A: \0\r\n",
            "0\r\nX-A: b\n",
            "0\r\n\n",
            "0\r\nno colon\r\n",
            "0\r\nX-A: b\r\n folded\r\n",
            "0\r\nX-A: b\rc\r\n",
            "0000000000000000\r\n",
            "ffffffffffffffff\r\n",
            "10000000000000000\r\n",
        ] {
            assert!(matches!(read(bad), Step::Bad(_)), "{bad:?}");
        }
    }

    #[test]
    fn extensions_and_trailers_are_bounded() {
        let one = format!("1;{}\r\na\r\n", "x".repeat(1000));
        assert_eq!(read(&one.repeat(8)), Step::Incomplete);
        assert!(matches!(read(&one.repeat(9)), Step::Bad(_)), "over all chunks of a body");
        assert!(matches!(read(&format!("0\r\n{}", "A: b\r\n".repeat(3))), Step::Bad(_)));
        assert!(
            matches!(read(&format!("0\r\nA: {}", "b".repeat(100))), Step::Bad(_)),
            "before the line ends"
        );
    }

    #[test]
    fn what_is_bad_is_told_to_the_byte() {
        assert_eq!(read("3\r\nabcX"), Step::Bad(6));
        assert_eq!(read("3\r\nabc\r\nzz"), Step::Bad(8));
    }
}
