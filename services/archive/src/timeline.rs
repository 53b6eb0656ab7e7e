//! Reading keys that put the newest first, without reading those that are not asked for.

use std::collections::BTreeSet;

use futures::future::try_join_all;
use futures::{StreamExt, TryStreamExt};
use hexproof_core::access::Clusters;
use hexproof_core::port::{Cursor, StorageError};

use crate::error::ArchiveError;
use crate::layout::{self, ClusterId, Index, Key};
use crate::object::{Archive, answered};
use crate::record::LARGEST_RECORD;

/// Days that are read at once at most, where days are few entries each.
const DAYS_AT_ONCE: usize = 32;
/// So many clusters are merged from their own indexes; of more, the index of all is filtered.
const MERGED: usize = 64;
/// So many of them are read at once.
const AT_ONCE: usize = 16;
/// Entries that are looked at for one page at most when the index of all is filtered.
const LOOKED_AT: usize = 5_000;

/// A stretch of a timeline: after one tail, before another, both exclusive; empty for no limit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Stretch {
    pub(crate) after: String,
    pub(crate) before: String,
}

impl Stretch {
    /// What follows a cursor, which comes from outside and is believed nothing.
    pub(crate) fn after(cursor: Option<&Cursor>) -> Result<Self, StorageError> {
        let Some(Cursor(after)) = cursor else { return Ok(Self::default()) };
        let plain =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.');
        let fits = after.len() <= 300
            && layout::parse_place(after)
                .is_some_and(|(_, rest)| rest.starts_with(['-', '.']) && rest.bytes().all(plain));
        match fits {
            true => Ok(Self { after: after.clone(), before: String::new() }),
            false => Err(StorageError::Cursor),
        }
    }

    fn holds(&self, tail: &str) -> bool {
        tail > self.after.as_str() && !self.is_past(tail)
    }

    fn is_past(&self, tail: &str) -> bool {
        !self.before.is_empty() && tail >= self.before.as_str()
    }

    fn holds_day(&self, day: &str) -> bool {
        let until = |limit: &str| limit.get(..8).unwrap_or_default().to_owned();
        day >= until(&self.after).as_str() && (self.before.is_empty() || day <= until(&self.before).as_str())
    }
}

/// Ends of keys, newest first, and where the next page begins.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Tails {
    pub(crate) tails: Vec<String>,
    pub(crate) next: Option<String>,
}

impl Tails {
    fn cut(mut tails: Vec<String>, limit: usize) -> Self {
        let more = tails.len() > limit;
        tails.truncate(limit);
        let next = more.then(|| tails.last().cloned()).flatten();
        Self { tails, next }
    }
}

impl Archive {
    /// One page of a timeline.
    pub(crate) async fn timeline(
        &self,
        root: &Key,
        stretch: &Stretch,
        limit: usize,
    ) -> Result<Tails, ArchiveError> {
        Ok(Tails::cut(self.tails(root, stretch, limit + 1).await?, limit))
    }

    /// One page of an index, of the clusters that are asked for.
    pub(crate) async fn indexed(
        &self,
        index: Index,
        clusters: &Clusters,
        stretch: &Stretch,
        limit: usize,
    ) -> Result<Tails, ArchiveError> {
        match clusters {
            Clusters::All => self.timeline(&index.of_all(), stretch, limit).await,
            Clusters::Only(clusters) if clusters.len() <= MERGED => {
                let roots: Vec<Key> = clusters.iter().map(|cluster| index.of_cluster(cluster)).collect();
                let pages = roots.into_iter().map(|root| self.of_root(root, stretch, limit + 1));
                let pages: Vec<Vec<String>> =
                    futures::stream::iter(pages).buffer_unordered(AT_ONCE).try_collect().await?;
                // The end of a key is the same in both indexes, so the order is that of all.
                let merged: BTreeSet<String> = pages.into_iter().flatten().collect();
                Ok(Tails::cut(merged.into_iter().collect(), limit))
            }
            Clusters::Only(clusters) => self.filtered(index, clusters, stretch, limit).await,
        }
    }

    /// A page of many clusters, out of the index of all. It may be short, even empty, before the end: what is looked
    /// at for one page is bounded.
    async fn filtered(
        &self,
        index: Index,
        clusters: &BTreeSet<ClusterId>,
        stretch: &Stretch,
        limit: usize,
    ) -> Result<Tails, ArchiveError> {
        let looked_at = self.timeline(&index.of_all(), stretch, LOOKED_AT).await?;
        let within = |tail: &String| {
            let cluster = tail.rsplit('.').next().and_then(|cluster| cluster.parse::<ClusterId>().ok());
            cluster.is_some_and(|cluster| clusters.contains(&cluster))
        };
        let found = Tails::cut(looked_at.tails.into_iter().filter(within).collect(), limit);
        Ok(Tails { next: found.next.or(looked_at.next), tails: found.tails })
    }

    async fn of_root(&self, root: Key, stretch: &Stretch, limit: usize) -> Result<Vec<String>, ArchiveError> {
        self.tails(&root, stretch, limit).await
    }

    /// The newest `limit` tails within a stretch.
    async fn tails(&self, root: &Key, stretch: &Stretch, limit: usize) -> Result<Vec<String>, ArchiveError> {
        if self.lists_in_order()
            && let Some(tails) = self.in_order(root, stretch, limit).await?
        {
            return Ok(tails);
        }
        self.by_day(root, stretch, limit).await
    }

    /// Where the store lists in the order of keys: one listing that is left as soon as there is enough. `None` if the
    /// store turns out not to.
    async fn in_order(
        &self,
        root: &Key,
        stretch: &Stretch,
        limit: usize,
    ) -> Result<Option<Vec<String>>, ArchiveError> {
        let prefix = root.path();
        let mut objects = match stretch.after.is_empty() {
            true => self.store.list(Some(&prefix)),
            false => self.store.list_with_offset(Some(&prefix), &root.below(&stretch.after).path()),
        };
        let wait = self.wait_for(LARGEST_RECORD);
        let mut tails: Vec<String> = Vec::new();
        while tails.len() < limit {
            let object = match answered(wait, objects.try_next()).await {
                Ok(Some(object)) => object,
                Ok(None) => break,
                Err(fault) => return self.read_error(root, fault).map(|()| Some(tails)),
            };
            let Some(tail) = root.tail_of(object.location.as_ref()) else { continue };
            if stretch.is_past(tail) {
                break;
            }
            if !stretch.holds(tail) {
                continue;
            }
            if tails.last().is_some_and(|last| last.as_str() >= tail) {
                tracing::warn!(store = self.name(), "store does not list in the order of keys");
                return Ok(None);
            }
            tails.push(tail.to_owned());
        }
        Ok(Some(tails))
    }

    /// Where nothing is known of the order: the days first, then one after the other, soon several at once.
    async fn by_day(&self, root: &Key, stretch: &Stretch, limit: usize) -> Result<Vec<String>, ArchiveError> {
        let days = self.days(root, stretch).await?;
        let mut tails = Vec::new();
        let (mut done, mut width) = (0, 1);
        while tails.len() < limit && done < days.len() {
            let some = &days[done..days.len().min(done + width)];
            let read = some.iter().map(|day| self.day(root, day, stretch));
            tails.extend(try_join_all(read).await?.into_iter().flatten());
            done += some.len();
            width = (width * 2).min(DAYS_AT_ONCE);
        }
        tails.truncate(limit);
        Ok(tails)
    }

    /// The days of a stretch, newest first.
    async fn days(&self, root: &Key, stretch: &Stretch) -> Result<Vec<String>, ArchiveError> {
        let path = root.path();
        let listed = self.store.list_with_delimiter(Some(&path));
        let listed = match answered(self.wait_for(LARGEST_RECORD), listed).await {
            Ok(listed) => listed,
            Err(fault) => return self.read_error(root, fault).map(|()| Vec::new()),
        };
        let tails = listed.common_prefixes.iter().filter_map(|prefix| root.tail_of(prefix.as_ref()));
        let days: BTreeSet<String> =
            tails.filter(|day| layout::is_day(day) && stretch.holds_day(day)).map(str::to_owned).collect();
        Ok(days.into_iter().collect())
    }

    async fn day(&self, root: &Key, day: &str, stretch: &Stretch) -> Result<Vec<String>, ArchiveError> {
        let keys = self.keys(&root.below(day)).await?;
        let tails = keys.iter().filter_map(|key| root.tail_of(key));
        let sorted: BTreeSet<String> = tails.filter(|tail| stretch.holds(tail)).map(str::to_owned).collect();
        Ok(sorted.into_iter().collect())
    }

    /// Every key below a prefix, in no order.
    pub(crate) async fn keys(&self, prefix: &Key) -> Result<Vec<String>, ArchiveError> {
        let mut objects = self.store.list(Some(&prefix.path()));
        let wait = self.wait_for(LARGEST_RECORD);
        let mut keys = Vec::new();
        loop {
            match answered(wait, objects.try_next()).await {
                Ok(Some(object)) => keys.push(object.location.into()),
                Ok(None) => return Ok(keys),
                // A folder that disappears while it is listed is as good as none.
                Err(fault) => return self.read_error(prefix, fault).map(|()| keys),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_that_no_list_gave_out_is_the_callers_fault() {
        for place in ["", "..", "../x", "20261124", "20261124/../../packs", "x".repeat(400).as_str()] {
            let refused = Stretch::after(Some(&Cursor(place.to_owned())));
            assert!(matches!(refused, Err(StorageError::Cursor)), "{place}");
        }
        assert_eq!(Stretch::after(None).unwrap(), Stretch::default());
    }
}
