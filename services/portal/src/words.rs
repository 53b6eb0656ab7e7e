//! Words of the pages: those that packs share with them, and their own.

use hexproof_core::text::is_unprintable;
pub(crate) use hexproof_core::words::{
    THIN, capital, count, date, goal, layer, list, minute, number, thousands,
};
use hexproof_core::{Goal, Outcome, Rating};
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// `No gap`, `One gap`, `Five gaps`, `13 gaps`: the beginning of a sentence.
pub(crate) fn counted(n: usize, one: &str, many: &str) -> String {
    capital(&format!("{} {}", number(n), if n == 1 { one } else { many }))
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
    fn a_sentence_begins_with_a_number_in_words() {
        assert_eq!(counted(0, "gap", "gaps"), "No gaps");
        assert_eq!(counted(1, "gap", "gaps"), "One gap");
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
