//! Words of the pack: those that pages on screens share with it, and its own.

pub(crate) use hexproof_core::words::{
    THIN, capital, count, date as day, goal, layer, list, minute, number, thousands,
};
use hexproof_core::{Platform, Rating};
use jiff::Timestamp;
use jiff::tz::TimeZone;

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

/// `23 November 2026, 06:00:04 UTC`.
pub(crate) fn second(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC).strftime("%-d %B %Y, %H:%M:%S UTC").to_string()
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
