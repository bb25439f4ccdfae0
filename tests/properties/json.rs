//! JSON bodies: what is read as a document, and what counts as equal, against serde's reader and a naive comparison.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use umbrage::compare::{Rules, Settings, compare_bodies};
use umbrage::model::Verdict;

/// Two bodies with a NUL between them.
pub fn check(data: &[u8]) {
    let end = data.iter().position(|b| *b == 0).unwrap_or(data.len());
    let (stable, shadow) = (&data[..end], data.get(end + 1..).unwrap_or_default());
    let rules = Rules::compile(Settings::default()).expect("the default rules");
    let verdict = |a: &[u8], b: &[u8]| compare_bodies(a, b, Some("application/json"), &rules).verdict;
    assert_eq!(verdict(stable, stable), Verdict::Match, "it differs from itself");
    let found = verdict(stable, shadow);
    assert_eq!(verdict(shadow, stable), found, "it matters which is asked first");
    // A name by which serde hands over numbers.
    if data.windows(11).any(|part| part == b"$serde_json") {
        return;
    }
    let (Some(left), Some(right)) = (tree(stable), tree(shadow)) else { return };
    if let (Some(left), Some(right)) = (left.normal(), right.normal()) {
        let expected = if left == right { Verdict::Match } else { Verdict::Mismatch };
        assert_eq!(
            found,
            expected,
            "{} and {}",
            String::from_utf8_lossy(stable),
            String::from_utf8_lossy(shadow)
        );
    }
    let spaced = [b" \n", stable, b"\t\r\n"].concat();
    assert_eq!(verdict(stable, &spaced), Verdict::Match, "whitespace counts");
}

fn tree(body: &[u8]) -> Option<Tree> {
    serde_json::from_slice(body).ok()
}

/// A document as it stands there.
enum Tree {
    Word(String),
    Text(String),
    Array(Vec<Tree>),
    Object(Vec<(String, Tree)>),
}

/// What two documents have in common if they are equal.
#[derive(Debug, PartialEq)]
enum Normal {
    Word(String),
    Number(bool, String, i64),
    Text(String),
    Array(Vec<Normal>),
    Object(BTreeMap<String, Normal>),
}

impl Tree {
    /// `None` where a name stands twice or a number is beyond reading: what those mean is not said by any standard.
    fn normal(&self) -> Option<Normal> {
        Some(match self {
            Tree::Word(word) if word.starts_with(['-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9']) => {
                number(word)?
            }
            Tree::Word(word) => Normal::Word(word.clone()),
            Tree::Text(text) => Normal::Text(text.clone()),
            Tree::Array(items) => Normal::Array(items.iter().map(Tree::normal).collect::<Option<_>>()?),
            Tree::Object(members) => {
                let object: BTreeMap<String, Normal> = members
                    .iter()
                    .map(|(name, value)| Some((name.clone(), value.normal()?)))
                    .collect::<Option<_>>()?;
                (object.len() == members.len()).then_some(Normal::Object(object))?
            }
        })
    }
}

/// Sign, digits without zeros at their ends, and the power of ten of the last one.
fn number(word: &str) -> Option<Normal> {
    let (negative, rest) = word.strip_prefix('-').map_or((false, word), |rest| (true, rest));
    let (mantissa, exponent) = rest.split_once(['e', 'E']).unwrap_or((rest, "0"));
    let exponent: i64 = exponent.parse::<i32>().ok()?.into();
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let kept = digits.trim_end_matches('0');
    let power =
        exponent - i64::try_from(fraction.len()).ok()? + i64::try_from(digits.len() - kept.len()).ok()?;
    let kept = kept.trim_start_matches('0');
    Some(if kept.is_empty() {
        Normal::Number(false, String::new(), 0)
    } else {
        Normal::Number(negative, kept.to_owned(), power)
    })
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Reader;

        impl<'de> Visitor<'de> for Reader {
            type Value = Tree;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("JSON")
            }

            fn visit_unit<E>(self) -> Result<Tree, E> {
                Ok(Tree::Word("null".to_owned()))
            }

            fn visit_bool<E>(self, value: bool) -> Result<Tree, E> {
                Ok(Tree::Word(value.to_string()))
            }

            fn visit_str<E>(self, value: &str) -> Result<Tree, E> {
                Ok(Tree::Text(value.to_owned()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Tree, A::Error> {
                let mut array = Vec::new();
                while let Some(item) = items.next_element()? {
                    array.push(item);
                }
                Ok(Tree::Array(array))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Tree, A::Error> {
                let mut object = Vec::new();
                while let Some(name) = members.next_key::<String>()? {
                    // serde's own way to hand over a number without rounding it.
                    if name == "$serde_json::private::Number" {
                        return Ok(Tree::Word(members.next_value()?));
                    }
                    object.push((name, members.next_value()?));
                }
                Ok(Tree::Object(object))
            }
        }
        from.deserialize_any(Reader)
    }
}
