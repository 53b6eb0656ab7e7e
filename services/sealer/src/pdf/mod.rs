//! The part of ISO 32000-1 that a pack uses, read strictly and written append-only.
//!
//! `object` are the eight kinds of value, `parser` reads one of them at an offset, `document` follows
//! the cross-reference tables, `write` serialises an incremental update, `filter` inflates streams
//! within bounds, `text` reads and writes text strings and dates.
//!
//! A general PDF library repairs and guesses, which a verifier must not: two readers that guess
//! differently see two documents. This one refuses what packs never use (cross-reference streams,
//! object streams, encryption) and does work proportional to the size of the file.

pub(crate) mod document;
pub(crate) mod filter;
pub(crate) mod object;
mod parser;
pub(crate) mod text;
pub(crate) mod write;

pub(crate) use document::Document;
pub(crate) use object::{Dict, Object, Reference, Stream};
