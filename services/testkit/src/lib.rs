//! Fake API server, generated clusters, storage in memory and a fixed clock for tests.
//!
//! [`generate`] makes clusters of any size.
//! [`FakeCluster`] plays a scenario: objects to list, and faults per resource. It is one axum
//! router, used in process as a service, or behind a socket where time has to pass. It refuses to
//! guess: what the scenario does not serve is 404, and every request is kept to be asserted on.
//! [`MemoryRecords`] and [`MemoryAccessLog`] keep what the service keeps, and can be switched off like a store.
//!
//! [`evidence::FixedEvidence`] holds packs for whoever shows them, and [`evidence::Sample`] makes them.
//!
//! [`MemoryRuns`] and [`MemorySlots`] are a store that can be shared, outlives its users and can go down.

mod cluster;
pub mod evidence;
mod faults;
pub mod generate;
mod lists;
mod records;
mod replay;
mod runs;
mod slots;

pub use cluster::{Asked, FakeCluster, Served};
pub use faults::Fault;
pub use hexproof_core::port::FixedClock;
pub use records::{MemoryAccessLog, MemoryRecords};
pub use runs::MemoryRuns;
pub use slots::MemorySlots;
