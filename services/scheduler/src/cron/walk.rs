//! The walk along the instants of an expression. Between two changes of the clocks the wall and the time differ by a
//! fixed offset: there a slot is a time on the wall, moved by it. The changes themselves are handled here.

use cronexpr::Crontab;
use jiff::Timestamp;
use jiff::tz::TimeZoneTransition;

use super::Cron;

/// Where the calendar ends for schedules, well before the library's own end: 1 January 9900.
const END: i64 = 250_240_492_800;
/// 29 February on a given day of the week comes at least once in so many years.
const YEARS: usize = 48;
/// How far the library looks ahead in one call.
const LOOK_AHEAD_YEARS: usize = 4;

/// The slots of an expression, in order. Ends only with the calendar.
#[derive(Debug, Clone)]
pub struct Slots<'a> {
    cron: &'a Cron,
    /// The times on the wall up to here are done, in seconds as if the wall showed UTC.
    wall_after: i64,
    /// What the wall shows, less the time, in seconds.
    offset: i64,
    /// When the clocks change next; `None` if never.
    change: Option<(Timestamp, i64)>,
    /// The next time on the wall, once it is known.
    wall: Option<Timestamp>,
}

impl<'a> Slots<'a> {
    pub(super) fn new(cron: &'a Cron, after: Timestamp) -> Self {
        let offset = i64::from(cron.zone.to_offset(after).seconds());
        let mut slots = Self {
            cron,
            wall_after: after.as_second() + offset,
            offset,
            change: change_after(cron, after),
            wall: None,
        };
        // Within a repeated hour the wall shows times that were done before the clocks were put back.
        if !cron.every_hour
            && let Some((at, before)) = change_before(cron, after)
        {
            slots.wall_after = slots.wall_after.max(at.as_second() + before - 1);
        }
        slots
    }

    /// The first time on the wall that is not done.
    fn seek(&mut self) -> Option<Timestamp> {
        if let Some(wall) = self.wall.filter(|wall| wall.as_second() > self.wall_after) {
            return Some(wall);
        }
        let wall = next_on_wall(&self.cron.wall, Timestamp::from_second(self.wall_after).ok()?)?;
        self.wall = Some(wall);
        Some(wall)
    }
}

impl Iterator for Slots<'_> {
    type Item = Timestamp;

    fn next(&mut self) -> Option<Timestamp> {
        loop {
            let wall = self.seek()?;
            let slot = Timestamp::from_second(wall.as_second() - self.offset).ok()?;
            let Some((change, offset)) = self.change.filter(|(change, _)| slot >= *change) else {
                self.wall_after = wall.as_second();
                return Some(slot);
            };
            let (ends, begins) = (change.as_second() + self.offset, change.as_second() + offset);
            let skipped = (ends..begins).contains(&wall.as_second());
            self.wall_after = match (begins < ends, self.cron.every_hour) {
                // Put back, and elapsed time counts: the wall is read again.
                (true, true) => {
                    self.wall = None;
                    begins - 1
                }
                (true, false) => ends - 1,
                (false, _) => begins - 1,
            };
            self.offset = offset;
            self.change = change_after(self.cron, change);
            if skipped && !self.cron.every_hour {
                // The instant after the jump may be named on the wall as well.
                self.wall_after = begins;
                return Some(change);
            }
        }
    }
}

/// The first match later than `after`, both as if the wall showed UTC.
pub(super) fn next_on_wall(wall: &Crontab, after: Timestamp) -> Option<Timestamp> {
    let mut after = after;
    for _ in 0..YEARS / LOOK_AHEAD_YEARS {
        if after.as_second() >= END {
            return None;
        }
        if let Ok(found) = wall.find_next(after) {
            return Some(found.timestamp());
        }
        // Its look ahead is four years by the calendar: begin again a little before its end.
        after = Timestamp::from_second(after.as_second() + (4 * 365 - 1) * 86_400).ok()?;
    }
    None
}

/// The next change of the clocks: when, and the offset from then on.
fn change_after(cron: &Cron, after: Timestamp) -> Option<(Timestamp, i64)> {
    let change: TimeZoneTransition<'_> = cron.zone.following(after).next()?;
    Some((change.timestamp(), i64::from(change.offset().seconds())))
}

/// The last change of the clocks up to an instant, if it put them back: when, and the offset before.
fn change_before(cron: &Cron, until: Timestamp) -> Option<(Timestamp, i64)> {
    let soon = until.checked_add(jiff::SignedDuration::from_nanos(1)).ok()?;
    let at = cron.zone.preceding(soon).next()?.timestamp();
    let earlier = at.checked_sub(jiff::SignedDuration::from_secs(1)).ok()?;
    let (before, now) = (cron.zone.to_offset(earlier).seconds(), cron.zone.to_offset(at).seconds());
    (before > now).then_some((at, i64::from(before)))
}
