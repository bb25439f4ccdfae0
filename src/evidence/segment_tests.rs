//! Tests of what a segment looks like: the borders of each sort.

use super::*;

fn shown(segment: &str) -> String {
    let mut name = String::new();
    let templated = template(segment);
    templated.push_to(&mut name);
    assert_eq!(name.len(), templated.len());
    name
}

#[test]
fn a_hash_has_sixteen_digits_of_both_sorts() {
    assert_eq!(shown("a1b2c3d4e5f6a7b"), "a1b2c3d4e5f6a7b");
    assert_eq!(shown("a1b2c3d4e5f6a7b8"), HASH);
    assert_eq!(shown("A1B2C3D4E5F6A7B8"), HASH);
    assert_eq!(shown("abcdefabcdefabcdef"), "abcdefabcdefabcdef");
    assert_eq!(shown("1234567890123456"), ID);
}

#[test]
fn a_token_has_twenty_characters_and_a_digit() {
    assert_eq!(shown("Zx9-Zx9_Zx9~Zx9=Zx9"), "Zx9-Zx9_Zx9~Zx9=Zx9");
    assert_eq!(shown("Zx9-Zx9_Zx9~Zx9=Zx9z"), TOKEN);
    assert_eq!(shown("how-to-name-an-endpoint-well"), "how-to-name-an-endpoint-well");
    assert_eq!(shown(&"w".repeat(MAX_WORD)), "w".repeat(MAX_WORD));
    assert_eq!(shown(&"w".repeat(MAX_WORD + 1)), TEXT);
}

#[test]
fn a_date_is_of_the_calendar() {
    for date in [
        "2026-11-22",
        "0000-01-01",
        "2026-12-31T23:59",
        "2026-12-31t23",
        "2026-11-22_10-00-00",
        "2026-11-22T00:00:00-08:00",
    ] {
        assert_eq!(shown(date), DATE, "{date}");
    }
    for other in
        ["2026-00-10", "2026-13-10", "2026-10-00", "2026-10-32", "2026-1-10", "2026/10/10", "20a6-10-10"]
    {
        assert_ne!(shown(other), DATE, "{other}");
    }
    assert_ne!(shown("2026-11-22Tomorrow"), DATE);
    assert_ne!(shown(&format!("2026-11-22T{}", "0".repeat(35))), DATE);
}

#[test]
fn a_numbered_name_has_a_short_prefix_and_three_digits() {
    assert_eq!(shown("o-100"), ID);
    assert_eq!(shown("customer_1000"), ID);
    for other in ["o-10", "-a100", "customers_1000", "o1-100", "o-100a", "page-2"] {
        assert_eq!(shown(other), other);
    }
}

#[test]
fn a_uuid_has_its_dashes_where_they_belong() {
    assert_eq!(shown("00000000-0000-0000-0000-000000000000"), UUID);
    assert_eq!(shown("00000000-0000-0000-0000-00000000000g"), TOKEN);
    assert_eq!(shown("000000000-000-0000-0000-000000000000"), TOKEN);
}

#[test]
fn an_extension_stays_after_a_placeholder() {
    assert_eq!(shown("42.json"), "{id}.json");
    assert_eq!(shown("2026-11-22.csv"), "{date}.csv");
    assert_eq!(shown("42.toolong"), "42.toolong");
    assert_eq!(shown("42.7z"), "42.7z");
    assert_eq!(shown(".42"), ".42");
    assert_eq!(shown("report.json"), "report.json");
    assert_eq!(shown("1.234"), NUMBER);
    assert_eq!(shown("1.23"), "1.23");
    assert_eq!(shown("-1.234,5.6789"), NUMBER);
}

#[test]
fn parameters_are_left_out_and_foreign_bytes_are_text() {
    assert_eq!(shown("42;v=1;w=2"), ID);
    assert_eq!(shown("name;v=1"), "name");
    assert_eq!(shown(";v=1"), "");
    for foreign in ["a%20b", "a b", "é", "a\"b", "<script>", "a@b", "@a@b", "{id}", "a\\b"] {
        assert_eq!(shown(foreign), TEXT, "{foreign}");
    }
    assert_eq!(shown("@scope"), "@scope");
}
