//! The services of the scheduler, over its ports.

pub mod schedules;
