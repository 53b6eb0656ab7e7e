//! The files attached to a PDF (ISO 32000-1 §7.11.4), read within bounds.

use md5::{Digest, Md5};

use crate::SealError;
use crate::pdf::filter::{self, MAX_TOTAL};
use crate::pdf::text::{decode, printable};
use crate::pdf::{Dict, Document, Object, Reference};

/// Files a PDF may attach; a pack attaches a handful.
const MAX_FILES: usize = 1_000;
/// Depth of the name tree.
const MAX_TREE_DEPTH: usize = 16;

/// An attached file with its contents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// File name as the PDF states it, fit for one line; it is not a path and must not be used as one.
    pub name: String,
    /// Media type, empty where the PDF states none.
    pub mime: String,
    /// The contents.
    pub bytes: Vec<u8>,
}

/// An attached file without its contents.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct AttachmentDigest {
    /// File name, as in [`Attachment::name`].
    pub name: String,
    /// Media type, empty where the PDF states none.
    pub mime: String,
    /// Length of the contents in bytes.
    pub size: u64,
    /// SHA-256 of the contents, 64 lowercase hexadecimal digits.
    pub sha256: String,
}

/// Every file attached to a PDF, in the order of its name tree, which is that of the names.
///
/// Whether the PDF is sealed is another question: ask [`crate::verify`].
///
/// # Errors
/// [`SealError::Limit`] for more than 1,000 files, more than 256 MiB together, or a file that inflates
/// more than 100-fold; [`SealError::Malformed`] and [`SealError::Unsupported`] for what no pack contains.
pub fn attachments(pdf: &[u8]) -> Result<Vec<Attachment>, SealError> {
    let document = Document::open(pdf)?;
    let mut budget = MAX_TOTAL;
    let mut found = Vec::new();
    for file in embedded(&document)? {
        let mut bytes = Vec::new();
        filter::decode(&document, &document.stream(file.stream)?, &mut budget, |piece| {
            bytes.extend_from_slice(piece)
        })?;
        found.push(Attachment { name: file.name, mime: file.mime, bytes });
    }
    Ok(found)
}

/// The beginning of an attached file: about `most` bytes of it, all if it is shorter; `None` where no file has that
/// name. No more than that is decoded, whatever it would inflate to.
///
/// # Errors
/// As [`attachments`].
pub fn attachment_head(pdf: &[u8], name: &str, most: u64) -> Result<Option<Vec<u8>>, SealError> {
    let document = Document::open(pdf)?;
    let Some(file) = embedded(&document)?.into_iter().find(|file| file.name == name) else { return Ok(None) };
    let (mut bytes, mut budget) = (Vec::new(), most);
    let stream = document.stream(file.stream)?;
    match filter::decode(&document, &stream, &mut budget, |piece| bytes.extend_from_slice(piece)) {
        // The end of the budget is what was asked for.
        Err(SealError::Limit { .. }) | Ok(_) => Ok(Some(bytes)),
        Err(error) => Err(error),
    }
}

/// The attached files, hashed without being kept, and checked against the size and checksum that the
/// PDF states. The inner error is a sentence about a file that does not match.
pub(crate) fn digests(document: &Document<'_>) -> Result<Result<Vec<AttachmentDigest>, String>, SealError> {
    let mut budget = MAX_TOTAL;
    let mut found = Vec::new();
    for file in embedded(document)? {
        let stream = document.stream(file.stream)?;
        let params = document.get_dict(&stream.dict, "Params")?.unwrap_or_default();
        let mut sha_256 = ring::digest::Context::new(&ring::digest::SHA256);
        // ISO 32000-1 Table 46 has no better checksum; it guards against accidents, the seal against all else.
        let mut checksum = document.get(&params, "CheckSum")?.map(|stated| (stated, Md5::new()));
        let size = filter::decode(document, &stream, &mut budget, |piece| {
            sha_256.update(piece);
            if let Some((_, md5)) = &mut checksum {
                md5.update(piece);
            }
        })?;
        match document.get(&params, "Size")? {
            Some(Object::Integer(stated)) if u64::try_from(stated) == Ok(size) => {}
            None => {}
            Some(_) => {
                return Ok(Err(format!("attachment `{}` has another size than the file states", file.name)));
            }
        }
        match checksum {
            Some((Object::String(stated, _), md5)) if stated == md5.clone().finalize().as_slice() => {}
            None => {}
            Some(_) => {
                return Ok(Err(format!(
                    "attachment `{}` has another checksum than the file states",
                    file.name
                )));
            }
        }
        let sha256 = crate::hex(sha_256.finish().as_ref());
        found.push(AttachmentDigest { name: file.name, mime: file.mime, size, sha256 });
    }
    Ok(Ok(found))
}

struct Embedded {
    name: String,
    mime: String,
    stream: Reference,
}

/// The file specifications of the name tree. Every associated file of the catalog must be among them,
/// and no name may occur twice: otherwise readers would show different files.
fn embedded(document: &Document<'_>) -> Result<Vec<Embedded>, SealError> {
    let (_, catalog) = document.catalog()?;
    let mut specifications = Vec::new();
    if let Some(names) = document.get_dict(&catalog, "Names")?
        && let Some(tree) = document.get_dict(&names, "EmbeddedFiles")?
    {
        walk(document, &tree, 0, &mut specifications)?;
    }
    for associated in document.get_array(&catalog, "AF")? {
        if !specifications.contains(&associated) {
            return Err(SealError::malformed(
                document.xref(),
                "an associated file is not among the attachments",
            ));
        }
    }
    let mut files = Vec::new();
    for specification in &specifications {
        files.push(read_specification(document, specification)?);
    }
    let mut names: Vec<_> = files.iter().map(|file| &file.name).collect();
    names.sort_unstable();
    if names.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err(SealError::malformed(document.xref(), "two attachments have the same name"));
    }
    Ok(files)
}

fn walk(
    document: &Document<'_>,
    node: &Dict,
    depth: usize,
    found: &mut Vec<Object>,
) -> Result<(), SealError> {
    if depth > MAX_TREE_DEPTH {
        return Err(SealError::Limit { what: "an attachment tree deeper than 16" });
    }
    for pair in document.get_array(node, "Names")?.chunks(2) {
        if let [_, specification] = pair {
            found.push(specification.clone());
        }
    }
    for kid in document.get_array(node, "Kids")? {
        if found.len() > MAX_FILES {
            break;
        }
        let (_, kid) = document.dict_at(Some(&kid), "a node of the attachment tree is missing")?;
        walk(document, &kid, depth + 1, found)?;
    }
    if found.len() > MAX_FILES {
        return Err(SealError::Limit { what: "more than 1,000 attachments" });
    }
    Ok(())
}

fn read_specification(document: &Document<'_>, specification: &Object) -> Result<Embedded, SealError> {
    let missing = || SealError::malformed(document.xref(), "an attachment has no name or no contents");
    let Object::Dict(specification) = document.resolve(specification)? else { return Err(missing()) };
    let name = match document.get(&specification, "UF")? {
        Some(name) => Some(name),
        None => document.get(&specification, "F")?,
    };
    let Some(Object::String(name, _)) = name else { return Err(missing()) };
    let files = document.get_dict(&specification, "EF")?.ok_or_else(missing)?;
    let stream = match (files.get("UF"), files.get("F")) {
        (Some(unicode), Some(plain)) if unicode != plain => {
            return Err(SealError::malformed(document.xref(), "an attachment has two contents"));
        }
        (Some(&Object::Reference(stream)), _) | (None, Some(&Object::Reference(stream))) => stream,
        _ => return Err(missing()),
    };
    let mime = match document.get(&document.stream(stream)?.dict, "Subtype")? {
        Some(Object::Name(mime)) => printable(&decode(&mime)),
        _ => String::new(),
    };
    Ok(Embedded { name: printable(&decode(&name)), mime, stream })
}
