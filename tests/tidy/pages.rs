//! The pages that must tell the truth: the list of metrics, the map of the folders, the names that deploy/ uses.

use std::path::Path;

use super::Complaint;
use super::source::words;

/// One metric, as its source or its page has it.
#[derive(Debug, PartialEq, Eq, Clone)]
pub struct Metric {
    /// Its name.
    pub name: String,
    /// counter, gauge or histogram.
    pub kind: String,
    /// Its labels in order.
    pub labels: Vec<String>,
    /// Its help.
    pub help: String,
    /// The line it stands on, from 1.
    pub line: usize,
}

/// The metrics in `src/telemetry/metrics.rs`: lines of `field: Family<n> = "name" ["label"] describe_kind unit, "help";`.
pub fn in_source(text: &str) -> Vec<Metric> {
    let lines = text.lines().enumerate().filter(|(_, line)| line.contains("> = \"umbrage_"));
    lines.filter_map(|(at, line)| metric_of(line, at + 1)).collect()
}

fn metric_of(line: &str, at: usize) -> Option<Metric> {
    let (_, rest) = line.split_once("> = \"")?;
    let (name, rest) = rest.split_once("\" [")?;
    let (labels, rest) = rest.split_once("] describe_")?;
    let (kind, rest) = rest.split_once(' ')?;
    let help = rest.split_once(", \"")?.1.strip_suffix("\";")?;
    let labels =
        labels.split(',').map(|label| label.trim().trim_matches('"').to_owned()).filter(|l| !l.is_empty());
    Some(Metric {
        name: name.to_owned(),
        kind: kind.to_owned(),
        labels: labels.collect(),
        help: help.to_owned(),
        line: at,
    })
}

/// The metrics in a page's table: rows of `| name | kind | labels | help |`, the first three in backticks or plain.
pub fn in_table(text: &str) -> Vec<Metric> {
    let rows = text.lines().enumerate().filter(|(_, line)| line.starts_with("| `umbrage_"));
    rows.filter_map(|(at, line)| {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [name, kind, labels, help] = cells.as_slice() else { return None };
        let labels = labels
            .split(',')
            .map(|label| label.trim().trim_matches('`').to_owned())
            .filter(|l| !l.is_empty());
        let name = name.trim_matches('`').to_owned();
        Some(Metric {
            name,
            kind: (*kind).to_owned(),
            labels: labels.collect(),
            help: (*help).to_owned(),
            line: at + 1,
        })
    })
    .collect()
}

/// Where source and page disagree, in both directions.
pub fn compare_metrics(source: &[Metric], page_path: &str, page: &[Metric]) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for metric in source {
        match page.iter().find(|row| row.name == metric.name) {
            None => complaints.push(Complaint::whole(page_path, format!("{} has no row", metric.name))),
            Some(row)
                if (&row.kind, &row.labels, &row.help) != (&metric.kind, &metric.labels, &metric.help) =>
            {
                let labels = metric.labels.join(", ");
                let what = format!("{} is a {} [{labels}]: {}", metric.name, metric.kind, metric.help);
                complaints.push(Complaint::at(page_path, row.line, what));
            }
            Some(_) => {}
        }
    }
    let gone = page.iter().filter(|row| !source.iter().any(|metric| metric.name == row.name));
    complaints
        .extend(gone.map(|row| Complaint::at(page_path, row.line, format!("{} does not exist", row.name))));
    complaints
}

/// Names of metrics in a dashboard or rule file that nothing emits.
pub fn unknown_metrics(path: &str, text: &str, known: &[Metric]) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for (at, _) in text.match_indices("umbrage_") {
        let before = text[..at].chars().next_back().unwrap_or(' ');
        let name: String =
            text[at..].chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
        if before.is_ascii_alphanumeric() || "_:/-".contains(before) || emitted(&name, known) {
            continue;
        }
        let line = text[..at].matches('\n').count() + 1;
        complaints.push(Complaint::at(path, line, format!("{name} is emitted by nothing")));
    }
    complaints
}

fn emitted(name: &str, known: &[Metric]) -> bool {
    known.iter().any(|metric| match metric.kind.as_str() {
        "histogram" => {
            ["_bucket", "_sum", "_count"].iter().any(|end| name.strip_suffix(end) == Some(&metric.name))
        }
        _ => name == metric.name,
    })
}

/// Folders and files of the package that a page's code map shows and that do not exist.
pub fn missing_places(page_path: &str, page: &str, root: &Path) -> Vec<Complaint> {
    let shown = shown_places(page);
    let missing = shown.into_iter().filter(|(_, place)| !root.join(place).exists());
    missing.map(|(line, place)| Complaint::at(page_path, line, format!("{place} does not exist"))).collect()
}

/// The package's top-level folders: what a page may show as a place.
const ROOTS: [&str; 6] = ["src/", "config/", "deploy/", "tests/", "docs/", "benches/"];

/// Every place a page shows: in backticks anywhere, and in fenced trees by indentation.
pub fn shown_places(page: &str) -> Vec<(usize, String)> {
    let mut places = Vec::new();
    let mut above: Vec<(usize, String)> = Vec::new();
    let mut fenced = false;
    for (at, line) in page.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
            above.clear();
        } else if fenced {
            places.extend(in_tree(line, &mut above).map(|place| (at + 1, place)));
        } else {
            let quoted = line.split('`').skip(1).step_by(2);
            places.extend(quoted.filter(|word| is_place(word)).map(|word| (at + 1, word.to_owned())));
        }
    }
    places
}

/// The place on one line of a tree, below the folders that stand above it.
fn in_tree(line: &str, above: &mut Vec<(usize, String)>) -> Option<String> {
    let word = line.split_whitespace().next()?;
    let indent = line.len() - line.trim_start().len();
    above.retain(|(depth, _)| *depth < indent);
    if !word.ends_with('/') && !word.ends_with(".rs") {
        return None;
    }
    let place = format!("{}{word}", above.last().map_or("", |(_, folder)| folder));
    if word.ends_with('/') {
        above.push((indent, place.clone()));
    }
    is_place(&place).then_some(place)
}

fn is_place(word: &str) -> bool {
    let plain = word.chars().all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c));
    plain && ROOTS.iter().any(|root| word.starts_with(root))
}

/// Top-level modules that a code map leaves out.
pub fn unmapped_modules(page_path: &str, page: &str, modules: &[String]) -> Vec<Complaint> {
    let left_out = modules.iter().filter(|module| words(page, module).next().is_none());
    left_out.map(|module| Complaint::whole(page_path, format!("says nothing of src/{module}"))).collect()
}
