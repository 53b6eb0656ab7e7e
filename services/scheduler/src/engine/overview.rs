//! What metrics show of the schedules.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use hexproof_core::id::{ClusterId, RecordId};
use jiff::{SignedDuration, Timestamp};

use super::pass::Tracked;
use crate::plan::Gap;

/// What the engine of this process sees and did since it was started. Other replicas see the same slots: add up runs
/// and gaps of one replica only, or take the greatest.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overview {
    /// Whether the store did all that it was asked at the last look.
    pub store_answers: bool,
    /// The schedules that there are.
    pub schedules: BTreeMap<RecordId, ScheduleView>,
    /// Slots that became gaps, by the word for the reason.
    pub gaps: BTreeMap<&'static str, u64>,
    /// Slots that started an audit.
    pub runs: u64,
}

/// One schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduleView {
    /// Its cluster.
    pub cluster: ClusterId,
    /// Whether it is paused.
    pub paused: bool,
    /// Whether its expression or zone cannot be read.
    pub broken: bool,
    /// When it starts an audit next; `None` if it does not, or if that is not known yet.
    pub next: Option<Timestamp>,
    /// How long after its time the last audit was started by this process.
    pub lag: SignedDuration,
}

impl Overview {
    pub(super) fn renew<'a>(
        &mut self,
        store_answers: bool,
        tracked: impl Iterator<Item = &'a Tracked>,
        tally: &Tally,
    ) {
        self.store_answers = store_answers;
        self.schedules = tracked.map(|tracked| (tracked.entry.id.clone(), tracked.view())).collect();
        let counts = tally.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (word, count) in &counts.gaps {
            *self.gaps.entry(word).or_default() += count;
        }
        self.runs += counts.runs;
    }
}

/// Counts of one look at the schedules, which attends to many of them at once.
#[derive(Debug, Default)]
pub(super) struct Tally(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    gaps: BTreeMap<&'static str, u64>,
    runs: u64,
}

impl Tally {
    pub(super) fn gap(&self, gap: &Gap) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.gaps.entry(gap.word()).or_default() += gap.slots();
    }

    pub(super) fn run(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).runs += 1;
    }
}
