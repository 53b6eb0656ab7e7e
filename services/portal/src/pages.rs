//! One module a page; a form that is sent stands beside the page that shows it.

pub(crate) mod access_log;
pub(crate) mod audit;
pub(crate) mod cluster;
pub(crate) mod clusters;
pub(crate) mod home;
pub(crate) mod new_schedule;
pub(crate) mod new_waiver;
pub(crate) mod schedule;
pub(crate) mod schedules;
pub(crate) mod shared;
pub(crate) mod verify;
pub(crate) mod waiver;
pub(crate) mod waivers;
