//! What the workers tell whoever counts.

use std::time::Duration;

use hexproof_core::audit::{Ending, Stage};

use crate::queue::Depth;

/// How one attempt at an audit came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// Its pack is in the store.
    Succeeded,
    /// It ended without a pack.
    Failed,
    /// It was stopped by request.
    Cancelled,
    /// It waits for a snapshot.
    Awaiting,
    /// Store or queue did not answer: it is tried again.
    Retried,
    /// The work on it crashed: it is tried again.
    Crashed,
    /// The process stops: another one, or the next start, goes on with it.
    Interrupted,
}

impl Outcome {
    /// Every outcome.
    pub const ALL: [Self; 7] = [
        Self::Succeeded,
        Self::Failed,
        Self::Cancelled,
        Self::Awaiting,
        Self::Retried,
        Self::Crashed,
        Self::Interrupted,
    ];

    /// The name as it stands in metrics and logs.
    pub fn word(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Awaiting => "awaiting",
            Self::Retried => "retried",
            Self::Crashed => "crashed",
            Self::Interrupted => "interrupted",
        }
    }
}

impl From<&Ending> for Outcome {
    fn from(ending: &Ending) -> Self {
        match ending {
            Ending::Succeeded { .. } => Self::Succeeded,
            Ending::Failed { .. } => Self::Failed,
            Ending::Cancelled { .. } => Self::Cancelled,
        }
    }
}

/// Counts and measures. Called from the workers: do not block.
pub trait Observe: Send + Sync {
    /// So many audits are being worked on by this process.
    fn running(&self, audits: usize);
    /// An audit left a stage after so long.
    fn stage(&self, stage: Stage, took: Duration);
    /// An attempt came out, in which stage and after how long.
    fn attempt(&self, outcome: Outcome, stage: Stage, took: Duration);
    /// So much is in the queue; `None` if it does not answer.
    fn depth(&self, depth: Option<Depth>);
}

/// Nobody counts.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unobserved;

impl Observe for Unobserved {
    fn running(&self, _: usize) {}
    fn stage(&self, _: Stage, _: Duration) {}
    fn attempt(&self, _: Outcome, _: Stage, _: Duration) {}
    fn depth(&self, _: Option<Depth>) {}
}
