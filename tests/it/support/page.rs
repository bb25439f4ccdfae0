//! A metrics page in Prometheus' text format, read strictly, so that the laws can be asked of it.

use std::collections::{BTreeMap, BTreeSet};

/// One series and its value.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// The metric's name, with `_bucket` and its like.
    pub name: String,
    /// The labels.
    pub labels: BTreeMap<String, String>,
    /// The value.
    pub value: f64,
}

/// Every series of a page.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Page {
    /// In the order of the page.
    pub samples: Vec<Sample>,
    /// Type by metric name.
    pub types: BTreeMap<String, String>,
    /// Help by metric name.
    pub helps: BTreeMap<String, String>,
}

impl Page {
    /// Reads a page; panics with the line that is no metric, or comes twice.
    #[track_caller]
    pub fn parse(text: &str) -> Self {
        let mut page = Page::default();
        let mut seen = BTreeSet::new();
        for (number, line) in text.lines().enumerate() {
            let comment = |kind: &str| line.strip_prefix(kind).and_then(|rest| rest.split_once(' '));
            if let Some((name, kind)) = comment("# TYPE ") {
                page.types.insert(name.to_owned(), kind.to_owned());
            } else if let Some((name, help)) = comment("# HELP ") {
                page.helps.insert(name.to_owned(), help.to_owned());
            } else if !line.is_empty() && !line.starts_with('#') {
                let sample =
                    sample(line).unwrap_or_else(|| panic!("line {}: {line:?} is no sample", number + 1));
                let is_new = seen.insert((sample.name.clone(), sample.labels.clone()));
                assert!(is_new, "line {}: {line:?} comes twice", number + 1);
                page.samples.push(sample);
            }
        }
        page
    }

    /// The value of the one series with these labels (and perhaps more); `None` if there is none. Panics if there are several.
    #[track_caller]
    pub fn value(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let found: Vec<&Sample> = self.series(name, labels).collect();
        assert!(found.len() < 2, "{name}{labels:?} is not one series: {found:#?}");
        found.first().map(|sample| sample.value)
    }

    /// The sum over every series with these labels; 0 if there is none.
    pub fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        self.series(name, labels).map(|sample| sample.value).sum()
    }

    /// Sums by the value of one label.
    pub fn sum_by(&self, name: &str, labels: &[(&str, &str)], by: &str) -> BTreeMap<String, f64> {
        let mut sums = BTreeMap::new();
        for sample in self.series(name, labels) {
            *sums.entry(sample.labels.get(by).cloned().unwrap_or_default()).or_insert(0.0) += sample.value;
        }
        sums
    }

    /// Every series with these labels.
    pub fn series<'a>(
        &'a self,
        name: &'a str,
        labels: &'a [(&'a str, &'a str)],
    ) -> impl Iterator<Item = &'a Sample> {
        let has = |sample: &Sample, (key, value): &(&str, &str)| {
            sample.labels.get(*key).is_some_and(|v| v == value)
        };
        self.samples.iter().filter(move |s| s.name == name && labels.iter().all(|label| has(s, label)))
    }
}

/// `name{label="value",…} value`.
fn sample(line: &str) -> Option<Sample> {
    let end = line.find(['{', ' '])?;
    let (name, mut rest) = line.split_at(end);
    let mut labels = BTreeMap::new();
    if let Some(inside) = rest.strip_prefix('{') {
        rest = inside;
        while !rest.starts_with('}') {
            let (key, after) = rest.split_once("=\"")?;
            let (value, after) = quoted(after)?;
            labels.insert(key.to_owned(), value);
            rest = after.strip_prefix(',').unwrap_or(after);
        }
        rest = &rest[1..];
    }
    let value = number(rest.strip_prefix(' ')?)?;
    Some(Sample { name: name.to_owned(), labels, value })
}

/// A label's value up to its closing quote, and what follows.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => value.push(match chars.next()?.1 {
                'n' => '\n',
                other => other,
            }),
            other => value.push(other),
        }
    }
    None
}

fn number(text: &str) -> Option<f64> {
    match text {
        "+Inf" => Some(f64::INFINITY),
        "-Inf" => Some(f64::NEG_INFINITY),
        "NaN" => Some(f64::NAN),
        other => other.parse().ok(),
    }
}
