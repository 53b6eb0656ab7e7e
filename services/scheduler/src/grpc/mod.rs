//! The services of the scheduler, by the generated types of the API.

pub mod audits;
pub mod schedules;
