//! Schedules and their slots.

use hexproof_core::register::{CatchUp, ScheduleEntry, SlotOutcome, SlotRecord, Version};

use super::timestamp;
use crate::v1;

/// Without the next slots, the last one and the count of gaps, which are no part of what is kept.
impl From<&Version<ScheduleEntry>> for v1::Schedule {
    fn from(version: &Version<ScheduleEntry>) -> Self {
        let Version { number, changed_by, changed_at, request: _, value } = version;
        let ScheduleEntry {
            id,
            cluster,
            cron,
            time_zone,
            jitter_seconds,
            catch_up,
            paused,
            deleted: _,
            since: _,
        } = value;
        Self {
            schedule_id: id.to_string(),
            cluster_id: cluster.to_string(),
            cron: cron.clone(),
            time_zone: time_zone.clone(),
            jitter: Some(prost_types::Duration { seconds: i64::from(*jitter_seconds), nanos: 0 }),
            catch_up: v1::CatchUp::from(*catch_up).into(),
            paused: *paused,
            version: *number,
            changed_by: changed_by.clone(),
            change_time: Some(timestamp(*changed_at)),
            next_slots: Vec::new(),
            recent_gaps: 0,
            last_slot: None,
        }
    }
}

impl From<CatchUp> for v1::CatchUp {
    fn from(policy: CatchUp) -> Self {
        match policy {
            CatchUp::Skip => Self::Skip,
            CatchUp::Latest => Self::Latest,
            CatchUp::All => Self::All,
        }
    }
}

impl From<&SlotRecord> for v1::Slot {
    fn from(record: &SlotRecord) -> Self {
        let SlotRecord { slot, outcome } = record;
        let outcome = match outcome {
            SlotOutcome::Run(run) => v1::slot::Outcome::AuditId(run.to_string()),
            SlotOutcome::Gap(reason) => v1::slot::Outcome::Gap(reason.clone()),
        };
        Self { slot: Some(timestamp(*slot)), outcome: Some(outcome) }
    }
}
