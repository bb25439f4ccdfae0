//! Numbers as people read them.

use serde_json::Value;

/// Narrow no-break space: between groups of digits and before units.
const GAP: char = '\u{202f}';

/// `1234567` as `1 234 567`.
pub(super) fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut shown = String::with_capacity(digits.len() * 2);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            shown.push(GAP);
        }
        shown.push(digit);
    }
    shown
}

/// A percentage with as many digits as it needs: `5 %`, `0.0012 %`, `33.3 %`.
pub(super) fn percent(value: f64) -> String {
    if !value.is_finite() {
        return "?".to_owned();
    }
    let digits = match value.abs() {
        v if v >= 10.0 => 1,
        v if v >= 0.1 => 2,
        _ => 4,
    };
    format!("{}{GAP}%", trimmed(value, digits))
}

/// Seconds as a latency: `850 µs`, `12.3 ms`, `1.25 s`.
pub(super) fn latency(seconds: f64) -> String {
    if !seconds.is_finite() {
        return "?".to_owned();
    }
    match seconds.abs() {
        s if s >= 1.0 => format!("{}{GAP}s", trimmed(seconds, 2)),
        s if s >= 0.001 => format!("{}{GAP}ms", trimmed(seconds * 1e3, 1)),
        _ => format!("{}{GAP}µs", trimmed(seconds * 1e6, 0)),
    }
}

/// A length of time in two units: `9 m 30 s`.
pub(super) fn span(seconds: f64) -> String {
    let whole = std::time::Duration::try_from_secs_f64(seconds.clamp(0.0, 1e9)).unwrap_or_default().as_secs();
    let (days, hours, minutes, rest) = (whole / 86_400, whole / 3_600 % 24, whole / 60 % 60, whole % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{rest} s"),
        (0, 0, _) => format!("{minutes} m {rest} s"),
        (0, _, _) => format!("{hours} h {minutes} m"),
        _ => format!("{days} d {hours} h"),
    }
}

/// A factor: `1.25 ×`.
pub(super) fn factor(value: f64) -> String {
    if value.is_finite() { format!("{}{GAP}×", trimmed(value, 2)) } else { "?".to_owned() }
}

/// `part / whole`; 0 of nothing.
#[allow(clippy::cast_precision_loss)]
pub(super) fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// A share from 0 to 1 on an axis of 0 to 100, held inside it.
pub(super) fn coordinate(share: f64) -> String {
    let share = if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.0 };
    format!("{:.2}", share * 100.0)
}

/// Text, number or truth as text; nothing for null, lists and objects.
pub(super) fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// `{estimate, lower, upper}` as far as there.
pub(super) struct Interval {
    pub(super) estimate: f64,
    pub(super) lower: Option<f64>,
    pub(super) upper: Option<f64>,
}

impl Interval {
    /// Nothing without an estimate.
    pub(super) fn read(value: &Value) -> Option<Self> {
        let finite = |key: &str| value[key].as_f64().filter(|n| n.is_finite());
        Some(Interval { estimate: finite("estimate")?, lower: finite("lower"), upper: finite("upper") })
    }

    /// `3 % (1 % to 6 %)` with each number in those words.
    pub(super) fn show(&self, words: fn(f64) -> String) -> String {
        let estimate = words(self.estimate);
        self.bounds(words).map_or(estimate.clone(), |bounds| format!("{estimate} ({bounds})"))
    }

    /// `1 % to 6 %`; nothing if neither end is known.
    pub(super) fn bounds(&self, words: fn(f64) -> String) -> Option<String> {
        match (self.lower, self.upper) {
            (Some(lower), Some(upper)) => Some(format!("{} to {}", words(lower), words(upper))),
            (Some(lower), None) => Some(format!("at least {}", words(lower))),
            (None, Some(upper)) => Some(format!("at most {}", words(upper))),
            (None, None) => None,
        }
    }
}

fn trimmed(value: f64, digits: usize) -> String {
    let text = format!("{value:.digits$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    fn plain(text: &str) -> String {
        text.replace(GAP, " ")
    }

    #[test]
    fn counts_are_grouped() {
        for (n, text) in [(0, "0"), (999, "999"), (1000, "1 000"), (1_234_567, "1 234 567")] {
            assert_eq!(plain(&count(n)), text);
        }
    }

    #[test]
    fn shares_and_times_have_the_digits_they_need() {
        for (value, text) in
            [(5.0, "5 %"), (0.0012, "0.0012 %"), (33.333, "33.3 %"), (0.0, "0 %"), (1.256, "1.26 %")]
        {
            assert_eq!(plain(&percent(value)), text);
        }
        for (value, text) in
            [(0.00085, "850 µs"), (0.0123, "12.3 ms"), (1.25, "1.25 s"), (0.0, "0 µs"), (0.03, "30 ms")]
        {
            assert_eq!(plain(&latency(value)), text);
        }
        assert_eq!(plain(&factor(1.249)), "1.25 ×");
        assert_eq!(percent(f64::NAN), "?");
        assert_eq!(trimmed(-0.000_001, 2), "0");
        for (value, text) in
            [(5.0, "5 s"), (570.0, "9 m 30 s"), (7260.0, "2 h 1 m"), (90_000.0, "1 d 1 h"), (-1.0, "0 s")]
        {
            assert_eq!(span(value), text);
        }
    }

    #[test]
    fn intervals_show_what_is_known() {
        let read = |v: Value| Interval::read(&v).map(|i| plain(&i.show(|n| percent(n * 100.0))));
        assert_eq!(
            read(json!({"estimate": 0.03, "lower": 0.01, "upper": 0.06})).unwrap(),
            "3 % (1 % to 6 %)"
        );
        assert_eq!(
            read(json!({"estimate": 0.03, "lower": 0.01, "upper": null})).unwrap(),
            "3 % (at least 1 %)"
        );
        assert_eq!(read(json!({"estimate": 0.03, "upper": 0.5})).unwrap(), "3 % (at most 50 %)");
        assert_eq!(read(json!({"estimate": 0.03})).unwrap(), "3 %");
        assert_eq!(read(json!({"lower": 0.1})), None);
        assert_eq!(read(json!(null)), None);
        assert_eq!(read(json!("<b>")), None);
    }

    #[test]
    fn coordinates_stay_on_their_axis() {
        for (share, text) in [(0.5, "50.00"), (-1.0, "0.00"), (9.0, "100.00"), (f64::NAN, "0.00")] {
            assert_eq!(coordinate(share), text);
        }
        assert!(ratio(1, 0) <= 0.0 && ratio(1, 4) >= 0.25);
    }
}
