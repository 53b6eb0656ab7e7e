//! Watches an audit pass through its stages: a span for each.

use std::sync::{Mutex, PoisonError};

use hexproof_core::audit::{Progress, Stage};
use tracing::Span;

/// The stages of one audit.
pub(super) struct Stages<'a> {
    told: &'a (dyn Fn(Progress) + Send + Sync),
    audit: Span,
    present: Mutex<Option<Present>>,
}

struct Present {
    stage: Stage,
    /// Ends when it is dropped.
    _span: Span,
}

impl<'a> Stages<'a> {
    /// Tells `told` what it is told.
    pub(super) fn new(told: &'a (dyn Fn(Progress) + Send + Sync), audit: Span) -> Self {
        Self { told, audit, present: Mutex::default() }
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
        *present = stage.map(|stage| Present {
            stage,
            _span: tracing::info_span!(parent: &self.audit, "stage", stage = stage.word()),
        });
    }
}
