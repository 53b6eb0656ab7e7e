//! One schedule at one time: make sure of what was recorded, plan, record, start.

use hexproof_core::audit::{AuditKey, Trigger};
use hexproof_core::port::{StartError, StorageError};
use hexproof_core::register::{ClusterEntry, ScheduleEntry, SlotOutcome, SlotRecord};
use jiff::{SignedDuration, Timestamp};
use tracing::{error, info, warn};

use super::overview::{ScheduleView, Tally};
use super::{Engine, HEALED, broken};
use crate::cron::{Cron, CronError};
use crate::plan::{Decision, Gap, Step, Watch, plan};

/// Decisions that are carried out before other schedules have their turn.
const STEPS: usize = 64;

/// What the engine remembers of a schedule. All of it can be found again in the store.
pub(super) struct Tracked {
    pub(super) version: u64,
    pub(super) entry: ScheduleEntry,
    cron: Result<Cron, CronError>,
    /// When to attend to it; `None` if there is nothing to do before it changes.
    pub(super) wake: Option<Timestamp>,
    /// It was attended to, with success, at this version.
    planned: bool,
    /// Its older records were made sure of.
    healed: bool,
    /// The slot of the newest record that was made sure of.
    sure: Option<Timestamp>,
    lag: SignedDuration,
}

impl Tracked {
    /// Begins to follow a version of a schedule; `earlier` is what was known by the version before.
    pub(super) fn new(version: u64, entry: ScheduleEntry, earlier: Option<Self>) -> Self {
        let cron = Cron::parse(&entry.cron, &entry.time_zone);
        if let Err(reason) = &cron {
            broken(&entry, reason);
        }
        let (healed, sure, lag) =
            earlier.map_or((false, None, SignedDuration::ZERO), |was| (was.healed, was.sure, was.lag));
        Self { version, entry, cron, wake: None, planned: false, healed, sure, lag }
    }

    pub(super) fn view(&self) -> ScheduleView {
        ScheduleView {
            cluster: self.entry.cluster.clone(),
            paused: self.entry.paused,
            broken: self.cron.is_err(),
            next: self.wake,
            lag: self.lag,
        }
    }
}

impl Engine {
    /// Attends to a schedule; without a `watch` only what was recorded is made sure of.
    pub(super) async fn attend(
        &self,
        tracked: &mut Tracked,
        watch: Option<Watch>,
        tally: &Tally,
    ) -> Result<(), StorageError> {
        if !tracked.healed {
            let records = self.slots.list(&tracked.entry.id, None, HEALED).await?;
            for record in records.items.iter().rev() {
                self.make_sure(tracked, record).await?;
            }
            tracked.healed = true;
        }
        let Some(watch) = watch else { return Ok(()) };
        let idle = tracked.planned && tracked.wake.is_none_or(|wake| wake > watch.now);
        if idle {
            return Ok(());
        }
        tracked.planned = false;
        let newest = self.slots.list(&tracked.entry.id, None, 1).await?.items.into_iter().next();
        if let Some(record) = &newest
            && tracked.sure != Some(record.slot)
        {
            self.make_sure(tracked, record).await?;
        }
        let Ok(cron) = &tracked.cron else { return Ok(()) };
        let plan = plan(&tracked.entry, cron, newest.map(|record| record.slot), watch);
        let more = plan.steps.len() > STEPS;
        for step in plan.steps.into_iter().take(STEPS) {
            self.take(tracked, step, tally).await?;
        }
        tracked.wake = if more { Some(watch.now) } else { plan.wake };
        tracked.planned = true;
        Ok(())
    }

    /// Sees to it that a slot that is recorded as run has its audit.
    async fn make_sure(&self, tracked: &mut Tracked, record: &SlotRecord) -> Result<(), StorageError> {
        if let SlotOutcome::Run(run) = &record.outcome {
            let key = AuditKey { cluster: tracked.entry.cluster.clone(), run: *run };
            if self.runs.find(&key).await?.is_none() {
                warn!(schedule = %tracked.entry.id, slot = %record.slot, "slot was recorded but not started");
                self.start(&tracked.entry, record.slot).await?;
            }
        }
        tracked.sure = Some(record.slot);
        Ok(())
    }

    /// Carries out one decision.
    async fn take(&self, tracked: &mut Tracked, step: Step, tally: &Tally) -> Result<(), StorageError> {
        let entry = &tracked.entry;
        let gap = match step.decision {
            Decision::Gap(gap) => Some(gap),
            Decision::Run if self.registered(entry).await? => None,
            Decision::Run => Some(Gap::NotRegistered),
        };
        let outcome = match &gap {
            Some(gap) => SlotOutcome::Gap(gap.reason()),
            None => SlotOutcome::Run(trigger(entry, step.slot).run(&entry.cluster)),
        };
        let offered = SlotRecord { slot: step.slot, outcome };
        let counts = self.slots.record(&entry.id, &offered).await?;
        match (counts.outcome, gap) {
            // Whoever recorded it may have died since: starting is for all to do.
            (SlotOutcome::Run(_), _) => {
                self.start(entry, step.slot).await?;
                tracked.lag = self.clock.now().duration_since(step.start);
                tally.run();
            }
            (SlotOutcome::Gap(_), Some(gap)) => {
                warn!(schedule = %entry.id, slot = %step.slot, kind = gap.word(), "slot is a gap");
                tally.gap(&gap);
            }
            (SlotOutcome::Gap(_), None) => {
                info!(schedule = %entry.id, slot = %step.slot, "slot is a gap by the word of another replica");
            }
        }
        tracked.sure = Some(step.slot);
        Ok(())
    }

    async fn registered(&self, entry: &ScheduleEntry) -> Result<bool, StorageError> {
        let cluster = self.register.latest::<ClusterEntry>(&entry.cluster.clone().into()).await?;
        Ok(cluster.is_some_and(|cluster| !cluster.value.retired))
    }

    /// Starts the audit of a slot, or finds it started.
    async fn start(&self, entry: &ScheduleEntry, slot: Timestamp) -> Result<(), StorageError> {
        let failure = match self.audits.start(&entry.cluster, trigger(entry, slot)).await {
            Ok(_) => return Ok(()),
            // It is recorded, and queued as soon as that can be.
            Err(StartError::Queue(cause)) => {
                warn!(schedule = %entry.id, %slot, error = &*cause as &dyn std::error::Error, "queue does not answer");
                return Ok(());
            }
            Err(StartError::Storage(failure @ (StorageError::Unavailable(_) | StorageError::Conflict))) => {
                return Err(failure);
            }
            Err(failure) => failure,
        };
        // It will not get better: waiting would only stop the slots that follow.
        error!(schedule = %entry.id, %slot, error = &failure as &dyn std::error::Error, "slot could not be started");
        Ok(())
    }
}

fn trigger(entry: &ScheduleEntry, slot: Timestamp) -> Trigger {
    Trigger::Slot { schedule: entry.id.clone(), slot }
}
