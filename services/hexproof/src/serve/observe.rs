//! What the workers tell, as metrics.

use std::sync::Arc;
use std::time::Duration;

use hexproof_core::audit::Stage;
use hexproof_scheduler::queue::Depth;
use hexproof_scheduler::worker::{Observe, Outcome};

use crate::telemetry::metrics::Metrics;

/// Counts for Prometheus.
pub(super) struct Observer(pub(super) Arc<Metrics>);

impl Observe for Observer {
    fn running(&self, audits: usize) {
        self.0.running(audits);
    }

    fn stage(&self, stage: Stage, took: Duration) {
        self.0.stage(stage, took);
    }

    fn attempt(&self, outcome: Outcome, stage: Stage, _: Duration) {
        self.0.audit(outcome.word(), stage);
    }

    fn depth(&self, depth: Option<Depth>) {
        if let Some(depth) = depth {
            self.0.waiting(depth.waiting);
        }
    }
}
