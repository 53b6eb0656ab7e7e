//! What is to be done about the slots of a schedule, decided without touching the world: the same schedule, history
//! and time always give the same plan.
//!
//! A slot starts at its instant plus its jitter. One that nobody started within the grace was missed, and the
//! schedule's catch-up policy says which of the missed ones run late. A slot that came due while this process was
//! there, but could not reach the store, is not a missed one: it runs late whatever the policy, as the newest
//! [`CATCH_UP`] of its kind do.
//!
//! After a long time a plan is still short: at most [`SINGLE_GAPS`] gaps stand one by one, and one more says how many
//! came before them and from when.

use hexproof_core::id::RecordId;
use hexproof_core::register::{CatchUp, ScheduleEntry};
use jiff::{SignedDuration, Timestamp};

use crate::cron::Cron;

#[cfg(test)]
mod tests;

/// Missed slots that run late at most.
pub const CATCH_UP: usize = 24;
/// Gaps that are recorded one by one at most.
pub const SINGLE_GAPS: usize = 1_000;
/// Slots that are counted for the record of many gaps; beyond, it says that there were at least so many.
const COUNTED: usize = 10_000;

/// What the planner knows of the present.
#[derive(Debug, Clone, Copy)]
pub struct Watch {
    /// The time.
    pub now: Timestamp,
    /// Since when this process has been able to start what is due.
    pub awake_since: Timestamp,
    /// How late a slot may start without being a missed one.
    pub grace: SignedDuration,
}

/// What is to be done, in this order, and when to plan again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// One decision each for slots that are due, in ascending order.
    pub steps: Vec<Step>,
    /// When the next slot starts; `None` if none does as things are.
    pub wake: Option<Timestamp>,
}

/// A decision about one slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The instant that the schedule names.
    pub slot: Timestamp,
    /// The earliest instant at which it may start.
    pub start: Timestamp,
    /// What is to become of it.
    pub decision: Decision,
}

/// What is to become of a slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// It starts an audit.
    Run,
    /// It does not.
    Gap(Gap),
}

/// Why a slot starts no audit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Gap {
    /// Nothing ran when it was due, and the policy leaves it at that.
    Missed,
    /// The store did not answer when it was due, and too many came after it.
    Late,
    /// It stands for all that were missed since `from`.
    Many {
        /// The first of them.
        from: Timestamp,
        /// How many, this one too.
        count: usize,
        /// Whether there are no more than that.
        exact: bool,
    },
    /// Its cluster is not registered, or no longer.
    NotRegistered,
}

impl Gap {
    /// The kind as it stands in metrics and logs.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Missed => "missed",
            Self::Late => "late",
            Self::Many { .. } => "many",
            Self::NotRegistered => "not-registered",
        }
    }

    /// How many slots it stands for.
    pub fn slots(&self) -> u64 {
        match self {
            Self::Missed | Self::Late | Self::NotRegistered => 1,
            Self::Many { count, .. } => *count as u64,
        }
    }

    /// The reason, as a sentence without a final stop.
    pub fn reason(&self) -> String {
        match self {
            Self::Missed => "the service did not run when it was due".to_owned(),
            Self::Late => {
                "the store did not answer when it was due, and newer slots went before it".to_owned()
            }
            Self::Many { from, count, exact } => {
                let least = if *exact { "" } else { "at least " };
                format!(
                    "{least}{count} slots from {from} up to this one passed while the service did not run"
                )
            }
            Self::NotRegistered => "its cluster was not registered when it was due".to_owned(),
        }
    }
}

/// Plans for a schedule whose newest recorded slot is `recorded`.
pub fn plan(schedule: &ScheduleEntry, cron: &Cron, recorded: Option<Timestamp>, watch: Watch) -> Plan {
    if schedule.paused || schedule.deleted {
        return Plan { steps: Vec::new(), wake: None };
    }
    // A slot at the very instant `since` counts.
    let since = schedule.since.checked_sub(SignedDuration::from_nanos(1)).unwrap_or(schedule.since);
    let after = recorded.map_or(since, |recorded| recorded.max(since));
    // One more than any plan treats one by one: its presence says that there are older ones.
    let most = SINGLE_GAPS + 2 * CATCH_UP + 1;
    let mut slots = match after < watch.now {
        true => cron.newest(after, watch.now, most),
        false => Vec::new(),
    };
    let next = cron.next(after.max(watch.now));
    let mut starts = starts(schedule, &slots, next);
    let mut wake = None;
    // Jitter ends before the next slot: only the newest can be waiting still.
    if starts.last().is_some_and(|start| *start > watch.now) {
        slots.pop();
        wake = starts.pop();
    }
    let wake = wake.or_else(|| {
        let next = next?;
        let after_next = cron.next(next);
        Some(start(&schedule.id, schedule.jitter_seconds, next, after_next))
    });
    let older = slots.len() + 1 >= most;
    let mut steps = decide(schedule.catch_up, &slots, &starts, watch);
    let leading = steps.iter().take_while(|step| matches!(step.decision, Decision::Gap(_))).count();
    let folded = leading.saturating_sub(SINGLE_GAPS).max(usize::from(older && slots.len() >= most));
    if folded > 1 || (older && folded > 0) {
        let last = steps[folded - 1].clone();
        let mut many = cron.slots(after).take_while(|slot| *slot <= last.slot).take(COUNTED + 1);
        if let Some(from) = many.next() {
            let count = 1 + many.count();
            let gap = Gap::Many { from, count: count.min(COUNTED), exact: count <= COUNTED };
            let step = Step { decision: Decision::Gap(gap), ..last };
            steps.splice(..folded, [step]);
        }
    }
    Plan { steps, wake }
}

/// When each of some consecutive slots starts; `next` follows the last of them.
fn starts(schedule: &ScheduleEntry, slots: &[Timestamp], next: Option<Timestamp>) -> Vec<Timestamp> {
    let followers = slots.iter().skip(1).copied().map(Some).chain([next]);
    slots
        .iter()
        .zip(followers)
        .map(|(slot, follower)| start(&schedule.id, schedule.jitter_seconds, *slot, follower))
        .collect()
}

/// When a slot starts: up to `jitter` seconds after it, always the same for one slot, and before the next one, so that
/// slots never change places.
fn start(schedule: &RecordId, jitter: u32, slot: Timestamp, next: Option<Timestamp>) -> Timestamp {
    let room = next.map_or(i64::MAX, |next| next.as_second() - slot.as_second() - 1);
    let longest = i64::from(jitter).min(room);
    if longest <= 0 {
        return slot;
    }
    let name = format!("{schedule}\0{}", slot.as_second());
    let hash = ring::digest::digest(&ring::digest::SHA256, name.as_bytes());
    let number = hash.as_ref().iter().take(8).fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    let delay = number % (longest.unsigned_abs() + 1);
    slot.checked_add(SignedDuration::from_secs(delay.cast_signed())).unwrap_or(slot)
}

fn decide(policy: CatchUp, slots: &[Timestamp], starts: &[Timestamp], watch: Watch) -> Vec<Step> {
    let overdue = watch.now.checked_sub(watch.grace).unwrap_or(watch.now);
    let missed = starts.partition_point(|start| *start < overdue.min(watch.awake_since));
    let late = starts.partition_point(|start| *start < overdue).max(missed);
    let caught_up = match policy {
        CatchUp::Skip => 0,
        CatchUp::Latest => 1,
        CatchUp::All => CATCH_UP,
    };
    let run_missed_from = missed.saturating_sub(caught_up);
    let run_late_from = late.saturating_sub(CATCH_UP).max(missed);
    let decision = |at: usize| match at {
        at if at < run_missed_from => Decision::Gap(Gap::Missed),
        at if at < missed => Decision::Run,
        at if at < run_late_from => Decision::Gap(Gap::Late),
        _ => Decision::Run,
    };
    let pairs = slots.iter().zip(starts).enumerate();
    pairs.map(|(at, (slot, start))| Step { slot: *slot, start: *start, decision: decision(at) }).collect()
}
