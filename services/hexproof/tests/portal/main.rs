//! The portal in a browser, as auditors and operators use it: the real service with TLS, a real identity provider, and
//! Chromium. `control` shows that the checks see what they are there to see; `demo` makes
//! the history of which `pictures` makes the pictures of the documents.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

#[path = "../support/mod.rs"]
mod support;

mod auditor;
mod control;
mod demo;
mod every_page;
mod operator;
mod pictures;
mod world;
