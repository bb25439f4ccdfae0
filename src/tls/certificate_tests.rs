//! What certificates say, held to rcgen; and that no bytes make the reader panic.

use proptest::prelude::*;
use rcgen::{DnType, SanType};

use super::super::fixture;
use super::*;

fn made(names: &[&str], change: impl FnOnce(&mut rcgen::CertificateParams)) -> (Certificate, Vec<u8>) {
    let dir = tempfile::tempdir().expect("a folder");
    let pair = fixture::pair(dir.path(), "Subject", names, change);
    (Certificate::read(&pair.der).expect("a certificate"), pair.der)
}

#[test]
fn the_end_of_its_validity_is_told_in_both_ways_of_writing_it() {
    // UTCTime up to 2049, GeneralizedTime from 2050 on; both beyond a leap day.
    for (year, month, day, expected) in [
        (2024, 2, 29, 1_709_164_800),
        (2030, 1, 1, 1_893_456_000),
        (2049, 12, 31, 2_524_521_600),
        (2050, 1, 1, 2_524_608_000),
        (2100, 3, 1, 4_107_542_400),
    ] {
        let (read, _) = made(&[], |params| params.not_after = rcgen::date_time_ymd(year, month, day));
        assert_eq!(read.not_after, expected, "{year}-{month}-{day}");
    }
}

#[test]
fn days_are_those_of_the_calendar() {
    assert_eq!(days(1970, 1, 1), 0);
    assert_eq!(days(2000, 2, 29) + 1, days(2000, 3, 1));
    assert_eq!(days(1900, 2, 28) + 1, days(1900, 3, 1), "no leap year");
    assert_eq!(days(2024, 12, 31) + 1, days(2025, 1, 1));
}

#[test]
fn names_are_told_with_their_kind() {
    let (read, _) = made(&["*.Shop.example", "b.example"], |params| {
        params.subject_alt_names.push(SanType::URI("spiffe://trust/api".try_into().expect("ascii")));
        params.subject_alt_names.push(SanType::Rfc822Name("ops@b.example".try_into().expect("ascii")));
    });
    let expected = [
        Name::Dns("*.shop.example".into()),
        Name::Dns("b.example".into()),
        Name::Uri("spiffe://trust/api".into()),
        Name::Email("ops@b.example".into()),
    ];
    assert_eq!(read.names, expected);
    assert_eq!(read.common_name.as_deref(), Some("Subject"));
    assert_eq!(read.identity().as_deref(), Some("uri:spiffe://trust/api"));
}

#[test]
fn the_identity_is_the_most_telling_name_there_is() {
    assert_eq!(made(&["a.example"], |_| {}).0.identity().as_deref(), Some("dns:a.example"));
    let mail = |params: &mut rcgen::CertificateParams| {
        params.subject_alt_names.push(SanType::Rfc822Name("a@b".try_into().expect("ascii")));
    };
    assert_eq!(made(&[], mail).0.identity().as_deref(), Some("email:a@b"));
    assert_eq!(made(&[], |_| {}).0.identity().as_deref(), Some("cn:Subject"));
    let nameless = |params: &mut rcgen::CertificateParams| {
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::OrganizationName, "only this");
    };
    assert_eq!(made(&[], nameless).0.identity(), None);
}

#[test]
fn a_common_name_cannot_pass_for_a_uri() {
    let liar = |params: &mut rcgen::CertificateParams| {
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, "uri:spiffe://trust/admin");
    };
    assert_eq!(made(&[], liar).0.identity().as_deref(), Some("cn:uri:spiffe://trust/admin"));
}

#[test]
fn a_wildcard_stands_for_one_label() {
    let (read, _) = made(&["*.shop.example", "b.example"], |_| {});
    for (host, fits) in [
        ("a.shop.example", true),
        ("shop.example", false),
        ("a.b.shop.example", false),
        ("b.example", true),
        ("c.b.example", false),
        ("", false),
    ] {
        assert_eq!(read.is_for(host), fits, "{host}");
    }
}

#[test]
fn what_is_cut_off_is_no_certificate() {
    let (_, der) = made(&["a.example"], |_| {});
    for length in 0..der.len() {
        assert_eq!(Certificate::read(&der[..length]), None, "{length} of {}", der.len());
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = Certificate::read(&bytes);
    }

    #[test]
    fn no_changed_byte_makes_it_panic(at in 0_usize..400, to in any::<u8>()) {
        static DER: std::sync::LazyLock<Vec<u8>> = std::sync::LazyLock::new(|| made(&["a.example"], |_| {}).1);
        let mut der = DER.clone();
        let at = at % der.len();
        der[at] = to;
        let _ = Certificate::read(&der);
    }
}
