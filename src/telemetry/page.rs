//! The text format of Prometheus, for the families that the exporter does not render.

use metrics_exporter_prometheus::formatting::{sanitize_label_value, write_help_line, write_type_line};

/// What stands above the series of a family.
pub(super) fn head(page: &mut String, name: &str, kind: &str, help: &str) {
    write_help_line(page, name, None, None, help);
    write_type_line(page, name, None, None, kind);
}

/// `name="value"` for each label, with what a value may not have escaped.
pub(super) fn labels(names: &[&str], values: &[String]) -> String {
    let pairs = names.iter().zip(values);
    let pairs: Vec<String> =
        pairs.map(|(name, value)| format!("{name}=\"{}\"", sanitize_label_value(value))).collect();
    pairs.join(",")
}
