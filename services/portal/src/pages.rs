//! One module a page; a form that is sent stands beside the page that shows it.

pub(crate) mod changes;
pub(crate) mod clusters;
pub(crate) mod file;
pub(crate) mod home;
pub(crate) mod measure;
pub(crate) mod measures;
pub(crate) mod observation;
pub(crate) mod observations;
mod opened;
pub(crate) mod pack;
pub(crate) mod packs;
mod paging;
pub(crate) mod population;
mod sentences;
pub(crate) mod verification;
