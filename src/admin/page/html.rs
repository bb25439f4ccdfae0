//! Writes markup so that text cannot become markup: literals go in as they are, anything else is escaped.

use std::fmt::Write;

use crate::admin::limits::PAGE_TEXT;

/// A page as it grows.
#[derive(Default)]
pub(super) struct Html(String);

impl Html {
    /// Markup; only what stands in the source can be `'static` here.
    pub(super) fn raw(&mut self, markup: &'static str) -> &mut Self {
        self.0.push_str(markup);
        self
    }

    /// Text of any origin, escaped, cut after [`PAGE_TEXT`] characters.
    pub(super) fn text(&mut self, text: &str) -> &mut Self {
        let mut chars = text.chars();
        for c in chars.by_ref().take(PAGE_TEXT) {
            self.escape(c);
        }
        if chars.next().is_some() {
            self.0.push('…');
        }
        self
    }

    /// ` name="value"`, the value escaped and never cut.
    pub(super) fn attribute(&mut self, name: &'static str, value: &str) -> &mut Self {
        self.0.push(' ');
        self.0.push_str(name);
        self.0.push_str("=\"");
        value.chars().for_each(|c| self.escape(c));
        self.0.push('"');
        self
    }

    fn number(&mut self, c: char) {
        // Writing to a string cannot fail.
        let _ = write!(self.0, "\\u{{{:x}}}", u32::from(c));
    }

    pub(super) fn finish(self) -> String {
        self.0
    }

    fn escape(&mut self, c: char) {
        match c {
            '&' => self.0.push_str("&amp;"),
            '<' => self.0.push_str("&lt;"),
            '>' => self.0.push_str("&gt;"),
            '"' => self.0.push_str("&quot;"),
            '\'' => self.0.push_str("&#39;"),
            // What cannot be seen, or turns what follows around, is shown by its number.
            _ if c.is_control() || is_direction(c) => self.number(c),
            _ => self.0.push(c),
        }
    }
}

/// Marks that reorder text: a value could make the page say the opposite of what was received.
fn is_direction(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{061c}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        let mut page = Html::default();
        page.text(text);
        page.finish()
    }

    #[test]
    fn text_cannot_become_markup() {
        assert_eq!(shown("<b a=\"1\" b='2'>&amp;"), "&lt;b a=&quot;1&quot; b=&#39;2&#39;&gt;&amp;amp;");
        assert_eq!(shown("a\0b\u{1b}[2J\n\u{202e}x"), "a\\u{0}b\\u{1b}[2J\\u{a}\\u{202e}x");
        assert_eq!(shown("grün 日本 🙂"), "grün 日本 🙂");
    }

    #[test]
    fn long_text_is_cut_and_attributes_are_not() {
        let long = "ä".repeat(PAGE_TEXT + 1);
        assert_eq!(shown(&long), format!("{}…", "ä".repeat(PAGE_TEXT)));
        assert_eq!(shown(&long[2..]), long[2..]);
        let mut page = Html::default();
        page.attribute("href", &long).attribute("title", "\"><script>");
        assert_eq!(page.finish(), format!(" href=\"{long}\" title=\"&quot;&gt;&lt;script&gt;\""));
    }
}
