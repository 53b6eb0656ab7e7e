//! An address that cannot be served is refused with its reason, and never shows a secret.

#![allow(clippy::unwrap_used, reason = "a test ends where it is surprised")]

mod support;

use hexproof_archive::{Archive, ArchiveError};
use support::{attempt, chain};

fn refusal(url: &str) -> String {
    match Archive::open(url) {
        Ok(archive) => panic!("{url} was opened as {archive:?}"),
        Err(error) => chain(&error),
    }
}

#[test]
fn addresses_that_mean_nothing_are_refused_with_the_reason() {
    let cases = [
        ("", "is empty"),
        ("ftp://host/evidence", "scheme `ftp` is not one of file, s3, az, gs, memory"),
        ("https://host/evidence", "scheme `https`"),
        ("s3:bucket/prefix", "write `s3://` with two slashes"),
        ("s3://", "names no bucket"),
        ("s3:///prefix", "names no bucket"),
        ("az://", "names no bucket"),
        ("gs://bucket:80/prefix", "names no bucket"),
        ("file://host/evidence", "needs an absolute path"),
        ("s3://bucket/prefix?region=x", "settings go into the environment"),
        ("s3://bucket/a//b", "empty path segment"),
    ];
    for (url, reason) in cases {
        let text = refusal(url);
        assert!(text.contains(reason), "{url}: {text}");
    }
}

#[test]
fn a_secret_in_an_address_is_refused_and_not_repeated() {
    for url in [
        "s3://key:canary-7f3a@bucket/prefix",
        "az://container/prefix?sig=canary-7f3a",
        "s3://canary-7f3a@bu cket/x",
        "s3://bucket/x#canary-7f3a",
    ] {
        let text = refusal(url);
        assert!(!text.contains("canary-7f3a"), "{text}");
    }
}

#[test]
fn a_folder_is_made_with_all_above_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a/b c/d");
    Archive::open(path.to_str().unwrap()).unwrap();
    assert!(path.is_dir());
    let url = format!("file://{}/e%20f", folder.path().display());
    assert_eq!(Archive::open(&url).unwrap().name(), url);
    assert!(folder.path().join("e f").is_dir());
}

#[test]
fn a_file_in_the_place_of_the_folder_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("evidence");
    std::fs::write(&file, "x").unwrap();
    for path in [file.clone(), file.join("below")] {
        let text = refusal(path.to_str().unwrap());
        assert!(text.starts_with(&format!("cannot open store `{}`", path.display())), "{text}");
        assert!(text.len() > path.to_str().unwrap().len() + 30, "the reason is told: {text}");
    }
}

#[tokio::test]
async fn an_object_that_cannot_be_placed_names_store_and_key() {
    let folder = tempfile::tempdir().unwrap();
    let archive = Archive::open(folder.path().to_str().unwrap()).unwrap();
    std::fs::write(folder.path().join("clusters"), "a file where a folder must be").unwrap();
    let error = attempt(&archive, "first").await.unwrap_err();
    let text = chain(&error);
    assert!(text.contains(folder.path().to_str().unwrap()) && text.contains("/claim.json"), "{text}");
    assert!(matches!(error, ArchiveError::Write { .. }), "{error:?}");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_read_only_folder_is_denied() {
    // Root may write anywhere, except where the kernel lets nobody write.
    let archive = match Archive::open("/sys/kernel") {
        Ok(archive) => archive,
        Err(error) => return println!("skipped: {error}"),
    };
    let error = attempt(&archive, "first").await.unwrap_err();
    assert!(chain(&error).contains("/sys/kernel"), "{error:?}");
    assert!(matches!(error, ArchiveError::Denied { .. }), "{error:?}");
}
