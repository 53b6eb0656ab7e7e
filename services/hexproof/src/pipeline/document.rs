//! The pack before it is sealed: a function of the snapshot, the catalogue, what the operator states and the signer.

use bytes::Bytes;
use hexproof_core::assessment::Assessment;
use hexproof_core::digest::Digest;
use hexproof_core::measure::Catalogue;
use hexproof_renderer::view::{self, Seal, SnapshotPlace};
use hexproof_renderer::{Attachment, Relationship};
use hexproof_sealer::Identity;

use super::previous::Previous;
use super::{Materials, PipelineError};
use crate::inputs::PROGRAM;
use crate::rendering::Document;

/// A snapshot up to this size travels inside the pack, so that the verdict can be repeated from the pack alone.
const LARGEST_ATTACHED_SNAPSHOT: usize = 8 << 20;

/// What the pages print, and the files that travel with them.
pub(super) fn document(
    materials: &Materials,
    previous: &Previous,
    catalogue: &Catalogue,
    identity: &Identity,
) -> Result<Document, PipelineError> {
    let mut attachments = vec![
        attachment(
            "assessment.json",
            "application/json",
            Relationship::Data,
            "Every verdict, rating and gate, as hexproof.v1.Assessment.",
            &materials.json,
        ),
        attachment(
            "population.json",
            "application/json",
            Relationship::Data,
            "What was listed, evaluated, left out and not seen.",
            &materials.population,
        ),
        attachment(
            "catalogue.sha256",
            "text/plain",
            Relationship::Supplement,
            "Digest of every measure file; the digest of this list is that of the catalogue.",
            &catalogue.list().into_bytes().into(),
        ),
    ];
    if let Previous::Compared(diff) = previous {
        let json = serde_json::to_vec(diff).map_err(|error| PipelineError::Encode(Box::new(error)))?;
        attachments.push(attachment(
            "changes.json",
            "application/json",
            Relationship::Data,
            "What differs from the pack before, as hexproof.v1.Diff.",
            &json.into(),
        ));
    }
    let place = if materials.snapshot.len() <= LARGEST_ATTACHED_SNAPSHOT {
        let name = "snapshot.ndjson.zst";
        attachments.push(attachment(
            name,
            "application/zstd",
            Relationship::Source,
            "The redacted objects that were judged.",
            &materials.snapshot,
        ));
        SnapshotPlace::Attached(name.to_owned())
    } else {
        SnapshotPlace::Store("snapshot.ndjson.zst of the run".to_owned())
    };
    let assessment = &materials.assessment;
    let file_name = file_name(assessment);
    let report = view::build(view::Input {
        assessment,
        catalogue,
        pack: None,
        program: PROGRAM,
        file_name: &file_name,
        trust_file: "ca.pem",
        seal: &seal(identity)?,
        snapshot: &place,
        previous: previous.view(),
        limits: view::Limits::default(),
    });
    Ok(Document { report: report.ok_or(PipelineError::NoMeasure)?, attachments })
}

fn attachment(
    name: &str,
    mime: &str,
    relationship: Relationship,
    description: &str,
    bytes: &Bytes,
) -> Attachment {
    Attachment {
        name: name.to_owned(),
        mime: mime.to_owned(),
        relationship,
        description: description.to_owned(),
        bytes: bytes.to_vec(),
    }
}

fn seal(identity: &Identity) -> Result<Seal, PipelineError> {
    let certificate: Digest = format!("sha256:{}", identity.leaf_fingerprint())
        .parse()
        .map_err(|error| PipelineError::Encode(Box::new(error)))?;
    Ok(Seal {
        level: identity.level().to_owned(),
        signer: identity.signer_name(),
        issuer: identity.issuer_name(),
        algorithm: identity.algorithm().to_owned(),
        certificate,
        retention: "not protected by the store (W0)".to_owned(),
    })
}

/// A name for the pack as a file: the cluster and the day.
fn file_name(assessment: &Assessment) -> String {
    let safe = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_') { c } else { '-' };
    let name: String = assessment.cluster.name.chars().take(60).map(safe).collect();
    let name = name.trim_matches(|c| c == '-' || c == '.');
    let day = assessment.snapshot.collected_at.strftime("%Y-%m-%d");
    format!("{}-{day}.pdf", if name.is_empty() { "cluster" } else { name })
}
