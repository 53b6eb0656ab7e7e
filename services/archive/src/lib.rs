//! Object storage of runs and packs; the only user of `object_store`.
//!
//! `open` turns an address into a store, `layout` names keys, `object` writes once and reads back,
//! `run` carries one run from its claim to its result, `read` lists and reads what was stored,
//! `record` holds the two small JSON records, `conformance` puts any store through the promises below.
//!
//! Claim → snapshot, population, assessment, pack → result
//!
//! What is promised:
//! - A key is written once. A second writer of the same bytes succeeds, one of other bytes gets
//!   [`ArchiveError::Conflict`]; nothing is ever overwritten or deleted.
//! - An object is visible whole or not at all, and durable when the call returns (a local folder is
//!   synced, directories included).
//! - `result.json` is written last. A run without it is unfinished, whatever else lies there, and can be
//!   taken up again under the same run id. A result names a pack that was stored before it.
//! - Bytes that are read are checked against the digest that names them.
//!
//! The crate never interprets what it stores, never reads the clock and never makes up an id.

mod access;
pub mod conformance;
mod download;
mod error;
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
pub use index::Reindexed;
pub use layout::{AuditRow, ClusterId, InvalidId, PackRow, Part, RunId};
pub use object::Archive;
pub use packs::{FinishedRun, PackStore, Pick};
pub use read::{RunListing, RunState};
pub use record::{Claim, Outcome, RunResult, Stored};
pub use records::RecordStore;
pub use run::{Claimed, Finished, Run};
pub use runs::RunStore;
pub use slots::SlotStore;
