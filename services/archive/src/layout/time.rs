//! Keys that put the newest first.
//!
//! Stores list in the order of bytes and cannot list backwards, so a key counts down: eight digits for the day
//! (`99999999 - yyyymmdd`), fourteen for the nanoseconds that are left of it. The day is a folder of its own, so that
//! a store that has no order of its own, such as a folder, is read one day at a time.

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};

const DAYS: u32 = 99_999_999;
const NANOS: i64 = 86_400_000_000_000 - 1;

/// The folder of the day and the first piece of the name of an instant: `<8 digits>/<14 digits>`. Years before 0 stand
/// at year 0: nothing is recorded then.
pub(crate) fn place(at: Timestamp) -> String {
    let at = at.to_zoned(TimeZone::UTC).datetime();
    let year = u32::try_from(at.year()).unwrap_or(0);
    let day = year * 10_000 + u32::from(at.month().unsigned_abs()) * 100 + u32::from(at.day().unsigned_abs());
    let nanos = Time::midnight().duration_until(at.time()).as_nanos();
    let nanos = i64::try_from(nanos).unwrap_or(NANOS);
    format!("{:08}/{:014}", DAYS - day, NANOS - nanos)
}

/// The instant of a place, and what follows it.
pub(crate) fn parse(tail: &str) -> Option<(Timestamp, &str)> {
    let (day, name) = tail.split_once('/')?;
    let (nanos, rest) = name.split_at_checked(14)?;
    let day = DAYS.checked_sub(digits(day, 8)?.try_into().ok()?)?;
    let nanos = NANOS.checked_sub(digits(nanos, 14)?).filter(|nanos| *nanos >= 0)?;
    let date = Date::new(
        i16::try_from(day / 10_000).ok()?,
        i8::try_from(day / 100 % 100).ok()?,
        i8::try_from(day % 100).ok()?,
    )
    .ok()?;
    let midnight = date.to_zoned(TimeZone::UTC).ok()?.timestamp();
    Some((midnight.checked_add(nanos.nanoseconds()).ok()?, rest))
}

/// Whether a piece of a key is the folder of a day.
pub(crate) fn is_day(piece: &str) -> bool {
    digits(piece, 8).is_some()
}

fn digits(text: &str, length: usize) -> Option<i64> {
    let plain = text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_instants_have_smaller_keys_and_come_back_to_the_nanosecond() {
        let instants = [
            "1969-12-31T23:59:59.5Z",
            "1970-01-01T00:00:00Z",
            "2026-11-23T23:59:59.999999999Z",
            "2026-11-24T00:00:00Z",
            "2026-11-24T00:00:00.000000001Z",
            "2027-01-01T00:00:00Z",
            "9999-12-30T22:00:00Z",
        ];
        let instants = instants.map(|text| text.parse::<Timestamp>().unwrap());
        for pair in instants.windows(2) {
            assert!(place(pair[0]) > place(pair[1]), "{pair:?}");
        }
        for at in instants {
            let text = format!("{}-x", place(at));
            assert_eq!(parse(&text), Some((at, "-x")));
        }
        assert_eq!(place("2026-11-24T00:00:00Z".parse().unwrap()), "79738875/86399999999999");
    }

    #[test]
    fn what_is_no_place_is_refused() {
        for text in [
            "",
            "/",
            "79738875",
            "79738875/",
            "7973887x/86399999999999",
            "00000000/86399999999999",
            "79738875/96399999999999",
            "79738875/+6399999999999",
            "99999999/00000000000000",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
