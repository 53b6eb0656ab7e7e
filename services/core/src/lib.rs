//! The nouns of Hexproof, free of input, output and async.
//!
//! `record` holds the redacted Kubernetes objects, `population` what was listed and what was not seen, `permissions`
//! what the collector may read and do,
//! `snapshot` both together in their canonical bytes; `measure` is one line of the catalogue, `settings`
//! and `waiver` what an operator states; `observation` and `assessment` are what the scorer makes of it, `diff` is
//! what two assessments have apart.
//!
//! Around them, for the service: `id` names things, `audit` is one run with its trigger and end, `register` what
//! people keep (clusters, schedules, waivers), `access` who calls and what is within reach, `port` what the services
//! ask of the world.
//!
//! Objects → records → snapshot → observations → assessment

pub mod access;
pub mod assessment;
pub mod audit;
pub mod diff;
pub mod digest;
pub mod id;
pub mod measure;
pub mod observation;
pub mod permissions;
pub mod population;
pub mod port;
pub mod record;
pub mod register;
pub mod scale;
pub mod settings;
pub mod snapshot;
pub mod text;
pub mod waiver;
pub mod words;

pub use digest::Digest;
pub use scale::{Goal, Layer, Outcome, Platform, Rating, Significance};
