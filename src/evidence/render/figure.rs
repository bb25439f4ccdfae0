//! Numbers for people.

use crate::evidence::sequential::Interval;

/// What stands where there is no number.
pub const NONE: &str = "-";

/// `12,345`.
pub fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// A share as a percentage of three digits: `0.0123 %`, `12.3 %`, `100 %`.
pub fn percent(share: Option<f64>) -> String {
    share.map_or_else(|| NONE.to_owned(), |share| format!("{} %", digits(share * 100.0)))
}

/// `9.72 % [8.12, 11.5]`.
pub fn rate(interval: Option<Interval>) -> String {
    let Some(interval) = interval else { return NONE.to_owned() };
    format!("{} {}", percent(interval.estimate), ends(interval, 100.0))
}

/// `×1.07 [1.01, 1.13]`; an end that is not bounded yet is `?`.
pub fn ratio(interval: Option<Interval>) -> String {
    let Some(interval) = interval else { return NONE.to_owned() };
    let estimate = interval.estimate.map_or_else(|| "?".to_owned(), digits);
    format!("×{estimate} {}", ends(interval, 1.0))
}

/// `850 µs`, `12.3 ms`, `1.25 s`, with their sign.
pub fn duration(seconds: Option<f64>) -> String {
    let Some(seconds) = seconds else { return NONE.to_owned() };
    match seconds.abs() {
        0.0 => "0 s".to_owned(),
        size if size < 0.001 => format!("{} µs", digits(seconds * 1e6)),
        size if size < 1.0 => format!("{} ms", digits(seconds * 1e3)),
        _ => format!("{} s", digits(seconds)),
    }
}

fn ends(interval: Interval, scale: f64) -> String {
    let end = |end: Option<f64>| end.map_or_else(|| "?".to_owned(), |end| digits(end * scale));
    format!("[{}, {}]", end(interval.lower), end(interval.upper))
}

/// Three significant digits, not finer than 0.0001.
fn digits(value: f64) -> String {
    let decimals = match value.abs() {
        size if size >= 99.95 => 0,
        size if size >= 9.995 => 1,
        size if size >= 0.9995 => 2,
        size if size >= 0.09995 => 3,
        _ => 4,
    };
    let text = format!("{value:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_grouped() {
        assert_eq!([0, 999, 1000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
    }

    #[test]
    fn shares_are_percentages_of_three_digits() {
        let shown = [0.0, 0.000_001, 0.0123, 0.5, 0.999_99, 1.0].map(|share| percent(Some(share)));
        assert_eq!(shown, ["0 %", "0.0001 %", "1.23 %", "50 %", "100 %", "100 %"]);
        assert_eq!(percent(None), "-");
    }

    #[test]
    fn durations_take_the_unit_that_fits() {
        let shown = [0.0, 0.000_85, 0.0123, -0.0123, 1.25, 130.4].map(|seconds| duration(Some(seconds)));
        assert_eq!(shown, ["0 s", "850 µs", "12.3 ms", "-12.3 ms", "1.25 s", "130 s"]);
    }

    #[test]
    fn intervals_show_what_is_not_bounded() {
        let interval = Interval { estimate: Some(1.0715), lower: Some(1.0), upper: None };
        assert_eq!(ratio(Some(interval)), "×1.07 [1, ?]");
        assert_eq!(ratio(None), "-");
        let interval = Interval { estimate: Some(0.0972), lower: Some(0.0812), upper: Some(0.115) };
        assert_eq!(rate(Some(interval)), "9.72 % [8.12, 11.5]");
    }
}
