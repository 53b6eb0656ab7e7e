//! Slots as people read them: in the zone of the schedule, and in UTC.

use hexproof_api::v1;
use jiff::Timestamp;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use maud::{Markup, html};

use crate::pages::shared::instant;
use crate::words;

/// The zone of a name. The same built-in zones by which slots are reckoned; UTC where there is none of that name, which
/// the schedule would not have been kept with.
pub(crate) fn zone(name: &str) -> TimeZone {
    static ZONES: std::sync::LazyLock<TimeZoneDatabase> = std::sync::LazyLock::new(TimeZoneDatabase::bundled);
    match name {
        "" | "UTC" => TimeZone::UTC,
        name => ZONES.get(name).unwrap_or(TimeZone::UTC),
    }
}

/// `Wed 25 Nov 2026, 02:00 CET (01:00 UTC)`.
pub(crate) fn slot(at: Timestamp, zone: &TimeZone) -> Markup {
    html! { time.slot datetime=(at) { (text(at, zone, "%a %-d %b %Y, %H:%M %Z")) } }
}

fn text(at: Timestamp, zone: &TimeZone, form: &str) -> String {
    let there = at.to_zoned(zone.clone());
    let utc = at.to_zoned(TimeZone::UTC);
    let local = there.strftime(form);
    if *zone == TimeZone::UTC {
        return local.to_string();
    }
    match there.date() == utc.date() {
        true => format!("{local} ({})", utc.strftime("%H:%M UTC")),
        false => format!("{local} ({})", utc.strftime("%-d %b, %H:%M UTC")),
    }
}

/// `Wed 25 Nov, 02:00 CET (01:00 UTC)`: a slot to come, whose year is told by those around it.
fn coming(at: Timestamp, zone: &TimeZone) -> Markup {
    html! { time.slot datetime=(at) { (text(at, zone, "%a %-d %b, %H:%M %Z")) } }
}

/// The next slots, at most `most`.
pub(crate) fn next(schedule: &v1::Schedule, most: usize) -> Markup {
    let zone = zone(&schedule.time_zone);
    let slots: Vec<Timestamp> =
        schedule.next_slots.iter().filter_map(|at| instant(Some(at))).take(most).collect();
    html! {
        @if schedule.paused { "none while it is paused" }
        @else if slots.is_empty() { "none" }
        @else { ol.slots { @for at in slots { li { (coming(at, &zone)) } } } }
    }
}

/// The times in words with the zone, and the expression itself.
pub(crate) fn times(schedule: &v1::Schedule) -> Markup {
    html! {
        @match super::cron::words(&schedule.cron) {
            Some(words) => { (words) ", " (zone_words(&schedule.time_zone)) span.sub { code { (schedule.cron) } } },
            None => { code { (schedule.cron) } " " (zone_words(&schedule.time_zone)) },
        }
    }
}

/// The name of a zone: letters of IANA names, without their underscores.
pub(crate) fn zone_words(name: &str) -> String {
    if name.is_empty() { "UTC".to_owned() } else { name.replace('_', " ") }
}

/// What is done about missed slots, as people are told.
pub(crate) fn catch_up(policy: v1::CatchUp) -> &'static str {
    match policy {
        v1::CatchUp::Skip => "every missed slot is a gap",
        v1::CatchUp::Latest | v1::CatchUp::Unspecified => {
            "the newest missed slot is run, the others are gaps"
        }
        v1::CatchUp::All => "every missed slot is run, at most the newest 24",
    }
}

/// Jitter, as people are told.
pub(crate) fn jitter(schedule: &v1::Schedule) -> String {
    let seconds = schedule.jitter.map_or(0, |jitter| u64::try_from(jitter.seconds).unwrap_or(0));
    match seconds {
        0 => "audits start at their slot".to_owned(),
        seconds if seconds.is_multiple_of(60) => {
            format!("audits start up to {} after their slot", words::count(seconds / 60, "minute", "minutes"))
        }
        seconds => {
            format!("audits start up to {} after their slot", words::count(seconds, "second", "seconds"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_is_told_in_its_zone_and_in_utc() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let full = |at, zone: &TimeZone| text(at, zone, "%a %-d %b %Y, %H:%M %Z");
        assert_eq!(
            full(at("2026-11-25T01:00:00Z"), &zone("Europe/Berlin")),
            "Wed 25 Nov 2026, 02:00 CET (01:00 UTC)"
        );
        assert_eq!(
            full(at("2026-11-24T23:30:00Z"), &zone("Europe/Berlin")),
            "Wed 25 Nov 2026, 00:30 CET (24 Nov, 23:30 UTC)"
        );
        assert_eq!(full(at("2026-11-25T01:00:00Z"), &zone("")), "Wed 25 Nov 2026, 01:00 UTC");
        // Whatever the store holds, there is a page.
        assert_eq!(zone("No/Where"), TimeZone::UTC);
    }

    #[test]
    fn jitter_is_told_in_the_larger_unit() {
        let told = |seconds| {
            jitter(&v1::Schedule {
                jitter: Some(prost_types::Duration { seconds, nanos: 0 }),
                ..Default::default()
            })
        };
        assert_eq!(told(0), "audits start at their slot");
        assert_eq!(told(600), "audits start up to 10 minutes after their slot");
        assert_eq!(told(61), "audits start up to 61 seconds after their slot");
        assert_eq!(told(-5), "audits start at their slot");
    }
}
