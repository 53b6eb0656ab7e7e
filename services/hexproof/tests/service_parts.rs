//! The programs of others that the service is tested with do what the tests need of them.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

#[path = "support/parts.rs"]
mod parts;
mod support;
use support::root;
