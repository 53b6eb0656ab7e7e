//! The portal: evidence for people, as pages drawn on the server.
//!
//! `shell` is the frame of every page and `refusal` what stands there instead of a page; `viewer` is who looks, and
//! the one place that asks whether a pack is within reach; `marks`, `matrix` and `charts` draw the figures that the
//! packs draw too; `pages` holds one module a page; `forms` reads what people send; `grpc` calls the RPCs of this
//! process, so that a form does exactly what a client does; `assets` are styles and fonts. `seals` and `comparisons` remember what
//! costs something to find out, `download` sends files.
//!
//! Request → access layer → viewer → page → shell

mod access_words;
mod again;
mod assets;
mod charts;
mod check_view;
mod comparisons;
mod download;
mod dress;
mod forms;
mod grpc;
mod headers;
mod links;
mod marks;
mod matrix;
mod pages;
mod params;
mod parts;
mod refusal;
mod schedules;
mod seals;
mod shell;
mod slots;
mod verdict;
mod viewer;
mod waivers;
mod wire;
mod words;

pub use download::send;
pub use dress::dress;
pub use parts::{PortalParts, router};
