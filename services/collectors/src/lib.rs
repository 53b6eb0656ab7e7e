//! Sources of cluster state, projected to redacted records and a population.
//!
//! [`input`] reads manifests, [`live`] an API server or its recording; [`redact`] is what every object passes on its
//! way out. Everything a source yields is a [`raw::Reading`]; raw objects, which hold secrets, stay inside this crate.
//! [`access`] is what a collector must be allowed to do.
//!
//! Between processes: [`agent`] collects in a cluster for whoever calls it, or calls by itself ([`push`]); [`source`] is
//! how the service gets at the state of a cluster, [`intake`] takes what agents bring, [`received`] believes nothing of
//! what another process made.
//!
//! files, API server, recording → raw objects → redaction → records + population

pub mod access;
pub mod agent;
mod collection;
mod error;
mod inflow;
pub mod input;
pub mod intake;
mod limits;
pub mod live;
mod outflow;
pub mod push;
pub mod raw;
pub mod received;
pub mod redact;
mod sealing;
pub mod source;
mod tally;

pub use collection::{ClusterFacts, Collection, ManifestOptions, collect_manifests};
pub use error::CollectError;
pub use limits::Limits;
pub use sealing::Stated;
