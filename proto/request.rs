//! What many requests have in common: request ids, page sizes and tokens, field masks, instants.

use hexproof_core::digest::Digest;
use hexproof_core::port::Cursor;
use jiff::Timestamp;
use prost_types::FieldMask;
use tonic::Status;

use crate::status::invalid;

/// Items of a page unless the client says otherwise.
pub const DEFAULT_PAGE: usize = 50;
/// Items of a page at most.
pub const LARGEST_PAGE: usize = 500;

/// A request id: 1 to 128 printable ASCII characters.
///
/// # Errors
/// INVALID_ARGUMENT that names the field.
pub fn request_id(field: &'static str, text: &str) -> Result<String, Status> {
    let fits = (1..=128).contains(&text.len()) && text.bytes().all(|byte| (0x21..=0x7e).contains(&byte));
    match fits {
        true => Ok(text.to_owned()),
        false => {
            Err(invalid(field, "1 to 128 printable ASCII characters without spaces, chosen by the client"))
        }
    }
}

/// The number of items of a page.
///
/// # Errors
/// INVALID_ARGUMENT for a negative size; one that is too large is cut (AIP-158).
pub fn page_size(size: i32) -> Result<usize, Status> {
    match usize::try_from(size) {
        Ok(0) => Ok(DEFAULT_PAGE),
        Ok(size) => Ok(size.min(LARGEST_PAGE)),
        Err(_) => Err(invalid("page_size", "may not be negative")),
    }
}

/// A page token for a cursor. It is bound to the query (`query` is the request without its page fields), so that it
/// cannot be used with another one; it is no secret and grants nothing.
pub fn page_token(cursor: Option<&Cursor>, query: &impl prost::Message) -> String {
    let Some(Cursor(cursor)) = cursor else { return String::new() };
    format!("{}.{}", &query_digest(query)[..16], hex(cursor.as_bytes()))
}

/// The cursor of a page token; `None` for the first page.
///
/// # Errors
/// INVALID_ARGUMENT for a token that was made for another query or not by this service.
pub fn cursor(token: &str, query: &impl prost::Message) -> Result<Option<Cursor>, Status> {
    if token.is_empty() {
        return Ok(None);
    }
    let wrong = || invalid("page_token", "is not that of an earlier page of the same query");
    if token.len() > 4096 {
        return Err(wrong());
    }
    let (digest, place) = token.split_once('.').ok_or_else(wrong)?;
    if digest != &query_digest(query)[..16] {
        return Err(wrong());
    }
    let place = unhex(place).and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(wrong)?;
    Ok(Some(Cursor(place)))
}

fn query_digest(query: &impl prost::Message) -> String {
    Digest::of(&query.encode_to_vec()).hex()
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.is_ascii() || !text.len().is_multiple_of(2) {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect()
}

/// The fields that a mask names, checked against those that there are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mask(Option<Vec<String>>);

impl Mask {
    /// Reads a mask; `None` and an empty one name every field. `known` are the paths that may be named; a known path
    /// also admits every path below it.
    ///
    /// # Errors
    /// INVALID_ARGUMENT that names the mask's field and the path that is not known.
    pub fn read(field: &'static str, mask: Option<&FieldMask>, known: &[&str]) -> Result<Self, Status> {
        let Some(mask) = mask.filter(|mask| !mask.paths.is_empty()) else { return Ok(Self(None)) };
        for path in &mask.paths {
            let fits = path == "*" || known.iter().any(|known| below(path, known));
            if !fits {
                let path: String = path.chars().take(80).flat_map(char::escape_default).collect();
                return Err(invalid(
                    field,
                    format!("there is no field `{path}`; known are {}", known.join(", ")),
                ));
            }
        }
        if mask.paths.iter().any(|path| path == "*") {
            return Ok(Self(None));
        }
        Ok(Self(Some(mask.paths.clone())))
    }

    /// Whether every field is named.
    pub fn is_all(&self) -> bool {
        self.0.is_none()
    }

    /// Whether a field, or something within it, or all around it, is named.
    pub fn has(&self, path: &str) -> bool {
        match &self.0 {
            None => true,
            Some(paths) => paths.iter().any(|named| below(named, path) || below(path, named)),
        }
    }
}

/// Whether `path` is `of` or lies below it.
fn below(path: &str, of: &str) -> bool {
    path.strip_prefix(of).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// An instant as a message.
pub fn timestamp(at: Timestamp) -> prost_types::Timestamp {
    prost_types::Timestamp { seconds: at.as_second(), nanos: at.subsec_nanosecond() }.normalized()
}

/// An instant of a message.
///
/// # Errors
/// INVALID_ARGUMENT that names the field.
pub fn instant(field: &'static str, at: &prost_types::Timestamp) -> Result<Timestamp, Status> {
    Timestamp::new(at.seconds, at.nanos).map_err(|_| invalid(field, "is beyond the years 1 to 9999"))
}

trait Normalized {
    fn normalized(self) -> Self;
}

impl Normalized for prost_types::Timestamp {
    /// Nanoseconds count forward from the second, before 1970 too.
    fn normalized(mut self) -> Self {
        if self.nanos < 0 {
            self.seconds -= 1;
            self.nanos += 1_000_000_000;
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_token_belongs_to_its_query() {
        let query = crate::v1::ListPacksRequest { cluster_id: "shop".into(), ..Default::default() };
        let place = Cursor("20261124/x".into());
        let token = page_token(Some(&place), &query);
        assert_eq!(cursor(&token, &query).unwrap(), Some(place));
        let other = crate::v1::ListPacksRequest { cluster_id: "bank".into(), ..Default::default() };
        assert!(cursor(&token, &other).is_err());
        for broken in ["x", ".", "é.00", &token[..token.len() - 1], &format!("{token}g0")] {
            assert!(cursor(broken, &query).is_err(), "{broken}");
        }
        assert_eq!(cursor("", &query).unwrap(), None);
    }

    #[test]
    fn a_mask_admits_known_paths_and_what_lies_below() {
        let mask =
            |paths: &[&str]| FieldMask { paths: paths.iter().map(|path| (*path).to_owned()).collect() };
        let known = ["digest", "assessment"];
        let some = Mask::read("read_mask", Some(&mask(&["assessment.matrix"])), &known).unwrap();
        assert!(some.has("assessment") && some.has("assessment.matrix") && !some.has("digest"));
        assert!(!some.has("assessment.observations"));
        assert!(Mask::read("read_mask", Some(&mask(&["digestible"])), &known).is_err());
        assert!(Mask::read("read_mask", None, &known).unwrap().has("digest"));
    }

    #[test]
    fn instants_before_1970_keep_their_nanoseconds_positive() {
        let at: Timestamp = "1969-12-31T23:59:59.5Z".parse().unwrap();
        let message = timestamp(at);
        assert_eq!((message.seconds, message.nanos), (-1, 500_000_000));
        assert_eq!(instant("at", &message).unwrap(), at);
    }

    #[test]
    fn request_ids_are_printable_and_bounded() {
        assert!(request_id("request_id", "ci-1").is_ok());
        for wrong in ["", "a b", "ä", "\n", &"x".repeat(129)] {
            assert!(request_id("request_id", wrong).is_err(), "{wrong:?}");
        }
    }
}
