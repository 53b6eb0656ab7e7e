//! What the services may rely on: one end a run, nothing lost by a crash or an outage, lists that are whole.

#![allow(clippy::unwrap_used, reason = "a test ends where it is surprised")]

mod support;

use std::collections::BTreeSet;
use std::sync::Arc;

use futures::TryStreamExt;
use hexproof_archive::{AccessStore, Archive, PackStore, RecordStore, RunStore, SlotStore};
use hexproof_core::access::{AccessEntry, AccessOutcome, Clusters};
use hexproof_core::audit::{AuditOrder, AuditRecord, Ending};
use hexproof_core::id::RecordId;
use hexproof_core::port::evidence::PackPick;
use hexproof_core::port::{AccessLog, Ordered, Records, Runs, Slots, StorageError};
use hexproof_core::register::{RecordKind, SlotOutcome, SlotRecord, Version};
use object_store::memory::InMemory;
use object_store::{ObjectStore, ObjectStoreExt as _};
use support::count::CountingStore;
use support::fault::{Fault, FaultStore};
use support::service::{at, carry_out, failed, order};

fn memory() -> (Arc<InMemory>, Archive) {
    let store = Arc::new(InMemory::new());
    (store.clone(), Archive::over(store, "memory"))
}

async fn keys(store: &dyn ObjectStore, prefix: &str) -> BTreeSet<String> {
    let prefix = object_store::path::Path::from(prefix);
    store.list(Some(&prefix)).map_ok(|object| object.location.to_string()).try_collect().await.unwrap()
}

async fn all(runs: &RunStore, clusters: &Clusters, limit: usize) -> Vec<AuditRecord> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = runs.list(clusters, after.as_ref(), limit).await.unwrap();
        assert!(page.items.len() <= limit);
        all.extend(page.items);
        match page.next {
            Some(next) => after = Some(next),
            None => return all,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_hundred_orders_one_is_new_and_it_is_listed_once() {
    let (store, archive) = memory();
    let replicas: Vec<RunStore> = (0..4).map(|_| RunStore::new(archive.clone())).collect();
    let fire = (0..100_i64).map(|n| {
        let runs = replicas[n as usize % 4].clone();
        tokio::spawn(async move { runs.order(&order("shop", "nightly", n)).await.unwrap() })
    });
    let mut new = 0;
    for fired in futures::future::join_all(fire).await {
        new += usize::from(fired.unwrap() == Ordered::New);
    }
    assert_eq!(new, 1);
    assert_eq!(all(&replicas[0], &Clusters::All, 7).await.len(), 1);
    assert_eq!(replicas[1].unfinished().await.unwrap().len(), 1);
    let key = order("shop", "nightly", 0).key;
    let standing = replicas[2].end(&key, &failed(), at(200)).await.unwrap();
    assert_eq!(standing, failed());
    assert!(replicas[3].unfinished().await.unwrap().is_empty());
    assert!(keys(&*store, "index/open").await.is_empty(), "no marker is left");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_success_failure_and_cancellation_one_counts_for_everybody() {
    for round in 0..40 {
        let (_, archive) = memory();
        let runs = RunStore::new(archive.clone());
        let order = order("shop", &round.to_string(), 0);
        runs.order(&order).await.unwrap();
        let worker = tokio::spawn({
            let (archive, order) = (archive.clone(), order.clone());
            async move { carry_out(&archive, &order, at(9)).await }
        });
        let endings = [failed(), Ending::Cancelled { subject: "ada".into() }].map(|ending| {
            let (runs, key) = (runs.clone(), order.key.clone());
            tokio::spawn(async move { runs.end(&key, &ending, at(5)).await.unwrap() })
        });
        let finished = worker.await.unwrap();
        let told = futures::future::join_all(endings).await.into_iter().map(Result::unwrap);
        let record = RunStore::new(archive.clone()).find(&order.key).await.unwrap().unwrap();
        let (standing, _) = record.ended.unwrap();
        assert!(told.into_iter().all(|told| told == standing), "everybody is told the same");
        assert_eq!(finished.is_ok(), matches!(standing, Ending::Succeeded { .. }), "{standing:?}");
        let packs = PackStore::new(archive);
        let pick = PackPick { clusters: Clusters::All, from: None, until: None };
        let listed = packs.list(&pick, None, 9).await.unwrap().items.len();
        assert_eq!(listed, usize::from(finished.is_ok()), "only what counts is listed");
    }
}

/// One audit from its order to its end, as a replica does it.
async fn once(archive: &Archive, order: &AuditOrder, succeed: bool) -> Result<(), String> {
    let runs = RunStore::new(archive.clone());
    runs.order(order).await.map_err(|error| error.to_string())?;
    if succeed {
        return carry_out(archive, order, at(9)).await.map_err(|error| error.to_string());
    }
    runs.end(&order.key, &failed(), at(9)).await.map(|_| ()).map_err(|error| error.to_string())
}

#[tokio::test(start_paused = true)]
async fn a_crash_at_any_operation_leaves_one_end_and_whole_lists() {
    for succeed in [true, false] {
        let (clean, archive) = memory();
        let order = order("shop", "nightly", 0);
        once(&archive, &order, succeed).await.unwrap();
        let wanted = keys(&*clean, "index").await;
        assert_eq!(wanted.len(), if succeed { 4 } else { 2 });
        for fault in Fault::ALL {
            for dead in [true, false] {
                for operation in 0.. {
                    let context = format!("{fault:?} at {operation}, dead: {dead}, success: {succeed}");
                    let (inner, archive) = memory();
                    let store = FaultStore::new(inner.clone(), fault, operation, dead);
                    let told = once(&Archive::over(store.clone(), "faulty"), &order, succeed).await;
                    // A new process: takes up what was promised, and repeats what was not.
                    let runs = RunStore::new(archive.clone());
                    let open = runs.unfinished().await.unwrap();
                    let found = runs.find(&order.key).await.unwrap();
                    let ended = found.as_ref().is_some_and(|record| record.ended.is_some());
                    assert!(told.is_err() || ended, "{context}: what was told is so");
                    assert_eq!(open.len(), usize::from(found.is_some() && !ended), "{context}: {found:?}");
                    once(&archive, &order, succeed)
                        .await
                        .unwrap_or_else(|error| panic!("{context}: {error}"));
                    let runs = RunStore::new(archive.clone());
                    assert!(runs.unfinished().await.unwrap().is_empty(), "{context}");
                    let record = runs.find(&order.key).await.unwrap().unwrap();
                    let success = matches!(record.ended, Some((Ending::Succeeded { .. }, _)));
                    assert_eq!(success, succeed, "{context}");
                    assert_eq!(all(&runs, &Clusters::All, 1).await, [record], "{context}");
                    assert_eq!(keys(&*inner, "index").await, wanted, "{context}");
                    if !store.struck() {
                        assert!(operation >= 6, "{context}: the faults reached every operation");
                        break;
                    }
                }
            }
        }
    }
}

#[tokio::test]
async fn lists_that_are_made_again_are_the_same() {
    let (store, archive) = memory();
    let runs = RunStore::new(archive.clone());
    for n in 0..30 {
        let order = order(["shop", "bank", "mill"][n % 3], &n.to_string(), n as i64 * 7000);
        runs.order(&order).await.unwrap();
        match n % 5 {
            0 => {}
            1 => drop(runs.end(&order.key, &failed(), at(n as i64 * 7000 + 5)).await.unwrap()),
            _ => carry_out(&archive, &order, at(n as i64 * 7000 + 9)).await.unwrap(),
        }
    }
    // One that nobody ordered: its claimant carries it out alone.
    support::attempt(&archive, "host-1").await.unwrap();
    let before = keys(&*store, "index").await;
    for key in &before {
        store.delete(&key.as_str().into()).await.unwrap();
    }
    let done = archive.reindex().await.unwrap();
    assert_eq!((done.runs, done.damaged), (31, 0));
    assert_eq!(keys(&*store, "index").await, before);
    assert_eq!(all(&RunStore::new(archive.clone()), &Clusters::All, 4).await.len(), 31);
    assert_eq!(runs.unfinished().await.unwrap().len(), 6);
    // A run that was tampered with is counted and stops nothing.
    store
        .put(&"clusters/shop/runs/0b7c9a52-1f04-5e1b-8c3d-9a0f6e5d4c3b/claim.json".into(), "{".into())
        .await
        .unwrap();
    assert_eq!(archive.reindex().await.unwrap().damaged, 1);
}

#[tokio::test]
async fn pages_are_exact_while_new_audits_arrive() {
    let folder = tempfile::tempdir().unwrap();
    for archive in [memory().1, Archive::open(folder.path().to_str().unwrap()).unwrap()] {
        let runs = RunStore::new(archive.clone());
        let mut wanted = Vec::new();
        for n in 0..40 {
            // Some within one second, some days apart.
            let order = order(["shop", "bank"][n % 2], &n.to_string(), (n / 4) as i64 * 40_000);
            runs.order(&order).await.unwrap();
            wanted.push(order.key);
        }
        for clusters in [
            Clusters::All,
            Clusters::Only(BTreeSet::from(["shop".parse().unwrap(), "bank".parse().unwrap()])),
            Clusters::Only(
                (0..100)
                    .map(|n| format!("c{n}"))
                    .chain(["shop".into(), "bank".into()])
                    .map(|id| id.parse().unwrap())
                    .collect(),
            ),
        ] {
            let (mut seen, mut after, mut late) = (Vec::new(), None, 0);
            loop {
                let page = runs.list(&clusters, after.as_ref(), 7).await.unwrap();
                let times: Vec<_> = page.items.iter().map(|record| record.order.created).collect();
                assert!(times.is_sorted_by(|one, other| one >= other), "newest first: {times:?}");
                seen.extend(page.items.into_iter().map(|record| record.order.key));
                late += 1;
                runs.order(&order("shop", &format!("late {late} {clusters:?}"), 900_000 + late))
                    .await
                    .unwrap();
                match page.next {
                    Some(next) => after = Some(next),
                    None => break,
                }
            }
            let unique: BTreeSet<_> = seen.iter().cloned().collect();
            assert_eq!(unique.len(), seen.len(), "nothing twice");
            assert!(wanted.iter().all(|key| unique.contains(key)), "nothing left out");
        }
        let shop = all(&runs, &Clusters::Only(BTreeSet::from(["shop".parse().unwrap()])), 500).await;
        assert!(shop.iter().all(|record| record.order.key.cluster.as_str() == "shop"));
        assert!(all(&runs, &Clusters::Only(BTreeSet::new()), 5).await.is_empty());
    }
}

#[tokio::test]
async fn an_outage_loses_nothing_and_is_told_as_such() {
    let store = CountingStore::new(Arc::new(InMemory::new()));
    let archive = Archive::over(store.clone(), "shaky");
    let runs = RunStore::new(archive.clone());
    archive.probe().await.unwrap();
    for n in 0..20 {
        runs.order(&order("shop", &n.to_string(), n)).await.unwrap();
    }
    store.set_down(true);
    for n in 0..20 {
        let order = order("shop", &n.to_string(), n);
        let error = runs.end(&order.key, &failed(), at(60)).await.unwrap_err();
        assert!(matches!(error, StorageError::Unavailable(_)), "{error:?}");
    }
    assert!(matches!(runs.unfinished().await.unwrap_err(), StorageError::Unavailable(_)));
    assert!(matches!(runs.list(&Clusters::All, None, 9).await.unwrap_err(), StorageError::Unavailable(_)));
    assert!(matches!(archive.probe().await.unwrap_err(), StorageError::Unavailable(_)));
    assert!(matches!(
        RecordStore::new(archive.clone()).all_json(RecordKind::Waivers).await.unwrap_err(),
        StorageError::Unavailable(_)
    ));
    store.set_down(false);
    archive.probe().await.unwrap();
    assert_eq!(runs.unfinished().await.unwrap().len(), 20);
    for n in 0..20 {
        carry_out(&archive, &order("shop", &n.to_string(), n), at(90)).await.unwrap();
    }
    assert!(runs.unfinished().await.unwrap().is_empty());
    store.take();
    archive.probe().await.unwrap();
    let asked = store.take();
    assert_eq!((asked.puts, asked.gets, asked.lists), (0, 1, 0), "a probe is one question");
}

#[tokio::test(start_paused = true)]
async fn a_store_that_hangs_is_told_within_seconds() {
    let store = FaultStore::new(Arc::new(InMemory::new()), Fault::Hang, 0, false);
    let begun = tokio::time::Instant::now();
    let error = Archive::over(store, "hanging").probe().await.unwrap_err();
    assert!(matches!(error, StorageError::Unavailable(_)));
    assert!(begun.elapsed().as_secs() <= 3, "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_store_that_was_replaced_by_an_empty_one_does_not_count_as_answering() {
    let (store, archive) = memory();
    archive.probe().await.unwrap();
    store.delete(&"probe.json".into()).await.unwrap();
    assert!(archive.probe().await.is_err());
    assert!(keys(&*store, "probe.json").await.is_empty(), "nothing is written there");
}

fn version(number: u64, text: &str) -> Version<serde_json::Value> {
    let value = serde_json::json!({ "text": text });
    Version { number, changed_by: "ada".into(), changed_at: at(0), request: String::new(), value }
}

#[tokio::test]
async fn versions_are_numbered_without_gaps_and_one_writer_wins() {
    let store = CountingStore::new(Arc::new(InMemory::new()));
    let archive = Archive::over(store.clone(), "memory");
    let [one, two] = [(); 2].map(|()| RecordStore::new(archive.clone()));
    let (kind, id): (_, RecordId) = (RecordKind::Waivers, "w-1".parse().unwrap());
    assert_eq!(two.latest_json(kind, &id).await.unwrap(), None);
    one.put_json(kind, &id, version(1, "a")).await.unwrap();
    one.put_json(kind, &id, version(1, "a")).await.unwrap();
    assert!(matches!(one.put_json(kind, &id, version(3, "c")).await, Err(StorageError::Conflict)));
    // The other replica does not know it yet, loses, and then knows.
    assert!(matches!(two.put_json(kind, &id, version(1, "b")).await, Err(StorageError::Conflict)));
    assert_eq!(two.latest_json(kind, &id).await.unwrap(), Some(version(1, "a")));
    two.put_json(kind, &id, version(2, "b")).await.unwrap();
    assert_eq!(one.latest_json(kind, &id).await.unwrap(), Some(version(1, "a")));
    store.take();
    one.refresh().await.unwrap();
    let asked = store.take();
    assert_eq!((asked.gets, asked.puts), (1, 0), "only what changed is read");
    assert_eq!(one.all_json(kind).await.unwrap(), [(id.clone(), version(2, "b"))]);
    assert_eq!(one.history_json(kind, &id).await.unwrap(), [version(1, "a"), version(2, "b")]);
    store.take();
    one.latest_json(kind, &id).await.unwrap();
    assert_eq!(store.take().gets, 0, "reading costs nothing");
    assert!(one.all_json(RecordKind::Clusters).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_damaged_record_is_told_and_takes_no_other_with_it() {
    let (store, archive) = memory();
    let records = RecordStore::new(archive.clone());
    for id in ["good", "bad"] {
        records.put_json(RecordKind::Clusters, &id.parse().unwrap(), version(1, id)).await.unwrap();
    }
    store.put(&"records/clusters/bad/0000000002.json".into(), "{".into()).await.unwrap();
    store.put(&"records/clusters/bad/notes.txt".into(), "x".into()).await.unwrap();
    records.refresh().await.unwrap();
    let latest = async |id: &str| records.latest_json(RecordKind::Clusters, &id.parse().unwrap()).await;
    assert_eq!(latest("good").await.unwrap(), Some(version(1, "good")));
    assert!(matches!(latest("bad").await, Err(StorageError::Damaged(_))));
    assert!(matches!(records.all_json(RecordKind::Clusters).await, Err(StorageError::Damaged(_))));
    let readable = records.readable_json(RecordKind::Clusters).await.unwrap();
    assert_eq!(readable.records, [("good".parse().unwrap(), version(1, "good"))]);
    assert_eq!(readable.damaged, ["bad".parse().unwrap()]);
}

#[tokio::test]
async fn the_first_word_on_a_slot_counts_and_the_newest_come_first() {
    let slots = SlotStore::new(memory().1);
    let schedule: RecordId = "nightly".parse().unwrap();
    let slot =
        |day: i64, why: &str| SlotRecord { slot: at(day * 86_400), outcome: SlotOutcome::Gap(why.into()) };
    for day in 0..10 {
        assert_eq!(slots.record(&schedule, &slot(day, "down")).await.unwrap(), slot(day, "down"));
    }
    assert_eq!(slots.record(&schedule, &slot(3, "late")).await.unwrap(), slot(3, "down"));
    let first = slots.list(&schedule, None, 4).await.unwrap();
    assert_eq!(first.items, [9, 8, 7, 6].map(|day| slot(day, "down")));
    let second = slots.list(&schedule, first.next.as_ref(), 40).await.unwrap();
    assert_eq!(second.items, [5, 4, 3, 2, 1, 0].map(|day| slot(day, "down")));
    assert_eq!(second.next, None);
}

#[tokio::test]
async fn the_access_log_keeps_every_entry_and_lists_by_cluster() {
    let (store, archive) = memory();
    let log = AccessStore::new(archive);
    let entry = |n: i64, cluster: Option<&str>| AccessEntry {
        at: at(n / 3),
        subject: "ada".into(),
        authentication: None,
        action: "PackService.DownloadPack".into(),
        cluster: cluster.map(|cluster| cluster.parse().unwrap()),
        object: n.to_string(),
        outcome: AccessOutcome::Done,
    };
    for n in 0..12 {
        log.append(&entry(n, [None, Some("shop"), Some("bank")][n as usize % 3])).await.unwrap();
    }
    // The same once more is another entry.
    log.append(&entry(0, None)).await.unwrap();
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = log.list(None, after.as_ref(), 5).await.unwrap();
        seen.extend(page.items);
        match page.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    assert_eq!(seen.len(), 13);
    assert!(seen.iter().map(|entry| entry.at).is_sorted_by(|one, other| one >= other));
    let shop = log.list(Some(&"shop".parse().unwrap()), None, 50).await.unwrap().items;
    assert_eq!(shop, [10, 7, 4, 1].map(|n| entry(n, Some("shop"))));
    // What callers send does not fill the store.
    log.append(&AccessEntry { object: "ä".repeat(1 << 20), ..entry(99, None) }).await.unwrap();
    let newest = log.list(None, None, 1).await.unwrap().items.remove(0);
    assert!(newest.object.len() < 1100 && newest.object.ends_with('…'));
    // A pointer whose entry never came is passed over.
    store
        .put(&"access/clusters/shop/79738875/00000000000000-00000000000000ff.json".into(), "".into())
        .await
        .unwrap();
    assert_eq!(log.list(Some(&"shop".parse().unwrap()), None, 50).await.unwrap().items.len(), 4);
}

#[tokio::test]
async fn what_nobody_ordered_is_neither_ended_nor_cancelled() {
    let (store, archive) = memory();
    let runs = RunStore::new(archive);
    let key = order("shop", "x", 0).key;
    assert!(runs.end(&key, &failed(), at(1)).await.is_err());
    assert!(runs.request_cancel(&key, "ada", at(1)).await.is_err());
    assert!(runs.put_snapshot(&key, "s".into()).await.is_err());
    assert!(keys(&*store, "clusters").await.is_empty());
    runs.order(&order("shop", "x", 0)).await.unwrap();
    runs.request_cancel(&key, "ada", at(1)).await.unwrap();
    runs.request_cancel(&key, "eve", at(2)).await.unwrap();
    assert_eq!(runs.find(&key).await.unwrap().unwrap().cancel_requested.as_deref(), Some("ada"));
    runs.put_snapshot(&key, "first".into()).await.unwrap();
    runs.put_snapshot(&key, "second".into()).await.unwrap();
    assert_eq!(runs.snapshot(&key).await.unwrap().unwrap(), "first");
}
