//! Cron expressions of five fields in an IANA time zone, and the instants that they name.
//!
//! The rule for changes of the clocks, as in Vixie's cron:
//! - If the hours are restricted, the fields name times on the wall. A time that the clocks skip counts at the instant
//!   after the jump, once for all that are skipped; a time that comes twice counts the first time.
//! - If every hour is named, elapsed time counts: the skipped hour is simply not there, and the repeated one is an hour
//!   like any other.
//!
//! The zones are those that are built in, whatever the machine has: all replicas of one version agree on every slot.
//! Where both day fields are restricted, either of them is enough; if one begins with `*`, both must hold.

use std::sync::LazyLock;

use cronexpr::{Crontab, FallbackTimezoneOption, ParseOptions};
use jiff::Timestamp;
use jiff::tz::{TimeZone, TimeZoneDatabase};

mod walk;
pub use walk::Slots;

#[cfg(test)]
mod tests;

/// Characters of an expression at most.
const LONGEST: usize = 256;
/// The fields in their order, as messages name them.
const FIELDS: [&str; 5] = ["minute", "hour", "day of month", "month", "day of week"];

static ZONES: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// Why there are no slots.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CronError {
    /// The expression is longer than anybody needs.
    #[error("is longer than {LONGEST} characters")]
    Long,
    /// It has more or fewer than five fields.
    #[error("has {found} fields; wanted are five: minute, hour, day of month, month, day of week")]
    Fields {
        /// How many it has.
        found: usize,
    },
    /// One field cannot be read.
    #[error("the {field} `{text}` cannot be read: {reason}")]
    Field {
        /// Which.
        field: &'static str,
        /// What it says.
        text: String,
        /// What is wrong.
        reason: String,
    },
    /// No day is ever like that, such as 30 February.
    #[error("names no time that ever comes")]
    Never,
    /// There is no such zone.
    #[error("there is no time zone `{0}`; wanted is an IANA name such as `Europe/Berlin`, or `UTC`")]
    Zone(String),
}

/// A cron expression in a time zone: an endless series of instants, each a whole minute.
#[derive(Debug, Clone)]
pub struct Cron {
    /// Matches times on the wall, which it takes for times in UTC.
    wall: Crontab,
    zone: TimeZone,
    every_hour: bool,
    expression: String,
    zone_name: String,
}

impl Cron {
    /// Reads an expression and the name of a zone; an empty name is UTC. The letters `L`, `W`, `H` and `#` that some
    /// programs know are refused.
    ///
    /// # Errors
    /// [`CronError`]; [`CronError::Zone`] is about the zone, every other about the expression.
    pub fn parse(expression: &str, zone: &str) -> Result<Self, CronError> {
        let (zone, zone_name) = find_zone(zone)?;
        if expression.chars().count() > LONGEST {
            return Err(CronError::Long);
        }
        let fields: Vec<&str> = expression.split_ascii_whitespace().collect();
        if fields.len() != FIELDS.len() {
            return Err(CronError::Fields { found: fields.len() });
        }
        for (at, (field, text)) in FIELDS.into_iter().zip(&fields).enumerate() {
            check_field(at, text).map_err(|reason| CronError::Field {
                field,
                text: text.escape_default().to_string(),
                reason,
            })?;
        }
        let expression = fields.join(" ");
        // Each field was read alone, so that together they are read too.
        let wall = read(&expression).map_err(|reason| CronError::Field {
            field: FIELDS[0],
            text: expression.clone(),
            reason,
        })?;
        let first = walk::next_on_wall(&wall, Timestamp::UNIX_EPOCH).ok_or(CronError::Never)?;
        let day = first.as_second().div_euclid(86_400) * 86_400;
        let minute = first.as_second().rem_euclid(3_600);
        let every_hour = (0..24).all(|hour| {
            Timestamp::from_second(day + hour * 3_600 + minute)
                .is_ok_and(|at| wall.matches(at).unwrap_or(false))
        });
        Ok(Self { wall, zone, every_hour, expression, zone_name })
    }

    /// The expression with single spaces.
    pub fn expression(&self) -> &str {
        &self.expression
    }

    /// The name of the zone, spelled as IANA spells it.
    pub fn zone_name(&self) -> &str {
        &self.zone_name
    }

    /// The first slot later than an instant; `None` only at the end of the calendar.
    pub fn next(&self, after: Timestamp) -> Option<Timestamp> {
        self.slots(after).next()
    }

    /// Every slot later than an instant, in order.
    pub fn slots(&self, after: Timestamp) -> Slots<'_> {
        Slots::new(self, after)
    }

    /// The newest slots later than `after` and not later than `until`, at most `most` of them, oldest first. The work
    /// grows with `most` and not with the time between.
    pub fn newest(&self, after: Timestamp, until: Timestamp, most: usize) -> Vec<Timestamp> {
        let mut width: i64 = 3_600;
        loop {
            let from = until.as_second().saturating_sub(width);
            let reaches = from <= after.as_second();
            let from = Timestamp::from_second(from).map_or(after, |from| from.max(after));
            let mut found: Vec<_> = self.slots(from).take_while(|slot| *slot <= until).collect();
            if found.len() >= most || reaches {
                found.drain(..found.len().saturating_sub(most));
                return found;
            }
            width = width.saturating_mul(2);
        }
    }

    /// The newest slot earlier than an instant and not earlier than `floor`.
    pub fn previous(&self, before: Timestamp, floor: Timestamp) -> Option<Timestamp> {
        let until = before.checked_sub(jiff::SignedDuration::from_nanos(1)).ok()?;
        let after = floor.checked_sub(jiff::SignedDuration::from_nanos(1)).ok()?;
        self.newest(after, until, 1).pop()
    }
}

fn find_zone(name: &str) -> Result<(TimeZone, String), CronError> {
    if name.is_empty() || name.eq_ignore_ascii_case("utc") {
        return Ok((TimeZone::UTC, "UTC".to_owned()));
    }
    let unknown = || CronError::Zone(name.chars().take(80).flat_map(char::escape_default).collect());
    if !name.is_ascii() || name.len() > 64 {
        return Err(unknown());
    }
    let zone = ZONES.get(name).map_err(|_| unknown())?;
    let spelled = zone.iana_name().unwrap_or(name).to_owned();
    Ok((zone, spelled))
}

/// Reads one field with `*` for all others, so that an error is known to be its own.
fn check_field(at: usize, text: &str) -> Result<(), String> {
    let named = at >= 3;
    let known = |letter: char| match letter {
        '*' | ',' | '-' | '/' | '0'..='9' => true,
        letter => named && letter.is_ascii_alphabetic(),
    };
    if let Some(letter) = text.chars().find(|letter| !known(*letter)) {
        return Err(format!("`{}` has no meaning here", letter.escape_default()));
    }
    // `5L` is the last Friday to some; in December it would never come.
    if at == 4 && text.split([',', '-', '/']).any(|item| item.ends_with(['l', 'L'])) {
        return Err("`L` has no meaning here".to_owned());
    }
    let mut fields = ["*"; 5];
    fields[at] = text;
    read(&fields.join(" ")).map(|_| ())
}

fn read(expression: &str) -> Result<Crontab, String> {
    let mut options = ParseOptions::default();
    options.fallback_timezone_option = FallbackTimezoneOption::UTC;
    cronexpr::parse_crontab_with(expression, options).map_err(|error| {
        // The last line says what is wrong, after a mark below the place.
        let text = error.to_string();
        let reason = text.lines().next_back().unwrap_or_default();
        reason.trim_start().trim_start_matches('^').trim().to_owned()
    })
}
