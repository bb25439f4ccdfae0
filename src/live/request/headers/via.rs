//! `Via`: the message passed here (RFC 9110 section 7.6.3), and one that did so before goes in a circle.

use http::{HeaderMap, HeaderValue, Version, header};

use crate::live::settings::Via;

/// The pseudonym of this instance, as it is written for each protocol that a message may come by.
#[derive(Clone, Debug)]
pub(in crate::live) struct Pseudonym {
    name: String,
    lines: [HeaderValue; 3],
    on: Via,
}

impl Pseudonym {
    /// `umbrage-<instance>`; the instance id is visible ASCII without what a token may not have.
    pub(in crate::live) fn new(instance: &str, on: Via) -> Self {
        let name = format!("umbrage-{instance}");
        let line = |protocol: &str| {
            HeaderValue::try_from(format!("{protocol} {name}"))
                .unwrap_or_else(|_| HeaderValue::from_static("1.1 umbrage"))
        };
        Pseudonym { lines: ["1.0", "1.1", "2"].map(line), name, on }
    }

    /// Writes it on a request that came by `received`.
    pub(super) fn write(&self, fields: &mut HeaderMap, received: Version, is_there: bool) {
        if self.on == Via::Off {
            return;
        }
        if is_there {
            self.append(fields, received);
        } else {
            fields.insert(header::VIA, self.line(received).clone());
        }
    }

    /// Writes it on an answer, where that is wanted.
    pub(in crate::live) fn write_answer(&self, fields: &mut HeaderMap, received: Version) {
        if self.on == Via::Both {
            self.append(fields, received);
        }
    }

    /// Whether a request passed here before.
    pub(in crate::live) fn is_in(&self, fields: &HeaderMap) -> bool {
        self.on != Via::Off
            && fields.get_all(header::VIA).iter().any(|line| members(line).any(|m| self.is_by(m)))
    }

    /// One line for all: who counts lines counts hops wrongly, and who reads the first one misses the others.
    fn append(&self, fields: &mut HeaderMap, received: Version) {
        let mut all: Vec<&[u8]> = fields.get_all(header::VIA).iter().map(HeaderValue::as_bytes).collect();
        let own = self.line(received);
        all.push(own.as_bytes());
        let value = HeaderValue::from_bytes(&all.join(&b", "[..])).unwrap_or_else(|_| own.clone());
        fields.insert(header::VIA, value);
    }

    fn line(&self, received: Version) -> &HeaderValue {
        &self.lines[match received {
            Version::HTTP_09 | Version::HTTP_10 => 0,
            Version::HTTP_2 | Version::HTTP_3 => 2,
            _ => 1,
        }]
    }

    /// `received-protocol RWS received-by [ RWS comment ]`; hosts are without case.
    fn is_by(&self, member: &[u8]) -> bool {
        let mut words = member.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
        words.nth(1).is_some_and(|by| by.eq_ignore_ascii_case(self.name.as_bytes()))
    }
}

/// The members of a list. A comma within a comment parts it as well, which can only find a hop more.
fn members(line: &HeaderValue) -> impl Iterator<Item = &[u8]> {
    line.as_bytes().split(|b| *b == b',')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(lines: &[&str]) -> HeaderMap {
        let mut fields = HeaderMap::new();
        for line in lines {
            fields.append(header::VIA, HeaderValue::from_str(line).expect("a value"));
        }
        fields
    }

    fn written(before: &[&str], received: Version, on: Via) -> Vec<String> {
        let mut fields = with(before);
        Pseudonym::new("a1", on).write(&mut fields, received, !before.is_empty());
        fields.get_all(header::VIA).iter().map(|v| v.to_str().expect("text").to_owned()).collect()
    }

    #[test]
    fn it_is_appended_behind_the_hops_before_with_the_protocol_received() {
        for (version, line) in [
            (Version::HTTP_10, "1.0 umbrage-a1"),
            (Version::HTTP_11, "1.1 umbrage-a1"),
            (Version::HTTP_2, "2 umbrage-a1"),
        ] {
            assert_eq!(written(&[], version, Via::Requests), [line]);
        }
        let hops = ["1.0 fred", "1.1 p.example (a, b)"];
        assert_eq!(
            written(&hops, Version::HTTP_11, Via::Requests),
            ["1.0 fred, 1.1 p.example (a, b), 1.1 umbrage-a1"]
        );
        assert_eq!(written(&hops, Version::HTTP_11, Via::Off), hops);
    }

    #[test]
    fn answers_have_it_only_where_that_is_wanted() {
        for (on, lines) in [(Via::Requests, 0), (Via::Both, 1), (Via::Off, 0)] {
            let mut fields = HeaderMap::new();
            Pseudonym::new("a1", on).write_answer(&mut fields, Version::HTTP_11);
            assert_eq!(fields.get_all(header::VIA).iter().count(), lines, "{on:?}");
        }
    }

    #[test]
    fn a_circle_is_seen_by_our_own_name_alone() {
        let own = Pseudonym::new("a1", Via::Requests);
        for circle in [
            &["1.1 umbrage-a1"][..],
            &["1.0 fred, 1.1   UMBRAGE-A1 (twice)"],
            &["1.0 fred", "HTTP/1.1 umbrage-a1,1.1 x"],
        ] {
            assert!(own.is_in(&with(circle)), "{circle:?}");
            assert!(!Pseudonym::new("a1", Via::Off).is_in(&with(circle)), "who writes none sees none");
        }
        for other in [
            &[][..],
            &["1.1 umbrage"],
            &["1.1 umbrage-a12"],
            &["umbrage-a1 1.1"],
            &["1.1 x (umbrage-a1)"],
            &["", ","],
        ] {
            assert!(!own.is_in(&with(other)), "{other:?}");
        }
    }
}
