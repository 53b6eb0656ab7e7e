//! The programs of others that the service is tested with do what the tests need of them.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod support;
#[path = "support/parts.rs"]
mod parts;
use support::root;
