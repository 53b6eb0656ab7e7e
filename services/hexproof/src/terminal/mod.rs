//! What a person reads in a terminal: the matrix, the gates, the first steps.
//!
//! `style` knows colours and their absence, `matrix` lays out layer x goal, `report` the rest of an assessment, `compared` two of them, `progress` shows what
//! is going on. Colours never carry meaning alone: without them the same characters stand at the same places.

pub(crate) mod compared;
pub(crate) mod matrix;
pub(crate) mod progress;
pub(crate) mod report;
pub(crate) mod style;

mod wrapping;

pub(crate) use wrapping::{printable, width, wrap};
