//! What an unknown key was probably meant to be.

/// Keys of the documented contract that this version does not know yet, by the section they belong to.
const NOT_YET: &[(&str, &str)] =
    &[("", "hypothesis"), ("compare", "unordered"), ("compare", "tolerance"), ("compare", "normalize")];

/// Keys longer than this are not searched for likenesses: the search is quadratic.
const LONGEST: usize = 64;

/// Whether `key` of the section at `path` is announced, and not built in this version.
pub(super) fn is_not_yet(path: &str, key: &str) -> bool {
    NOT_YET.contains(&(last(path), key))
}

/// The likeliest of the known keys, if one is near enough to be a slip.
pub(super) fn nearest<'a>(key: &str, known: &[&'a str]) -> Option<&'a str> {
    if key.len() > LONGEST {
        return None;
    }
    let plain = |text: &str| text.to_ascii_lowercase().replace('-', "_");
    let near = |name: &str| distance(&plain(key), name);
    let best = known.iter().min_by_key(|name| near(name))?;
    (near(best) <= (key.len() / 3).clamp(1, 3)).then_some(*best)
}

/// The last name of a path such as `route[0].mirror`.
pub(super) fn last(path: &str) -> &str {
    let name = path.rsplit('.').next().unwrap_or(path);
    name.split('[').next().unwrap_or(name)
}

/// Edits that lead from one text to the other: insertions, deletions, replacements and swaps of neighbours
/// (optimal string alignment).
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut before = vec![0; b.len() + 1];
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let replaced = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            row[j] = replaced.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before[j - 2] + 1);
            }
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_those_of_the_book() {
        for (a, b, expected) in [
            ("", "", 0),
            ("", "abc", 3),
            ("abc", "", 3),
            ("percent", "percent", 0),
            ("precent", "percent", 1),
            ("percnt", "percent", 1),
            ("kitten", "sitting", 3),
            ("äb", "ab", 1),
        ] {
            assert_eq!(distance(a, b), expected, "{a} {b}");
            assert_eq!(distance(b, a), expected, "{b} {a}");
        }
    }

    #[test]
    fn a_slip_is_found_and_another_word_is_not() {
        let known = ["percent", "seed", "max_in_flight"];
        assert_eq!(nearest("precent", &known), Some("percent"));
        assert_eq!(nearest("Percent", &known), Some("percent"));
        assert_eq!(nearest("max-in-flight", &known), Some("max_in_flight"));
        assert_eq!(nearest("banana", &known), None);
        assert_eq!(nearest("", &known), None);
        assert_eq!(nearest(&"p".repeat(10_000), &known), None);
        assert_eq!(nearest("x", &[]), None);
    }

    #[test]
    fn announced_keys_are_told_from_unknown_ones() {
        assert!(!is_not_yet("", "guard"));
        assert!(is_not_yet("", "hypothesis"));
        assert!(!is_not_yet("listen", "tls"));
        assert!(!is_not_yet("route[3].shadow", "urls"));
        assert!(is_not_yet("route[0].compare", "unordered"));
        assert!(!is_not_yet("mirror", "tls"));
        assert!(!is_not_yet("listen", "hypothesis"));
    }

    #[test]
    fn the_last_name_of_a_path() {
        assert_eq!(last(""), "");
        assert_eq!(last("listen"), "listen");
        assert_eq!(last("route[12]"), "route");
        assert_eq!(last("route[12].compare.headers"), "headers");
    }
}
