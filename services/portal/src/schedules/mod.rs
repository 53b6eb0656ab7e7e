//! What the pages of schedules have in common: times in words, slots in their zone, the form.

pub(crate) mod cron;
pub(crate) mod form;
pub(crate) mod slots;
