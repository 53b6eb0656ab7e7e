//! Audits as messages.

use hexproof_core::audit::{AuditOrder, AuditRecord, Ending, Progress, Stage, Trigger};

use crate::request::timestamp;
use crate::v1;

/// An audit as the store knows it, with how far a worker has come. What the store says of its end outweighs a
/// progress that is late.
pub fn audit(record: &AuditRecord, progress: Option<Progress>) -> v1::Audit {
    let AuditRecord { order: AuditOrder { key, trigger, created }, ended, cancel_requested: _ } = record;
    let mut audit = v1::Audit {
        cluster_id: key.cluster.to_string(),
        audit_id: key.run.to_string(),
        trigger: Some(trigger.into()),
        create_time: Some(timestamp(*created)),
        ..v1::Audit::default()
    };
    let Some((ending, at)) = ended else {
        let Progress { stage, done, total } = progress.unwrap_or(Progress::begin(Stage::Waiting));
        audit.state = match stage {
            Stage::Waiting => v1::AuditState::Queued,
            Stage::Collecting | Stage::Scoring | Stage::Rendering | Stage::Sealing | Stage::Archiving => {
                v1::AuditState::Running
            }
        }
        .into();
        audit.stage = v1::AuditStage::from(stage).into();
        (audit.done, audit.total) = (done, total);
        return audit;
    };
    audit.finish_time = Some(timestamp(*at));
    let state = match ending {
        Ending::Succeeded { rating, complete, pack, pack_size: _, snapshot, assessment } => {
            audit.result = Some(v1::AuditResult {
                rating: v1::Rating::from(*rating).into(),
                complete: *complete,
                pack_digest: pack.to_string(),
                snapshot_digest: snapshot.to_string(),
                assessment_digest: assessment.to_string(),
            });
            v1::AuditState::Succeeded
        }
        Ending::Failed { reason } => {
            audit.failure = reason.clone();
            v1::AuditState::Failed
        }
        Ending::Cancelled { subject: _ } => v1::AuditState::Cancelled,
    };
    audit.state = state.into();
    audit
}

impl From<Stage> for v1::AuditStage {
    fn from(stage: Stage) -> Self {
        match stage {
            Stage::Waiting => Self::Waiting,
            Stage::Collecting => Self::Collecting,
            Stage::Scoring => Self::Scoring,
            Stage::Rendering => Self::Rendering,
            Stage::Sealing => Self::Sealing,
            Stage::Archiving => Self::Archiving,
        }
    }
}

impl From<&Trigger> for v1::AuditTrigger {
    fn from(trigger: &Trigger) -> Self {
        use v1::audit_trigger::By;
        let by = match trigger {
            Trigger::Request { request, subject } => {
                By::Request(v1::RequestTrigger { request_id: request.clone(), subject: subject.clone() })
            }
            Trigger::Slot { schedule, slot } => {
                By::Slot(v1::SlotTrigger { schedule_id: schedule.to_string(), slot: Some(timestamp(*slot)) })
            }
            Trigger::Submission { request, subject } => By::Submission(v1::SubmissionTrigger {
                request_id: request.clone(),
                subject: subject.clone(),
            }),
        };
        Self { by: Some(by) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hexproof_core::audit::AuditKey;
    use hexproof_core::digest::Digest;
    use hexproof_core::scale::Rating;

    fn record(ended: Option<Ending>) -> AuditRecord {
        let cluster: hexproof_core::id::ClusterId = "shop".parse().unwrap();
        let trigger = Trigger::Request { request: "ci-1".into(), subject: "ada".into() };
        let key = AuditKey { run: trigger.run(&cluster), cluster };
        let created = "2026-11-24T10:00:00Z".parse().unwrap();
        let ended = ended.map(|ending| (ending, "2026-11-24T10:00:09Z".parse().unwrap()));
        AuditRecord { order: AuditOrder { key, trigger, created }, ended, cancel_requested: None }
    }

    #[test]
    fn an_audit_is_queued_until_a_worker_has_it_and_what_ended_stays_ended() {
        let state = |record: &AuditRecord, progress| audit(record, progress).state();
        assert_eq!(state(&record(None), None), v1::AuditState::Queued);
        let scoring = Some(Progress { stage: Stage::Scoring, done: 3, total: 9 });
        let running = audit(&record(None), scoring);
        assert_eq!((running.state(), running.stage()), (v1::AuditState::Running, v1::AuditStage::Scoring));
        assert_eq!((running.done, running.total), (3, 9));
        let failed = audit(&record(Some(Ending::Failed { reason: "no route".into() })), scoring);
        assert_eq!((failed.state(), failed.stage()), (v1::AuditState::Failed, v1::AuditStage::Unspecified));
        assert_eq!((failed.failure.as_str(), failed.done), ("no route", 0));
        assert_eq!(failed.finish_time.unwrap().seconds - failed.create_time.unwrap().seconds, 9);
    }

    #[test]
    fn a_success_names_what_it_left() {
        let [pack, snapshot, assessment] = ["p", "s", "a"].map(|text| Digest::of(text.as_bytes()));
        let ending =
            Ending::Succeeded { rating: Rating::B, complete: true, pack, pack_size: 1, snapshot, assessment };
        let result = audit(&record(Some(ending)), None).result.unwrap();
        assert_eq!((result.rating(), result.complete), (v1::Rating::B, true));
        assert_eq!(result.pack_digest, pack.to_string());
        assert_eq!(result.snapshot_digest, snapshot.to_string());
        assert_eq!(result.assessment_digest, assessment.to_string());
    }
}
