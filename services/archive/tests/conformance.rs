//! Every store passes the same claims. S3 and Azure run where an address is given:
//! `HEXPROOF_TEST_S3=s3://bucket/prefix` with `AWS_*`, `HEXPROOF_TEST_AZURE=az://container/prefix` with `AZURE_*`.

#![allow(clippy::unwrap_used, reason = "a test ends where it is surprised")]

mod support;

use hexproof_archive::conformance::{Violation, check};
use hexproof_archive::{Archive, ArchiveError};
use support::fault::OverwritingStore;

/// A name that no earlier test process used on a store that outlives it.
fn fresh() -> String {
    let clock = std::fs::metadata(tempfile::NamedTempFile::new().unwrap()).unwrap().modified().unwrap();
    let nanos = clock.duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos();
    format!("{}-{nanos}", std::process::id())
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_conforms() {
    check(&Archive::open("memory://").unwrap(), &fresh()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_local_folder_conforms() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new/evidence");
    check(&Archive::open(path.to_str().unwrap()).unwrap(), &fresh()).await.unwrap();
    // The same objects by the other way to name them.
    let url = format!("file://{}", path.display());
    let clusters = Archive::open(&url).unwrap().list_clusters().await.unwrap();
    assert_eq!(clusters.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn s3_conforms() {
    remote("HEXPROOF_TEST_S3").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn azure_conforms() {
    remote("HEXPROOF_TEST_AZURE").await;
}

async fn remote(variable: &str) {
    let Ok(url) = std::env::var(variable) else {
        println!("skipped: {variable} names no store");
        return;
    };
    let archive = Archive::open(&url).unwrap();
    check(&archive, &fresh()).await.unwrap_or_else(|violation| panic!("{url}: {violation:?}"));

    let (bucket, _) = url.split_at(url.find("://").unwrap() + 3);
    let nowhere = Archive::open(&format!("{bucket}hexproof-no-such-bucket")).unwrap();
    let error = support::attempt(&nowhere, "first").await.unwrap_err();
    assert!(matches!(error, ArchiveError::NoBucket { .. }), "{error:?}");
    let text = support::chain(&error);
    assert!(text.contains("hexproof-no-such-bucket") && text.contains("claim.json"), "{text}");
}

#[tokio::test]
async fn a_store_that_overwrites_is_refused() {
    let archive = Archive::over(std::sync::Arc::new(OverwritingStore::default()), "overwriting");
    let error = support::attempt(&archive, "first").await.unwrap_err();
    assert!(matches!(error, ArchiveError::NotCreateOnly { .. }), "{error}");
    let violation = check(&archive, &fresh()).await.unwrap_err();
    assert!(matches!(violation, Violation::Failed { .. } | Violation::Broken { .. }), "{violation}");
}
