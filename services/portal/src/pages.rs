//! One module a page; a form that is sent stands beside the page that shows it.

pub(crate) mod access_log;
pub(crate) mod audit;
pub(crate) mod changes;
pub(crate) mod cluster;
pub(crate) mod clusters;
pub(crate) mod file;
pub(crate) mod home;
pub(crate) mod measure;
pub(crate) mod measures;
pub(crate) mod new_schedule;
pub(crate) mod new_waiver;
pub(crate) mod observation;
pub(crate) mod observations;
mod opened;
pub(crate) mod pack;
pub(crate) mod packs;
mod paging;
pub(crate) mod population;
pub(crate) mod schedule;
pub(crate) mod schedules;
mod sentences;
pub(crate) mod shared;
pub(crate) mod verification;
pub(crate) mod verify;
pub(crate) mod waiver;
pub(crate) mod waivers;
