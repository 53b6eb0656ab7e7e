//! Observations of a pack: found by its table, read from its blocks, and nothing else of it.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use hexproof_core::observation::Observation;
use hexproof_core::port::StorageError;
use hexproof_core::port::evidence::{ObservationFilter, ObservationPage};

use super::envelope::Unfit;
use super::table::Table;
use super::{Shared, acquire, extract, work};
use crate::error::ArchiveError;
use crate::layout::Extract;
use crate::packs::FinishedRun;

/// Blocks that lie no further apart than this are read in one go: a request costs more than the bytes between.
const GAP: u64 = 256 << 10;
/// What is read in one go, at most.
const STRETCH: u64 = 4 << 20;
/// Stretches that are read at once.
const AT_ONCE: usize = 16;

/// The table of a pack, and its blocks where the store does not keep them.
pub(super) struct Found {
    table: Table,
    blocks: Option<Bytes>,
}

/// Blocks to be read in one go, by their numbers.
#[derive(Debug, PartialEq, Eq)]
struct Stretch {
    bytes: Range<u64>,
    blocks: Range<usize>,
}

impl Shared {
    pub(super) async fn observations(
        &self,
        run: &FinishedRun,
        filter: &ObservationFilter,
        skip: u32,
        limit: usize,
    ) -> Result<ObservationPage, StorageError> {
        let found = self.found(run).await?;
        let measures = filter.measures(&self.catalogue);
        let selected = {
            let (found, filter) = (found.clone(), filter.clone());
            work(move || found.table.select(&filter, measures.as_ref(), skip, limit)).await?
        };
        let items = self.read(run, &found, &selected.places).await?;
        Ok(ObservationPage {
            items,
            fitting: selected.fitting,
            before: skip.min(selected.fitting),
            total: u32::try_from(found.table.rows.len()).unwrap_or(u32::MAX),
            outcomes: selected.outcomes,
            namespaces: found.table.namespaces.clone(),
        })
    }

    pub(super) async fn observation(
        &self,
        run: &FinishedRun,
        place: u32,
    ) -> Result<Option<Observation>, StorageError> {
        let found = self.found(run).await?;
        if found.table.block_of(place).is_none() {
            return Ok(None);
        }
        let read = self.read(run, &found, &[place]).await?;
        Ok(read.into_iter().next().map(|(_, observation)| observation))
    }

    /// The table of a pack.
    async fn found(&self, run: &FinishedRun) -> Result<Arc<Found>, StorageError> {
        let digest = run.result.assessment.digest;
        let held = || self.tables.get(&digest, self.clock.now());
        if let Some(found) = held() {
            return Ok(found);
        }
        let permit = acquire(&self.reading).await?;
        if let Some(found) = held() {
            return Ok(found);
        }
        let read = match self.stored(run, Extract::Table).await? {
            Some(sealed) => self.fit(run, work(move || extract::table(&sealed, &digest)).await?),
            None => None,
        };
        drop(permit);
        match read {
            Some(table) => Ok(self.keep(run, Found { table, blocks: None })),
            None => self.found_again(run, None).await,
        }
    }

    /// The table of a pack, made again: what is stored, or was read as `unfit`, cannot be used.
    async fn found_again(
        &self,
        run: &FinishedRun,
        unfit: Option<&Arc<Found>>,
    ) -> Result<Arc<Found>, StorageError> {
        let digest = run.result.assessment.digest;
        let _making = self.make(&digest).await?;
        // Others waited for the same.
        if let Some(found) = self.tables.get(&digest, self.clock.now())
            && unfit.is_none_or(|unfit| !Arc::ptr_eq(unfit, &found))
        {
            return Ok(found);
        }
        self.tables.remove(&digest);
        let (made, stored) = self.extract(run).await?;
        let table = {
            let sealed = made.table.clone();
            work(move || extract::table(&sealed, &digest)).await?.map_err(|error| self.torn(run, &error))?
        };
        // Blocks that the store had wrong a moment ago are not trusted to be there next time.
        let trusted = stored && unfit.is_none();
        Ok(self.keep(run, Found { table, blocks: (!trusted).then_some(made.blocks) }))
    }

    fn keep(&self, run: &FinishedRun, found: Found) -> Arc<Found> {
        let bytes = found.table.bytes() + found.blocks.as_ref().map_or(0, Bytes::len);
        let found = Arc::new(found);
        self.tables.put(run.result.assessment.digest, found.clone(), bytes, self.clock.now());
        found
    }

    /// Observations by their places, which are in order.
    async fn read(
        &self,
        run: &FinishedRun,
        found: &Arc<Found>,
        places: &[u32],
    ) -> Result<Vec<(u32, Observation)>, StorageError> {
        match self.read_blocks(run, found, places).await? {
            Ok(read) => Ok(read),
            Err(error) => {
                let hexproof_core::audit::AuditKey { cluster, run: id } = &run.entry.key;
                tracing::warn!(%cluster, run = %id, %error, "blocks of observations are not used");
                let again = self.found_again(run, Some(found)).await?;
                let read = self.read_blocks(run, &again, places).await?;
                Ok(read.map_err(|error| self.torn(run, &error))?)
            }
        }
    }

    async fn read_blocks(
        &self,
        run: &FinishedRun,
        found: &Arc<Found>,
        places: &[u32],
    ) -> Result<Result<Vec<(u32, Observation)>, Unfit>, StorageError> {
        let mut wanted: BTreeMap<usize, Vec<u32>> = BTreeMap::new();
        for place in places {
            if let Some(block) = found.table.block_of(*place) {
                wanted.entry(block).or_default().push(*place);
            }
        }
        let stretches = stretches(&found.table, wanted.keys().copied());
        let read = stretches.into_iter().map(|stretch| self.stretch(run, found, stretch));
        let read: Result<Vec<Option<(Stretch, Bytes)>>, ArchiveError> =
            futures::stream::iter(read).buffered(AT_ONCE).try_collect().await;
        let Some(read) = read?.into_iter().collect::<Option<Vec<_>>>() else {
            return Ok(Err(Unfit::Damaged));
        };
        let found = found.clone();
        work(move || {
            let mut observations = Vec::new();
            for (stretch, bytes) in read {
                for (number, places) in wanted.range(stretch.blocks) {
                    let block = &found.table.blocks[*number];
                    let from = (block.offset - stretch.bytes.start) as usize;
                    let packed = bytes.get(from..from + block.length as usize).ok_or(Unfit::Damaged)?;
                    observations.extend(extract::unpack_block(block, packed, places.iter().copied())?);
                }
            }
            Ok(observations)
        })
        .await
    }

    /// The bytes of a stretch; `None` if there are no such bytes.
    async fn stretch(
        &self,
        run: &FinishedRun,
        found: &Found,
        stretch: Stretch,
    ) -> Result<Option<(Stretch, Bytes)>, ArchiveError> {
        if let Some(blocks) = &found.blocks {
            let (from, to) = (stretch.bytes.start as usize, stretch.bytes.end as usize);
            let bytes = (to <= blocks.len()).then(|| blocks.slice(from..to));
            return Ok(bytes.map(|bytes| (stretch, bytes)));
        }
        let key = Extract::Blocks.of(&run.entry.key.cluster, run.entry.key.run);
        match self.archive.read_range(&key, stretch.bytes.clone()).await {
            Ok(read) => Ok(read.map(|(bytes, _)| (stretch, bytes))),
            Err(error) if error.is_damage() => Ok(None),
            // A range beyond the end is refused by some stores like any other fault: ask how much there is.
            Err(error) => match self.archive.length(&key).await {
                Ok(Some(length)) if length < stretch.bytes.end => Ok(None),
                Ok(_) | Err(_) => Err(error),
            },
        }
    }
}

/// Blocks that are read together, of those wanted, which are in order.
fn stretches(table: &Table, wanted: impl Iterator<Item = usize>) -> Vec<Stretch> {
    let mut stretches: Vec<Stretch> = Vec::new();
    for number in wanted {
        let bytes = table.blocks[number].range();
        match stretches.last_mut() {
            Some(last) if bytes.start - last.bytes.end <= GAP && bytes.end - last.bytes.start <= STRETCH => {
                last.bytes.end = bytes.end;
                last.blocks.end = number + 1;
            }
            _ => stretches.push(Stretch { bytes, blocks: number..number + 1 }),
        }
    }
    stretches
}
