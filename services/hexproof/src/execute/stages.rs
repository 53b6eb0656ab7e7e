//! Watches an audit pass through its stages: how long each takes, and a span for each.

use std::sync::{Mutex, PoisonError};

use hexproof_core::audit::{Progress, Stage};
use tokio::time::Instant;
use tracing::Span;

use crate::telemetry::metrics::Metrics;

/// The stages of one audit.
pub(super) struct Stages<'a> {
    metrics: &'a Metrics,
    told: &'a (dyn Fn(Progress) + Send + Sync),
    audit: Span,
    present: Mutex<Option<Present>>,
}

struct Present {
    stage: Stage,
    since: Instant,
    /// Ends when it is dropped.
    _span: Span,
}

impl<'a> Stages<'a> {
    /// Tells `told` what it is told, and measures.
    pub(super) fn new(metrics: &'a Metrics, told: &'a (dyn Fn(Progress) + Send + Sync), audit: Span) -> Self {
        Self { metrics, told, audit, present: Mutex::default() }
    }

    /// Passes progress on.
    pub(super) fn report(&self, now: Progress) {
        self.enter(Some(now.stage));
        (self.told)(now);
    }

    /// The audit has come to an end, or to a pause.
    pub(super) fn end(&self) {
        self.enter(None);
    }

    fn enter(&self, stage: Option<Stage>) {
        let mut present = self.present.lock().unwrap_or_else(PoisonError::into_inner);
        if present.as_ref().map(|present| present.stage) == stage {
            return;
        }
        if let Some(over) = present.take() {
            self.metrics.stage(over.stage, over.since.elapsed());
        }
        *present = stage.map(|stage| Present {
            stage,
            since: Instant::now(),
            _span: tracing::info_span!(parent: &self.audit, "stage", stage = stage.word()),
        });
    }
}
