//! One module a page; a form that is sent stands beside the page that shows it.

pub(crate) mod cluster;
pub(crate) mod clusters;
pub(crate) mod home;
