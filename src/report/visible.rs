//! Text from a file or a name, made safe for a terminal: nothing in it moves the cursor, hides, or turns the reading
//! direction.

use std::borrow::Cow;

/// What a terminal shows in place of a character that must not reach it; `None` for one that may.
pub(super) fn stand_in(character: char) -> Option<char> {
    match character {
        // Control characters have pictures of their own.
        '\0'..='\u{1f}' => char::from_u32(0x2400 + u32::from(character)),
        '\u{7f}' => Some('␡'),
        // Blanks that are none to YAML, and look like one.
        '\u{a0}' | '\u{2007}' | '\u{202f}' => Some('⍽'),
        // C1 controls, soft hyphen, Arabic letter mark, Mongolian vowel separator, zero width space, direction marks,
        // separators of lines and paragraphs, embeddings, isolates, byte order mark, annotations, tag characters.
        // The zero width joiner and non-joiner are left: scripts and emoji need them.
        '\u{80}'..='\u{9f}'
        | '\u{ad}'
        | '\u{61c}'
        | '\u{180e}'
        | '\u{200b}'
        | '\u{200e}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e007f}' => Some('\u{fffd}'),
        _ => None,
    }
}

/// Prose with every dangerous character replaced; line breaks stay.
pub(crate) fn prose(text: &str) -> Cow<'_, str> {
    let dangerous = |character: char| character != '\n' && stand_in(character).is_some();
    if !text.contains(dangerous) {
        return Cow::Borrowed(text);
    }
    let shown = |character| if character == '\n' { character } else { stand_in(character).unwrap_or(character) };
    text.chars().map(shown).collect()
}

/// As [`prose`], on one line: for names, labels and paths.
pub(super) fn line(text: &str) -> Cow<'_, str> {
    match prose(text) {
        text if text.contains('\n') => text.replace('\n', " ").into(),
        text => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_steers_the_terminal() {
        assert_eq!(prose("red \u{1b}[31m\nnext"), "red ␛[31m\nnext");
        assert_eq!(prose("a:\u{a0}b"), "a:⍽b");
        assert_eq!(line("user\u{202e}txt\u{2066}\n"), "user\u{fffd}txt\u{fffd} ");
        assert!(matches!(prose("日本 e\u{301} 👩‍💻"), Cow::Borrowed(_)));
    }
}
