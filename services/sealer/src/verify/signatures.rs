//! The signatures of a file and the bytes they cover (ISO 32000-1 §12.8.1).

use std::ops::Range;

use jiff::Timestamp;

use crate::form::FIELD;
use crate::pdf::text::{decode, parse_date, printable};
use crate::pdf::{Dict, Document, Object, Reference};
use crate::{Permission, SealError};

/// Fields a form may have; a pack has one for the seal and one for each countersignature.
const MAX_FIELDS: usize = 1_000;
/// Signatures a file may have. Each is checked over everything before it, and ends a revision of its own.
const MAX_SIGNATURES: usize = 64;
/// Depth of the field tree.
const MAX_DEPTH: usize = 8;

/// A signature as found.
pub(super) struct Signature {
    /// Its field's name, fit for one line.
    pub(super) field: String,
    /// Its dictionary's object.
    pub(super) at: Reference,
    pub(super) dict: Dict,
    /// The bytes of `/Contents`.
    pub(super) contents: Vec<u8>,
    /// What it covers, or why that cannot be told.
    pub(super) covered: Result<Covered, String>,
    /// `/M`.
    pub(super) signed_at: Option<Timestamp>,
}

/// Everything from the start of the file to `end`, but the gap.
#[derive(Clone)]
pub(super) struct Covered {
    /// The string `/Contents`, its angle brackets included.
    pub(super) gap: Range<usize>,
    pub(super) end: usize,
}

/// Every signed signature field, in the order of what they cover; unreadable ByteRanges last.
pub(super) fn find(document: &Document<'_>) -> Result<Vec<Signature>, SealError> {
    let (_, catalog) = document.catalog()?;
    let mut found = Vec::new();
    if let Some(form) = document.get_dict(&catalog, "AcroForm")? {
        let mut left = MAX_FIELDS;
        for field in document.get_array(&form, "Fields")? {
            visit(document, &field, false, 0, &mut left, &mut found)?;
        }
    }
    found.sort_by_key(|signature| signature.covered.as_ref().map_or(usize::MAX, |covered| covered.end));
    Ok(found)
}

fn visit(
    document: &Document<'_>,
    field: &Object,
    inherited: bool,
    depth: usize,
    left: &mut usize,
    found: &mut Vec<Signature>,
) -> Result<(), SealError> {
    if *left == 0 || depth > MAX_DEPTH {
        return Err(SealError::Limit { what: "a form of more than 1,000 fields, or deeper than 8" });
    }
    *left -= 1;
    let Object::Dict(field) = document.resolve(field)? else {
        return Err(SealError::malformed(document.xref(), "a form field is no dictionary"));
    };
    let is_signature = document.get(&field, "FT")?.map_or(inherited, |kind| kind.is_name("Sig"));
    for kid in document.get_array(&field, "Kids")? {
        visit(document, &kid, is_signature, depth + 1, left, found)?;
    }
    if is_signature && field.get("V").is_some() {
        let name = match document.get(&field, "T")? {
            Some(Object::String(name, _)) => printable(&decode(&name)),
            _ => String::new(),
        };
        let (at, dict) = document.dict_at(field.get("V"), "a signature field's value is missing")?;
        if found.iter().any(|other| other.at == at) {
            return Err(SealError::malformed(document.xref(), "two fields have the same signature"));
        }
        if found.len() == MAX_SIGNATURES {
            return Err(SealError::Limit { what: "more than 64 signatures" });
        }
        found.push(read(document, name, at, dict));
    }
    Ok(())
}

fn read(document: &Document<'_>, field: String, at: Reference, dict: Dict) -> Signature {
    let (contents, gap) = match dict.get("Contents") {
        Some(Object::String(bytes, span)) => (bytes.clone(), Some(span.clone())),
        _ => (Vec::new(), None),
    };
    let signed_at = match dict.get("M") {
        Some(Object::String(date, _)) => parse_date(date),
        _ => None,
    };
    let covered = match gap {
        Some(gap) => covered(document.data(), &dict, gap),
        None => Err("its /Contents is no string".to_owned()),
    };
    Signature { field, at, dict, contents, covered, signed_at }
}

/// The ByteRange must be `[0 a b c]` where the gap from a to b is exactly the string `/Contents`.
fn covered(data: &[u8], dict: &Dict, gap: Range<usize>) -> Result<Covered, String> {
    let Some(Object::Array(items)) = dict.get("ByteRange") else {
        return Err("it has no ByteRange".to_owned());
    };
    let numbers = items.iter().map(|item| match item {
        Object::Integer(value) => usize::try_from(*value).ok(),
        _ => None,
    });
    let numbers = numbers.collect::<Option<Vec<_>>>().unwrap_or_default();
    let &[0, first, second, length] = numbers.as_slice() else {
        return Err("its ByteRange is not of the form [0 a b c]".to_owned());
    };
    if first != gap.start || second != gap.end {
        return Err(format!(
            "its ByteRange leaves out offsets {first} to {second}, but the signature stands at {} to {}",
            gap.start, gap.end
        ));
    }
    match second.checked_add(length) {
        Some(end) if end <= data.len() => Ok(Covered { gap, end }),
        _ => Err("its ByteRange reaches beyond the end of the file".to_owned()),
    }
}

/// Checks that a signature is a certification of ours (DocMDP), and returns what it permits.
pub(super) fn check_certification(
    document: &Document<'_>,
    signature: &Signature,
) -> Result<Result<Permission, String>, SealError> {
    let refuse = |reason: &str| Ok(Err(reason.to_owned()));
    let name_is = |key: &str, name: &str| signature.dict.get(key).is_some_and(|value| value.is_name(name));
    if signature.field != FIELD {
        return Ok(Err(format!("the first signature stands in `{}`, not in `{FIELD}`", signature.field)));
    }
    if !name_is("Type", "Sig")
        || !name_is("Filter", "Adobe.PPKLite")
        || !name_is("SubFilter", "ETSI.CAdES.detached")
    {
        return refuse("the seal is no PAdES signature");
    }
    let (_, catalog) = document.catalog()?;
    let permissions = document.get_dict(&catalog, "Perms")?.unwrap_or_default();
    if permissions.get("DocMDP") != Some(&Object::Reference(signature.at)) {
        return refuse("the seal does not certify the document (DocMDP)");
    }
    let references = document.get_array(&signature.dict, "Reference")?;
    let [reference] = references.as_slice() else {
        return refuse("the seal does not have exactly one signature reference");
    };
    let Object::Dict(reference) = document.resolve(reference)? else {
        return refuse("the seal's signature reference is no dictionary");
    };
    if !reference.get("TransformMethod").is_some_and(|method| method.is_name("DocMDP")) {
        return refuse("the seal does not certify the document (DocMDP)");
    }
    let parameters = document.get_dict(&reference, "TransformParams")?.unwrap_or_default();
    match parameters.get("P") {
        Some(Object::Integer(1)) => Ok(Ok(Permission::Final)),
        Some(Object::Integer(2)) => Ok(Ok(Permission::Countersignable)),
        _ => refuse("the seal permits more than further signatures"),
    }
}

/// Checks the digits of `/Contents`. A seal has the lowercase form without padding and nothing else.
/// Other signatures may use either case, but one throughout, and may be padded by zeros.
pub(super) fn check_hex(pdf: &[u8], covered: &Covered, seal: bool) -> Result<(), String> {
    let gap = pdf.get(covered.gap.clone()).unwrap_or_default();
    let digits = gap.strip_prefix(b"<").and_then(|rest| rest.strip_suffix(b">")).unwrap_or_default();
    let lower = digits.iter().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
    let upper = digits.iter().all(|digit| matches!(digit, b'0'..=b'9' | b'A'..=b'F'));
    let canonical = digits.len().is_multiple_of(2) && !digits.is_empty() && (lower || (upper && !seal));
    match canonical {
        true => Ok(()),
        false => Err("is not written in the one permitted way".to_owned()),
    }
}

/// The DER value at the start of `contents`; an error where anything but zeros follows it.
pub(super) fn without_padding(contents: &[u8]) -> Result<&[u8], String> {
    let length = match contents {
        [0x30, short @ 0..=0x7f, ..] => 2 + usize::from(*short),
        [0x30, 0x81, a, ..] => 3 + usize::from(*a),
        [0x30, 0x82, a, b, ..] => 4 + usize::from(u16::from_be_bytes([*a, *b])),
        [0x30, 0x83, a, b, c, ..] => 5 + (usize::from(*a) << 16 | usize::from(*b) << 8 | usize::from(*c)),
        _ => return Err("is no DER sequence".to_owned()),
    };
    match contents.split_at_checked(length) {
        Some((value, padding)) if padding.iter().all(|&byte| byte == 0) => Ok(value),
        _ => Err("is followed by other bytes than zeros".to_owned()),
    }
}
