//! Decodes attachment streams within bounds.

use std::io::Read;

use super::{Document, Object, Stream};
use crate::SealError;

/// What all attachments of a file may decode to together.
pub(crate) const MAX_TOTAL: u64 = 256 << 20;
/// How much larger than its compressed form a stream may be, once it exceeds [`RATIO_FLOOR`].
const MAX_RATIO: u64 = 100;
/// Below this size, any ratio: repetitive JSON compresses well.
const RATIO_FLOOR: u64 = 4 << 20;

/// Feeds the decoded bytes of a stream to `sink` piece by piece and returns their number.
///
/// `budget` is what may still be decoded; what was is taken off.
pub(crate) fn decode(
    document: &Document<'_>,
    stream: &Stream,
    budget: &mut u64,
    mut sink: impl FnMut(&[u8]),
) -> Result<u64, SealError> {
    let raw = document.raw(stream)?;
    let raw_length = raw.len() as u64;
    if stream.dict.get("DecodeParms").is_some() || stream.dict.get("F").is_some() {
        return Err(SealError::Unsupported { feature: "external or predicted attachment streams" });
    }
    let filter = match document.get(&stream.dict, "Filter")? {
        Some(Object::Array(mut filters)) if filters.len() <= 1 => filters.pop(),
        other => other,
    };
    match filter {
        None => {
            take(budget, raw_length)?;
            sink(raw);
            Ok(raw_length)
        }
        Some(name) if name.is_name("FlateDecode") => {
            let mut inflate = flate2::bufread::ZlibDecoder::new(raw);
            let mut buffer = vec![0; 64 << 10];
            let mut total = 0_u64;
            loop {
                let count = inflate.read(&mut buffer).map_err(|_| {
                    SealError::malformed(stream.start, "an attachment's zlib stream is damaged")
                })?;
                if count == 0 {
                    return Ok(total);
                }
                total += count as u64;
                take(budget, count as u64)?;
                if total > RATIO_FLOOR && total / MAX_RATIO > raw_length {
                    return Err(SealError::Limit { what: "an attachment inflates more than 100-fold" });
                }
                sink(&buffer[..count]);
            }
        }
        Some(_) => Err(SealError::Unsupported { feature: "an attachment filter other than FlateDecode" }),
    }
}

fn take(budget: &mut u64, count: u64) -> Result<(), SealError> {
    match budget.checked_sub(count) {
        Some(rest) => {
            *budget = rest;
            Ok(())
        }
        None => Err(SealError::Limit { what: "the attachments inflate to more than 256 MiB" }),
    }
}
