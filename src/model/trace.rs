//! W3C Trace Context: which trace a request belongs to, and the field that says so to one leg.

/// Bytes of a `traceparent` of version 00: `00-<trace id>-<parent id>-<flags>`.
pub const TRACEPARENT_LENGTH: usize = 55;

/// The flags that are passed on: sampled, and that the trace id is random. The specification wants all others cleared.
const KNOWN_FLAGS: u8 = 0b11;
/// Of a version that is not known, only what version 00 says of it may be read: sampled.
const SAMPLED: u8 = 0b01;

/// The part of a `traceparent` that every leg shares.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TraceContext {
    /// 32 lower-case hexadecimal digits, not all of them 0.
    id: [u8; 32],
    flags: u8,
}

impl TraceContext {
    /// Reads a `traceparent`. `None` where the specification (section 3.2.2) says to act as if there were none.
    #[must_use]
    pub fn parse(value: &[u8]) -> Option<Self> {
        let (known, more) = value.split_at_checked(TRACEPARENT_LENGTH)?;
        if [2, 35, 52].iter().any(|at| known[*at] != b'-') {
            return None;
        }
        let flags = byte(&known[53..])?;
        let flags = match byte(&known[..2])? {
            0 if more.is_empty() => flags & KNOWN_FLAGS,
            // 255 may never be a version.
            1..=254 if more.is_empty() || more[0] == b'-' => flags & SAMPLED,
            _ => return None,
        };
        let id: [u8; 32] = known[3..35].try_into().ok()?;
        (is_id(&id) && is_id(&known[36..52])).then_some(TraceContext { id, flags })
    }

    /// The trace id, 32 lower-case hexadecimal digits.
    #[must_use]
    pub fn id(&self) -> &str {
        std::str::from_utf8(&self.id).unwrap_or_default()
    }

    /// The `traceparent` of one leg, in version 00; `span` is the parent id that this leg alone is told. 0 is none, and
    /// becomes 1.
    #[must_use]
    pub fn child(&self, span: u64) -> [u8; TRACEPARENT_LENGTH] {
        let mut value = [b'-'; TRACEPARENT_LENGTH];
        hex(&mut value[..2], 0);
        value[3..35].copy_from_slice(&self.id);
        hex(&mut value[36..52], u128::from(span.max(1)));
        hex(&mut value[53..], u128::from(self.flags));
        value
    }
}

impl std::fmt::Debug for TraceContext {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{:02x}", self.id(), self.flags)
    }
}

/// Fills a place with the last of a number's hexadecimal digits, lower case.
pub fn hex(place: &mut [u8], number: u128) {
    let mut rest = number;
    for digit in place.iter_mut().rev() {
        *digit = b"0123456789abcdef"[(rest & 15) as usize];
        rest >>= 4;
    }
}

fn is_id(digits: &[u8]) -> bool {
    digits.iter().all(|d| value(*d).is_some()) && digits.iter().any(|d| *d != b'0')
}

fn byte(digits: &[u8]) -> Option<u8> {
    Some(value(digits[0])? << 4 | value(digits[1])?)
}

/// Upper case is not valid (section 3.2.1).
fn value(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ID: &str = "0af7651916cd43dd8448eb211c80319c";

    fn text(context: TraceContext, span: u64) -> String {
        String::from_utf8(context.child(span).to_vec()).expect("ASCII")
    }

    #[test]
    fn a_valid_field_is_read_and_each_leg_gets_a_parent_of_its_own() {
        let context = TraceContext::parse(format!("00-{ID}-b7ad6b7169203331-01").as_bytes()).expect("valid");
        assert_eq!(context.id(), ID);
        assert_eq!(text(context, 0x1234), format!("00-{ID}-0000000000001234-01"));
        assert_eq!(text(context, u64::MAX), format!("00-{ID}-ffffffffffffffff-01"));
        assert_eq!(text(context, 0), format!("00-{ID}-0000000000000001-01"), "zeros are no parent");
        assert_eq!(format!("{context:?}"), format!("{ID}/01"));
    }

    #[test]
    fn what_the_specification_calls_invalid_is_no_trace() {
        let parent = "b7ad6b7169203331";
        for invalid in [
            String::new(),
            format!("00-{ID}-{parent}"),
            format!("00-{ID}-{parent}-1"),
            format!("ff-{ID}-{parent}-01"),
            format!("00-{ID}-{parent}-01-more"),
            format!("00-{ID}-{parent}-01-"),
            format!("00-{ID}-{parent}-011"),
            format!("01-{ID}-{parent}-011"),
            format!("00-{}-{parent}-01", ID.to_uppercase()),
            format!("00-{}-{parent}-01", "0".repeat(32)),
            format!("00-{ID}-{}-01", "0".repeat(16)),
            format!("0x-{ID}-{parent}-01"),
            format!("00-{ID}-{parent}-zz"),
            format!("00_{ID}-{parent}-01"),
            format!("00-{ID}_{parent}-01"),
            format!("00-{ID}-{parent}_01"),
            format!(" 00-{ID}-{parent}-01"),
            format!("00-{}g-{parent}-01", &ID[1..]),
        ] {
            assert_eq!(TraceContext::parse(invalid.as_bytes()), None, "{invalid}");
        }
    }

    #[test]
    fn flags_and_versions_that_are_not_known_are_not_passed_on() {
        let flags = |field: &str| {
            let value = format!("{}-{ID}-b7ad6b7169203331-{}", &field[..2], &field[3..]);
            text(TraceContext::parse(value.as_bytes()).expect("valid"), 1)
        };
        for (field, left) in [
            ("00-00", "00"),
            ("00-01", "01"),
            ("00-03", "03"),
            ("00-ff", "03"),
            ("01-ff", "01"),
            ("cc-02", "00"),
            ("cc-01-what-the-future-brings", "01"),
        ] {
            assert_eq!(flags(field), format!("00-{ID}-0000000000000001-{left}"), "{field}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_can_be_read_and_any_bytes_can_be_tried(
            span in any::<u64>(), bytes in prop::collection::vec(any::<u8>(), 0..80), shape in "0[01]-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}.{0,3}",
        ) {
            let _ = TraceContext::parse(&bytes);
            if let Some(context) = TraceContext::parse(shape.as_bytes()) {
                let again = TraceContext::parse(&context.child(span)).expect("ours is valid");
                prop_assert_eq!(again.id(), context.id());
                prop_assert_eq!(again.child(span), context.child(span));
            }
        }
    }
}
