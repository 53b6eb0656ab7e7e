//! Text from outside, made printable without losing a character.
//!
//! A control, bidirectional or invisible character, or one that no font has, is printed as its code point
//! (`U+202E`), so that it can be read and cannot act on the layout.

use std::borrow::Cow;

/// Format characters, variation selectors and fillers: they change the text around them, or show nothing.
const INVISIBLE: &[(u32, u32)] = &[
    (0x00AD, 0x00AD),
    (0x034F, 0x034F),
    (0x0600, 0x0605),
    (0x061C, 0x061C),
    (0x06DD, 0x06DD),
    (0x070F, 0x070F),
    (0x0890, 0x0891),
    (0x08E2, 0x08E2),
    (0x115F, 0x1160),
    (0x17B4, 0x17B5),
    (0x180B, 0x180F),
    (0x200B, 0x200F),
    (0x2028, 0x202E),
    (0x2060, 0x206F),
    (0x2800, 0x2800),
    (0x3164, 0x3164),
    (0xD800, 0xF8FF),
    (0xFE00, 0xFE0F),
    (0xFEFF, 0xFEFF),
    (0xFFA0, 0xFFA0),
    (0xFFF0, 0xFFFB),
    (0x110BD, 0x110BD),
    (0x110CD, 0x110CD),
    (0x13430, 0x1343F),
    (0x1BCA0, 0x1BCA3),
    (0x1D173, 0x1D17A),
    (0xE0000, 0x10_FFFF),
];

/// The narrow no-break space of our own numbers; every other space but U+0020 could pass for one and is shown.
const THIN_SPACE: char = '\u{202F}';

/// `text` with everything that cannot be printed as itself written as a code point.
pub(crate) fn literal(text: &str, covered: impl Fn(char) -> bool) -> Cow<'_, str> {
    let plain = |c: char| (' '..='~').contains(&c) || (printable(c) && covered(c));
    if text.chars().all(plain) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if plain(c) {
            out.push(c);
        } else {
            out.push_str(&format!("U+{:04X}", u32::from(c)));
        }
    }
    Cow::Owned(out)
}

fn printable(c: char) -> bool {
    let code = u32::from(c);
    if c == THIN_SPACE {
        return true;
    }
    !c.is_control() && !c.is_whitespace() && !INVISIBLE.iter().any(|(from, to)| (*from..=*to).contains(&code))
}

/// Longest identifier printed whole; names in Kubernetes have 253 characters at most, those in files any number.
const IDENTIFIER: usize = 600;
/// Longest run of words printed whole; a row must stay shorter than a page.
const PROSE: usize = 1_600;
/// Longest text of the catalogue printed whole; it stands in a wide column that may break.
const CATALOGUE: usize = 8_000;

/// The limit for strings below the field `key` of the view.
fn limit_of(key: &str) -> usize {
    match key {
        "code" | "name" | "namespace" | "path" | "kind" | "container" | "subject" | "id" | "cluster" => {
            IDENTIFIER
        }
        "holds" | "why" | "mend" => CATALOGUE,
        _ => PROSE,
    }
}

/// Makes every string of `value` printable and no longer than a page bears; keys are ours.
pub(crate) fn make_literal(value: &mut serde_json::Value, covered: &impl Fn(char) -> bool) {
    visit(value, covered, PROSE);
}

fn visit(value: &mut serde_json::Value, covered: &impl Fn(char) -> bool, limit: usize) {
    match value {
        serde_json::Value::String(text) => {
            if text.len() > limit {
                let length = text.chars().count();
                if length > limit {
                    let shown: String = text.chars().take(limit).collect();
                    *text = format!("{shown} ({limit} of {length} characters shown, all in the attachment)");
                }
            }
            if let Cow::Owned(printable) = literal(text, covered) {
                *text = printable;
            }
        }
        serde_json::Value::Array(items) => items.iter_mut().for_each(|item| visit(item, covered, limit)),
        serde_json::Value::Object(fields) => {
            fields.iter_mut().for_each(|(key, item)| visit(item, covered, limit_of(key)));
        }
        serde_json::Value::Null | serde_json::Value::Bool(_) | serde_json::Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_text_stays_as_it_is() {
        for text in ["web-1", "#read(\"/etc/passwd\")", "$x$ *b* _i_ `c` @a <l>", "Müller 審査 проверка"]
        {
            assert!(matches!(literal(text, |_| true), Cow::Borrowed(same) if same == text));
        }
    }

    #[test]
    fn what_acts_on_the_layout_or_shows_nothing_is_named() {
        let cases = [
            ("a\u{202E}b", "aU+202Eb"),
            ("a\u{200B}b", "aU+200Bb"),
            ("a\nb\tc\0", "aU+000AbU+0009cU+0000"),
            ("a\u{FEFF}", "aU+FEFF"),
            ("a\u{E000}", "aU+E000"),
            ("a\u{2066}b\u{2069}", "aU+2066bU+2069"),
            ("a\u{00A0}b\u{3000}c", "aU+00A0bU+3000c"),
            ("a\u{E0041}", "aU+E0041"),
        ];
        for (text, shown) in cases {
            assert_eq!(literal(text, |_| true), shown);
        }
    }

    #[test]
    fn a_character_without_a_glyph_is_named() {
        assert_eq!(literal("a\u{1F9FF}b", |c| c.is_ascii()), "aU+1F9FFb");
    }

    #[test]
    fn every_string_of_a_value_is_made_printable() {
        let mut value = serde_json::json!({"a": ["x\u{202E}", {"b": "y\u{7}"}], "n": 1});
        make_literal(&mut value, &|_| true);
        assert_eq!(value, serde_json::json!({"a": ["xU+202E", {"b": "yU+0007"}], "n": 1}));
    }

    #[test]
    fn a_text_longer_than_a_page_bears_is_cut_with_its_length() {
        let mut value = serde_json::json!({"name": "n".repeat(10_000), "why": ["w".repeat(7_000)], "last": "é".repeat(1_600)});
        make_literal(&mut value, &|_| true);
        let name = value["name"].as_str().unwrap();
        assert!(name.ends_with("n (600 of 10000 characters shown, all in the attachment)"), "{name}");
        assert_eq!(value["why"][0].as_str().unwrap().len(), 7_000);
        assert_eq!(value["last"].as_str().unwrap().chars().count(), 1_600);
    }
}
