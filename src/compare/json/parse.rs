//! Reads JSON (RFC 8259) into a flat list of values that borrow from the body.
//!
//! Not `serde_json`: it recurses, forgets the text of numbers and all but the last of equal names, and refuses lone
//! surrogates, which the grammar allows. Here a value is 36 bytes whatever it holds, nothing is copied, and depth costs
//! nothing but nodes.

/// Most values of one body. Real JSON takes 10 bytes and more for a value, so that a body within the usual caps stays
/// below; it bounds the memory of a comparison to about 100 MB in the worst case.
pub(in crate::compare) const MAX_NODES: usize = 1 << 20;

/// Index of a node that does not exist.
pub(in crate::compare) const NONE: u32 = u32::MAX;

/// What kind of value a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::compare) enum Shape {
    Null,
    False,
    True,
    Number,
    String,
    Array,
    Object,
}

/// Where the name of a member, or the index of an element, stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::compare) enum Step {
    Root,
    /// Span between the quotes, and whether escapes stand in it.
    Member {
        start: u32,
        end: u32,
        escaped: bool,
    },
    Element(u32),
}

/// One value. Children follow their parent; `after` is the node behind the last of them.
#[derive(Clone, Copy, Debug)]
pub(in crate::compare) struct Node {
    pub shape: Shape,
    /// Whether escapes stand in a string.
    pub escaped: bool,
    pub step: Step,
    pub parent: u32,
    pub after: u32,
    /// Number of direct children.
    pub children: u32,
    /// Span of the value; of a string with its quotes.
    pub start: u32,
    pub end: u32,
}

/// Why a body is no document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::compare) enum Fault {
    /// It is not JSON.
    Syntax,
    /// It is larger than we compare: more than [`MAX_NODES`] values, or 4 GiB.
    TooLarge,
}

/// A parsed body; there is always a root.
#[derive(Debug)]
pub(in crate::compare) struct Document<'a> {
    pub source: &'a [u8],
    pub nodes: Vec<Node>,
}

impl<'a> Document<'a> {
    /// Parses a whole body, which may begin with a byte order mark.
    pub fn parse(body: &'a [u8]) -> Result<Self, Fault> {
        let source = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
        if u32::try_from(source.len()).is_err() {
            return Err(Fault::TooLarge);
        }
        if std::str::from_utf8(source).is_err() {
            return Err(Fault::Syntax);
        }
        let mut parser = Parser { source, at: 0, nodes: Vec::new(), open: NONE };
        parser.document()?;
        Ok(Document { source, nodes: parser.nodes })
    }

    pub fn node(&self, index: u32) -> &Node {
        &self.nodes[index as usize]
    }

    /// The text of a value as it stands in the body.
    pub fn text(&self, index: u32) -> &'a [u8] {
        let node = self.node(index);
        &self.source[node.start as usize..node.end as usize]
    }

    /// The direct children of an array or object, in order.
    pub fn children(&self, index: u32) -> impl Iterator<Item = u32> + '_ {
        let end = self.node(index).after;
        let mut next = index + 1;
        std::iter::from_fn(move || {
            let child = next;
            (child < end).then(|| {
                next = self.node(child).after;
                child
            })
        })
    }

    /// The name of a member as written between its quotes, and whether escapes stand in it.
    pub fn name(&self, index: u32) -> (&'a [u8], bool) {
        match self.node(index).step {
            Step::Member { start, end, escaped } => (&self.source[start as usize..end as usize], escaped),
            Step::Root | Step::Element(_) => (&[], false),
        }
    }
}

struct Parser<'a> {
    source: &'a [u8],
    at: usize,
    nodes: Vec<Node>,
    /// The innermost open array or object.
    open: u32,
}

impl Parser<'_> {
    fn document(&mut self) -> Result<(), Fault> {
        self.value(Step::Root)?;
        while self.open != NONE {
            self.next_child()?;
        }
        self.space();
        if self.at == self.source.len() { Ok(()) } else { Err(Fault::Syntax) }
    }

    /// Reads what follows in the open array or object: its end, or a comma where one is due and the next child.
    fn next_child(&mut self) -> Result<(), Fault> {
        self.space();
        let open = self.open as usize;
        let children = self.nodes[open].children;
        let array = self.nodes[open].shape == Shape::Array;
        if self.peek() == Some(if array { b']' } else { b'}' }) {
            self.at += 1;
            self.nodes[open].end = offset(self.at);
            self.nodes[open].after = offset(self.nodes.len());
            self.open = self.nodes[open].parent;
            return Ok(());
        }
        if children > 0 {
            self.expect(b',')?;
            self.space();
        }
        self.nodes[open].children += 1;
        if array {
            return self.value(Step::Element(children));
        }
        let (start, end, escaped) = self.string()?;
        self.space();
        self.expect(b':')?;
        self.value(Step::Member { start: start + 1, end: end - 1, escaped })
    }

    /// Reads a scalar whole, of an array or object the beginning.
    fn value(&mut self, step: Step) -> Result<(), Fault> {
        self.space();
        if self.nodes.len() >= MAX_NODES {
            return Err(Fault::TooLarge);
        }
        let start = offset(self.at);
        let index = offset(self.nodes.len());
        let mut escaped = false;
        let shape = match self.peek().ok_or(Fault::Syntax)? {
            b'{' => self.begin(Shape::Object),
            b'[' => self.begin(Shape::Array),
            b'"' => {
                escaped = self.string()?.2;
                Shape::String
            }
            b't' => self.word(b"true", Shape::True)?,
            b'f' => self.word(b"false", Shape::False)?,
            b'n' => self.word(b"null", Shape::Null)?,
            _ => self.number()?,
        };
        let end = offset(self.at);
        self.nodes.push(Node {
            shape,
            escaped,
            step,
            parent: self.open,
            after: index + 1,
            children: 0,
            start,
            end,
        });
        if matches!(shape, Shape::Array | Shape::Object) {
            self.open = index;
        }
        Ok(())
    }

    fn begin(&mut self, shape: Shape) -> Shape {
        self.at += 1;
        shape
    }

    fn word(&mut self, word: &[u8], shape: Shape) -> Result<Shape, Fault> {
        if !self.source[self.at..].starts_with(word) {
            return Err(Fault::Syntax);
        }
        self.at += word.len();
        Ok(shape)
    }

    /// `-? (0 | [1-9][0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)?`
    fn number(&mut self) -> Result<Shape, Fault> {
        self.accept(b"-");
        if !self.accept(b"0") {
            self.digits()?;
        }
        if self.accept(b".") {
            self.digits()?;
        }
        if self.accept(b"eE") {
            self.accept(b"+-");
            self.digits()?;
        }
        Ok(Shape::Number)
    }

    fn digits(&mut self) -> Result<(), Fault> {
        let begin = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        if self.at > begin { Ok(()) } else { Err(Fault::Syntax) }
    }

    /// Reads a string; its span with the quotes, and whether escapes stand in it.
    fn string(&mut self) -> Result<(u32, u32, bool), Fault> {
        let start = offset(self.at);
        self.expect(b'"')?;
        let mut escaped = false;
        loop {
            let special = |&byte: &u8| byte == b'"' || byte == b'\\' || byte < b' ';
            self.at += self.source[self.at..].iter().position(special).ok_or(Fault::Syntax)?;
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => {
                    escaped = true;
                    self.escape()?;
                }
                _ => return Err(Fault::Syntax),
            }
        }
        self.at += 1;
        Ok((start, offset(self.at), escaped))
    }

    fn escape(&mut self) -> Result<(), Fault> {
        let rest = &self.source[self.at + 1..];
        let length = match rest.first() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => 2,
            Some(b'u') if rest.get(1..5).is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit)) => 6,
            _ => return Err(Fault::Syntax),
        };
        self.at += length;
        Ok(())
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.source.get(self.at).copied()
    }

    fn accept(&mut self, any: &[u8]) -> bool {
        let found = self.peek().is_some_and(|byte| any.contains(&byte));
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, byte: u8) -> Result<(), Fault> {
        if self.accept(&[byte]) { Ok(()) } else { Err(Fault::Syntax) }
    }
}

/// An offset or index as it is kept; the length of the source was checked.
#[allow(clippy::cast_possible_truncation)]
fn offset(at: usize) -> u32 {
    at as u32
}

#[cfg(test)]
#[path = "parse_tests.rs"]
mod tests;
