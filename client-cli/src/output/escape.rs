//! Makes text from outside harmless for a terminal, and measures it.

use std::borrow::Cow;
use std::fmt::Write as _;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// The text with every control character made visible: `\n`, `\u{1b}`. Also those that turn the writing direction:
/// they would let a subject pose as another.
pub(crate) fn escape(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_hostile) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if is_hostile(character) {
            escaped.extend(character.escape_default());
        } else {
            escaped.push(character);
        }
    }
    Cow::Owned(escaped)
}

/// Several lines as one, for a table's cell.
pub(crate) fn one_line(text: &str) -> String {
    escape(&text.lines().map(str::trim).collect::<Vec<_>>().join(" ")).into_owned()
}

/// JSON in which the characters that serde_json leaves alone, and a terminal does not, are escaped, too.
pub(crate) fn escape_json(json: String) -> String {
    if !json.chars().any(is_hostile) {
        return json;
    }
    let mut escaped = String::with_capacity(json.len() + 16);
    for character in json.chars() {
        if is_hostile(character) {
            // All of them stand in the basic plane, so one \u each; and only inside strings.
            let _ = write!(escaped, "\\u{:04x}", u32::from(character));
        } else {
            escaped.push(character);
        }
    }
    escaped
}

/// Columns on a terminal.
pub(crate) fn width(text: &str) -> usize {
    UnicodeWidthStr::width(text)
}

/// Lines of at most `columns`, broken at blanks; a word that is wider stays whole, and so does a command, which one copies.
pub(crate) fn wrap(text: &str, columns: usize) -> Vec<&str> {
    let mut lines = Vec::new();
    let mut rest = text;
    while width(rest) > columns && !rest.trim_start().starts_with("faxpost ") {
        let indent = rest.len() - rest.trim_start().len();
        let mut used = 0;
        let mut blank = None;
        let mut in_command = false;
        for (index, character) in rest.char_indices() {
            in_command ^= character == '`';
            if character == ' ' && index > indent && !in_command {
                if used > columns && blank.is_some() {
                    break;
                }
                blank = Some(index);
                if used > columns {
                    break;
                }
            }
            used += character.width().unwrap_or(0);
        }
        // The last word may be the one that does not fit.
        let Some(blank) = blank else { break };
        lines.push(&rest[..blank]);
        rest = rest[blank..].trim_start();
    }
    lines.push(rest);
    lines
}

/// At most `columns` wide; what does not fit becomes `…`.
pub(crate) fn shorten(text: &str, columns: usize) -> Cow<'_, str> {
    if width(text) <= columns {
        return Cow::Borrowed(text);
    }
    let Some(room) = columns.checked_sub(1) else { return Cow::Borrowed("") };
    let mut used = 0;
    let fitting = text
        .char_indices()
        .find(|(_, character)| {
            used += character.width().unwrap_or(0);
            used > room
        })
        .map_or(text.len(), |(index, _)| index);
    Cow::Owned(format!("{}…", text[..fitting].trim_end()))
}

fn is_hostile(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn control_characters_become_visible() {
        assert_eq!(escape("220 \u{1b}[2Jhello\r"), "220 \\u{1b}[2Jhello\\r");
        assert_eq!(escape("\u{9b}31m"), "\\u{9b}31m");
        assert_eq!(escape("invoice\u{202e}fdp.exe"), "invoice\\u{202e}fdp.exe");
        assert_eq!(escape("Факс: 3 страницы ✓"), "Факс: 3 страницы ✓");
    }

    #[test]
    fn a_cell_is_one_line() {
        assert_eq!(one_line("550 5.1.1 no\n  such user\r\n"), "550 5.1.1 no such user");
    }

    #[test]
    fn texts_are_shortened_by_what_the_terminal_shows() {
        assert_eq!(shorten("subject", 7), "subject");
        assert_eq!(shorten("subject", 6), "subje…");
        assert_eq!(shorten("Тема письма", 6), "Тема…");
        assert_eq!(shorten("漢字漢字", 5), "漢字…");
        assert_eq!(shorten("漢字漢字", 4), "漢…");
        assert_eq!(shorten("ab", 1), "…");
        assert_eq!(shorten("ab", 0), "");
    }

    #[test]
    fn long_lines_break_at_blanks_and_commands_do_not() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("  one two", 5), ["  one", "two"]);
        assert_eq!(wrap("один два три", 8), ["один два", "три"]);
        assert_eq!(wrap("/a/very/long/path is here", 7), ["/a/very/long/path", "is here"]);
        assert_eq!(wrap("  faxpost account set method=pickup", 7), ["  faxpost account set method=pickup"]);
        assert_eq!(wrap("", 7), [""]);
    }

    #[test]
    fn g1_a_command_in_backticks_is_not_broken() {
        let text = "Install one: `faxpost cert install FILE`, or let a CA make one";
        let lines = wrap(text, 30);
        assert_eq!(lines, ["Install one:", "`faxpost cert install FILE`,", "or let a CA make one"]);
        assert_eq!(lines.join(" "), text);
    }

    proptest! {
        #[test]
        fn wrapping_loses_no_word(text in "[a-zа-я ]{0,80}", columns in 0_usize..40) {
            let wrapped = wrap(&text, columns);
            prop_assert_eq!(
                wrapped.iter().flat_map(|line| line.split_whitespace()).collect::<Vec<_>>(),
                text.split_whitespace().collect::<Vec<_>>()
            );
            for line in wrapped {
                prop_assert!(width(line.trim()) <= columns || !line.trim().contains(' '), "{line:?}");
            }
        }

        #[test]
        fn nothing_hostile_survives(text in any::<String>()) {
            prop_assert!(!escape(&text).chars().any(is_hostile));
            prop_assert!(!one_line(&text).chars().any(is_hostile));
        }

        #[test]
        fn json_keeps_its_meaning_and_loses_its_teeth(text in any::<String>()) {
            let json = escape_json(serde_json::to_string(&text).unwrap());
            prop_assert!(!json.chars().any(is_hostile));
            prop_assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
        }

        #[test]
        fn a_shortened_text_fits(text in any::<String>(), columns in 0_usize..40) {
            let text = escape(&text);
            prop_assert!(width(&shorten(&text, columns)) <= columns);
        }
    }
}
