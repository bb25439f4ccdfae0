//! The lines of a field section: RFC 9110 section 5 and RFC 9112 section 5, and what they say of the framing.

use std::ops::Range;

use super::fault::Fault;
use super::request_line::Version;

/// The bytes of a token: RFC 9110 section 5.6.2.
pub(in crate::live::arrival) static TOKEN: [bool; 256] = token();

const fn token() -> [bool; 256] {
    let marks = b"!#$%&'*+-.^_`|~";
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        #[allow(clippy::cast_possible_truncation)]
        let letter = (byte as u8).is_ascii_alphanumeric();
        table[byte] = letter;
        byte += 1;
    }
    let mut mark = 0;
    while mark < marks.len() {
        table[marks[mark] as usize] = true;
        mark += 1;
    }
    table
}

/// A length above this cannot be counted on by everybody; no body is that long.
const MAX_LENGTH: u64 = i64::MAX as u64;

/// Where the name of a field line ends; the line, which is text, is then fit to be passed on.
///
/// No line may begin with whitespace (obs-fold), nor have any before the colon: others take the one for a continuation
/// and the other for another name.
pub(super) fn name_of(line: &[u8]) -> Result<usize, Fault> {
    let end = line.iter().position(|b| !TOKEN[usize::from(*b)]).unwrap_or(line.len());
    match line.get(end) {
        Some(b':') if end > 0 => {}
        Some(b' ' | b'\t') if end == 0 => return Err(Fault::Malformed("a folded field line")),
        Some(b' ' | b'\t') => return Err(Fault::Malformed("whitespace within a field name")),
        _ => return Err(Fault::Malformed("a bad field name")),
    }
    Ok(end)
}

/// What the fields of a head say of its body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Framing {
    length: Option<u64>,
    coded: Option<Coded>,
    pub(super) upgrade: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Coded {
    Chunked,
    /// Codings that end in chunked: readable for who knows them.
    Unknown,
    /// Nobody can tell where such a body ends.
    Unclear,
}

/// How the body is delimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Delimited {
    Length(u64),
    Chunks,
}

impl Framing {
    /// Takes one more field line, whose name ends at `name`. What of a value was said twice is blanked, so that whoever
    /// reads it later reads one plain number.
    pub(super) fn add(&mut self, line: &mut [u8], name: usize) -> Result<(), Fault> {
        match name {
            7 if line[..name].eq_ignore_ascii_case(b"upgrade") => self.upgrade = true,
            14 if line[..name].eq_ignore_ascii_case(b"content-length") => {
                self.add_length(&mut line[name + 1..])?;
            }
            17 if line[..name].eq_ignore_ascii_case(b"transfer-encoding") => {
                let coded = coded(&line[name + 1..]);
                self.coded = Some(if self.coded.is_some() { Coded::Unclear } else { coded });
            }
            _ => {}
        }
        Ok(())
    }

    fn add_length(&mut self, value: &mut [u8]) -> Result<(), Fault> {
        const BAD: Fault = Fault::Malformed("a bad Content-Length");
        let mut digits = 0..0;
        let mut start = 0;
        for part in value.split(|b| *b == b',') {
            let (length, at) = number(part).ok_or(BAD)?;
            if self.length.is_some_and(|known| known != length) {
                return Err(Fault::Malformed("Content-Lengths that differ"));
            }
            self.length = Some(length);
            digits = start + at.start..start + at.end;
            start += part.len() + 1;
        }
        value[..digits.start].fill(b' ');
        value[digits.end..].fill(b' ');
        Ok(())
    }

    /// Exactly one framing: RFC 9112 section 6.3. Where there are two, or one that is not understood, a request is
    /// smuggled.
    pub(super) fn delimited(&self, version: Version) -> Result<Delimited, Fault> {
        let Some(coded) = self.coded else { return Ok(Delimited::Length(self.length.unwrap_or(0))) };
        if version == Version::Http10 {
            return Err(Fault::Malformed("Transfer-Encoding in HTTP/1.0"));
        }
        if self.length.is_some() {
            return Err(Fault::Malformed("Transfer-Encoding and Content-Length"));
        }
        match coded {
            Coded::Chunked => Ok(Delimited::Chunks),
            Coded::Unknown => Err(Fault::Coding),
            Coded::Unclear => Err(Fault::Malformed("a Transfer-Encoding that does not end in one chunked")),
        }
    }
}

/// A number and where its digits stand, without leading zeros, as some read those as octal.
fn number(part: &[u8]) -> Option<(u64, Range<usize>)> {
    let text = part.trim_ascii_start();
    let start = part.len() - text.len();
    let text = text.trim_ascii_end();
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let zeros = text.iter().take(text.len() - 1).take_while(|b| **b == b'0').count();
    let mut value: u64 = 0;
    for digit in text {
        value = value.checked_mul(10)?.checked_add(u64::from(digit - b'0'))?;
    }
    (value <= MAX_LENGTH).then_some((value, start + zeros..start + text.len()))
}

fn coded(value: &[u8]) -> Coded {
    let mut codings = value.split(|b| *b == b',').map(<[u8]>::trim_ascii).rev();
    let is_chunked = |coding: &[u8]| coding.eq_ignore_ascii_case(b"chunked");
    match codings.next() {
        Some(last) if is_chunked(last) => {}
        _ => return Coded::Unclear,
    }
    let mut others = codings.peekable();
    if others.peek().is_none() {
        return Coded::Chunked;
    }
    let known = |coding: &[u8]| {
        !coding.is_empty() && !is_chunked(coding) && coding.iter().all(|b| TOKEN[usize::from(*b)])
    };
    if others.all(known) { Coded::Unknown } else { Coded::Unclear }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framing(lines: &[&str]) -> Result<(Delimited, Vec<String>), Fault> {
        let mut framing = Framing::default();
        let mut read = Vec::new();
        for line in lines {
            let mut bytes = line.as_bytes().to_vec();
            let name = name_of(&bytes)?;
            framing.add(&mut bytes, name)?;
            read.push(String::from_utf8(bytes).expect("text"));
        }
        Ok((framing.delimited(Version::Http11)?, read))
    }

    fn malformed(lines: &[&str]) -> bool {
        matches!(framing(lines), Err(Fault::Malformed(_)))
    }

    #[test]
    fn a_line_is_a_token_and_a_colon_and_a_value() {
        for good in ["a:", "a: b", "A-_.!#1:\tb\tc \u{e9}", "content-length-x: y", "x::"] {
            assert!(framing(&[good]).is_ok(), "{good}");
        }
        for bad in [
            "",
            ":",
            ": a",
            "a",
            " a: b",
            "\ta: b",
            "a : b",
            "a\t: b",
            "a b: c",
            "a\0: b",
            "(a): b",
            "a/b: c",
            "\u{e9}: a",
            "\"a\": b",
            "a;b: c",
        ] {
            assert!(malformed(&[bad]), "{bad:?}");
        }
    }

    #[test]
    fn a_length_is_digits_alone_and_said_once() {
        let length = |n| Delimited::Length(n);
        assert_eq!(framing(&["a: b"]).map(|f| f.0), Ok(length(0)));
        for (lines, expected) in [
            (&["content-length: 5"][..], 5),
            (&["Content-LENGTH:5\t"][..], 5),
            (&["content-length: 5", "Content-Length: 5"][..], 5),
            (&["content-length: 9223372036854775807"][..], MAX_LENGTH),
        ] {
            assert_eq!(framing(lines).map(|f| f.0), Ok(length(expected)), "{lines:?}");
        }
        let (read, lines) = framing(&["content-length: 05 , 5,005"]).expect("equal");
        assert_eq!((read, lines[0].as_str()), (length(5), "content-length:          5"));
        assert_eq!(framing(&["content-length: 000"]).expect("none").1[0], "content-length:   0");
        for bad in [
            "",
            "+5",
            "-5",
            "0x5",
            "5a",
            "a",
            "5 5",
            "5,",
            ",5",
            "5,6",
            "5;",
            "5.0",
            "\"5\"",
            "1e3",
            "\u{ff15}",
            "18446744073709551616",
            "9223372036854775808",
            "99999999999999999999999",
        ] {
            assert!(malformed(&[&format!("content-length: {bad}")]), "{bad:?}");
        }
        assert!(malformed(&["content-length: 5", "content-length: 6"]));
    }

    #[test]
    fn exactly_one_chunked_is_understood() {
        for good in ["transfer-encoding: chunked", "Transfer-Encoding:\tCHUNKED  "] {
            assert_eq!(framing(&[good]).map(|f| f.0), Ok(Delimited::Chunks), "{good}");
        }
        for unknown in ["gzip, chunked", "x,gzip ,\tchunked"] {
            assert_eq!(framing(&[&format!("transfer-encoding: {unknown}")]), Err(Fault::Coding), "{unknown}");
        }
        for bad in [
            "",
            "cow",
            "gzip",
            "identity",
            "xchunked",
            "chunked, gzip",
            "chunked, chunked",
            "chunked,",
            ", chunked",
            "chunked;a=b",
            "\"chunked\"",
            "\u{b}chunked",
            "chun ked",
            "chunked x",
            "gzip;q=1, chunked",
        ] {
            assert!(malformed(&[&format!("transfer-encoding: {bad}")]), "{bad:?}");
        }
        assert!(malformed(&["transfer-encoding: chunked", "transfer-encoding: chunked"]));
        assert!(malformed(&["transfer-encoding: gzip", "transfer-encoding: chunked"]));
    }

    #[test]
    fn two_framings_are_none() {
        assert!(malformed(&["transfer-encoding: chunked", "content-length: 5"]));
        assert!(malformed(&["content-length: 0", "transfer-encoding: chunked"]));
        let old = Framing { coded: Some(Coded::Chunked), ..Framing::default() };
        assert!(matches!(old.delimited(Version::Http10), Err(Fault::Malformed(_))));
    }

    #[test]
    fn a_name_that_only_looks_like_it_frames_nothing() {
        for other in [
            "transfer_encoding: chunked",
            "transfer.encoding: chunked",
            "content_length: 5",
            "xcontent-length: 5",
        ] {
            assert_eq!(framing(&[other]).map(|f| f.0), Ok(Delimited::Length(0)), "{other}");
        }
    }
}
