//! Text of others for a terminal or a page.

/// What clients have written must not move the cursor of a terminal, begin a line or turn a page around, nor
/// hide in it.
#[must_use]
pub fn printable(text: &str) -> String {
    let is_directional = |character: char| matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let ends_line = |character: char| matches!(character, '\u{2028}' | '\u{2029}');
    let shown = |character: char| {
        if character.is_control() || is_directional(character) || ends_line(character) {
            '\u{fffd}'
        } else {
            character
        }
    };
    text.chars().map(shown).collect()
}

/// The same of a text that may have several lines, and tabs in them.
#[must_use]
pub fn printable_lines(text: &str) -> String {
    let line = |line: &str| {
        let parts: Vec<String> = line.split('\t').map(printable).collect();
        parts.join("\t")
    };
    let lines: Vec<String> = text.lines().map(line).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_moves_a_cursor_is_replaced() {
        assert_eq!(printable("a\u{1b}[2Jb\n"), "a\u{fffd}[2Jb\u{fffd}");
        assert_eq!(printable("a\u{202e}b\u{2028}"), "a\u{fffd}b\u{fffd}");
        assert_eq!(
            printable_lines("a\n\u{1b}b\tc\rd"),
            "a\n\u{fffd}b\tc\u{fffd}d"
        );
    }
}
