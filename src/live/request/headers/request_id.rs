//! The request's id: kept or made (UUID version 7), the same for stable, for the copy and in the access log.

use http::{HeaderMap, HeaderValue};

use super::REQUEST_ID;
use crate::live::request::survey::{Field, Survey};
use crate::live::settings::RequestId;
use crate::model::clock;
use crate::model::trace::hex;

/// Longest id that is kept: longer ones are no ids, and stand in every log line.
const MAX_LENGTH: usize = 128;

/// Writes the id and answers it; `None` where it is not ours to touch.
pub(super) fn write(
    fields: &mut HeaderMap,
    trusted: bool,
    survey: Survey,
    policy: RequestId,
) -> Option<HeaderValue> {
    let keeps = match policy {
        RequestId::Off => return None,
        RequestId::Make => false,
        RequestId::Trusted => trusted,
        RequestId::Keep => true,
    };
    if keeps
        && survey.has(Field::RequestId)
        && let Some(kept) = sane(fields)
    {
        return Some(kept);
    }
    let made = make(clock::unix_millis(), fastrand::u128(..));
    fields.insert(REQUEST_ID, made.clone());
    Some(made)
}

/// The one id that was sent, if it is short and can do no harm in a log, a page or a shell.
fn sane(fields: &HeaderMap) -> Option<HeaderValue> {
    let mut ids = fields.get_all(REQUEST_ID).iter();
    let (id, more) = (ids.next()?, ids.next());
    let plain = |b: &u8| b.is_ascii_alphanumeric() || b"-_.:+/=@~".contains(b);
    let fits = more.is_none() && (1..=MAX_LENGTH).contains(&id.len()) && id.as_bytes().iter().all(plain);
    fits.then(|| id.clone())
}

/// RFC 9562 section 5.7: 48 bits of milliseconds, then chance, so that ids sort by time and never meet.
fn make(millis: u64, chance: u128) -> HeaderValue {
    const VERSION: u128 = 7 << 76;
    const VARIANT: u128 = 0b10 << 62;
    const CHANCE: u128 = (0xfff << 64) | ((1 << 62) - 1);
    let id = (u128::from(millis) << 80) | VERSION | VARIANT | (chance & CHANCE);
    let mut text = [b'-'; 36];
    for (from, to, behind) in [(0, 8, 96), (9, 13, 80), (14, 18, 64), (19, 23, 48), (24, 36, 0)] {
        hex(&mut text[from..to], id >> behind);
    }
    HeaderValue::from_bytes(&text).unwrap_or_else(|_| HeaderValue::from_static("-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(ids: &[&str]) -> HeaderMap {
        let mut fields = HeaderMap::new();
        for id in ids {
            fields.append(REQUEST_ID, HeaderValue::from_str(id).expect("a value"));
        }
        fields
    }

    fn kept(ids: &[&str], trusted: bool, policy: RequestId) -> Option<bool> {
        let mut map = fields(ids);
        let survey = Survey::of(&map, None);
        let id = write(&mut map, trusted, survey, policy)?;
        let all: Vec<&HeaderValue> = map.get_all(REQUEST_ID).iter().collect();
        assert_eq!(all, [&id], "exactly one");
        Some(ids.iter().any(|sent| id == *sent))
    }

    #[test]
    fn whose_id_is_kept_is_a_matter_of_policy() {
        for (policy, stranger, trusted) in [
            (RequestId::Trusted, Some(false), Some(true)),
            (RequestId::Keep, Some(true), Some(true)),
            (RequestId::Make, Some(false), Some(false)),
            (RequestId::Off, None, None),
        ] {
            assert_eq!(kept(&["abc-1"], false, policy), stranger, "{policy:?}");
            assert_eq!(kept(&["abc-1"], true, policy), trusted, "{policy:?}");
        }
        assert_eq!(kept(&[], true, RequestId::Keep), Some(false));
    }

    #[test]
    fn an_id_that_is_none_is_replaced_even_of_a_friend() {
        let longest = "x".repeat(MAX_LENGTH);
        assert_eq!(kept(&[&longest], true, RequestId::Keep), Some(true));
        let long = "x".repeat(MAX_LENGTH + 1);
        for ids in
            [&["a b"][..], &[""], &["a\"b"], &["a<b>"], &["$(x)"], &["a,b"], &["é"], &["a", "a"], &[&long]]
        {
            assert_eq!(kept(ids, true, RequestId::Keep), Some(false), "{ids:?}");
        }
    }

    #[test]
    fn what_is_made_is_a_uuid_of_version_7_that_sorts_by_time() {
        // The example of RFC 9562, appendix A.6.
        let chance = (0xcc3 << 64) | 0x18c4_dc0c_0c07_398f;
        assert_eq!(make(0x017f_22e2_79b0, chance), "017f22e2-79b0-7cc3-98c4-dc0c0c07398f");
        let text = |millis, chance| make(millis, chance).to_str().expect("ASCII").to_owned();
        assert_eq!(text(1, u128::MAX), "00000000-0001-7fff-bfff-ffffffffffff");
        assert_eq!(text(1, 0), "00000000-0001-7000-8000-000000000000");
        assert!(text(1_700_000_000_000, u128::MAX) < text(1_700_000_000_001, 0));
    }
}
