//! The words that packs and pages share: numbers, plurals, lists, names of layers and goals, times. One meaning, one
//! spelling on paper and on screens.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::scale::{Goal, Layer};

/// Between groups of three digits and before a percent sign; no line breaks there.
pub const THIN: char = '\u{202F}';

/// A number of things, whatever it was counted in.
pub trait Whole: Copy {
    /// The number.
    fn whole(self) -> u64;
}

impl Whole for u32 {
    fn whole(self) -> u64 {
        self.into()
    }
}

impl Whole for u64 {
    fn whole(self) -> u64 {
        self
    }
}

impl Whole for usize {
    fn whole(self) -> u64 {
        u64::try_from(self).unwrap_or(u64::MAX)
    }
}

/// Whole numbers up to twelve as words, as a sentence wants them.
pub fn number(n: usize) -> String {
    const WORDS: [&str; 13] = [
        "no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
        "twelve",
    ];
    WORDS.get(n).map_or_else(|| thousands(n), |word| (*word).to_owned())
}

/// `20 481`, with thin spaces.
pub fn thousands(n: impl Whole) -> String {
    let digits = n.whole().to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(THIN);
        }
        out.push(digit);
    }
    out
}

/// `1 pod`, `12 pods`.
pub fn count(n: impl Whole, one: &str, many: &str) -> String {
    let n = n.whole();
    format!("{} {}", thousands(n), if n == 1 { one } else { many })
}

/// The first letter as a capital.
pub fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// `a`, `a and b`, `a, b and c`.
pub fn list<S: AsRef<str>>(items: &[S]) -> String {
    match items {
        [] => String::new(),
        [one] => one.as_ref().to_owned(),
        [head @ .., last] => {
            let head: Vec<&str> = head.iter().map(AsRef::as_ref).collect();
            format!("{} and {}", head.join(", "), last.as_ref())
        }
    }
}

/// Name of a layer at the head of a row.
pub const fn layer(layer: Layer) -> &'static str {
    match layer {
        Layer::Environment => "Environment",
        Layer::Cluster => "Cluster",
        Layer::Node => "Node",
        Layer::Container => "Container",
        Layer::ApiResources => "API resources",
    }
}

/// Name of a goal at the head of a column.
pub const fn goal(goal: Goal) -> &'static str {
    match goal {
        Goal::Confidentiality => "Confidentiality",
        Goal::Integrity => "Integrity",
        Goal::Availability => "Availability",
        Goal::Authenticity => "Authenticity",
        Goal::Possession => "Possession",
        Goal::Utility => "Utility",
    }
}

/// `23 November 2026, 06:00 UTC`.
pub fn minute(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC).strftime("%-d %B %Y, %H:%M UTC").to_string()
}

/// `31 January 2027`.
pub fn date(date: Date) -> String {
    date.strftime("%-d %B %Y").to_string()
}

/// Whether a word is a field, a path or a constant rather than English.
pub fn looks_technical(word: &str) -> bool {
    let bytes = word.as_bytes();
    let letter = |i: usize| bytes.get(i).is_some_and(u8::is_ascii_alphabetic);
    if word.len() < 4 || !word.is_ascii() || !bytes.iter().any(u8::is_ascii_alphabetic) {
        return false;
    }
    let path = word.starts_with('/') && letter(1);
    let dotted = (1..bytes.len())
        .any(|i| bytes[i] == b'.' && (letter(i - 1) || bytes[i - 1] == b']') && letter(i + 1));
    let camel = bytes[0].is_ascii_lowercase()
        && bytes.iter().all(|b| b.is_ascii_alphanumeric() || b"[].".contains(b))
        && (1..bytes.len()).any(|i| bytes[i - 1].is_ascii_lowercase() && bytes[i].is_ascii_uppercase());
    let constant = word.contains('_')
        && bytes.iter().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || *b == b'_');
    path || (dotted && bytes[0].is_ascii_lowercase()) || camel || constant || word.contains("[]")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_numbers_are_words_and_large_ones_have_thin_spaces() {
        assert_eq!(number(5), "five");
        assert_eq!(number(13), "13");
        assert_eq!(thousands(20_481_u32), "20\u{202F}481");
        assert_eq!(thousands(999_u64), "999");
        assert_eq!(count(1_usize, "pod", "pods"), "1 pod");
    }

    #[test]
    fn lists_have_an_and_and_no_comma_before_it() {
        assert_eq!(list(&["a"]), "a");
        assert_eq!(list(&["a", "b", "c"]), "a, b and c");
    }
}
