//! Words of the pages: numbers, plurals, lists, names of layers and goals, times. The same as in the packs.

use hexproof_core::text::is_unprintable;
use hexproof_core::{Goal, Layer, Outcome, Rating};
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
    WORDS.get(n).map_or_else(|| thousands(n as u64), |word| (*word).to_owned())
}

/// `20 481`, with thin spaces.
pub(crate) fn thousands(n: u64) -> String {
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
pub(crate) fn count(n: u64, one: &str, many: &str) -> String {
    format!("{} {}", thousands(n), if n == 1 { one } else { many })
}

/// `No gap`, `One gap`, `Five gaps`, `13 gaps`: the beginning of a sentence.
pub(crate) fn counted(n: usize, one: &str, many: &str) -> String {
    capital(&format!("{} {}", number(n), if n == 1 { one } else { many }))
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

/// The first letters of a goal, for the narrow matrix.
pub(crate) const fn short_goal(goal: Goal) -> &'static str {
    match goal {
        Goal::Confidentiality => "Con",
        Goal::Integrity => "Int",
        Goal::Availability => "Ava",
        Goal::Authenticity => "Aut",
        Goal::Possession => "Pos",
        Goal::Utility => "Uti",
    }
}

/// What a measure found, in the words of tables.
pub(crate) const fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Pass => "pass",
        Outcome::Fail => "fail",
        Outcome::Unknown => "unknown",
        Outcome::NotApplicable => "not applicable",
    }
}

/// `rated D` or `not assessed`, for sentences and screen readers.
pub(crate) fn rated(rating: Rating) -> String {
    match rating {
        Rating::NotAssessed => "not assessed".to_owned(),
        letter => format!("rated {letter}"),
    }
}

/// `23 November 2026, 06:00 UTC`.
pub(crate) fn minute(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC).strftime("%-d %B %Y, %H:%M UTC").to_string()
}

/// `23 Nov 2026, 06:00`: for columns of tables, below the line that says that times are UTC.
pub(crate) fn short_minute(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC).strftime("%-d %b %Y, %H:%M").to_string()
}

/// `23 Nov`: below a bar.
pub(crate) fn short_day(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC).strftime("%-d %b").to_string()
}

/// `23 November 2026`.
pub(crate) fn day(at: Timestamp) -> String {
    date(at.to_zoned(TimeZone::UTC).date())
}

/// `31 January 2027`.
pub(crate) fn date(date: Date) -> String {
    date.strftime("%-d %B %Y").to_string()
}

/// How long ago: `today`, `yesterday`, `12 days`, by calendar days of UTC.
pub(crate) fn age(at: Timestamp, now: Timestamp) -> String {
    let day = |at: Timestamp| at.to_zoned(TimeZone::UTC).date();
    let days = day(now).duration_since(day(at)).as_hours() / 24;
    match u64::try_from(days) {
        Err(_) | Ok(0) => "today".to_owned(),
        Ok(1) => "yesterday".to_owned(),
        Ok(days) => count(days, "day", "days"),
    }
}

/// How long until then: `in 5 minutes`, `in 3 hours`, `in 12 days`; `now` if it is due.
pub(crate) fn ahead(at: Timestamp, now: Timestamp) -> String {
    let minutes = u64::try_from(at.duration_since(now).as_secs()).unwrap_or(0).div_ceil(60);
    match minutes {
        0 => "now".to_owned(),
        1..=90 => format!("in {}", count(minutes, "minute", "minutes")),
        91..=2880 => format!("in {}", count(minutes / 60, "hour", "hours")),
        _ => format!("in {}", count(minutes / 1440, "day", "days")),
    }
}

/// A text for places that hold no marks, such as fields and the title of a window: characters that are not seen, or
/// change how others are seen, stand there by their code.
pub(crate) fn seen(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut out, char| {
        match is_unprintable(char) && char != '\n' {
            true => out.push_str(&format!("U+{:04X}", u32::from(char))),
            false => out.push(char),
        }
        out
    })
}

/// `3.4 MB`: decimal units, as file managers show them.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB")];
    match UNITS.iter().find(|(unit, _)| bytes >= *unit) {
        None => count(bytes, "byte", "bytes"),
        Some((unit, name)) if bytes < 10 * unit => {
            format!("{}.{} {name}", bytes / unit, bytes % unit * 10 / unit)
        }
        Some((unit, name)) => format!("{} {name}", thousands(bytes / unit)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn small_numbers_are_words_and_large_ones_have_thin_spaces() {
        assert_eq!(number(5), "five");
        assert_eq!(number(13), "13");
        assert_eq!(thousands(20_481), "20\u{202F}481");
        assert_eq!(thousands(999), "999");
        assert_eq!(count(1, "pod", "pods"), "1 pod");
        assert_eq!(counted(0, "gap", "gaps"), "No gaps");
        assert_eq!(counted(1, "gap", "gaps"), "One gap");
    }

    #[test]
    fn lists_have_an_and_and_no_comma_before_it() {
        assert_eq!(list(&["a"]), "a");
        assert_eq!(list(&["a", "b", "c"]), "a, b and c");
    }

    #[test]
    fn times_are_told_in_days_and_hours() {
        let now = at("2026-11-24T06:00:00Z");
        assert_eq!(age(at("2026-11-24T00:00:00Z"), now), "today");
        assert_eq!(age(at("2026-11-23T23:59:59Z"), now), "yesterday");
        assert_eq!(age(at("2026-11-12T12:00:00Z"), now), "12 days");
        assert_eq!(age(at("2026-11-25T12:00:00Z"), now), "today");
        assert_eq!(ahead(at("2026-11-24T06:04:01Z"), now), "in 5 minutes");
        assert_eq!(ahead(at("2026-11-24T18:00:00Z"), now), "in 12 hours");
        assert_eq!(ahead(at("2026-12-24T18:00:00Z"), now), "in 30 days");
        assert_eq!(ahead(at("2026-11-20T18:00:00Z"), now), "now");
    }

    #[test]
    fn sizes_are_never_overstated() {
        assert_eq!(size(1), "1 byte");
        assert_eq!(size(3_499_999), "3.4 MB");
        assert_eq!(size(12_999_999), "12 MB");
        assert_eq!(size(999), "999 bytes");
        assert_eq!(size(1_073_741_824), "1.0 GB");
    }
}
