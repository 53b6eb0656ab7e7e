//! The judge: catalogue and snapshot in, assessment out. Pure: no clock, no file, no network.
//!
//! `catalogue` reads measure files, `facts` indexes a snapshot, `verdict` collects what a measure says of a
//! subject, `measures` holds one typed function a measure, `score` turns verdicts into ratings, gates, the list of
//! work and the reconciled population. `examples` runs the examples that measure files carry, `diff` compares two
//! assessments.
//!
//! Snapshot → facts → verdicts → interception and waivers → scores → assessment

pub mod catalogue;
pub mod diff;
pub mod examples;
pub mod facts;
pub mod measures;
mod readings;
pub mod score;
pub mod verdict;

use hexproof_core::assessment::Assessment;
use hexproof_core::digest::Digest;
use hexproof_core::measure::Catalogue;
use hexproof_core::settings::Settings;
use hexproof_core::snapshot::Snapshot;
use hexproof_core::waiver::Waiver;

pub use catalogue::{CatalogueError, builtin};

/// Everything an assessment is a function of.
#[derive(Clone, Copy)]
pub struct Input<'a> {
    /// The state that is judged.
    pub snapshot: &'a Snapshot,
    /// The digest of its canonical bytes.
    pub digest: Digest,
    /// The measures.
    pub catalogue: &'a Catalogue,
    /// What the operator states.
    pub settings: &'a Settings,
    /// Accepted failures.
    pub waivers: &'a [Waiver],
}

/// Judges a snapshot. The same input gives the same assessment, byte for byte.
pub fn assess(input: Input<'_>) -> Assessment {
    let facts = facts::Facts::new(input.snapshot, input.settings);
    let verdicts = measures::judge(&facts, input.catalogue);
    score::assessment(input, &facts, verdicts)
}
