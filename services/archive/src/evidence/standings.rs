//! The newest packs of every cluster, in memory.
//!
//! At first each cluster's own list is read, many at once and no further than needed. From then on a refresh reads the
//! list of all packs back to the last refresh and an hour more, since a pack is listed a moment after it was finished.
//! What comes later than that, such as a run that was put into the lists again, is found by reading the lists of a few
//! clusters each time, in turns.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use futures::{StreamExt, TryStreamExt};
use hexproof_core::access::Clusters;
use hexproof_core::port::evidence::PackEntry;
use jiff::{SignedDuration, Timestamp};

use super::Archive;
use crate::error::ArchiveError;
use crate::layout::{self, ClusterId, Index};
use crate::object::answered;
use crate::record::LARGEST_RECORD;
use crate::timeline::Stretch;

/// Packs that are known of each cluster.
pub(super) const EACH: usize = 32;
/// Clusters whose lists are read at once.
const AT_ONCE: usize = 16;
/// How long before the last refresh a pack may have been finished that was not listed then.
const OVERLAP: SignedDuration = SignedDuration::from_hours(1);
/// Packs that are looked at in a refresh; if there are more it is quicker to begin anew.
const LOOKED_AT: usize = 20_000;
/// In so many refreshes the list of every cluster is read once.
const TURNS: usize = 720;

/// The newest packs of every cluster.
#[derive(Debug, Default)]
pub(super) struct Standings {
    known: Mutex<Known>,
    /// Held while the store is read.
    refreshing: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct Known {
    packs: BTreeMap<ClusterId, Vec<PackEntry>>,
    at: Option<Timestamp>,
    /// The cluster whose list was read last.
    turn: Option<ClusterId>,
}

impl Standings {
    /// When the store was last read.
    pub(super) fn at(&self) -> Option<Timestamp> {
        self.lock().at
    }

    /// The newest packs of some clusters.
    pub(super) fn of(&self, clusters: &Clusters, each: usize) -> BTreeMap<ClusterId, Vec<PackEntry>> {
        let known = self.lock();
        let newest = |packs: &Vec<PackEntry>| packs.iter().take(each).cloned().collect::<Vec<_>>();
        match clusters {
            Clusters::All => {
                known.packs.iter().map(|(cluster, packs)| (cluster.clone(), newest(packs))).collect()
            }
            Clusters::Only(clusters) => clusters
                .iter()
                .filter_map(|cluster| Some((cluster.clone(), newest(known.packs.get(cluster)?))))
                .collect(),
        }
    }

    /// Reads the store for the first time, if that was not done.
    pub(super) async fn begin(&self, archive: &Archive, now: Timestamp) -> Result<(), ArchiveError> {
        if self.at().is_some() {
            return Ok(());
        }
        let _alone = self.refreshing.lock().await;
        match self.at() {
            Some(_) => Ok(()),
            None => self.read_all(archive, now).await,
        }
    }

    /// Takes over what is new.
    pub(super) async fn refresh(&self, archive: &Archive, now: Timestamp) -> Result<(), ArchiveError> {
        let _alone = self.refreshing.lock().await;
        let Some(last) = self.at() else { return self.read_all(archive, now).await };
        // A clock that was put back must not make us blind.
        let since = last.min(now).saturating_sub(OVERLAP).unwrap_or(Timestamp::MIN);
        let stretch = Stretch { after: String::new(), before: layout::place(since) };
        let page = archive.timeline(&Index::Packs.of_all(), &stretch, LOOKED_AT).await?;
        if page.next.is_some() {
            return self.read_all(archive, now).await;
        }
        let mut found = parse(&page.tails);
        for cluster in self.next_turn() {
            found.extend(of_cluster(archive, &cluster).await?);
        }
        let mut known = self.lock();
        known.take(found);
        known.at = Some(now);
        Ok(())
    }

    async fn read_all(&self, archive: &Archive, now: Timestamp) -> Result<(), ArchiveError> {
        let clusters = archive.listed_clusters().await?;
        let read = clusters.into_iter().map(async |cluster| of_cluster(archive, &cluster).await);
        let read = futures::stream::iter(read).buffer_unordered(AT_ONCE);
        let found: Vec<Vec<PackEntry>> = read.try_collect().await?;
        let mut known = self.lock();
        found.into_iter().for_each(|found| known.take(found));
        known.at = Some(now);
        Ok(())
    }

    /// The clusters whose lists are read this time.
    fn next_turn(&self) -> Vec<ClusterId> {
        let mut known = self.lock();
        let count = known.packs.len().div_ceil(TURNS);
        let after =
            known.packs.keys().skip_while(|cluster| known.turn.as_ref().is_some_and(|turn| *cluster <= turn));
        let turn: Vec<ClusterId> = after.take(count).cloned().collect();
        // At the end it begins anew.
        known.turn = turn.last().cloned();
        turn
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn take(&mut self, found: Vec<PackEntry>) {
        for entry in found {
            // Newest first, and the same instant in the order of runs, as in the lists.
            let place = |entry: &PackEntry| (std::cmp::Reverse(entry.finished), entry.key.run);
            let packs = self.packs.entry(entry.key.cluster.clone()).or_default();
            match packs.binary_search_by_key(&place(&entry), place) {
                // A key without a score is older than one with it.
                Ok(at) if entry.score.is_some() => packs[at] = entry,
                Ok(_) => {}
                Err(at) if at < EACH => {
                    packs.truncate(EACH - 1);
                    packs.insert(at, entry);
                }
                Err(_) => {}
            }
        }
    }
}

fn parse(tails: &[String]) -> Vec<PackEntry> {
    tails.iter().filter_map(|tail| layout::parse_pack(tail)).collect()
}

async fn of_cluster(archive: &Archive, cluster: &ClusterId) -> Result<Vec<PackEntry>, ArchiveError> {
    let page = archive.timeline(&Index::Packs.of_cluster(cluster), &Stretch::default(), EACH).await?;
    // An entry that names another cluster is not ours.
    Ok(parse(&page.tails).into_iter().filter(|entry| entry.key.cluster == *cluster).collect())
}

impl Archive {
    /// The clusters of which packs are listed.
    async fn listed_clusters(&self) -> Result<BTreeSet<ClusterId>, ArchiveError> {
        let prefix = Index::Packs.of_clusters();
        let path = prefix.path();
        let listed = self.store.list_with_delimiter(Some(&path));
        match answered(self.wait_for(LARGEST_RECORD), listed).await {
            Ok(listed) => Ok(listed
                .common_prefixes
                .iter()
                .filter_map(|prefix| layout::parse_listed(prefix.as_ref()))
                .collect()),
            Err(fault) => self.read_error(&prefix, fault).map(|()| BTreeSet::new()),
        }
    }
}
