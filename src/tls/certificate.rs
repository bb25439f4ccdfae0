//! What a certificate says of itself: how long it is valid, whose it is, for which names. No more of X.509 than that: who
//! may be believed is webpki's to say.

use std::ops::Range;

/// What was read of a certificate (RFC 5280 section 4.1).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Certificate {
    /// End of its validity, in seconds since the Unix epoch.
    pub not_after: i64,
    /// The last common name of its subject.
    pub common_name: Option<String>,
    /// The names of its subjectAltName, in their order.
    pub names: Vec<Name>,
}

/// A name of a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Name {
    /// A host, possibly with a wildcard, lower case.
    Dns(String),
    /// Such as a SPIFFE id.
    Uri(String),
    /// A mail address.
    Email(String),
}

const BOOLEAN: u8 = 0x01;
const OCTETS: u8 = 0x04;
const OID: u8 = 0x06;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const VERSION: u8 = 0xa0;
const EXTENSIONS: u8 = 0xa3;
const EMAIL_NAME: u8 = 0x81;
const DNS_NAME: u8 = 0x82;
const URI_NAME: u8 = 0x86;

const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
const ALT_NAME: &[u8] = &[0x55, 0x1d, 0x11];

impl Certificate {
    /// Reads a certificate in DER; `None` if it is not one.
    #[must_use]
    pub fn read(der: &[u8]) -> Option<Self> {
        let mut body = Der(Der(Der(der).take(SEQUENCE)?).take(SEQUENCE)?);
        body.skip(VERSION);
        // Serial number, signature algorithm, issuer.
        for _ in 0..3 {
            body.next()?;
        }
        let mut validity = Der(body.take(SEQUENCE)?);
        validity.next()?;
        let (kind, end) = validity.next()?;
        let not_after = time(kind, end)?;
        let common_name = common_name(body.take(SEQUENCE)?);
        // The public key.
        body.take(SEQUENCE)?;
        let mut names = Vec::new();
        while let Some((tag, value)) = body.next() {
            if tag == EXTENSIONS {
                names = alt_names(Der(value).take(SEQUENCE)?);
            }
        }
        Some(Certificate { not_after, common_name, names })
    }

    /// Whom it names, with the kind before it so that none can be taken for another: the first URI, else the first host,
    /// else the first mail address, else the common name.
    #[must_use]
    pub fn identity(&self) -> Option<String> {
        let first = |kind: fn(&Name) -> Option<String>| self.names.iter().find_map(kind);
        first(|n| if let Name::Uri(name) = n { Some(format!("uri:{name}")) } else { None })
            .or_else(|| first(|n| if let Name::Dns(name) = n { Some(format!("dns:{name}")) } else { None }))
            .or_else(|| {
                first(|n| if let Name::Email(name) = n { Some(format!("email:{name}")) } else { None })
            })
            .or_else(|| self.common_name.as_ref().map(|name| format!("cn:{name}")))
    }

    /// Whether it is for this host; a wildcard stands for one label (RFC 9525 section 6.3). `host` is lower case.
    #[must_use]
    pub fn is_for(&self, host: &str) -> bool {
        let rest = host.split_once('.').map(|(_, rest)| rest);
        self.names.iter().any(|name| match name {
            Name::Dns(name) => match name.strip_prefix("*.") {
                Some(parent) => rest == Some(parent),
                None => name == host,
            },
            Name::Uri(_) | Name::Email(_) => false,
        })
    }
}

fn common_name(subject: &[u8]) -> Option<String> {
    let mut found = None;
    let mut sets = Der(subject);
    while let Some(set) = sets.take(SET) {
        let mut attributes = Der(set);
        while let Some(attribute) = attributes.take(SEQUENCE) {
            let mut attribute = Der(attribute);
            if attribute.take(OID)? == COMMON_NAME {
                found = attribute.next().and_then(|(_, value)| text(value));
            }
        }
    }
    found
}

fn alt_names(extensions: &[u8]) -> Vec<Name> {
    let mut extensions = Der(extensions);
    while let Some(extension) = extensions.take(SEQUENCE) {
        let mut extension = Der(extension);
        if extension.take(OID) == Some(ALT_NAME) {
            extension.skip(BOOLEAN);
            return extension
                .take(OCTETS)
                .and_then(|value| Der(value).take(SEQUENCE))
                .map_or_else(Vec::new, names);
        }
    }
    Vec::new()
}

fn names(list: &[u8]) -> Vec<Name> {
    let mut list = Der(list);
    let mut names = Vec::new();
    while let Some((tag, value)) = list.next() {
        let Some(value) = text(value) else { continue };
        names.extend(match tag {
            EMAIL_NAME => Some(Name::Email(value)),
            DNS_NAME => Some(Name::Dns(value.to_ascii_lowercase())),
            URI_NAME => Some(Name::Uri(value)),
            _ => None,
        });
    }
    names
}

fn text(value: &[u8]) -> Option<String> {
    std::str::from_utf8(value).ok().filter(|text| !text.is_empty()).map(str::to_owned)
}

/// RFC 5280 section 4.1.2.5: always in UTC, always with seconds; two digits of a year are 1950 to 2049.
fn time(kind: u8, value: &[u8]) -> Option<i64> {
    let (year, rest) = match kind {
        UTC_TIME => {
            let year = digits(value, 0..2)?;
            (if year < 50 { 2000 + year } else { 1900 + year }, value.get(2..)?)
        }
        GENERALIZED_TIME => (digits(value, 0..4)?, value.get(4..)?),
        _ => return None,
    };
    let part = |at: usize| digits(rest, at..at + 2);
    let (month, day, hour, minute, second) = (part(0)?, part(2)?, part(4)?, part(6)?, part(8)?);
    let lawful = (1..=12).contains(&month) && (1..=31).contains(&day) && rest.get(10..) == Some(b"Z");
    lawful.then(|| ((days(year, month, day) * 24 + hour) * 60 + minute) * 60 + second)
}

fn digits(value: &[u8], at: Range<usize>) -> Option<i64> {
    let digits = value.get(at)?;
    let plain = digits.iter().all(u8::is_ascii_digit);
    plain.then(|| digits.iter().fold(0, |n, digit| n * 10 + i64::from(digit - b'0')))
}

/// Days from 1970-01-01 to a day of the Gregorian calendar; years are counted from March, so that the leap day is last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leaps = year / 4 - year / 100 + year / 400;
    year * 365 + leaps + (month * 153 + 2) / 5 + day - 719_469
}

/// What is left to read of a DER encoding.
struct Der<'a>(&'a [u8]);

impl<'a> Der<'a> {
    /// Tag and content of the next element; `None` at the end, and where the encoding is broken.
    fn next(&mut self) -> Option<(u8, &'a [u8])> {
        let (&tag, rest) = self.0.split_first()?;
        let (&first, rest) = rest.split_first()?;
        let (length, rest) = match first {
            0..=0x7f => (usize::from(first), rest),
            // Three bytes of length are 16 MiB, above any certificate.
            0x81..=0x83 => {
                let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
                (bytes.iter().fold(0, |n, byte| n << 8 | usize::from(*byte)), rest)
            }
            _ => return None,
        };
        let (content, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((tag, content))
    }

    /// The next element if it has this tag; else nothing is taken.
    fn take(&mut self, tag: u8) -> Option<&'a [u8]> {
        (self.0.first() == Some(&tag)).then(|| self.next()).flatten().map(|(_, content)| content)
    }

    fn skip(&mut self, tag: u8) {
        let _ = self.take(tag);
    }
}

#[cfg(test)]
#[path = "certificate_tests.rs"]
mod tests;
