//! The portal in a browser, as auditors and operators use it: the real service with TLS, a real identity provider, and
//! Chromium. `control` shows that the checks see what they are there to see.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

#[path = "../support/mod.rs"]
mod support;

mod auditor;
mod control;
mod every_page;
mod operator;
mod world;
