//! What is wrong with a config, where, and what to do about it.

use std::fmt;
use std::ops::Range;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level as Shown, Origin, Renderer, Snippet};

use super::limits;

/// How bad a problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// The config cannot be used.
    Error,
    /// It can be used, and probably is not what was meant.
    Warning,
}

/// One problem and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// How bad.
    pub level: Level,
    /// One line; names the key.
    pub title: String,
    /// Bytes of the text that it is about; `None` where it is about something that is not there.
    pub span: Option<Range<usize>>,
    /// What stands at the caret; may be empty.
    pub label: String,
    /// What to do about it; may be empty.
    pub help: String,
}

/// Every problem of one text, in its order, with the text that they point into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems {
    name: String,
    text: String,
    items: Vec<Problem>,
}

impl Problem {
    /// An error without a place.
    #[must_use]
    pub fn error(title: impl Into<String>) -> Self {
        Problem {
            level: Level::Error,
            title: title.into(),
            span: None,
            label: String::new(),
            help: String::new(),
        }
    }

    /// A warning without a place.
    #[must_use]
    pub fn warning(title: impl Into<String>) -> Self {
        Problem { level: Level::Warning, ..Problem::error(title) }
    }

    /// Points at bytes of the text.
    #[must_use]
    pub fn at(mut self, span: Option<&Range<usize>>) -> Self {
        self.span = span.cloned();
        self
    }

    fn place(&self) -> (usize, Level) {
        (self.span.as_ref().map_or(0, |span| span.start), self.level)
    }

    /// What stands at the caret.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// What to do about it.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = help.into();
        self
    }
}

impl Problems {
    /// Problems of a text; `secrets` are byte ranges that are never shown.
    #[must_use]
    pub(super) fn new(name: &str, text: &str, secrets: &[Range<usize>], mut items: Vec<Problem>) -> Self {
        items.sort_by(|a, b| a.place().cmp(&b.place()).then_with(|| a.title.cmp(&b.title)));
        items.dedup();
        Problems { name: name.to_owned(), text: masked(text, secrets), items }
    }

    /// True when there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// The problems in the order of their places.
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.items.iter()
    }

    /// All of them for people: the file, the line, a caret and a hint each. `color` adds ANSI colours.
    #[must_use]
    pub fn render(&self, color: bool) -> String {
        let renderer = if color { Renderer::styled() } else { Renderer::plain() };
        let renderer = renderer.decor_style(DecorStyle::Ascii);
        let mut out = String::new();
        for problem in self.items.iter().take(limits::PROBLEMS_SHOWN) {
            out.push_str(&renderer.render(&self.report(problem)));
            out.push_str("\n\n");
        }
        out.push_str(&self.summary());
        out
    }

    fn report<'a>(&'a self, problem: &'a Problem) -> Vec<Group<'a>> {
        let title = match problem.level {
            Level::Error => Shown::ERROR.primary_title(problem.title.as_str()),
            Level::Warning => Shown::WARNING.primary_title(problem.title.as_str()),
        };
        let mut group = match problem.span.as_ref().map(|span| self.line(span)) {
            None => title.element(Origin::path(self.name.as_str())),
            Some((number, line, span)) => {
                let mark = AnnotationKind::Primary.span(span);
                let mark = if problem.label.is_empty() { mark } else { mark.label(problem.label.as_str()) };
                let snippet = Snippet::source(line).line_start(number).path(self.name.as_str());
                title.element(snippet.annotation(mark))
            }
        };
        if !problem.help.is_empty() {
            group = group.element(Shown::HELP.message(problem.help.as_str()));
        }
        vec![group]
    }

    /// The line in which a span begins: its number, its text, and the part of the span that lies in it, on character
    /// boundaries. The renderer is given no more, as its work grows with the text.
    fn line(&self, span: &Range<usize>) -> (usize, &str, Range<usize>) {
        let start = self.text.floor_char_boundary(span.start);
        let end = self.text.ceil_char_boundary(span.end.max(start));
        let begin = self.text[..start].rfind('\n').map_or(0, |n| n + 1);
        let line = self.text[begin..].lines().next().unwrap_or_default();
        let within = |at: usize| (at - begin).min(line.len());
        let number = self.text[..begin].bytes().filter(|b| *b == b'\n').count() + 1;
        (number, line, within(start)..within(end))
    }

    fn summary(&self) -> String {
        let count = |level| self.items.iter().filter(|p| p.level == level).count();
        let said = |n: usize, word: &str| match n {
            0 => None,
            1 => Some(format!("1 {word}")),
            n => Some(format!("{n} {word}s")),
        };
        let parts = [said(count(Level::Error), "error"), said(count(Level::Warning), "warning")];
        let parts: Vec<_> = parts.into_iter().flatten().collect();
        let hidden = self.items.len().saturating_sub(limits::PROBLEMS_SHOWN);
        let tail = if hidden == 0 { String::new() } else { format!(", {hidden} of them not shown") };
        format!("{}: {}{tail}\n", self.name, parts.join(", "))
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl std::error::Error for Problems {}

/// The text with every byte of a secret replaced by `*`, so that places stay where they are.
fn masked(text: &str, secrets: &[Range<usize>]) -> String {
    let credentials = credentials_in_urls(text);
    let mut bytes = text.as_bytes().to_vec();
    for span in secrets.iter().chain(&credentials).chain(&token_lines(text)) {
        let end = span.end.min(bytes.len());
        for byte in bytes.get_mut(span.start..end).into_iter().flatten().filter(|b| **b != b'\n') {
            *byte = b'*';
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned())
}

/// What stands between `://` and `@`.
fn credentials_in_urls(text: &str) -> Vec<Range<usize>> {
    text.match_indices("://")
        .filter_map(|(at, _)| {
            let start = at + 3;
            let rest = &text[start..];
            let end = rest.find(['"', '\'', '/', '\n', ' ']).unwrap_or(rest.len());
            rest[..end].rfind('@').map(|n| start..start + n)
        })
        .collect()
}

/// The rest of each line behind `token =`: a text that does not parse has no spans to go by.
fn token_lines(text: &str) -> Vec<Range<usize>> {
    text.match_indices("token")
        .filter_map(|(at, word)| {
            let start = at + word.len();
            let rest = text[start..].trim_start_matches(['"', '\'', ' ', '\t']);
            let value = text.len() - rest.strip_prefix('=')?.trim_start_matches([' ', '\t']).len();
            Some(value..text[value..].find('\n').map_or(text.len(), |n| value + n))
        })
        .collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn one(text: &str, problem: Problem) -> String {
        Problems::new("umbrage.toml", text, &[], vec![problem]).render(false)
    }

    #[test]
    fn shows_file_line_caret_and_help() {
        let problem = Problem::error("no").at(Some(&(8..9))).label("here").help("do this");
        let text = one("a = 1\nb = 2\n", problem);
        assert!(text.starts_with("error: no\n --> umbrage.toml:2:3\n"), "{text}");
        assert!(text.contains("^ here") && text.contains("= help: do this"), "{text}");
        assert!(text.ends_with("umbrage.toml: 1 error\n"), "{text}");
    }

    #[test]
    fn a_problem_without_a_place_names_the_file() {
        assert!(one("", Problem::warning("w")).starts_with("warning: w\n--> umbrage.toml\n"));
    }

    #[test]
    fn any_span_renders() {
        let text = "ä = \"ö\"\n# end";
        for start in 0..text.len() + 3 {
            for end in 0..text.len() + 3 {
                one(text, Problem::error("x").at(Some(&(start..end))));
            }
        }
    }

    #[test]
    fn problems_stand_in_the_order_of_the_text_and_once() {
        let (first, second) = (Problem::error("a").at(Some(&(0..1))), Problem::error("b").at(Some(&(2..3))));
        let items = vec![second.clone(), first.clone(), second.clone()];
        let all = Problems::new("f", "abc", &[], items);
        assert_eq!(all.iter().cloned().collect::<Vec<_>>(), [first, second]);
        assert_eq!(all.len(), 2);
        assert!(!all.is_empty());
    }

    #[test]
    fn a_flood_of_problems_is_cut_and_counted() {
        let items = (0..200).map(|n| Problem::error(format!("p{n}"))).collect();
        let text = Problems::new("f", "", &[], items).render(false);
        assert_eq!(text.matches("error: ").count(), limits::PROBLEMS_SHOWN);
        assert!(text.ends_with("f: 200 errors, 150 of them not shown\n"), "{text}");
    }

    #[test]
    fn secrets_are_never_shown() {
        let text = "url = \"http://me:pässword@host/\"\n token = \"hunter2\nx = \"tiger\"\n";
        let tiger = text.find("tiger").unwrap();
        let items = [8, 40, tiger].map(|at| Problem::error("x").at(Some(&(at..at + 1))));
        let secret = tiger..tiger + 5;
        let all = Problems::new("f", text, std::slice::from_ref(&secret), items.to_vec());
        let shown = all.render(false);
        for secret in ["ssword", "hunter2", "tiger", "me:"] {
            assert!(!shown.contains(secret), "{shown}");
        }
        assert!(shown.contains("host/"), "{shown}");
    }

    #[test]
    fn colour_only_when_asked_for() {
        let all = Problems::new("f", "abc", &[], vec![Problem::error("x").at(Some(&(0..1)))]);
        assert!(all.render(true).contains('\u{1b}'));
        assert!(!all.to_string().contains('\u{1b}'));
    }
}
