//! What one segment of a path looks like: a word that names something, or an identifier that gives way to a placeholder.

/// Free text: percent-encoded, not of the usual characters, or longer than any name.
pub const TEXT: &str = "{text}";

const ID: &str = "{id}";
const NUMBER: &str = "{number}";
const UUID: &str = "{uuid}";
const HASH: &str = "{hash}";
const DATE: &str = "{date}";
const TOKEN: &str = "{token}";

/// Longest word that still is a name, in bytes.
const MAX_WORD: usize = 48;
/// Shortest run of hexadecimal digits that is a hash.
const MIN_HASH: usize = 16;
/// Shortest token.
const MIN_TOKEN: usize = 20;
/// Longest file extension that is kept.
const MAX_EXTENSION: usize = 5;

/// A segment as it stands in a template: a word or a placeholder, and the file extension after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Templated<'a> {
    stem: &'a str,
    extension: &'a str,
}

/// Sorts of bytes, each a bit, so that one pass tells which occur.
const DIGIT: u8 = 1;
const HEX_LETTER: u8 = 2;
const LETTER: u8 = 4;
const MARK: u8 = 8;
const DOT: u8 = 16;
const AT: u8 = 32;
const PARAMETER: u8 = 64;
const FOREIGN: u8 = 128;

/// The sort of every byte.
const SORTS: [u8; 256] = sorts();

impl Templated<'_> {
    /// Bytes it takes.
    pub fn len(&self) -> usize {
        self.stem.len() + self.extension.len()
    }

    /// Appends it.
    pub fn push_to(&self, name: &mut String) {
        name.push_str(self.stem);
        name.push_str(self.extension);
    }
}

/// The template of one segment. Path parameters (`;jsessionid=…`, RFC 3986 section 3.3) are left out.
pub fn template(segment: &str) -> Templated<'_> {
    let mut segment = segment;
    let mut sorts = sorts_of(segment.as_bytes());
    if sorts & PARAMETER != 0 {
        segment = segment.split(';').next().unwrap_or_default();
        sorts = sorts_of(segment.as_bytes());
    }
    if sorts & (DIGIT | AT | FOREIGN) == 0 && segment.len() <= MAX_WORD {
        return Templated { stem: segment, extension: "" };
    }
    if sorts & DOT != 0
        && let Some((stem, extension)) = split_extension(segment)
        && let Some(placeholder) = placeholder(stem, sorts_of(stem.as_bytes()))
        && placeholder != TEXT
    {
        return Templated { stem: placeholder, extension };
    }
    Templated { stem: placeholder(segment, sorts).unwrap_or(segment), extension: "" }
}

/// Cuts `report.json` into `report` and `.json`.
fn split_extension(segment: &str) -> Option<(&str, &str)> {
    let dot = segment.rfind('.').filter(|dot| *dot > 0)?;
    let (stem, extension) = segment.split_at(dot);
    let letters = extension.bytes().skip(1);
    let short = (2..=MAX_EXTENSION + 1).contains(&extension.len());
    (short
        && extension.as_bytes()[1].is_ascii_alphabetic()
        && letters.clone().all(|b| b.is_ascii_alphanumeric()))
    .then_some((stem, extension))
}

/// What stands in place of a segment that is made of these sorts of bytes; `None` for a word.
fn placeholder(segment: &str, sorts: u8) -> Option<&'static str> {
    let bytes = segment.as_bytes();
    if sorts & DIGIT != 0 && is_date(bytes) {
        return Some(DATE);
    }
    // An @ names a scope (`@types`) at the start and a mailbox anywhere else.
    let mailbox = sorts & AT != 0 && bytes.iter().skip(1).any(|byte| *byte == b'@');
    if sorts & FOREIGN != 0 || mailbox {
        return Some(TEXT);
    }
    if sorts & DIGIT == 0 {
        return (bytes.len() > MAX_WORD).then_some(TEXT);
    }
    if sorts == DIGIT || is_negative(bytes) || is_numbered(bytes) {
        return Some(ID);
    }
    if is_uuid(bytes) {
        return Some(UUID);
    }
    if sorts & DOT != 0 && is_decimal(bytes) {
        return Some(NUMBER);
    }
    if sorts == DIGIT | HEX_LETTER && bytes.len() >= MIN_HASH {
        return Some(HASH);
    }
    // With dots only a long one: `jquery-3.7.1.min.js` is a name, `eyJ….eyJ….…` (a JWT) is not.
    let shortest = if sorts & DOT != 0 { 2 * MIN_TOKEN } else { MIN_TOKEN };
    if bytes.len() >= shortest { Some(TOKEN) } else { None }
}

fn sorts_of(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |sorts, byte| sorts | SORTS[usize::from(*byte)])
}

const fn sorts() -> [u8; 256] {
    let mut table = [FOREIGN; 256];
    let mut byte = 0;
    while byte < 256 {
        #[allow(clippy::cast_possible_truncation)]
        let sort = match byte as u8 {
            b'0'..=b'9' => DIGIT,
            b'a'..=b'f' | b'A'..=b'F' => HEX_LETTER,
            b'g'..=b'z' | b'G'..=b'Z' => LETTER,
            b'-' | b'_' | b'~' | b'=' | b'+' | b',' | b':' | b'!' | b'$' => MARK,
            b'.' => DOT,
            b'@' => AT,
            b';' => PARAMETER,
            _ => FOREIGN,
        };
        table[byte] = sort;
        byte += 1;
    }
    table
}

fn is_negative(bytes: &[u8]) -> bool {
    bytes.strip_prefix(b"-").is_some_and(|digits| !digits.is_empty() && digits.iter().all(u8::is_ascii_digit))
}

/// `order-1001`, `INV_20931`: a short prefix of letters and at least three digits.
fn is_numbered(bytes: &[u8]) -> bool {
    let Some(mark) = bytes.iter().position(|b| matches!(b, b'-' | b'_')) else { return false };
    let (prefix, number) = (&bytes[..mark], &bytes[mark + 1..]);
    (1..=8).contains(&prefix.len())
        && prefix.iter().all(u8::is_ascii_alphabetic)
        && number.len() >= 3
        && number.iter().all(u8::is_ascii_digit)
}

/// `52.3676` or `4.9041,52.3676`: at least three decimals, so that a version such as `2.0` stays.
fn is_decimal(bytes: &[u8]) -> bool {
    bytes.split(|b| *b == b',').all(|part| {
        let part = part.strip_prefix(b"-").unwrap_or(part);
        let Some(dot) = part.iter().position(|b| *b == b'.') else { return false };
        let (whole, decimals) = (&part[..dot], &part[dot + 1..]);
        !whole.is_empty() && decimals.len() >= 3 && whole.iter().chain(decimals).all(u8::is_ascii_digit)
    })
}

/// RFC 9562 section 4: 8-4-4-4-12 hexadecimal digits.
fn is_uuid(bytes: &[u8]) -> bool {
    bytes.len() == 36
        && bytes.iter().enumerate().all(|(index, byte)| match index {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// RFC 3339 dates: `2026-11-22`, also with a time after it, its colons as they are or percent-encoded.
fn is_date(bytes: &[u8]) -> bool {
    let Some((day, time)) = bytes.split_at_checked(10) else { return false };
    let number = |range: std::ops::Range<usize>| {
        day[range].iter().try_fold(0u32, |n, b| b.is_ascii_digit().then(|| n * 10 + u32::from(b - b'0')))
    };
    let dashes = day[4] == b'-' && day[7] == b'-';
    let calendar = number(0..4).is_some()
        && number(5..7).is_some_and(|month| (1..=12).contains(&month))
        && number(8..10).is_some_and(|day| (1..=31).contains(&day));
    dashes && calendar && is_time(time)
}

fn is_time(bytes: &[u8]) -> bool {
    let Some(time) =
        bytes.strip_prefix(b"T").or_else(|| bytes.strip_prefix(b"t")).or_else(|| bytes.strip_prefix(b"_"))
    else {
        return bytes.is_empty();
    };
    // The longest is 23%3A59%3A59.123456789%2B01%3A00.
    (2..=34).contains(&time.len())
        && time[0].is_ascii_digit()
        && time.iter().all(|b| b.is_ascii_digit() || b":.-+Zz%ABab".contains(b))
}

#[cfg(test)]
#[path = "segment_tests.rs"]
mod tests;
