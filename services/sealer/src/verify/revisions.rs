//! What was added after the seal: countersignatures, and nothing else.
//!
//! The sealed pack is a prefix of the file, so it can always be had back unchanged. This step tells
//! whether the file as a whole still shows the same document. A change that is neither known to be
//! harmless nor known to be forbidden is unknown.

use jiff::Timestamp;

use super::report::{Countersignature, Report, Signer, StepName, Verdict};
use super::signatures::{self, Signature, check_hex, without_padding};
use super::{TrustStore, chain, digest_matches};
use crate::container::Container;
use crate::pdf::{Dict, Document, Object, Reference};
use crate::{Permission, SealError};

/// Judges the signatures after the first, and the changes that came with them.
pub(super) fn check(pdf: &[u8], found: &[Signature], trust: &TrustStore, at: Timestamp, report: &mut Report) {
    let Some((seal, later)) = found.split_first() else { return };
    let Ok(covered) = &seal.covered else { return };
    if later.is_empty() {
        match covered.end == pdf.len() {
            true => report.valid(StepName::Revisions, "nothing was added after the seal"),
            false => {
                report.invalid(StepName::Revisions, "something was added after the seal without a signature")
            }
        }
        return;
    }
    if report.permission == Some(Permission::Final) {
        report.invalid(StepName::Revisions, "the seal permits no further signatures, but there are some");
        return;
    }
    for signature in later {
        let one = countersignature(pdf, signature, trust, at);
        let sentence = format!("countersignature `{}`: {}", one.field, one.sentence);
        report.set(StepName::Revisions, one.verdict, sentence);
        report.countersignatures.push(one);
    }
    match changes(pdf, covered.end) {
        Ok(Change::Harmless) => report.valid(StepName::Revisions, "only signatures were added"),
        Ok(Change::Unjudged(what)) => report.unknown(StepName::Revisions, what),
        Ok(Change::Forbidden(what)) => report.invalid(StepName::Revisions, what),
        Err(error) => report.invalid(StepName::Revisions, error.to_string()),
    }
}

fn countersignature(
    pdf: &[u8],
    signature: &Signature,
    trust: &TrustStore,
    at: Timestamp,
) -> Countersignature {
    let (signer, verdict, sentence) = match judge(pdf, signature, trust, at) {
        Ok(judged) => judged,
        Err(reason) => (None, Verdict::Invalid, reason),
    };
    Countersignature { field: signature.field.clone(), signer, verdict, sentence }
}

type Judged = (Option<Signer>, Verdict, String);

fn judge(pdf: &[u8], signature: &Signature, trust: &TrustStore, at: Timestamp) -> Result<Judged, String> {
    let covered = signature.covered.as_ref().map_err(Clone::clone)?;
    if !signature.dict.get("SubFilter").is_some_and(|filter| filter.is_name("ETSI.CAdES.detached")) {
        let sentence = "it is of another kind than PAdES, which this version does not check";
        return Ok((None, Verdict::Unknown, sentence.to_owned()));
    }
    let container = |reason| format!("the signature container {reason}");
    check_hex(pdf, covered, false).map_err(container)?;
    let read =
        Container::parse(without_padding(&signature.contents).map_err(container)?).map_err(container)?;
    let signer = Some(Signer::new(&read.leaf, signature.signed_at));
    if !digest_matches(pdf, covered, &read) {
        return Ok((signer, Verdict::Invalid, "the document differs from what was signed".to_owned()));
    }
    read.check_signature().map_err(container)?;
    let (verdict, sentence) = chain::check(&read, signature.signed_at, trust, at);
    Ok((signer, verdict, sentence))
}

enum Change {
    Harmless,
    Unjudged(String),
    Forbidden(String),
}

/// Compares the document with what it was when the first `end` bytes were all.
fn changes(pdf: &[u8], end: usize) -> Result<Change, SealError> {
    let (old, new) = (Document::open(pdf.get(..end).unwrap_or(pdf))?, Document::open(pdf)?);
    let (catalog_at, catalog) = old.catalog()?;
    if new.catalog()?.0 != catalog_at {
        return Ok(Change::Forbidden("the document catalog was replaced".to_owned()));
    }
    for (reference, offset) in new.offsets() {
        let before = old.offset(reference);
        if before != Some(offset) && offset < end {
            return Ok(Change::Forbidden(format!(
                "object {} was moved into the sealed part",
                reference.number
            )));
        }
    }
    let comparison = Comparison {
        info: old.trailer().get("Info").cloned(),
        form: catalog.get("AcroForm").cloned(),
        metadata: catalog.get("Metadata").cloned(),
        old,
        new,
    };
    for (reference, offset) in comparison.old.offsets() {
        match comparison.new.offset(reference) {
            Some(now) if now == offset => {}
            Some(_) => match comparison.object(reference, catalog_at)? {
                Change::Harmless => {}
                judged => return Ok(judged),
            },
            None => return Ok(Change::Forbidden(format!("object {} was removed", reference.number))),
        }
    }
    // A form that stands directly in the catalog is compared with it; a separate one above. New fields
    // are judged either way.
    comparison.fields()
}

struct Comparison<'a> {
    old: Document<'a>,
    new: Document<'a>,
    info: Option<Object>,
    form: Option<Object>,
    metadata: Option<Object>,
}

impl Comparison<'_> {
    /// Judges an object that has a newer version.
    fn object(&self, at: Reference, catalog_at: Reference) -> Result<Change, SealError> {
        let (before, after) = (self.old.object(at)?, self.new.object(at)?);
        let this = Object::Reference(at);
        if before == after && self.old.stream(at).is_err() {
            return Ok(Change::Harmless);
        }
        if self.metadata.as_ref() == Some(&this) || self.info.as_ref() == Some(&this) {
            // Dates and tools that wrote the file; not what its pages show.
            return Ok(Change::Harmless);
        }
        let same = |before: &Dict, after: &Dict, but: &[&str]| before.without(but) == after.without(but);
        let harmless = match (&before, &after) {
            (Object::Dict(before), Object::Dict(after)) => {
                if at == catalog_at {
                    same(before, after, &["DSS", "Extensions", "Version"])
                } else if self.form.as_ref() == Some(&this) {
                    same(before, after, &["Fields"])
                } else if before.get("Type").is_some_and(|kind| kind.is_name("Page")) {
                    same(before, after, &["Annots"])
                        && self.added(
                            &self.old.get_array(before, "Annots")?,
                            &self.new.get_array(after, "Annots")?,
                        )?
                } else {
                    false
                }
            }
            (Object::Array(before), Object::Array(after)) => self.added(before, after)?,
            _ => false,
        };
        Ok(match harmless {
            true => Change::Harmless,
            false => Change::Unjudged(format!(
                "object {} was changed after the seal, in a way not known here",
                at.number
            )),
        })
    }

    /// Whether only new signature fields were added at the end of an array.
    fn added(&self, before: &[Object], after: &[Object]) -> Result<bool, SealError> {
        let Some(added) = after.strip_prefix(before) else { return Ok(false) };
        for item in added {
            let Object::Reference(at) = item else { return Ok(false) };
            let Object::Dict(field) = self.new.object(*at)? else { return Ok(false) };
            let kind = match self.new.get(&field, "FT")? {
                Some(kind) => Some(kind),
                None => match self.new.get_dict(&field, "Parent")? {
                    Some(parent) => self.new.get(&parent, "FT")?,
                    None => None,
                },
            };
            if self.old.offset(*at).is_some() || !kind.is_some_and(|kind| kind.is_name("Sig")) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn fields(&self) -> Result<Change, SealError> {
        let fields = |document: &Document<'_>| -> Result<Vec<Object>, SealError> {
            let form = document.get_dict(&document.catalog()?.1, "AcroForm")?.unwrap_or_default();
            document.get_array(&form, "Fields")
        };
        // Every field after ours is there to be signed; an unsigned one would be an empty promise.
        let (before, after) = (fields(&self.old)?, fields(&self.new)?);
        let signed = signatures::find(&self.new)?.len();
        Ok(match self.added(&before, &after)? {
            true if signed == after.len() => Change::Harmless,
            true => Change::Unjudged("a signature field was added and left empty".to_owned()),
            false => Change::Forbidden("form fields other than signatures were added or removed".to_owned()),
        })
    }
}
