//! A run that fails at any operation leaves nothing that looks finished, and succeeds when it is run again.

#![allow(clippy::unwrap_used, reason = "a test ends where it is surprised")]

mod support;

use std::sync::Arc;

use hexproof_archive::{Archive, ArchiveError, Part, RunState};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutPayload};
use support::fault::{Fault, FaultStore};
use support::{assert_sound, attempt, chain, cluster, run_id};

/// Runs with a fault at operation `at`; whether the fault was reached.
async fn survives(inner: Arc<dyn ObjectStore>, clean: &Archive, fault: Fault, at: usize, dead: bool) -> bool {
    let context = format!("{fault:?} at operation {at}, dead afterwards: {dead}");
    let store = FaultStore::new(inner, fault, at, dead);
    let outcome = attempt(&Archive::over(store.clone(), "faulty"), "first").await;
    let stored = assert_sound(clean, &context).await;
    match &outcome {
        Ok(result) => assert_eq!(stored.as_ref(), Some(result), "{context}: an acknowledged run is there"),
        Err(error) => assert!(chain(error).contains("faulty"), "{context}: {error} names the store"),
    }
    let again = attempt(clean, "second").await.unwrap_or_else(|error| panic!("{context}: again: {error}"));
    assert_eq!(assert_sound(clean, &context).await, Some(again.clone()), "{context}");
    if let Some(first) = stored {
        assert_eq!(first, again, "{context}: a finished run is not run again");
    }
    let listing = clean.list_runs(&cluster()).await.unwrap();
    assert_eq!(listing.runs.into_iter().collect::<Vec<_>>(), [(run_id(), RunState::Finished)], "{context}");
    store.struck()
}

#[tokio::test(start_paused = true)]
async fn every_fault_at_every_operation_is_survived() {
    for fault in Fault::ALL {
        for dead in [false, true] {
            let mut at = 0;
            loop {
                let inner: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
                if !survives(inner.clone(), &Archive::over(inner, "memory"), fault, at, dead).await {
                    break;
                }
                at += 1;
            }
            assert!(at >= 7, "a run has at least its 7 writes as operations, {fault:?} saw {at}");
        }
    }
}

#[tokio::test]
async fn every_fault_is_survived_on_a_folder() {
    for (fault, dead) in [(Fault::Before, true), (Fault::After, true), (Fault::Full, false)] {
        let mut at = 0;
        loop {
            let folder = tempfile::tempdir().unwrap();
            let clean = Archive::open(folder.path().to_str().unwrap()).unwrap();
            let local = object_store::local::LocalFileSystem::new_with_prefix(folder.path()).unwrap();
            if !survives(Arc::new(local), &clean, fault, at, dead).await {
                break;
            }
            at += 1;
        }
        assert!(at >= 7, "{fault:?} saw {at} operations");
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_or_a_busy_key_fails_no_run() {
    for fault in [Fault::After, Fault::Busy, Fault::Before, Fault::Hang] {
        // The writes of a run: claim, snapshot, pack, result.
        for at in [0, 3, 6, 7] {
            let store = FaultStore::new(Arc::new(InMemory::new()), fault, at, false);
            let archive = Archive::over(store.clone(), "faulty");
            let outcome = attempt(&archive, "first").await;
            assert!(store.struck());
            outcome.unwrap_or_else(|error| panic!("{fault:?} at {at}: {}", chain(&error)));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_full_disk_is_named_as_such_with_store_and_key() {
    let store = FaultStore::new(Arc::new(InMemory::new()), Fault::Full, 3, false);
    let error = attempt(&Archive::over(store, "the store"), "first").await.unwrap_err();
    let ArchiveError::Full { store, key, .. } = &error else { panic!("{error:?}") };
    assert_eq!(store, "the store");
    assert!(key.ends_with("/snapshot.ndjson.zst"), "{key}");
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_gone_fails_in_bounded_time_and_says_so() {
    let store = FaultStore::new(Arc::new(InMemory::new()), Fault::Hang, 0, true);
    let begun = tokio::time::Instant::now();
    let error = attempt(&Archive::over(store, "gone"), "first").await.unwrap_err();
    assert!(chain(&error).contains("no answer within 30 s"), "{}", chain(&error));
    assert!(begun.elapsed().as_secs() < 120, "took {:?}", begun.elapsed());
}

#[tokio::test]
async fn damage_shows_when_it_is_read() {
    let inner = Arc::new(InMemory::new());
    let archive = Archive::over(inner.clone(), "memory");
    let result = attempt(&archive, "first").await.unwrap();
    let base = format!("clusters/{}/runs/{}", cluster(), run_id());
    let pack = format!("packs/{}.pdf", result.pack.digest.hex());
    for key in [pack.clone(), format!("{base}/snapshot.ndjson.zst"), format!("{base}/assessment.json.zst")] {
        let path = Path::from(key.as_str());
        let good = inner.get(&path).await.unwrap().bytes().await.unwrap();
        let mut bad = good.to_vec();
        bad[3] ^= 1;
        inner.put(&path, bad.into()).await.unwrap();
        let error = match key.as_str() {
            key if key.ends_with(".pdf") => archive.pack(&result.pack.digest).await.unwrap_err(),
            key if key.contains("snapshot") => archive.snapshot(&result).await.unwrap_err(),
            _ => archive.assessment(&result).await.unwrap_err(),
        };
        assert!(matches!(&error, ArchiveError::Damaged { key: named, .. } if *named == key), "{error:?}");
        inner.put(&path, PutPayload::from_bytes(good)).await.unwrap();
    }
    let path = Path::from(format!("{base}/result.json"));
    for (bytes, malformed) in [("{", true), ("{\"version\": 2}", true), ("[]", true)] {
        inner.put(&path, bytes.into()).await.unwrap();
        let error = archive.result(&cluster(), run_id()).await.unwrap_err();
        assert_eq!(matches!(error, ArchiveError::Malformed { .. }), malformed, "{bytes}: {error:?}");
    }
    inner.put(&path, vec![b' '; 2 << 20].into()).await.unwrap();
    let error = archive.result(&cluster(), run_id()).await.unwrap_err();
    assert!(matches!(error, ArchiveError::TooLarge { .. }), "{error:?}");
}

#[tokio::test]
async fn a_result_copied_from_another_run_is_no_result() {
    let inner = Arc::new(InMemory::new());
    let archive = Archive::over(inner.clone(), "memory");
    attempt(&archive, "first").await.unwrap();
    let from = Path::from(format!("clusters/{}/runs/{}/result.json", cluster(), run_id()));
    let other = hexproof_archive::RunId::derive(&cluster(), &["another"]);
    inner.copy(&from, &Path::from(format!("clusters/shop/runs/{other}/result.json"))).await.unwrap();
    let error = archive.result(&cluster(), other).await.unwrap_err();
    assert!(matches!(error, ArchiveError::Damaged { .. }), "{error:?}");
}

#[tokio::test]
async fn a_run_finishes_only_with_everything_it_names() {
    let archive = Archive::open("memory://").unwrap();
    let claim = hexproof_archive::Claim::new(cluster(), run_id(), "one", "2026-11-24T10:00:00Z");
    let hexproof_archive::Claimed::New(mut run) = archive.claim(&claim).await.unwrap() else {
        panic!("not new")
    };
    run.put(Part::Snapshot, "s".into()).await.unwrap();
    assert!(matches!(run.put(Part::Result, "{}".into()).await, Err(ArchiveError::NotAnInput { .. })));
    let outcome = hexproof_archive::Outcome {
        finished_at: "2026-11-24T10:00:02Z".into(),
        rating: "RATING_A".into(),
        complete: true,
        overall: None,
    };
    let error = run.finish(outcome).await.unwrap_err();
    assert_eq!(error.to_string(), "run cannot be finished: population, assessment, pack not stored");
    assert_eq!(archive.result(&cluster(), run_id()).await.unwrap(), None);
}

#[tokio::test]
async fn keys_of_others_are_listed_as_strangers() {
    let inner = Arc::new(InMemory::new());
    let archive = Archive::over(inner.clone(), "memory");
    attempt(&archive, "first").await.unwrap();
    inner.put(&Path::from("clusters/shop/runs/not-a-run/claim.json"), "x".into()).await.unwrap();
    let listing = archive.list_runs(&cluster()).await.unwrap();
    assert_eq!(listing.runs.len(), 1);
    assert_eq!(
        listing.strangers.into_iter().collect::<Vec<_>>(),
        ["clusters/shop/runs/not-a-run/claim.json"]
    );
}
