//! Texts that people hand in and others read: in reports, lists and logs.

/// Why a text is refused that others shall read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UnfitText {
    /// Nothing, or nothing but blanks.
    #[error("is required")]
    Empty,
    /// Too long.
    #[error("{length} characters are more than the {most} that are kept")]
    TooLong {
        /// Characters there are.
        length: usize,
        /// Characters there may be.
        most: usize,
    },
    /// Begins or ends with a blank, so that two texts look the same that are not.
    #[error("begins or ends with a blank")]
    Padded,
    /// A character that is not seen, or that changes how others are seen.
    #[error("character U+{0:04X} cannot be printed")]
    Unprintable(u32),
}

/// Checks one line of 1 to `most` characters, all of which are seen as they are.
///
/// # Errors
/// Why not, as the rest of a sentence that begins with the name of the field.
pub fn line(text: &str, most: usize) -> Result<(), UnfitText> {
    check(text, most, false)
}

/// Checks a text of 1 to `most` characters, in which lines may be broken.
///
/// # Errors
/// As [`line`].
pub fn lines(text: &str, most: usize) -> Result<(), UnfitText> {
    check(text, most, true)
}

fn check(text: &str, most: usize, broken: bool) -> Result<(), UnfitText> {
    let length = text.chars().count();
    if length > most {
        return Err(UnfitText::TooLong { length, most });
    }
    if let Some(char) = text.chars().find(|&char| is_unprintable(char) && !(broken && char == '\n')) {
        return Err(UnfitText::Unprintable(char.into()));
    }
    match text.trim() {
        "" => Err(UnfitText::Empty),
        trimmed if trimmed.len() != text.len() => Err(UnfitText::Padded),
        _ => Ok(()),
    }
}

/// Whether a character is a control, moves or hides its neighbours, has no width of its own or no meaning that all
/// readers share. Joiners are among them: names are compared by eye.
pub fn is_unprintable(char: char) -> bool {
    char.is_control()
        || matches!(char,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{fffe}' | '\u{ffff}'
            | '\u{e000}'..='\u{f8ff}' | '\u{e0000}'..='\u{10ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_seen_is_refused() {
        for hostile in
            ["a\u{202e}b", "a\u{200b}b", "a\0b", "a\tb", "a\u{1b}[2Jb", "a\u{feff}", "a\nb", "\u{e0041}"]
        {
            assert!(matches!(line(hostile, 20), Err(UnfitText::Unprintable(_))), "{hostile:?}");
        }
        assert_eq!(lines("a\nb", 20), Ok(()));
        assert!(lines("a\r\nb", 20).is_err());
    }

    #[test]
    fn the_length_is_counted_in_characters() {
        assert_eq!(line("Zürich 東京", 9), Ok(()));
        assert_eq!(line("Zürich 東京", 8), Err(UnfitText::TooLong { length: 9, most: 8 }));
        for blank in ["", " ", "\u{3000}"] {
            assert_eq!(line(blank, 8), Err(UnfitText::Empty), "{blank:?}");
        }
        assert_eq!(line("a ", 8), Err(UnfitText::Padded));
    }
}
