//! The nouns of Hexproof, free of input, output and async.
//!
//! `record` holds the redacted Kubernetes objects, `population` what was listed and what was not seen,
//! `snapshot` both together in their canonical bytes; `measure` is one line of the catalogue, `settings`
//! and `waiver` what an operator states; `observation` and `assessment` are what the scorer makes of it.
//!
//! Objects → records → snapshot → observations → assessment

pub mod assessment;
pub mod digest;
pub mod measure;
pub mod observation;
pub mod population;
pub mod port;
pub mod record;
pub mod scale;
pub mod settings;
pub mod snapshot;
pub mod waiver;

pub use digest::Digest;
pub use scale::{Goal, Layer, Outcome, Platform, Rating, Significance};
