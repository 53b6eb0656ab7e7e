//! Sources of cluster state, projected to redacted records and a population.
//!
//! [`input`] reads manifests, [`live`] an API server or its recording; [`redact`] is what every object passes on its way out. Everything a
//! source yields is a [`raw::Reading`]; raw objects, which hold secrets, stay inside this crate.
//!
//! files, API server, recording → raw objects → redaction → records + population

mod collection;
mod error;
pub mod input;
mod limits;
pub mod live;
pub mod raw;
pub mod redact;
mod tally;

pub use collection::{ClusterFacts, Collection, ManifestOptions, collect_manifests};
pub use error::CollectError;
pub use limits::Limits;
