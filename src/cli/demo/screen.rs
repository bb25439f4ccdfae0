//! Where the demo prints: lines that stay, and on a terminal a block below them that is drawn again in place.

use std::io::{self, IsTerminal, Write};

/// A place to print to.
pub struct Screen<W> {
    out: W,
    ink: Ink,
    refreshes: bool,
    /// Lines of the block that stands there.
    drawn: usize,
}

/// Colours, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ink(bool);

/// Switches the wrapping of long lines off and on again (DECAWM), so that a line of the block is a line of the screen.
const NO_WRAP: &str = "\u{1b}[?7l";
const WRAP: &str = "\u{1b}[?7h";

impl Screen<io::Stdout> {
    /// Standard output; refreshed on a terminal that can, coloured there unless `NO_COLOR` is set.
    pub fn stdout() -> Self {
        let out = io::stdout();
        let dumb = std::env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb");
        let refreshes = out.is_terminal() && !dumb;
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Screen::new(out, refreshes, refreshes && !refused)
    }
}

impl<W: Write> Screen<W> {
    /// A screen over any writer.
    pub fn new(out: W, refreshes: bool, color: bool) -> Self {
        Screen { out, ink: Ink(color), refreshes, drawn: 0 }
    }

    /// How it colours.
    pub fn ink(&self) -> Ink {
        self.ink
    }

    /// Whether it shows blocks.
    pub fn refreshes(&self) -> bool {
        self.refreshes
    }

    /// Prints text that stays, in place of the block.
    ///
    /// # Errors
    /// What the system says.
    pub fn keep(&mut self, text: &str) -> io::Result<()> {
        let text = [&self.erase(), text, "\n"].concat();
        self.out.write_all(text.as_bytes())?;
        self.out.flush()
    }

    /// Draws the block anew below what stays; does nothing where it could not be taken back.
    ///
    /// # Errors
    /// What the system says.
    pub fn draw(&mut self, lines: &[String]) -> io::Result<()> {
        if !self.refreshes {
            return Ok(());
        }
        // In one write, so that nobody sees half of it.
        let text = [&self.erase(), NO_WRAP, &lines.join("\n"), "\n", WRAP].concat();
        self.drawn = lines.len();
        self.out.write_all(text.as_bytes())?;
        self.out.flush()
    }

    /// Takes the block away.
    ///
    /// # Errors
    /// What the system says.
    pub fn clear(&mut self) -> io::Result<()> {
        let erase = self.erase();
        self.out.write_all(erase.as_bytes())?;
        self.out.flush()
    }

    /// To the block's first line, and away with all below (ECMA-48: CPL, ED).
    fn erase(&mut self) -> String {
        match std::mem::take(&mut self.drawn) {
            0 => String::new(),
            lines => format!("\u{1b}[{lines}F\u{1b}[J"),
        }
    }
}

impl Ink {
    /// Whether anything is coloured.
    pub fn colors(self) -> bool {
        self.0
    }

    /// For what counts.
    pub fn bold(self, text: &str) -> String {
        self.with("1", text)
    }

    /// For what may be read past.
    pub fn dim(self, text: &str) -> String {
        self.with("2", text)
    }

    /// For what differs.
    pub fn red(self, text: &str) -> String {
        self.with("31", text)
    }

    /// For what is well.
    pub fn green(self, text: &str) -> String {
        self.with("32", text)
    }

    /// For what can be followed or typed.
    pub fn cyan(self, text: &str) -> String {
        self.with("36", text)
    }

    fn with(self, code: &str, text: &str) -> String {
        if self.0 { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn printed(refreshes: bool, color: bool, steps: impl FnOnce(&mut Screen<&mut Vec<u8>>)) -> String {
        let mut out = Vec::new();
        steps(&mut Screen::new(&mut out, refreshes, color));
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_block_is_taken_back_before_anything_else_is_printed() {
        let block = ["a".to_owned(), "b".to_owned()];
        let text = printed(true, false, |screen| {
            screen.draw(&block).unwrap();
            screen.keep("news").unwrap();
            screen.draw(&block).unwrap();
            screen.draw(&block[..1]).unwrap();
            screen.clear().unwrap();
            screen.clear().unwrap();
        });
        let (off, on, back) = ("\u{1b}[?7l", "\u{1b}[?7h", "\u{1b}[2F\u{1b}[J");
        let expected =
            format!("{off}a\nb\n{on}{back}news\n{off}a\nb\n{on}{back}{off}a\n{on}\u{1b}[1F\u{1b}[J");
        assert_eq!(text, expected);
    }

    #[test]
    fn a_pipe_gets_lines_only() {
        let text = printed(false, false, |screen| {
            screen.draw(&["a".to_owned()]).unwrap();
            screen.keep(&screen.ink().red("news")).unwrap();
            screen.clear().unwrap();
        });
        assert_eq!(text, "news\n");
    }

    #[test]
    fn colours_are_used_only_where_they_are_wanted() {
        let paint =
            |ink: Ink| [ink.bold("b"), ink.dim("d"), ink.red("r"), ink.green("g"), ink.cyan("c")].concat();
        assert_eq!(paint(Ink(false)), "bdrgc");
        assert_eq!(paint(Ink(true)).matches("\u{1b}[0m").count(), 5);
    }

    #[test]
    fn a_reader_that_went_away_is_an_error() {
        struct Gone;
        impl Write for Gone {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let mut screen = Screen::new(Gone, true, true);
        assert_eq!(screen.keep("x").unwrap_err().kind(), io::ErrorKind::BrokenPipe);
        assert_eq!(screen.draw(&["x".to_owned()]).unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }
}
