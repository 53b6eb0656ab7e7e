//! What is made of an assessment for its readers: a summary, a table to find observations by, and the observations in
//! blocks. Made when a run is finished; made again by whoever finds it lacking.

use std::io::{self, Read as _};

use bytes::Bytes;
use hexproof_core::assessment::Assessment;
use hexproof_core::digest::Digest;
use hexproof_core::observation::Observation;

use super::envelope::{self, Unfit};
use super::table::{Block, Table};
use super::{Archive, columns};
use crate::error::ArchiveError;
use crate::index::Chain;
use crate::layout::{ClusterId, Extract, Key, RunId};
use crate::record::RunResult;
use crate::unpack;

/// Bytes of observations that are compressed together: a page may need as many blocks as it has observations.
const BLOCK: usize = 64 << 10;
const LEVEL: i32 = 3;
/// The longest summary that is unpacked.
const LONGEST_SUMMARY: u64 = 64 << 20;

/// What is made of one assessment.
#[derive(Debug, Clone)]
pub struct Extracts {
    pub(super) summary: Bytes,
    pub(super) table: Bytes,
    pub(super) blocks: Bytes,
}

impl Extracts {
    /// Makes them; takes CPU time. `stored` is the digest of the assessment as it is stored.
    ///
    /// # Errors
    /// What cannot be written as JSON or be compressed.
    pub fn of(assessment: &Assessment, stored: &Digest) -> io::Result<Self> {
        let summary = zstd::bulk::compress(&serde_json::to_vec(&assessment.summary())?, LEVEL)?;
        let (blocks, packed) = pack(&assessment.observations)?;
        let table = Table { blocks, ..Table::of(&assessment.observations) };
        Ok(Self {
            summary: envelope::seal(Extract::Summary, stored, &summary),
            table: envelope::seal(Extract::Table, stored, &columns::write(&table)?),
            blocks: packed.into(),
        })
    }

    /// Bytes of summary, table and blocks.
    pub fn lengths(&self) -> [usize; 3] {
        [self.summary.len(), self.table.len(), self.blocks.len()]
    }

    fn bytes(&self, extract: Extract) -> &Bytes {
        match extract {
            Extract::Summary => &self.summary,
            Extract::Table => &self.table,
            Extract::Blocks => &self.blocks,
        }
    }
}

/// A summary out of its envelope, and the bytes of its JSON.
pub(super) fn summary(sealed: &Bytes, stored: &Digest) -> Result<(Assessment, usize), Unfit> {
    let packed = envelope::open(Extract::Summary, stored, sealed)?;
    let json = || -> io::Result<Vec<u8>> {
        let mut json = Vec::new();
        zstd::stream::read::Decoder::new(&packed[..])?.take(LONGEST_SUMMARY).read_to_end(&mut json)?;
        Ok(json)
    };
    let json = json().map_err(|_| Unfit::Damaged)?;
    let assessment = serde_json::from_slice(&json).map_err(|_| Unfit::Format)?;
    Ok((assessment, json.len()))
}

/// A table out of its envelope.
pub(super) fn table(sealed: &Bytes, stored: &Digest) -> Result<Table, Unfit> {
    columns::read(&envelope::open(Extract::Table, stored, sealed)?)
}

/// Observations as lines of JSON, compressed in blocks.
fn pack(observations: &[Observation]) -> io::Result<(Vec<Block>, Vec<u8>)> {
    let mut compressor = zstd::bulk::Compressor::new(LEVEL)?;
    let (mut blocks, mut packed, mut plain) = (Vec::new(), Vec::new(), Vec::with_capacity(2 * BLOCK));
    let mut first = 0;
    for (observation, next) in observations.iter().zip(1_u32..) {
        serde_json::to_writer(&mut plain, observation)?;
        plain.push(b'\n');
        if plain.len() < BLOCK && (next as usize) < observations.len() {
            continue;
        }
        let block = compressor.compress(&plain)?;
        let length = |of: usize| u32::try_from(of).map_err(io::Error::other);
        blocks.push(Block {
            first,
            offset: packed.len() as u64,
            length: length(block.len())?,
            plain: length(plain.len())?,
            digest: *Digest::of(&block).bytes(),
        });
        packed.extend_from_slice(&block);
        plain.clear();
        first = next;
    }
    Ok((blocks, packed))
}

/// Observations of a block by their places; `packed` are its compressed bytes.
pub(super) fn unpack_block(
    block: &Block,
    packed: &[u8],
    places: impl IntoIterator<Item = u32>,
) -> Result<Vec<(u32, Observation)>, Unfit> {
    if *Digest::of(packed).bytes() != block.digest {
        return Err(Unfit::Damaged);
    }
    let plain = zstd::bulk::decompress(packed, block.plain as usize).map_err(|_| Unfit::Damaged)?;
    let lines: Vec<&[u8]> = plain.split(|byte| *byte == b'\n').collect();
    let read = |place: u32| {
        let line =
            place.checked_sub(block.first).and_then(|at| lines.get(at as usize)).ok_or(Unfit::Damaged)?;
        Ok((place, serde_json::from_slice(line).map_err(|_| Unfit::Format)?))
    };
    places.into_iter().map(read).collect()
}

impl Archive {
    /// Stores extracts, in place of others if there are any; whether all of them are there now.
    pub(crate) async fn store_extracts(&self, cluster: &ClusterId, run: RunId, extracts: &Extracts) -> bool {
        let mut stored = true;
        // Blocks first: whoever finds the table finds them.
        for extract in [Extract::Blocks, Extract::Table, Extract::Summary] {
            let key = extract.of(cluster, run);
            if let Err(error) = self.replace(&key, extracts.bytes(extract)).await {
                tracing::warn!(%key, error = %Chain(&error), "extract of an assessment is not stored");
                stored = false;
            }
        }
        stored
    }

    async fn replace(&self, key: &Key, bytes: &Bytes) -> Result<(), ArchiveError> {
        match self.create(key, bytes.clone()).await {
            Err(ArchiveError::Conflict { .. }) => {
                self.forget(key).await;
                self.create(key, bytes.clone()).await.map(|_| ())
            }
            other => other.map(|_| ()),
        }
    }

    /// Makes the extracts of a finished run again, unless they are there and whole; whether it did.
    pub(crate) async fn extract_again(&self, result: &RunResult) -> Result<bool, ArchiveError> {
        let (cluster, run, stored) = (&result.cluster, result.run, result.assessment.digest);
        if self.has_extracts(result).await? {
            return Ok(false);
        }
        let packed = self.assessment(result).await?;
        let made = unpack::extracts(packed, stored).await.map_err(|error| {
            self.damaged(
                &crate::layout::part(cluster, run, crate::layout::Part::Assessment),
                error.to_string(),
            )
        })?;
        Ok(self.store_extracts(cluster, run, &made).await)
    }

    async fn has_extracts(&self, result: &RunResult) -> Result<bool, ArchiveError> {
        let (cluster, run, stored) = (&result.cluster, result.run, result.assessment.digest);
        let read = async |extract: Extract| match self.read(&extract.of(cluster, run), super::LARGEST).await {
            Err(error) if error.is_damage() => Ok(None),
            other => other,
        };
        let (Some(summary_), Some(table_)) = (read(Extract::Summary).await?, read(Extract::Table).await?)
        else {
            return Ok(false);
        };
        let Ok(table) = table(&table_, &stored) else { return Ok(false) };
        let blocks = self.length(&Extract::Blocks.of(cluster, run)).await?;
        Ok(summary(&summary_, &stored).is_ok() && blocks == Some(table.blocks_length()))
    }
}
