//! How clusters stand is known without asking the store, and never forgotten.

use std::sync::Arc;

use bytes::Bytes;
use hexproof_archive::{Archive, layout};
use hexproof_core::access::Clusters;
use hexproof_core::port::StorageError;
use hexproof_core::port::evidence::{Evidence, PackEntry};
use hexproof_testkit::evidence::Sample;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _};

use crate::support::count::CountingStore;
use crate::{Hand, at, cluster, evidence};

fn entry(name: &str, second: i64) -> PackEntry {
    let mut entry = Sample::weak(&cluster(name), at(second)).subjects(1).pack().entry;
    entry.size = second.unsigned_abs();
    entry
}

async fn list(store: &dyn ObjectStore, entry: &PackEntry) {
    for key in layout::pack_entries(entry) {
        store.put(&Path::from(key.as_str()), Bytes::new().into()).await.unwrap();
    }
}

#[tokio::test]
async fn what_is_new_is_seen_and_what_is_known_is_told_without_the_store() {
    let inner = Arc::new(InMemory::new());
    let store = CountingStore::new(inner.clone());
    let archive = Archive::over(store.clone(), "memory");
    let clock = Hand::at(0);
    let evidence = evidence(&archive, &clock);
    let one = Clusters::Only([cluster("shop")].into());

    store.set_down(true);
    let first = evidence.standings(&Clusters::All, 1).await;
    assert!(matches!(first, Err(StorageError::Unavailable(_))), "nothing was ever known");
    assert_eq!(evidence.standings_at(), None);
    store.set_down(false);

    for second in -40..0 {
        list(&*inner, &entry("shop", second * 86_400)).await;
    }
    list(&*inner, &entry("mail", -10 * 86_400)).await;
    let all = evidence.standings(&Clusters::All, 99).await.unwrap();
    assert_eq!((all.len(), all[&cluster("shop")].len()), (2, 32));
    let newest = all[&cluster("shop")].iter().map(|entry| entry.finished);
    assert!(newest.eq((1..=32).map(|day| at(-day * 86_400))), "newest first");
    assert_eq!(evidence.standings_at(), Some(at(0)));

    store.take();
    for _ in 0..50 {
        evidence.standings(&Clusters::All, 32).await.unwrap();
    }
    assert_eq!(store.take().lists, 0, "known is known");

    // New ones: one of a cluster that was not there before, one that was listed late.
    for (name, second) in [("shop", 3), ("new", 4), ("mail", -1_800)] {
        list(&*inner, &entry(name, second)).await;
    }
    clock.set(5);
    evidence.refresh().await.unwrap();
    let all = evidence.standings(&Clusters::All, 2).await.unwrap();
    assert_eq!(all.len(), 3);
    assert_eq!(all[&cluster("shop")], [entry("shop", 3), entry("shop", -86_400)]);
    assert_eq!(all[&cluster("mail")][0], entry("mail", -1_800));
    assert_eq!(evidence.standings(&one, 1).await.unwrap().len(), 1);

    // Down: the last known, and since when.
    store.set_down(true);
    clock.set(600);
    assert!(matches!(evidence.refresh().await, Err(StorageError::Unavailable(_))));
    assert_eq!(evidence.standings(&Clusters::All, 2).await.unwrap(), all);
    assert_eq!(evidence.standings_at(), Some(at(5)));
    store.set_down(false);
    list(&*inner, &entry("mail", 7_200)).await;
    clock.set(10_000);
    evidence.refresh().await.unwrap();
    assert_eq!(
        evidence.standings(&Clusters::All, 1).await.unwrap()[&cluster("mail")][0],
        entry("mail", 7_200)
    );
    assert_eq!(evidence.standings_at(), Some(at(10_000)));
}

#[tokio::test]
async fn a_pack_that_was_listed_long_after_it_was_finished_is_found_in_time() {
    let inner = Arc::new(InMemory::new());
    let archive = Archive::over(inner.clone(), "memory");
    let clock = Hand::at(0);
    let evidence = evidence(&archive, &clock);
    for name in ["a", "b", "c"] {
        list(&*inner, &entry(name, -9 * 86_400)).await;
    }
    evidence.refresh().await.unwrap();
    for name in ["a", "b", "c"] {
        list(&*inner, &entry(name, -5 * 86_400)).await;
    }
    for second in 1..=4 {
        clock.set(second);
        evidence.refresh().await.unwrap();
    }
    for (name, packs) in evidence.standings(&Clusters::All, 9).await.unwrap() {
        assert_eq!(packs, [entry(name.as_str(), -5 * 86_400), entry(name.as_str(), -9 * 86_400)]);
    }
}

#[tokio::test]
async fn a_pack_that_is_listed_twice_is_one() {
    let inner = Arc::new(InMemory::new());
    let archive = Archive::over(inner.clone(), "memory");
    let evidence = evidence(&archive, &Hand::at(0));
    let scored = entry("shop", -10);
    list(&*inner, &PackEntry { score: None, ..scored.clone() }).await;
    evidence.refresh().await.unwrap();
    assert_eq!(evidence.standings(&Clusters::All, 9).await.unwrap()[&cluster("shop")][0].score, None);
    list(&*inner, &scored).await;
    evidence.refresh().await.unwrap();
    assert_eq!(evidence.standings(&Clusters::All, 9).await.unwrap()[&cluster("shop")], [scored]);
}

#[tokio::test]
async fn keys_of_strangers_do_no_harm() {
    let inner = Arc::new(InMemory::new());
    let archive = Archive::over(inner.clone(), "memory");
    let evidence = evidence(&archive, &Hand::at(0));
    let good = entry("shop", -10);
    list(&*inner, &good).await;
    let [_, of_cluster] = layout::pack_entries(&good);
    for key in [
        "index/packs/clusters/NOT-A-CLUSTER/x/y".to_owned(),
        "index/packs/clusters/mail/79738875/x".to_owned(),
        of_cluster.as_str().replace("clusters/shop/", "clusters/mail/"),
        format!("{of_cluster}.more"),
    ] {
        inner.put(&Path::from(key), Bytes::new().into()).await.unwrap();
    }
    let all = evidence.standings(&Clusters::All, 9).await.unwrap();
    assert_eq!(all.into_values().flatten().collect::<Vec<_>>(), [good]);
}
