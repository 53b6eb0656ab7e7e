//! The charts: packs over time, the six goals, the plate. Drawn on the server; colours are classes of the styles, so
//! that they follow light and dark.

mod goals;
mod plate;
mod time;

pub(crate) use goals::goals;
pub(crate) use plate::plate;
pub(crate) use time::{Point, packs_over_time, trend};
