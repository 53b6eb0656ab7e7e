//! Object storage of runs and packs; the only user of `object_store`.
//!
//! `open` turns an address into a store, with what `credentials` reads, `layout` names keys, `object` writes once and reads back, `run` carries one run
//! from its claim to its end, `read` lists and reads what was stored, `record` holds the small JSON records.
//!
//! For the services: `runs`, `records`, `slots` and `access` are ports of the core over the store, `packs` and `download`
//! give evidence out, `evidence` shows it to people, `index` keeps the lists and `timeline` reads them, `probe` asks whether the store answers, and
//! `grpc` is what clients see. `conformance` puts any store through the promises below.
//!
//! Order → claim → snapshot, population, assessment, pack → result → lists
//!
//! What is promised:
//! - A key is written once. A second writer of the same bytes succeeds, one of other bytes gets
//!   [`ArchiveError::Conflict`]; nothing is ever overwritten, and nothing but entries of the index, which can be made
//!   again from the runs, is ever deleted.
//! - An object is visible whole or not at all, and durable when the call returns (a local folder is
//!   synced, directories included).
//! - `result.json` is written last, and once: a pack, a failure or a cancellation, whichever comes first. A run without
//!   it is unfinished, whatever else lies there, and can be taken up again under the same run id. A result names a pack
//!   that was stored before it.
//! - An order that was acknowledged is found by whoever starts next, after a crash at any moment.
//! - Bytes that are read are checked against the digest that names them.
//!
//! The crate never interprets what it stores, but for what clients ask to see of it, and never reads the clock.

mod access;
pub mod conformance;
mod credentials;
mod download;
mod error;
mod evidence;
pub mod grpc;
mod index;
pub mod layout;
mod object;
mod open;
mod packs;
mod probe;
mod read;
mod recent;
mod record;
mod records;
mod run;
mod runs;
mod slots;
mod storage;
mod timeline;
mod unpack;

pub use access::AccessStore;
pub use download::Download;
pub use error::{ArchiveError, StoreFault};
pub use evidence::{EvidenceStore, Extracts};
pub use index::Reindexed;
pub use layout::{AuditRow, ClusterId, InvalidId, Part, RunId};
pub use object::Archive;
pub use packs::{FinishedRun, PackStore};
pub use read::{RunListing, RunState};
pub use record::{Claim, Outcome, Overall, RunResult, Stored};
pub use records::RecordStore;
pub use run::{Claimed, Finished, Run};
pub use runs::RunStore;
pub use slots::SlotStore;
