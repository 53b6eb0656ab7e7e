//! How much, how long and how often.

use std::time::Duration;

use hexproof_core::audit::AuditKey;
use hexproof_core::digest::Digest;

/// What bounds the work on audits.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Audits at the same time; at least 1.
    pub workers: usize,
    /// Longest time for one attempt at an audit, which then has failed.
    pub audit: Duration,
    /// How often a worker says that it is alive, and looks into the store whether its audit shall stop. Less than half
    /// of what the queue waits for.
    pub heartbeat: Duration,
    /// Least time between two messages about one stage.
    pub progress: Duration,
    /// How long running audits may go on after the stop.
    pub grace: Duration,
    /// An audit that so many workers died with has failed.
    pub deaths: u32,
    /// Pause before the second attempt, when store or queue do not answer; it doubles each time.
    pub retry_least: Duration,
    /// Longest pause.
    pub retry_most: Duration,
    /// How long an audit waits for the snapshot that an agent has to deliver.
    pub patience: Duration,
    /// How often the store is asked for audits that the queue has lost.
    pub reconcile: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            workers: 2,
            audit: Duration::from_secs(30 * 60),
            heartbeat: Duration::from_secs(10),
            progress: Duration::from_millis(200),
            grace: Duration::from_secs(25),
            deaths: 3,
            retry_least: Duration::from_secs(1),
            retry_most: Duration::from_secs(30),
            patience: Duration::from_secs(15 * 60),
            reconcile: Duration::from_secs(30),
        }
    }
}

impl Limits {
    /// The pause after an attempt (counted from 1) that found store or queue down: it doubles, and is cut by up to half
    /// so that many audits do not come back at once. How much is cut follows from audit and attempt.
    pub(super) fn pause(&self, key: &AuditKey, attempt: u32) -> Duration {
        let doubled = self.retry_least.saturating_mul(1 << attempt.saturating_sub(1).min(16));
        let full = doubled.min(self.retry_most);
        let digest = Digest::of(format!("{}/{}/{attempt}", key.cluster, key.run).as_bytes());
        full - full.mul_f64(f64::from(digest.bytes()[0]) / 512.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_bound_and_differ_between_audits() {
        let limits = Limits::default();
        let key = |name: &str| {
            let cluster = "shop".parse().unwrap();
            AuditKey { run: hexproof_core::id::RunId::derive(&cluster, &[name]), cluster }
        };
        let pauses: Vec<_> = (1..=40).map(|attempt| limits.pause(&key("a"), attempt)).collect();
        for (at, pause) in pauses.iter().enumerate() {
            let full = limits.retry_least.saturating_mul(1 << at.min(16)).min(limits.retry_most);
            assert!(*pause <= full && *pause > full / 2, "{at}: {pause:?} of {full:?}");
        }
        assert_ne!(limits.pause(&key("a"), 9), limits.pause(&key("b"), 9));
    }
}
