//! A page of a list costs what the page holds, not what the store holds.
//!
//! The file store is filled with `HEXPROOF_TEST_CLUSTERS` (20 unless told) clusters of 365 packs, memory with 1,000. S3 is
//! filled with 20 where `HEXPROOF_TEST_S3_LISTS` is set.

#![allow(clippy::unwrap_used, reason = "a test ends where it is surprised")]

mod support;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::{StreamExt, TryStreamExt};
use hexproof_archive::{Archive, ClusterId, PackStore, RunId, layout};
use hexproof_core::Rating;
use hexproof_core::access::Clusters;
use hexproof_core::audit::AuditKey;
use hexproof_core::digest::Digest;
use hexproof_core::port::evidence::{PackEntry, PackPick, ScoreEntry};
use jiff::{Timestamp, ToSpan as _};
use object_store::ObjectStoreExt as _;
use object_store::memory::InMemory;
use object_store::path::Path;
use support::count::CountingStore;

const DAYS: u64 = 365;

fn cluster(n: u64) -> ClusterId {
    format!("cluster-{n:04}").parse().unwrap()
}

fn row(n: u64, day: u64) -> PackEntry {
    let cluster = cluster(n);
    let first: Timestamp = "2026-01-01T02:00:00Z".parse().unwrap();
    PackEntry {
        key: AuditKey { run: RunId::derive(&cluster, &["slot", &day.to_string()]), cluster },
        finished: first + ((day * 24) as i64).hours() + (n as i64 * 37).seconds(),
        rating: Rating::D,
        score: Some(ScoreEntry { low: 41.5, high: 60.25, coverage: 81.0, gates: 2 }),
        complete: true,
        size: 123_456,
        digest: Digest::of(&[n.to_be_bytes(), day.to_be_bytes()].concat()),
    }
}

fn keys(clusters: u64) -> impl Iterator<Item = String> {
    (0..clusters)
        .flat_map(|n| (0..DAYS).flat_map(move |day| layout::pack_entries(&row(n, day))))
        .map(|key| key.to_string())
}

struct Cost {
    worst: Duration,
    lists: usize,
    listed: usize,
}

/// Reads pages here and there, and all of one cluster; the worst of what a page cost.
async fn pages(archive: &Archive, count: impl Fn() -> (usize, usize, usize), clusters: u64) -> Cost {
    let packs = PackStore::new(archive.clone());
    let at = |day: u64| Some(row(0, day).finished);
    let all = |from, until| PackPick { clusters: Clusters::All, from, until };
    let few = BTreeSet::from([cluster(1), cluster(3), cluster(clusters - 1)]);
    let picks = [
        all(None, None),
        all(None, at(300)),
        all(at(10), at(12)),
        PackPick { clusters: Clusters::Only(BTreeSet::from([cluster(7)])), from: None, until: None },
        PackPick { clusters: Clusters::Only(few), from: None, until: at(100) },
    ];
    let mut cost = Cost { worst: Duration::ZERO, lists: 0, listed: 0 };
    for pick in picks {
        let mut after = None;
        let mut last: Option<PackEntry> = None;
        for _ in 0..4 {
            count();
            let begun = Instant::now();
            let page = packs.list(&pick, after.as_ref(), 50).await.unwrap();
            cost.worst = cost.worst.max(begun.elapsed());
            let (gets, lists, listed) = count();
            assert_eq!(gets, 0, "a list reads no objects");
            cost.lists = cost.lists.max(lists);
            cost.listed = cost.listed.max(listed);
            for row in page.items {
                assert!(pick.until.is_none_or(|until| row.finished < until), "{row:?}");
                assert!(pick.from.is_none_or(|from| row.finished >= from), "{row:?}");
                assert!(last.as_ref().is_none_or(|last| last.finished >= row.finished), "newest first");
                last = Some(row);
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
    }
    // One cluster to the end: every pack once.
    let pick = PackPick { clusters: Clusters::Only(BTreeSet::from([cluster(5)])), from: None, until: None };
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = packs.list(&pick, after.as_ref(), 50).await.unwrap();
        seen.extend(page.items);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    let wanted: Vec<PackEntry> = (0..DAYS).rev().map(|day| row(5, day)).collect();
    assert_eq!(seen, wanted);
    cost
}

fn report(store: &str, clusters: u64, cost: &Cost) {
    let Cost { worst, lists, listed } = cost;
    println!(
        "{store}: {clusters} clusters x {DAYS} packs: worst page of 50 took {worst:?}, {lists} lists, {listed} keys"
    );
}

fn counted(store: &Arc<CountingStore>) -> (usize, usize, usize) {
    let asked = store.take();
    (asked.gets, asked.lists, asked.listed)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_365000_packs_in_memory_looks_at_a_day_or_two() {
    let inner = Arc::new(InMemory::new());
    for key in keys(1000) {
        inner.put(&Path::from(key), "".into()).await.unwrap();
    }
    let store = CountingStore::new(inner);
    let cost = pages(&Archive::over(store.clone(), "memory"), || counted(&store), 1000).await;
    report("memory", 1000, &cost);
    assert!(cost.listed <= 365 + 3 * 1000, "{} keys for one page", cost.listed);
    assert!(cost.lists <= 3 * (1 + 64), "{} lists for one page", cost.lists);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_a_folder_looks_at_a_day_or_two() {
    let clusters = std::env::var("HEXPROOF_TEST_CLUSTERS").map_or(20, |number| number.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    for key in keys(clusters) {
        let file = folder.path().join(key);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, "").unwrap();
    }
    let local = object_store::local::LocalFileSystem::new_with_prefix(folder.path()).unwrap();
    let store = CountingStore::new(Arc::new(local));
    let cost = pages(&Archive::over(store.clone(), "folder"), || counted(&store), clusters).await;
    report("folder", clusters, &cost);
    assert!(cost.listed <= 365 * 3 + 7 * clusters as usize + 200, "{} keys for one page", cost.listed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_a_bucket_is_quick() {
    let (Ok(url), true) =
        (std::env::var("HEXPROOF_TEST_S3"), std::env::var_os("HEXPROOF_TEST_S3_LISTS").is_some())
    else {
        return println!("skipped: HEXPROOF_TEST_S3 and HEXPROOF_TEST_S3_LISTS name no store to fill");
    };
    let url = format!("{url}/lists-{}", std::process::id());
    let archive = Archive::open(&url).unwrap();
    let (bucket, prefix) = url.strip_prefix("s3://").unwrap().split_once('/').unwrap();
    let bucket = object_store::aws::AmazonS3Builder::from_env()
        .with_bucket_name(bucket)
        .with_allow_http(true)
        .build()
        .unwrap();
    let put = keys(20).map(|key| {
        let at = Path::from(format!("{prefix}/{key}"));
        let bucket = bucket.clone();
        async move { bucket.put(&at, "".into()).await.map(|_| ()) }
    });
    futures::stream::iter(put).buffer_unordered(16).try_collect::<()>().await.unwrap();
    let cost = pages(&archive, || (0, 0, 0), 20).await;
    report("S3", 20, &cost);
}
