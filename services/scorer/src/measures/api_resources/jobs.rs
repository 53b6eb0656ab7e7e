//! Measures on Jobs and CronJobs.

use hexproof_core::record::Kind;
use hexproof_core::record::workload::WorkloadSpec;

use crate::measures::Entry;
use crate::verdict::{Case, Report, reading};

/// The functions of this module.
pub(super) const ENTRIES: &[Entry] =
    &[Entry { id: "workload-cronjob-bounds", kinds: &[Kind::CronJob, Kind::Job], judge: bounds }];

fn bounds(report: &mut Report<'_, '_>) {
    let facts = report.facts;
    for workload in facts.workloads() {
        let kind = workload.item.kind();
        let Some(controller) = workload.controller().filter(|_| matches!(kind, Kind::CronJob | Kind::Job))
        else {
            continue;
        };
        let mut case = Case::of_workload(workload);
        let owner = workload.item.record.metadata.controller();
        let of_cron_job = owner.is_some_and(|owner| owner.kind == "CronJob");
        if let Some(reason) = facts.platform_owned(workload) {
            case.not_applicable(reason);
        } else if kind == Kind::CronJob {
            cron_job(&mut case, &controller.spec);
        } else if let Some(gap) = of_cron_job.then(|| facts.not_listed(Kind::CronJob)).flatten() {
            case.unknown(gap);
        } else {
            // The Jobs of a CronJob that is there stand under it; a reference to one that is not hides nothing.
            job(&mut case, &controller.spec);
        }
        report.push(case);
    }
}

fn cron_job(case: &mut Case, spec: &WorkloadSpec) {
    let policy = spec.concurrency_policy.as_deref();
    let bounded = matches!(policy, Some("Forbid" | "Replace"));
    let reason = "a run may start while the last one still runs";
    check(case, "spec.concurrencyPolicy", policy, bounded, reason);
    let deadline = spec.starting_deadline_seconds;
    let path = "spec.startingDeadlineSeconds";
    match deadline {
        // The controller looks every ten seconds: with less it may miss every start.
        Some(seconds) if seconds < 10 => {
            check(case, path, deadline, false, "the deadline to start is below 10 s")
        }
        _ => check(case, path, deadline, deadline.is_some(), "a missed start has no deadline"),
    }
    let active = spec.job_template.as_ref().and_then(|job| job.spec.active_deadline_seconds);
    let path = "spec.jobTemplate.spec.activeDeadlineSeconds";
    check(case, path, active, active.is_some(), "a run has no time limit");
    for (path, limit) in [
        ("spec.successfulJobsHistoryLimit", spec.successful_jobs_history_limit),
        ("spec.failedJobsHistoryLimit", spec.failed_jobs_history_limit),
    ] {
        let bounded = limit.is_none_or(|limit| limit <= 10);
        check(case, path, limit, bounded, "more than 10 finished Jobs are kept");
    }
    let zone = spec.time_zone.as_deref().filter(|zone| !zone.is_empty());
    case.read(reading("spec.timeZone", zone));
    if zone.is_none() {
        case.note("no time zone is named: the schedule follows that of the controller manager");
    }
}

fn job(case: &mut Case, spec: &WorkloadSpec) {
    let bounded = spec.backoff_limit.is_none_or(|limit| limit <= 6);
    check(case, "spec.backoffLimit", spec.backoff_limit, bounded, "more than 6 retries are allowed");
    let kept = spec.ttl_seconds_after_finished;
    check(case, "spec.ttlSecondsAfterFinished", kept, kept.is_some(), "the finished Job is never removed");
}

fn check(
    case: &mut Case,
    path: &str,
    found: Option<impl Into<serde_json::Value>>,
    holds: bool,
    reason: &'static str,
) {
    let reading = reading(path, found);
    if holds {
        case.read(reading);
    } else {
        case.fault(reading, reason);
    }
}
