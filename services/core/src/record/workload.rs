//! Controllers of pods: one struct for all of them, since measures judge them alike.

use jiff::Timestamp;

use super::allow_list;
use super::pod::{ClaimTemplate, Condition, PodTemplateSpec};
use super::scalar::IntOrString;
use super::selector::Selector;

allow_list! {
    /// Deployment, StatefulSet, DaemonSet, ReplicaSet (apps/v1), ReplicationController, PodTemplate (core/v1),
    /// Job, CronJob (batch/v1), without metadata. A field that the kind does not have is absent.
    struct Workload {
        spec: WorkloadSpec,
        status: Option<WorkloadStatus>,
        /// PodTemplate only.
        template: Option<PodTemplateSpec>,
    }

    struct WorkloadSpec {
        replicas: Option<i64>,
        selector: Option<Selector>,
        template: Option<PodTemplateSpec>,
        job_template: Option<JobTemplate>,
        strategy: Option<Strategy>,
        update_strategy: Option<Strategy>,
        min_ready_seconds: Option<i64>,
        service_name: Option<String>,
        volume_claim_templates: Vec<ClaimTemplate>,
        persistent_volume_claim_retention_policy: Option<ClaimRetention>,
        revision_history_limit: Option<i64>,
        schedule: Option<String>,
        time_zone: Option<String>,
        suspend: Option<bool>,
        concurrency_policy: Option<String>,
        starting_deadline_seconds: Option<i64>,
        successful_jobs_history_limit: Option<i64>,
        failed_jobs_history_limit: Option<i64>,
        backoff_limit: Option<i64>,
        active_deadline_seconds: Option<i64>,
        ttl_seconds_after_finished: Option<i64>,
    }

    struct JobTemplate { spec: JobSpec }
    struct JobSpec {
        template: Option<PodTemplateSpec>,
        backoff_limit: Option<i64>,
        active_deadline_seconds: Option<i64>,
        ttl_seconds_after_finished: Option<i64>,
    }
    struct Strategy { r#type: Option<String>, rolling_update: Option<RollingUpdate> }
    struct RollingUpdate { max_unavailable: Option<IntOrString>, max_surge: Option<IntOrString> }
    struct ClaimRetention { when_deleted: Option<String>, when_scaled: Option<String> }

    struct WorkloadStatus {
        replicas: Option<i64>,
        ready_replicas: Option<i64>,
        available_replicas: Option<i64>,
        number_ready: Option<i64>,
        desired_number_scheduled: Option<i64>,
        observed_generation: Option<i64>,
        last_schedule_time: Option<Timestamp>,
        last_successful_time: Option<Timestamp>,
        succeeded: Option<i64>,
        failed: Option<i64>,
        conditions: Vec<Condition>,
    }
}

impl Workload {
    /// The pod template and the path of its spec.
    pub fn template(&self) -> Option<(&PodTemplateSpec, &'static str)> {
        if let Some(template) = &self.spec.template {
            return Some((template, "spec.template.spec"));
        }
        if let Some(job) = &self.spec.job_template {
            return job.spec.template.as_ref().map(|t| (t, "spec.jobTemplate.spec.template.spec"));
        }
        self.template.as_ref().map(|template| (template, "template.spec"))
    }
}
