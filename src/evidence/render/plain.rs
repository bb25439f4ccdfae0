//! Text of unknown origin made safe to show: values come from backends that may be hostile.

/// Longest value shown, in characters.
pub const MAX_SHOWN: usize = 60;

/// The text without anything a terminal acts upon: control characters (C0, C1, DEL), line and paragraph separators, and
/// the invisible and direction-changing ones become `\n`, `\t` or `\u{…}`. At most 60 characters, then `…`.
#[must_use]
pub fn plain(text: &str) -> String {
    let mut shown = String::with_capacity(text.len().min(4 * MAX_SHOWN));
    for (index, c) in text.chars().enumerate() {
        if index == MAX_SHOWN {
            shown.push('…');
            break;
        }
        match c {
            '\n' => shown.push_str("\\n"),
            '\r' => shown.push_str("\\r"),
            '\t' => shown.push_str("\\t"),
            c if c.is_control() || is_invisible(c) => shown.extend(c.escape_unicode()),
            c => shown.push(c),
        }
    }
    shown
}

/// Unicode's format characters that hide or reorder text (UTS 55, Trojan Source), and noncharacters that XML refuses.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{fffe}' | '\u{ffff}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_a_terminal_acts_upon_is_shown_and_not_done() {
        assert_eq!(plain("\u{1b}[31mred\u{7}"), "\\u{1b}[31mred\\u{7}");
        assert_eq!(plain("a\nb\r\tc"), "a\\nb\\r\\tc");
        assert_eq!(plain("\u{9b}2J\u{202e}evil\u{200b}"), "\\u{9b}2J\\u{202e}evil\\u{200b}");
        assert_eq!(plain("zwölf 🦀"), "zwölf 🦀");
    }

    #[test]
    fn long_text_is_cut() {
        assert_eq!(plain(&"é".repeat(61)), format!("{}…", "é".repeat(60)));
        assert_eq!(plain(&"é".repeat(60)), "é".repeat(60));
    }

    proptest! {
        #[test]
        fn nothing_that_controls_is_left(text in any::<String>()) {
            let shown = plain(&text);
            prop_assert!(!shown.chars().any(|c| c.is_control() || is_invisible(c)));
            prop_assert!(shown.len() <= 11 * (MAX_SHOWN + 1));
        }
    }
}
