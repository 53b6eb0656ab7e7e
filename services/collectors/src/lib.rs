//! Sources of cluster state, projected to redacted records and a population.
//!
//! [`input`] reads manifests. Everything a source yields is a [`raw::Reading`]; raw objects, which
//! hold secrets, stay inside this crate.
//!
//! files → raw objects → redaction → records + population

mod error;
pub mod input;
mod limits;
pub mod raw;

pub use error::CollectError;
pub use limits::Limits;
