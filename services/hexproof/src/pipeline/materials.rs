//! What a run stores before its pack is drawn: snapshot, population, assessment.

use bytes::Bytes;
use hexproof_archive::Part;
use hexproof_core::assessment::Assessment;
use serde::Serialize;

use super::PipelineError;

/// No assessment is larger than this when it is unpacked.
const LARGEST_ASSESSMENT: u64 = 2 << 30;

/// A judged snapshot with its stored forms.
pub(crate) struct Materials {
    /// The assessment.
    pub(crate) assessment: Assessment,
    /// The same as JSON.
    pub(crate) json: Bytes,
    /// The same, compressed.
    packed: Bytes,
    /// The reconciled population as JSON.
    pub(crate) population: Bytes,
    /// The snapshot: NDJSON, zstd.
    pub(crate) snapshot: Bytes,
}

impl Materials {
    /// The forms of a fresh assessment of a compressed snapshot.
    pub(crate) fn of(assessment: Assessment, snapshot: Bytes) -> Result<Self, PipelineError> {
        let json = serde_json::to_vec(&assessment).map_err(encode)?;
        let population = Bytes::from(population(&assessment)?);
        let packed = Bytes::from(compress(&json).map_err(encode)?);
        Ok(Self { json: json.into(), packed, population, snapshot, assessment })
    }

    /// What an earlier attempt stored, byte for byte.
    pub(crate) fn stored(snapshot: Bytes, population: Bytes, packed: Bytes) -> Result<Self, PipelineError> {
        let torn = |source: Box<dyn std::error::Error + Send + Sync>| PipelineError::Part {
            what: "assessment",
            source,
        };
        let json = unpack(&packed).map_err(|error| torn(error.into()))?;
        let assessment = serde_json::from_slice(&json).map_err(|error| torn(error.into()))?;
        Ok(Self { assessment, json: json.into(), packed, population, snapshot })
    }

    /// The parts of the run in the order in which they are stored; the last one is there only if all are.
    pub(super) fn parts(&self) -> [(Part, Bytes); 3] {
        [
            (Part::Snapshot, self.snapshot.clone()),
            (Part::Population, self.population.clone()),
            (Part::Assessment, self.packed.clone()),
        ]
    }
}

fn encode(error: impl std::error::Error + Send + Sync + 'static) -> PipelineError {
    PipelineError::Encode(Box::new(error))
}

fn compress(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = zstd::Encoder::new(Vec::new(), 3)?;
    encoder.include_checksum(true)?;
    std::io::Write::write_all(&mut encoder, bytes)?;
    encoder.finish()
}

fn unpack(packed: &[u8]) -> std::io::Result<Vec<u8>> {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    let mut bounded = zstd::Decoder::new(packed)?.take(LARGEST_ASSESSMENT);
    bounded.read_to_end(&mut bytes)?;
    match bounded.limit() {
        0 => Err(std::io::Error::other(format!("it unpacks to more than {LARGEST_ASSESSMENT} bytes"))),
        _ => Ok(bytes),
    }
}

/// The reconciled population alone, for those who need no observations.
fn population(assessment: &Assessment) -> Result<Vec<u8>, PipelineError> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Population<'a> {
        cluster: &'a hexproof_core::assessment::ClusterFacts,
        snapshot: &'a hexproof_core::assessment::SnapshotRef,
        sources: &'a [hexproof_core::snapshot::SourceState],
        population: &'a [hexproof_core::assessment::PopulationRow],
        not_listed: &'a [hexproof_core::population::NotListed],
        unreadable_files: &'a [hexproof_core::population::UnreadableFile],
        skipped_files: &'a [hexproof_core::population::UnreadableFile],
        redaction: &'a hexproof_core::snapshot::Redaction,
    }
    serde_json::to_vec(&Population {
        cluster: &assessment.cluster,
        snapshot: &assessment.snapshot,
        sources: &assessment.sources,
        population: &assessment.population,
        not_listed: &assessment.not_listed,
        unreadable_files: &assessment.unreadable_files,
        skipped_files: &assessment.skipped_files,
        redaction: &assessment.redaction,
    })
    .map_err(encode)
}
