//! A PDF file through its classic cross-reference tables (ISO 32000-1 §7.5).

use std::cell::Cell;
use std::collections::BTreeMap;

use super::object::{Dict, Object, Reference, Stream};
use super::parser::Parser;
use crate::SealError;

/// Revisions a file may have; each countersignature adds one or two.
const MAX_REVISIONS: usize = 64;
/// Indirect objects; a pack of 500 pages has about 60,000.
const MAX_OBJECTS: u32 = 4_000_000;
/// References in a row from one value to the next.
const MAX_HOPS: usize = 8;

/// What the objects that are asked for may take together: their bytes, and [`VALUE`] for each value in them.
/// Contents of streams do not count, so catalog, form and name trees of the largest pack are far below.
const MAX_PARSED: usize = 64 << 20;
/// Approximate size of a value in memory.
const VALUE: usize = 64;

/// A file whose cross-reference tables were read; objects are parsed when asked for.
pub(crate) struct Document<'a> {
    data: &'a [u8],
    /// Offset of each object in use; the newest revision wins.
    offsets: BTreeMap<u32, (usize, u16)>,
    trailer: Dict,
    /// Offset of the newest cross-reference table.
    xref: usize,
    /// What is left of [`MAX_PARSED`]: references can make a small file expensive.
    budget: Cell<usize>,
}

type Result<T> = std::result::Result<T, SealError>;

/// One cross-reference table: where it stands, what it lists, its trailer.
struct Table {
    entries: Vec<(u32, Option<(usize, u16)>)>,
    trailer: Dict,
}

impl<'a> Document<'a> {
    /// Reads the last `startxref` and every table before it.
    pub(crate) fn open(data: &'a [u8]) -> Result<Self> {
        if !data.starts_with(b"%PDF-1.") && !data.starts_with(b"%PDF-2.") {
            return Err(SealError::malformed(0, "the header `%PDF-` is missing"));
        }
        let xref = last_xref(data)?;
        let mut document = Document {
            data,
            offsets: BTreeMap::new(),
            trailer: Dict::default(),
            xref,
            budget: Cell::new(MAX_PARSED),
        };
        let mut freed = BTreeMap::new();
        let mut next = Some(xref);
        for revision in 0.. {
            let Some(at) = next else { break };
            if revision == MAX_REVISIONS {
                return Err(SealError::Limit { what: "more than 64 revisions" });
            }
            let table = document.table(at)?;
            for (number, entry) in table.entries {
                if document.offsets.contains_key(&number) || freed.contains_key(&number) {
                    continue;
                }
                match entry {
                    Some(place) => drop(document.offsets.insert(number, place)),
                    None => drop(freed.insert(number, ())),
                }
            }
            next = previous(&table.trailer, at)?;
            if revision == 0 {
                document.trailer = table.trailer;
            }
        }
        if document.trailer.get("Encrypt").is_some() {
            return Err(SealError::Unsupported { feature: "encryption" });
        }
        Ok(document)
    }

    pub(crate) fn data(&self) -> &'a [u8] {
        self.data
    }

    pub(crate) fn trailer(&self) -> &Dict {
        &self.trailer
    }

    pub(crate) fn xref(&self) -> usize {
        self.xref
    }

    /// The objects in use, by number, with the offset of each.
    pub(crate) fn offsets(&self) -> impl Iterator<Item = (Reference, usize)> + '_ {
        self.offsets.iter().map(|(&number, &(offset, generation))| (Reference { number, generation }, offset))
    }

    /// Where an object stands, if this file has it.
    pub(crate) fn offset(&self, of: Reference) -> Option<usize> {
        self.offsets
            .get(&of.number)
            .filter(|(_, generation)| *generation == of.generation)
            .map(|place| place.0)
    }

    /// The first object number that is not taken.
    pub(crate) fn next_number(&self) -> Result<u32> {
        let size = match self.trailer.get("Size") {
            Some(&Object::Integer(size)) => u32::try_from(size).unwrap_or(u32::MAX),
            _ => return Err(SealError::malformed(self.xref, "the trailer has no /Size")),
        };
        let used = self.offsets.last_key_value().map_or(0, |(&number, _)| number);
        if size > MAX_OBJECTS || used >= size {
            return Err(SealError::malformed(self.xref, "the trailer's /Size does not fit the objects"));
        }
        Ok(size)
    }

    /// The value of an indirect object; null where the file has none (§7.3.10).
    pub(crate) fn object(&self, reference: Reference) -> Result<Object> {
        Ok(self.parse(reference)?.map_or(Object::Null, |(value, _)| value))
    }

    /// Follows references until a value is reached.
    pub(crate) fn resolve(&self, value: &Object) -> Result<Object> {
        let mut value = value.clone();
        for _ in 0..MAX_HOPS {
            match value {
                Object::Reference(reference) => value = self.object(reference)?,
                other => return Ok(other),
            }
        }
        Err(SealError::Limit { what: "a chain of more than 8 references" })
    }

    /// The resolved value of a key; `None` where absent or null.
    pub(crate) fn get(&self, dict: &Dict, key: &str) -> Result<Option<Object>> {
        match dict.get(key) {
            None => Ok(None),
            Some(value) => Ok(Some(self.resolve(value)?).filter(|value| !matches!(value, Object::Null))),
        }
    }

    /// The resolved dictionary of a key; an error where something else stands there.
    pub(crate) fn get_dict(&self, dict: &Dict, key: &str) -> Result<Option<Dict>> {
        match self.get(dict, key)? {
            None => Ok(None),
            Some(Object::Dict(found)) => Ok(Some(found)),
            Some(_) => Err(SealError::malformed(self.xref, "a dictionary was expected under a key")),
        }
    }

    /// The resolved array of a key, empty where absent; an error where something else stands there.
    pub(crate) fn get_array(&self, dict: &Dict, key: &str) -> Result<Vec<Object>> {
        match self.get(dict, key)? {
            None => Ok(Vec::new()),
            Some(Object::Array(items)) => Ok(items),
            Some(_) => Err(SealError::malformed(self.xref, "an array was expected under a key")),
        }
    }

    /// A reference that leads to a dictionary, and that dictionary.
    pub(crate) fn dict_at(&self, value: Option<&Object>, what: &'static str) -> Result<(Reference, Dict)> {
        if let Some(&Object::Reference(reference)) = value
            && let Object::Dict(dict) = self.object(reference)?
        {
            return Ok((reference, dict));
        }
        Err(SealError::malformed(self.xref, what))
    }

    /// The document catalog.
    pub(crate) fn catalog(&self) -> Result<(Reference, Dict)> {
        self.dict_at(self.trailer.get("Root"), "the trailer has no /Root")
    }

    /// A stream's dictionary and place.
    pub(crate) fn stream(&self, reference: Reference) -> Result<Stream> {
        match self.parse(reference)? {
            Some((Object::Dict(dict), Some(start))) => Ok(Stream { dict, start }),
            _ => Err(SealError::malformed(
                self.offset(reference).unwrap_or(self.xref),
                "a stream was expected",
            )),
        }
    }

    /// A stream's bytes as they stand in the file, its filters not applied.
    pub(crate) fn raw(&self, stream: &Stream) -> Result<&'a [u8]> {
        let length = match self.get(&stream.dict, "Length")? {
            Some(Object::Integer(length)) => usize::try_from(length).ok(),
            _ => None,
        };
        let bytes = length
            .and_then(|length| self.data.get(stream.start..)?.split_at_checked(length))
            .filter(|(_, after)| after.trim_ascii_start().starts_with(b"endstream"));
        match bytes {
            Some((bytes, _)) => Ok(bytes),
            None => {
                Err(SealError::malformed(stream.start, "the stream's /Length does not lead to `endstream`"))
            }
        }
    }

    /// The value of an object, and the offset of its stream's first byte if it is a stream.
    fn parse(&self, reference: Reference) -> Result<Option<(Object, Option<usize>)>> {
        let Some(offset) = self.offset(reference) else { return Ok(None) };
        let mut parser = Parser::new(self.data, offset);
        if parser.reference("obj") != Some(reference) {
            return Err(SealError::malformed(offset, "the cross-reference table points to another object"));
        }
        let value = parser.object()?;
        parser.skip_space();
        let end = parser.at;
        self.spend((end - offset).saturating_add(VALUE.saturating_mul(parser.values)))?;
        if parser.keyword("endobj") {
            return Ok(Some((value, None)));
        }
        // §7.3.8.1: `stream` is followed by CR LF or LF, never by CR alone.
        let after = self.data.get(end..).unwrap_or_default();
        let start = if after.starts_with(b"stream\r\n") {
            end + 8
        } else if after.starts_with(b"stream\n") {
            end + 7
        } else {
            return Err(SealError::malformed(end, "`endobj` or `stream` is missing"));
        };
        Ok(Some((value, Some(start))))
    }

    fn spend(&self, cost: usize) -> Result<()> {
        match self.budget.get().checked_sub(cost) {
            Some(rest) => {
                self.budget.set(rest);
                Ok(())
            }
            None => Err(SealError::Limit {
                what: "objects of more than 64 MiB, or referred to so often that reading them takes as much",
            }),
        }
    }

    /// Reads the table at an offset (§7.5.4) and its trailer (§7.5.5).
    fn table(&self, at: usize) -> Result<Table> {
        let mut parser = Parser::new(self.data, at);
        if !parser.keyword("xref") {
            let feature = "cross-reference streams, or startxref points to no table";
            return Err(SealError::Unsupported { feature });
        }
        let mut entries = Vec::new();
        parser.skip_space();
        while !parser.keyword("trailer") {
            let first = parser.unsigned()?;
            parser.skip_space();
            let count = parser.unsigned()?;
            parser.skip_space();
            if first.saturating_add(count) > u64::from(MAX_OBJECTS) {
                return Err(SealError::Limit { what: "more than 4,000,000 objects" });
            }
            for number in first..first + count {
                let entry = read_entry(self.data, parser.at)?;
                parser.at += 20;
                let number = u32::try_from(number).unwrap_or(u32::MAX);
                entries.push((number, entry));
            }
            parser.skip_space();
        }
        match parser.object()? {
            Object::Dict(trailer) if trailer.get("XRefStm").is_some() => {
                Err(SealError::Unsupported { feature: "cross-reference streams" })
            }
            Object::Dict(trailer) => Ok(Table { entries, trailer }),
            _ => Err(SealError::malformed(parser.at, "the trailer is no dictionary")),
        }
    }
}

/// The offset that the last `startxref` of the file names.
fn last_xref(data: &[u8]) -> Result<usize> {
    const WORD: &[u8] = b"startxref";
    let Some(at) = data.windows(WORD.len()).rposition(|window| window == WORD) else {
        return Err(SealError::malformed(data.len(), "`startxref` is missing"));
    };
    let mut parser = Parser::new(data, at + WORD.len());
    parser.skip_space();
    let xref = parser.unsigned()?;
    while data.get(parser.at).is_some_and(|&byte| super::object::is_space(byte)) {
        parser.at += 1;
    }
    if !data.get(parser.at..).unwrap_or_default().starts_with(b"%%EOF") {
        return Err(SealError::malformed(parser.at, "`%%EOF` is missing"));
    }
    match usize::try_from(xref) {
        Ok(xref) if xref < at => Ok(xref),
        _ => Err(SealError::malformed(at, "`startxref` points beyond itself")),
    }
}

/// `/Prev` of a trailer. Always before the table it stands in, so that no file makes a loop.
fn previous(trailer: &Dict, at: usize) -> Result<Option<usize>> {
    match trailer.get("Prev") {
        None => Ok(None),
        Some(&Object::Integer(offset)) => match usize::try_from(offset) {
            Ok(offset) if offset < at => Ok(Some(offset)),
            _ => Err(SealError::malformed(at, "/Prev points forward")),
        },
        Some(_) => Err(SealError::malformed(at, "/Prev is no number")),
    }
}

/// One entry of exactly 20 bytes: `nnnnnnnnnn ggggg n` and a two-byte end of line.
fn read_entry(data: &[u8], at: usize) -> Result<Option<(usize, u16)>> {
    let malformed = || SealError::malformed(at, "a cross-reference entry is malformed");
    let entry = data.get(at..).and_then(|rest| rest.first_chunk::<20>()).ok_or_else(malformed)?;
    let number = |digits: &[u8]| -> Option<u64> {
        digits
            .iter()
            .try_fold(0_u64, |sum, digit| digit.is_ascii_digit().then(|| sum * 10 + u64::from(digit - b'0')))
    };
    let offset = number(&entry[..10]).and_then(|value| usize::try_from(value).ok());
    let generation = number(&entry[11..16]).and_then(|value| u16::try_from(value).ok());
    let end = matches!(&entry[18..], b" \n" | b" \r" | b"\r\n");
    match (entry[10], offset, entry[16], generation, entry[17], end) {
        (b' ', Some(offset), b' ', Some(generation), b'n', true) => Ok(Some((offset, generation))),
        (b' ', Some(_), b' ', Some(_), b'f', true) => Ok(None),
        _ => Err(malformed()),
    }
}
