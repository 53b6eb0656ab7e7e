//! Starts the audits that are due, on any number of replicas at once.
//!
//! The record of a slot is its claim: it is created once, says whether the slot runs or is a gap, and whoever offers
//! another outcome later is told the one that counts. Only then is the audit started, under the run id that belongs to
//! the slot. So a slot is never both a run and a gap, and never runs twice, whatever replicas think of the time. A
//! process that dies between the record and the start leaves a record without a run: every replica makes sure of the
//! newest record before it makes a further one, and of the newest [`HEALED`] when it sees a schedule for the first
//! time. Dropping [`Engine::run`] at any point is therefore harmless.
//!
//! `pass` is one schedule at one time, `steady` sees jumps of the clock, `overview` is what metrics show.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::{FutureExt as _, StreamExt as _};
use hexproof_core::id::RecordId;
use hexproof_core::port::{Audits, Clock, Readable, Register, Runs, Slots, StorageError};
use hexproof_core::register::ScheduleEntry;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use crate::plan::Watch;

mod overview;
mod pass;
mod steady;
#[cfg(test)]
mod tests;

use overview::Tally;
pub use overview::{Overview, ScheduleView};
use pass::Tracked;
use steady::{Steady, View};

/// Records of a schedule that are made sure of when it is seen for the first time.
pub const HEALED: usize = 32;
/// Schedules that are attended to at once.
const AT_ONCE: usize = 16;
/// How long to wait after a failure of the store.
const AFTER_FAILURE: Duration = Duration::from_secs(1);
/// Between two looks at the schedules at least.
const BREATH: Duration = Duration::from_millis(50);

/// How the engine keeps time.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// How late a slot may start without being a missed one.
    pub grace: Duration,
    /// How often changes of other replicas are taken over.
    pub refresh: Duration,
    /// How long a clock that jumped forward has to keep its new time before slots are decided by it.
    pub settle: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            grace: Duration::from_secs(60),
            refresh: Duration::from_secs(5),
            settle: Duration::from_secs(120),
        }
    }
}

/// Starts the audits of schedules. See the module.
pub struct Engine {
    register: Register,
    slots: Arc<dyn Slots>,
    runs: Arc<dyn Runs>,
    audits: Arc<dyn Audits>,
    clock: Arc<dyn Clock>,
    pace: Pace,
    overview: watch::Sender<Overview>,
}

impl Engine {
    /// An engine over its ports. Nothing happens before [`Engine::run`].
    pub fn new(
        register: Register,
        slots: Arc<dyn Slots>,
        runs: Arc<dyn Runs>,
        audits: Arc<dyn Audits>,
        clock: Arc<dyn Clock>,
        pace: Pace,
    ) -> Self {
        Self { register, slots, runs, audits, clock, pace, overview: watch::Sender::default() }
    }

    /// What the engine sees and did, for metrics; renewed after every look at the schedules.
    pub fn overview(&self) -> watch::Receiver<Overview> {
        self.overview.subscribe()
    }

    /// Works until it is told to stop. What is under way then is taken up by the next start or another replica.
    pub async fn run(&self, stop: CancellationToken) {
        stop.run_until_cancelled(self.work()).await;
    }

    async fn work(&self) {
        let mut tracked = BTreeMap::new();
        let mut steady = Steady::new(self.clock.now(), Instant::now());
        let mut refreshed: Option<Instant> = None;
        let mut damaged = Vec::new();
        loop {
            let result = self.look(&mut tracked, &mut steady, &mut refreshed, &mut damaged).await;
            let pause = match result {
                Ok(wake) => self.until(wake),
                Err(failure) => {
                    warn!(error = &failure as &dyn std::error::Error, "schedules wait for the store");
                    self.overview.send_modify(|overview| overview.store_answers = false);
                    AFTER_FAILURE.min(self.pace.refresh)
                }
            };
            tokio::time::sleep(pause).await;
        }
    }

    /// One look at all schedules; returns when the next slot starts. A failure of one schedule does not keep the
    /// others waiting.
    async fn look(
        &self,
        tracked: &mut BTreeMap<RecordId, Tracked>,
        steady: &mut Steady,
        refreshed: &mut Option<Instant>,
        known_damaged: &mut Vec<RecordId>,
    ) -> Result<Option<Timestamp>, StorageError> {
        if refreshed.is_none_or(|at| at.elapsed() >= self.pace.refresh) {
            self.register.refresh().await?;
            *refreshed = Some(Instant::now());
        }
        let Readable { records: schedules, damaged } = self.register.readable::<ScheduleEntry>().await?;
        // A schedule that cannot be read may be paused or gone: it waits, and the others do not wait with it.
        for schedule in damaged.iter().filter(|schedule| !known_damaged.contains(schedule)) {
            error!(%schedule, "a stored schedule cannot be read; no audit of it starts");
        }
        *known_damaged = damaged;
        tracked.retain(|id, _| schedules.iter().any(|(known, _)| known == id));
        for (id, version) in &schedules {
            if version.value.deleted {
                tracked.remove(id);
                continue;
            }
            let held = tracked.get(id).is_some_and(|tracked| tracked.version == version.number);
            if !held {
                let earlier = tracked.remove(id);
                tracked.insert(id.clone(), Tracked::new(version.number, version.value.clone(), earlier));
            }
        }
        let now = self.clock.now();
        let watch = match steady.see(now, Instant::now(), self.pace) {
            View::Awake { since } => Some(Watch {
                now,
                awake_since: since,
                grace: SignedDuration::try_from(self.pace.grace).unwrap_or(SignedDuration::MAX),
            }),
            View::Unsettled => {
                warn!(%now, "the clock jumped forward; slots wait until it has kept the new time for a while");
                None
            }
        };
        let tally = Tally::default();
        // Boxed: the compiler cannot see otherwise that this may move between threads.
        let looks: Vec<_> =
            tracked.values_mut().map(|tracked| self.attend(tracked, watch, &tally).boxed()).collect();
        let failures: Vec<StorageError> = futures::stream::iter(looks)
            .buffer_unordered(AT_ONCE)
            .filter_map(|result| std::future::ready(result.err()))
            .collect()
            .await;
        let answers = failures.is_empty();
        self.overview.send_modify(|overview| overview.renew(answers, tracked.values(), &tally));
        match failures.into_iter().next() {
            Some(failure) => Err(failure),
            None => Ok(tracked.values().filter_map(|tracked| tracked.wake).min()),
        }
    }

    fn until(&self, wake: Option<Timestamp>) -> Duration {
        let now = self.clock.now();
        let pause = wake.map(|wake| wake.duration_since(now));
        let pause = pause.map_or(self.pace.refresh, |pause| Duration::try_from(pause).unwrap_or_default());
        pause.clamp(BREATH, self.pace.refresh.max(BREATH))
    }
}

/// Tells the log that a stored schedule cannot be followed.
fn broken(schedule: &ScheduleEntry, reason: &crate::cron::CronError) {
    error!(schedule = %schedule.id, error = reason as &dyn std::error::Error, "schedule cannot be followed");
}
