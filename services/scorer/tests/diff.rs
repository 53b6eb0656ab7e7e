//! Claims about comparisons: of real assessments, and of any.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

#[path = "diff/any.rs"]
mod any;
#[path = "diff/real.rs"]
mod real;
#[path = "diff/size.rs"]
mod size;
