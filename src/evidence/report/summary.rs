//! The most important thing in a sentence.

use super::{Coverage, Endpoint, FieldVerdict};
use crate::evidence::sequential::rate;

/// Fields are said to explain the differences when they are no more than this.
const FEW: usize = 5;
/// And when they make up this share of them, in percent.
const MOST: u64 = 90;

/// What explains most of the differences, or how sure it is that there are none.
pub fn sentence(coverage: &Coverage, endpoints: &[Endpoint]) -> String {
    if coverage.compared == 0 {
        return "Nothing compared yet.".to_owned();
    }
    if coverage.mismatched == 0 {
        let upper = rate::interval(0, coverage.compared, super::ALPHA).upper.unwrap_or(1.0);
        let percent = upper * 100.0;
        let (n, word) = (coverage.compared, if coverage.compared == 1 { "pair" } else { "pairs" });
        return format!(
            "No difference in {n} compared {word}: fewer than {percent:.2} % differ, at 95 % confidence."
        );
    }
    let mut counts: Vec<(u64, &str)> = Vec::new();
    let mut noisy = 0;
    for field in endpoints.iter().flat_map(|endpoint| &endpoint.fields).filter(|field| field.count > 0) {
        if field.verdict == FieldVerdict::Noise {
            noisy += 1;
        } else {
            counts.push((field.count, &field.path));
        }
    }
    counts.sort_by(|a, b| b.cmp(a));
    let sentence = explanation(&counts);
    match noisy {
        0 => sentence,
        1 => format!("{sentence} 1 more field is noise that stable has with itself."),
        _ => format!("{sentence} {noisy} more fields are noise that stable has with itself."),
    }
}

fn explanation(counts: &[(u64, &str)]) -> String {
    let all: u64 = counts.iter().map(|(count, _)| count).sum();
    if all == 0 {
        return "Every difference found is noise.".to_owned();
    }
    let mut explained = 0;
    for (index, (count, _)) in counts.iter().enumerate() {
        explained += count;
        let few = index + 1;
        let percent = percent(explained, all);
        let rest_is_smaller = counts.get(few).is_none_or(|(next, _)| next * 20 < explained);
        if few <= FEW && percent >= MOST && (rest_is_smaller || few == FEW) {
            let (fields, explain) = if few == 1 { ("field", "explains") } else { ("fields", "explain") };
            return match percent {
                100 => format!("{few} {fields} {explain} all differences."),
                _ => format!("{few} {fields} {explain} {percent} % of the differences."),
            };
        }
    }
    let (worst, path) = counts.first().copied().unwrap_or_default();
    format!(
        "{} fields differ; the most frequent, {path}, explains {} % of the differences.",
        counts.len(),
        percent(worst, all)
    )
}

/// Rounded down, so that 100 is all.
fn percent(part: u64, all: u64) -> u64 {
    u64::try_from(u128::from(part) * 100 / u128::from(all.max(1))).unwrap_or(100)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn explained(counts: &[u64]) -> String {
        explanation(&counts.iter().map(|count| (*count, "$.x")).collect::<Vec<_>>())
    }

    #[test]
    fn few_fields_that_make_up_most_are_counted() {
        assert_eq!(explained(&[10]), "1 field explains all differences.");
        assert_eq!(explained(&[600, 395, 5]), "2 fields explain 99 % of the differences.");
        assert_eq!(explained(&[900, 100]), "2 fields explain all differences.");
        assert_eq!(explained(&[1]), "1 field explains all differences.");
        assert_eq!(explained(&[]), "Every difference found is noise.");
    }

    #[test]
    fn many_fields_alike_are_said_to_be_many() {
        assert_eq!(
            explained(&[10; 10]),
            "10 fields differ; the most frequent, $.x, explains 10 % of the differences."
        );
    }

    #[test]
    fn without_differences_it_says_how_sure_that_is() {
        let coverage = Coverage { compared: 1000, ..Coverage::default() };
        assert_eq!(
            sentence(&coverage, &[]),
            "No difference in 1000 compared pairs: fewer than 0.70 % differ, at 95 % confidence."
        );
        assert_eq!(sentence(&Coverage::default(), &[]), "Nothing compared yet.");
    }
}
