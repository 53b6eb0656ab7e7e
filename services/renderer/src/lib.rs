//! Assessment and report templates in, PDF bytes out; the sole user of typst.
//!
//! `view` turns an assessment into what the pages print: strings, already rounded (never in the cluster's favour),
//! and lengths of bars. `render` hands it to the templates of `reports/`, which are compiled in (`reports`, `fonts`),
//! inside a closed `world` without files, network or clock, after `literal` has made every string printable.
//! `attachment` describes the files that travel inside the pack. Nothing here decides a score or signs anything.
//!
//! Assessment → report → data.json → pages → PDF/A-3a + PDF/UA-1

mod attachment;
mod error;
mod fonts;
mod literal;
mod render;
mod reports;
pub mod view;
mod world;

pub use attachment::{Attachment, Relationship};
pub use error::RenderError;
pub use render::{render, render_with};
pub use view::Report;
