//! Extracts are worth nothing by themselves: missing, damaged, foreign or refused, the evidence is shown all the same.

use std::sync::Arc;

use bytes::Bytes;
use hexproof_archive::Archive;
use hexproof_core::Digest;
use hexproof_core::port::StorageError;
use hexproof_core::port::evidence::{Evidence, ObservationFilter};
use hexproof_testkit::evidence::{FixedEvidence, KeptPack, Sample};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _};

use crate::reading::compare;
use crate::support::count::CountingStore;
use crate::support::fault::{Fault, FaultStore};
use crate::support::packs;
use crate::{Hand, at, cluster, evidence};

const KINDS: [&str; 3] = ["summary", "table", "blocks"];

fn path(pack: &KeptPack, kind: &str) -> Path {
    Path::from(format!("index/evidence/{}/{}.{kind}", pack.entry.key.cluster, pack.entry.key.run))
}

fn sample() -> KeptPack {
    packs::pack(&Sample::weak(&cluster("shop"), at(0)).subjects(400).hostile())
}

async fn bytes(store: &dyn ObjectStore, path: &Path) -> Bytes {
    store.get(path).await.unwrap().bytes().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_is_made_once_and_the_same_as_when_the_run_was_finished() {
    let pack = sample();
    let attached = Arc::new(InMemory::new());
    packs::store(&Archive::over(attached.clone(), "attached"), &pack, true).await.unwrap();
    let inner = Arc::new(InMemory::new());
    let store = CountingStore::new(inner.clone());
    let archive = Archive::over(store.clone(), "memory");
    packs::store(&archive, &pack, false).await.unwrap();
    let fixed = FixedEvidence::of([pack.clone()]);
    let first = evidence(&archive, &Hand::at(0));
    // Many at once: it is made once.
    store.take();
    let filter = ObservationFilter::default();
    let pages = (0..20).map(|_| first.observations(&pack.entry, &filter, 0, 50));
    for page in futures::future::join_all(pages).await {
        assert_eq!(page.unwrap().total as usize, pack.assessment.observations.len());
    }
    assert_eq!(store.take().puts, 3, "summary, table and blocks, once");
    compare(&first, &fixed, std::slice::from_ref(&pack)).await;
    for kind in KINDS {
        let at = path(&pack, kind);
        assert_eq!(bytes(&*inner, &at).await, bytes(&*attached, &at).await, "{kind}");
    }
    // Whoever comes later reads result, table and one block, and no assessment.
    let second = evidence(&archive, &Hand::at(0));
    store.take();
    second.observations(&pack.entry, &filter, 0, 50).await.unwrap();
    assert_eq!(store.take().gets, 3);
    second.observation(&pack.entry, 7).await.unwrap();
    assert_eq!(store.take().gets, 1);
}

/// What becomes of an extract.
async fn spoil(store: &dyn ObjectStore, pack: &KeptPack, kind: &str, how: &str) {
    let at = path(pack, kind);
    let mut found = bytes(store, &at).await.to_vec();
    match how {
        "gone" => return store.delete(&at).await.unwrap(),
        "empty" => found.clear(),
        "cut" => found.truncate(found.len() / 2),
        "longer" => found.extend_from_slice(b"more"),
        "first byte" => found[0] ^= 1,
        "another assessment" if kind != "blocks" => {
            found[8..40].copy_from_slice(Digest::of(b"another").bytes());
        }
        "middle byte" | "another assessment" => {
            let middle = found.len() / 2;
            found[middle] ^= 0x80;
        }
        other => panic!("{other}"),
    }
    store.put(&at, found.into()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_spoiled_is_never_shown_and_is_mended() {
    let pack = packs::pack(&Sample::weak(&cluster("shop"), at(0)).subjects(60));
    let fixed = FixedEvidence::of([pack.clone()]);
    let inner = Arc::new(InMemory::new());
    let archive = Archive::over(inner.clone(), "memory");
    packs::store(&archive, &pack, true).await.unwrap();
    let mut whole = Vec::new();
    for kind in KINDS {
        whole.push(bytes(&*inner, &path(&pack, kind)).await);
    }
    for how in ["gone", "empty", "cut", "first byte", "middle byte", "another assessment"] {
        for kind in KINDS {
            spoil(&*inner, &pack, kind, how).await;
            let tested = evidence(&archive, &Hand::at(0));
            compare(&tested, &fixed, std::slice::from_ref(&pack)).await;
            for (kind, whole) in KINDS.iter().zip(&whole) {
                assert_eq!(bytes(&*inner, &path(&pack, kind)).await, *whole, "{kind}, {how}");
            }
        }
    }
    // Damaged while its table is in memory.
    let tested = evidence(&archive, &Hand::at(0));
    tested.observation(&pack.entry, 0).await.unwrap();
    spoil(&*inner, &pack, "blocks", "gone").await;
    compare(&tested, &fixed, std::slice::from_ref(&pack)).await;
    // Another pack's, whole in itself.
    let other = packs::pack(&Sample::strong(&cluster("shop"), at(60)).subjects(60));
    packs::store(&archive, &other, true).await.unwrap();
    for kind in KINDS {
        let foreign = bytes(&*inner, &path(&other, kind)).await;
        inner.put(&path(&pack, kind), foreign.into()).await.unwrap();
    }
    let tested = evidence(&archive, &Hand::at(0));
    let fixed = FixedEvidence::of([pack.clone(), other.clone()]);
    compare(&tested, &fixed, &[pack, other]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reindexing_makes_again_what_is_lacking_and_nothing_else() {
    let inner = Arc::new(InMemory::new());
    let archive = Archive::over(inner.clone(), "memory");
    let (old, new) = (sample(), packs::pack(&Sample::strong(&cluster("shop"), at(9))));
    packs::store(&archive, &old, false).await.unwrap();
    packs::store(&archive, &new, true).await.unwrap();
    let done = archive.reindex().await.unwrap();
    assert_eq!((done.runs, done.damaged, done.extracted), (2, 0, 1));
    assert_eq!(archive.reindex().await.unwrap().extracted, 0);
    spoil(&*inner, &new, "blocks", "cut").await;
    spoil(&*inner, &old, "summary", "another assessment").await;
    assert_eq!(archive.reindex().await.unwrap().extracted, 2);
    let fixed = FixedEvidence::of([old.clone(), new.clone()]);
    compare(&evidence(&archive, &Hand::at(0)), &fixed, &[old, new]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_assessment_is_said_to_be_damaged() {
    let pack = sample();
    let inner = Arc::new(InMemory::new());
    let archive = Archive::over(inner.clone(), "memory");
    packs::store(&archive, &pack, false).await.unwrap();
    let key = &pack.entry.key;
    let at = Path::from(format!("clusters/{}/runs/{}/assessment.json.zst", key.cluster, key.run));
    let mut stored = bytes(&*inner, &at).await.to_vec();
    stored[100] ^= 1;
    inner.put(&at, stored.into()).await.unwrap();
    let tested = evidence(&archive, &Hand::at(0));
    assert!(matches!(tested.summary(&pack.entry).await, Err(StorageError::Damaged(_))));
    let page = tested.observations(&pack.entry, &ObservationFilter::default(), 0, 9).await;
    assert!(matches!(page, Err(StorageError::Damaged(_))));
    assert!(tested.pack(key).await.unwrap().is_some(), "the pack itself is there");
}

/// Reads everything; tells the right thing or that the store does not answer.
async fn read(tested: &dyn Evidence, pack: &KeptPack, context: &str) -> bool {
    let mut whole = true;
    let mut see = |answer: Result<bool, StorageError>| match answer {
        Ok(right) => assert!(right, "{context}: another answer"),
        Err(StorageError::Unavailable(_)) => whole = false,
        Err(error @ StorageError::Damaged(_)) => {
            // An object that ends half way may as well be damaged: that is what was seen.
            assert!(context.starts_with("Partial"), "{context}: {error}");
            whole = false;
        }
        Err(error) => panic!("{context}: {error}"),
    };
    let summary = tested.summary(&pack.entry).await;
    see(summary.map(|summary| *summary == pack.assessment.summary()));
    let filter = ObservationFilter { words: vec!["web".into()], ..Default::default() };
    let page = tested.observations(&pack.entry, &filter, 40, 50).await;
    see(page.map(|page| {
        page.items.iter().all(|(place, item)| pack.assessment.observations[*place as usize] == *item)
            && page.items.len() == 50
    }));
    let last = pack.assessment.observations.len() as u32 - 1;
    let one = tested.observation(&pack.entry, last).await;
    see(one.map(|one| one.as_ref() == pack.assessment.observations.last()));
    whole
}

#[tokio::test(start_paused = true)]
async fn a_store_that_fails_at_any_moment_never_gives_another_answer() {
    let pack = packs::pack(&Sample::weak(&cluster("shop"), at(0)).subjects(120));
    for attached in [true, false] {
        for fault in Fault::ALL {
            for dead in [false, true] {
                for moment in 0.. {
                    let inner = Arc::new(InMemory::new());
                    packs::store(&Archive::over(inner.clone(), "memory"), &pack, attached).await.unwrap();
                    let faulty = FaultStore::new(inner.clone(), fault, moment, dead);
                    let archive = Archive::over(faulty.clone(), "faulty");
                    let context = format!("{fault:?} at {moment}, attached {attached}, dead {dead}");
                    let tested = evidence(&archive, &Hand::at(0));
                    read(&tested, &pack, &context).await;
                    // The store is there again: so is everything.
                    let archive = Archive::over(inner.clone(), "memory");
                    let tested = evidence(&archive, &Hand::at(0));
                    assert!(read(&tested, &pack, &context).await, "{context}");
                    if !faulty.struck() {
                        assert!(moment >= 4, "{context}");
                        break;
                    }
                }
            }
        }
    }
}
