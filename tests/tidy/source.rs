//! Reads Rust as text: what is code, what is a test, where functions begin and end, what a file imports.
//! It relies on rustfmt's layout and on nothing else, so it needs no parser and tells places exactly.

use std::collections::BTreeSet;
use std::ops::Range;

/// What stands before that which nobody is delivered: the fuzz targets are tests too.
const TEST_ONLY: [&str; 2] = ["#[cfg(test)]", "#[cfg(any(test, fuzzing))]"];

/// One file as written, and what was found in it.
pub struct Source {
    /// Path from the package's folder, with `/`.
    pub path: String,
    /// The text as written.
    pub raw: String,
    /// The same text, byte for byte in place, with comments and the insides of literals blanked.
    pub code: String,
    /// Byte ranges that only tests compile.
    tests: Vec<Range<usize>>,
    /// Inline modules: name and byte range of their bodies.
    modules: Vec<(String, Range<usize>)>,
    /// Paths (relative to the package) that `#[cfg(test)] mod name;` declares, without `.rs`.
    pub test_modules: Vec<String>,
    /// Where each line begins.
    lines: Vec<usize>,
}

/// A function and its size.
#[derive(Debug, PartialEq, Eq)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// Line of its `fn`, from 1.
    pub line: usize,
    /// Lines with code on them, from `fn` to the closing brace.
    pub length: usize,
    /// Whether only tests compile it.
    pub test: bool,
}

/// A path that starts at the crate's root.
#[derive(Debug, PartialEq, Eq)]
pub struct Import {
    /// Its line, from 1.
    pub line: usize,
    /// Its segments after `crate`.
    pub path: Vec<String>,
    /// Whether only tests compile it.
    pub test: bool,
}

impl Source {
    /// Reads one file's text.
    pub fn new(path: &str, raw: &str) -> Self {
        let code = blank(raw);
        let lines = std::iter::once(0).chain(raw.match_indices('\n').map(|(at, _)| at + 1)).collect();
        let mut source = Source {
            path: path.to_owned(),
            raw: raw.to_owned(),
            code,
            tests: Vec::new(),
            modules: Vec::new(),
            test_modules: Vec::new(),
            lines,
        };
        source.find_modules();
        source.find_tests();
        source
    }

    /// The same file, all of it taken for a test.
    pub fn into_test(mut self) -> Self {
        self.tests.push(0..self.code.len() + 1);
        self
    }

    /// The line, from 1, that a byte is on.
    pub fn line_of(&self, at: usize) -> usize {
        self.lines.partition_point(|start| *start <= at)
    }

    /// Whether only tests compile this byte.
    pub fn in_test(&self, at: usize) -> bool {
        self.tests.iter().any(|range| range.contains(&at))
    }

    /// Lines of production and lines of tests.
    pub fn sizes(&self) -> (usize, usize) {
        let total = self.raw.lines().count();
        let tests = (0..total).filter(|line| self.in_test(self.lines[*line])).count();
        (total - tests, tests)
    }

    /// Every place in the code where `pattern` stands, as a whole word where it begins or ends like one.
    pub fn find<'a>(&'a self, pattern: &'a str) -> impl Iterator<Item = usize> + 'a {
        words(&self.code, pattern)
    }

    /// Every function with a body.
    pub fn functions(&self) -> Vec<Function> {
        let mut found = Vec::new();
        for at in self.find("fn") {
            let name: String = self.code[at + 2..].trim_start().chars().take_while(|c| is_word(*c)).collect();
            let Some(open) = body_of(&self.code, at) else { continue };
            if name.is_empty() || !self.code[open..].starts_with('{') {
                continue;
            }
            let end = matching(&self.code, open);
            let length = self.code[at..=end].lines().filter(|line| !line.trim().is_empty()).count();
            found.push(Function { name, line: self.line_of(at), length, test: self.in_test(at) });
        }
        found
    }

    /// Every path from the crate's root: `crate::a::b`, `use crate::{a, b::c}`, and `super::` where it climbs that far.
    pub fn imports(&self) -> Vec<Import> {
        let mut found = Vec::new();
        for at in self.find("crate") {
            self.import_from(at, at + "crate".len(), &[], &mut found);
        }
        for at in self.find("super") {
            if self.code[..at].ends_with("::") {
                continue;
            }
            let mut end = at + "super".len();
            let mut climbs = 1;
            while self.code[end..].starts_with("::super") {
                end += "::super".len();
                climbs += 1;
            }
            let mut base = self.module_at(at);
            base.truncate(base.len().saturating_sub(climbs));
            self.import_from(at, end, &base, &mut found);
        }
        found
    }

    fn import_from(&self, at: usize, end: usize, base: &[String], found: &mut Vec<Import>) {
        let Some(rest) = self.code[end..].strip_prefix("::") else { return };
        let mut paths = Vec::new();
        tree(rest, base, &mut paths);
        let (line, test) = (self.line_of(at), self.in_test(at));
        found.extend(paths.into_iter().map(|path| Import { line, path, test }));
    }

    /// The module that a byte lies in, from the crate's root.
    fn module_at(&self, at: usize) -> Vec<String> {
        let mut module: Vec<String> = module_of(&self.path);
        module
            .extend(self.modules.iter().filter(|(_, body)| body.contains(&at)).map(|(name, _)| name.clone()));
        module
    }

    fn find_modules(&mut self) {
        let mut found = Vec::new();
        for at in words(&self.code, "mod") {
            let Some(open) = body_of(&self.code, at) else { continue };
            let name = self.code[at + 3..open].trim();
            if self.code[open..].starts_with('{') && !name.is_empty() && name.chars().all(is_word) {
                found.push((name.to_owned(), open..matching(&self.code, open)));
            }
        }
        self.modules = found;
    }

    fn find_tests(&mut self) {
        if self.code.contains("#![cfg(test)]") {
            self.tests.push(0..self.code.len() + 1);
            return;
        }
        let mut modules = BTreeSet::new();
        for (at, attribute) in TEST_ONLY.iter().flat_map(|mark| self.code.match_indices(mark)) {
            let (item, path) = self.after_attributes(at + attribute.len());
            let text = &self.code[item..];
            let end = if text.starts_with("use ") {
                text.find(';').map(|end| item + end)
            } else {
                body_of(&self.code, item)
            };
            let Some(end) = end else { continue };
            let declared = text.split([';', '{']).next().unwrap_or("").trim();
            if let (Some((_, name)), true) = (declared.split_once("mod "), self.code[end..].starts_with(';'))
            {
                modules.insert(path.unwrap_or_else(|| self.child(name)));
            }
            let end = if self.code[end..].starts_with('{') { matching(&self.code, end) } else { end };
            self.tests.push(self.lines[self.line_of(at) - 1]..end + 1);
        }
        self.test_modules = modules.into_iter().collect();
    }

    /// Where the item begins that the attributes from `at` on belong to, and the file that `#[path]` names.
    fn after_attributes(&self, mut at: usize) -> (usize, Option<String>) {
        let mut path = None;
        loop {
            at += self.code[at..].len() - self.code[at..].trim_start().len();
            if !self.code[at..].starts_with("#[") {
                return (at, path);
            }
            let end = matching(&self.code, at + 1);
            let written = &self.raw[at..end];
            if let Some(file) = written.strip_prefix("#[path = \"").and_then(|rest| rest.strip_suffix('"')) {
                let folder = self.path.rsplit_once('/').map_or("", |(folder, _)| folder);
                path = Some(format!("{folder}/{}", file.trim_end_matches(".rs")));
            }
            at = end + 1;
        }
    }

    /// The file, without `.rs`, of a module declared here.
    fn child(&self, name: &str) -> String {
        let stem = self.path.trim_end_matches(".rs");
        let folder = match stem.rsplit_once('/') {
            Some((folder, "mod" | "lib" | "main")) => folder,
            _ => stem,
        };
        format!("{folder}/{name}")
    }
}

/// The module that a file is, from the crate's root.
pub fn module_of(path: &str) -> Vec<String> {
    let stem = path.trim_start_matches("src/").trim_end_matches(".rs");
    stem.split('/').filter(|part| !matches!(*part, "mod" | "lib" | "main")).map(str::to_owned).collect()
}

/// Every place where `pattern` stands in `text` as whole words.
pub fn words<'a>(text: &'a str, pattern: &'a str) -> impl Iterator<Item = usize> + 'a {
    let first = pattern.starts_with(is_word);
    let last = pattern.ends_with(is_word);
    text.match_indices(pattern).map(|(at, _)| at).filter(move |at| {
        let before = text[..*at].chars().next_back().is_some_and(is_word);
        let after = text[at + pattern.len()..].chars().next().is_some_and(is_word);
        let cut_before = first && before;
        let cut_after = last && after;
        !cut_before && !cut_after
    })
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Where the body or the final `;` of the item at `at` stands, outside of parentheses and brackets.
fn body_of(code: &str, at: usize) -> Option<usize> {
    let mut depth = 0_i32;
    for (offset, byte) in code[at..].bytes().enumerate() {
        match byte {
            b'(' | b'[' => depth += 1,
            b')' | b']' => depth -= 1,
            b'{' | b';' if depth == 0 => return Some(at + offset),
            _ => {}
        }
        if depth < 0 {
            return None;
        }
    }
    None
}

/// Where the bracket that opens at `open` closes; the last byte if it never does.
fn matching(code: &str, open: usize) -> usize {
    let (up, down) = match code.as_bytes()[open] {
        b'[' => (b'[', b']'),
        _ => (b'{', b'}'),
    };
    let mut depth = 0_usize;
    for (offset, byte) in code[open..].bytes().enumerate() {
        if byte == up {
            depth += 1;
        } else if byte == down {
            depth -= 1;
            if depth == 0 {
                return open + offset;
            }
        }
    }
    code.len() - 1
}

/// Reads `a::b`, `a::{b, c::d}` or `*` and adds every path in it; tells how many bytes it read.
fn tree(text: &str, prefix: &[String], found: &mut Vec<Vec<String>>) -> usize {
    let start = text.len() - text.trim_start().len();
    let name: String = text[start..].chars().take_while(|c| is_word(*c)).collect();
    let mut at = start + name.len();
    let mut path = prefix.to_vec();
    if !name.is_empty() {
        path.push(name);
        if let Some(rest) = text[at..].strip_prefix("::") {
            return at + 2 + tree(rest, &path, found);
        }
        found.push(path);
        return at;
    }
    if !text[at..].starts_with('{') {
        found.push(path);
        return at + usize::from(text[at..].starts_with('*'));
    }
    let end = matching(text, at);
    at += 1;
    while at < end && !text[at..end].trim().is_empty() {
        at += tree(&text[at..end], prefix, found);
        at = text[at..end].find(',').map_or(end, |comma| at + comma + 1);
    }
    end + 1
}

/// The text with comments and the insides of literals replaced by blanks, every byte in its place.
fn blank(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let (inside, next) = opaque(bytes, at);
        for byte in &mut out[inside] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
        at = next;
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// What is to be blanked at `at`, and where to go on.
fn opaque(bytes: &[u8], at: usize) -> (Range<usize>, usize) {
    let rest = &bytes[at..];
    let word_before = at > 0 && (bytes[at - 1].is_ascii_alphanumeric() || bytes[at - 1] == b'_');
    if rest.starts_with(b"//") {
        let end = at + rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len());
        return (at..end, end);
    }
    if rest.starts_with(b"/*") {
        let end = block_comment(bytes, at);
        return (at..end, end);
    }
    if rest[0] == b'"' {
        let end = quoted(bytes, at + 1, b'"');
        return (at + 1..end, end + 1);
    }
    if rest[0] == b'r' && (!word_before || bytes[at - 1] == b'b') {
        let hashes = rest[1..].iter().take_while(|b| **b == b'#').count();
        if rest.get(1 + hashes) == Some(&b'"') {
            let close: Vec<u8> = std::iter::once(b'"').chain(std::iter::repeat_n(b'#', hashes)).collect();
            let start = at + hashes + 2;
            let length = bytes[start..].windows(close.len()).position(|w| w == close.as_slice());
            let end = start + length.unwrap_or(bytes.len() - start);
            return (start..end, (end + close.len()).min(bytes.len()));
        }
    }
    if rest[0] == b'\'' && is_char(rest) {
        let end = quoted(bytes, at + 1, b'\'');
        return (at + 1..end, end + 1);
    }
    (at..at, at + 1)
}

/// Whether a quote begins a character and not a lifetime.
fn is_char(rest: &[u8]) -> bool {
    let ascii = rest.get(1).is_some_and(u8::is_ascii);
    rest.get(1) == Some(&b'\\') || rest.get(2) == Some(&b'\'') || !ascii
}

fn quoted(bytes: &[u8], mut at: usize, quote: u8) -> usize {
    while at < bytes.len() && bytes[at] != quote {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    at.min(bytes.len())
}

fn block_comment(bytes: &[u8], mut at: usize) -> usize {
    let mut depth = 0_usize;
    while at < bytes.len() {
        if bytes[at..].starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if bytes[at..].starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    bytes.len()
}
