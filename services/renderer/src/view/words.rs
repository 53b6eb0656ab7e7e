//! Words of the pack: numbers, plurals, lists, dates.

use hexproof_core::{Goal, Layer, Platform, Rating};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// Between groups of three digits and before a percent sign; no line breaks there.
pub(crate) const THIN: char = '\u{202F}';

/// Whole numbers up to twelve as words, as a sentence wants them.
pub(crate) fn number(n: usize) -> String {
    const WORDS: [&str; 13] = [
        "no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
        "twelve",
    ];
    WORDS.get(n).map_or_else(|| thousands(n), |word| (*word).to_owned())
}

/// `20 481`, with thin spaces.
pub(crate) fn thousands(n: usize) -> String {
    let digits = n.to_string();
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
pub(crate) fn count(n: usize, one: &str, many: &str) -> String {
    format!("{} {}", thousands(n), if n == 1 { one } else { many })
}

/// The first letter as a capital.
pub(crate) fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// `a`, `a and b`, `a, b and c`.
pub(crate) fn list<S: AsRef<str>>(items: &[S]) -> String {
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
pub(crate) const fn layer(layer: Layer) -> &'static str {
    match layer {
        Layer::Environment => "Environment",
        Layer::Cluster => "Cluster",
        Layer::Node => "Node",
        Layer::Container => "Container",
        Layer::ApiResources => "API resources",
    }
}

/// Name of a goal at the head of a column.
pub(crate) const fn goal(goal: Goal) -> &'static str {
    match goal {
        Goal::Confidentiality => "Confidentiality",
        Goal::Integrity => "Integrity",
        Goal::Availability => "Availability",
        Goal::Authenticity => "Authenticity",
        Goal::Possession => "Possession",
        Goal::Utility => "Utility",
    }
}

/// Name of a platform.
pub(crate) const fn platform(platform: Platform) -> &'static str {
    match platform {
        Platform::Aks => "Azure Kubernetes Service",
        Platform::OnPremise => "on-premise",
    }
}

/// What the templates colour a rating by.
pub(crate) const fn rating_key(rating: Rating) -> &'static str {
    match rating {
        Rating::A => "A",
        Rating::B => "B",
        Rating::C => "C",
        Rating::D => "D",
        Rating::E => "E",
        Rating::NotAssessed => "not-assessed",
    }
}

/// `23 November 2026, 06:00 UTC`.
pub(crate) fn minute(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC).strftime("%-d %B %Y, %H:%M UTC").to_string()
}

/// `23 November 2026, 06:00:04 UTC`.
pub(crate) fn second(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC).strftime("%-d %B %Y, %H:%M:%S UTC").to_string()
}

/// `31 January 2027`.
pub(crate) fn day(date: Date) -> String {
    date.strftime("%-d %B %Y").to_string()
}

/// `23 November 2026, 06:00:04 to 06:01:37 UTC`; one time if both are the same.
pub(crate) fn period(from: Timestamp, to: Timestamp) -> String {
    let (a, b) = (from.to_zoned(TimeZone::UTC), to.to_zoned(TimeZone::UTC));
    if from == to {
        second(to)
    } else if a.date() == b.date() {
        format!("{} to {}", a.strftime("%-d %B %Y, %H:%M:%S"), b.strftime("%H:%M:%S UTC"))
    } else {
        format!("{} to {}", second(from), second(to))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_numbers_are_words_and_large_ones_have_thin_spaces() {
        assert_eq!(number(5), "five");
        assert_eq!(number(13), "13");
        assert_eq!(thousands(20_481), "20\u{202F}481");
        assert_eq!(thousands(999), "999");
        assert_eq!(count(1, "pod", "pods"), "1 pod");
    }

    #[test]
    fn lists_have_an_and_and_no_comma_before_it() {
        assert_eq!(list(&["a"]), "a");
        assert_eq!(list(&["a", "b", "c"]), "a, b and c");
    }

    #[test]
    fn a_period_names_the_day_once() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let from = at("2026-11-23T06:00:04Z");
        assert_eq!(period(from, at("2026-11-23T06:01:37Z")), "23 November 2026, 06:00:04 to 06:01:37 UTC");
        assert_eq!(period(from, from), "23 November 2026, 06:00:04 UTC");
        assert_eq!(
            period(from, at("2026-11-24T00:00:01Z")),
            "23 November 2026, 06:00:04 UTC to 24 November 2026, 00:00:01 UTC"
        );
    }
}
