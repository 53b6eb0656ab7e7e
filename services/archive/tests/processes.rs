//! What only whole processes can show: a full file system, and death at any moment.
//!
//! Each test starts this test binary again as a child that runs one attempt on the folder it is given.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test ends where it is surprised")]

mod support;

use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Instant;

use hexproof_archive::{Archive, RunState};
use support::{assert_sound, attempt, attempt_with_pack, chain, cluster};

const FOLDER: &str = "HEXPROOF_TEST_FOLDER";
const SIZE: &str = "HEXPROOF_TEST_SIZE";

/// Not a test by itself: what a child does. Without a folder in the environment there is nothing to do.
#[tokio::test]
async fn child() {
    let Ok(folder) = std::env::var(FOLDER) else { return };
    let archive = Archive::open(&folder).unwrap();
    let size = std::env::var(SIZE).map_or(100, |size| size.parse().unwrap());
    let pack = std::process::id().to_string().repeat(size);
    match attempt_with_pack(&archive, "child", pack.into()).await {
        Ok(_) => println!("outcome: finished"),
        Err(error) => println!("outcome: {}", chain(&error)),
    }
}

fn child_command(program: &str, before: &[&str], folder: &Path) -> Command {
    let mut command = Command::new(program);
    command.args(before).env(FOLDER, folder).stdin(Stdio::null());
    command
}

fn this() -> String {
    std::env::current_exe().unwrap().to_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_full_file_system_leaves_no_half_pack_and_the_next_attempt_succeeds() {
    let folder = tempfile::tempdir().unwrap();
    // A file system of 64 KiB in a mount namespace of the child's own: first too small, then grown.
    let script = format!(
        r#"mount -t tmpfs -o size=64k tmpfs "${FOLDER}" || exit 77
        {SIZE}=100000 "$0" --exact child --nocapture
        find "${FOLDER}" -type f -size +0
        mount -o remount,size=4m "${FOLDER}" || exit 77
        {SIZE}=100000 "$0" --exact child --nocapture
        find "${FOLDER}" -type f -size +0"#
    );
    let root = Command::new("id").arg("-u").output().is_ok_and(|id| id.stdout == b"0\n");
    let flags = if root { "-m" } else { "-Urm" };
    let child = this();
    let output = child_command("unshare", &[flags, "sh", "-c", &script, &child], folder.path()).output();
    let Ok(Output { status, stdout, stderr }) = output else { return println!("skipped: no `unshare`") };
    if !status.success() {
        return println!("skipped: no mount namespace: {}", String::from_utf8_lossy(&stderr).trim());
    }
    let text = String::from_utf8(stdout).unwrap();
    let (first, second) = text.split_once("outcome: finished").unwrap_or_else(|| panic!("{text}"));
    let full = "outcome: cannot write `packs/";
    assert!(first.contains(full) && first.contains("is full: "), "{first}");
    assert!(first.contains("No space left on device"), "the reason of the system is told: {first}");
    assert!(first.contains("/claim.json") && first.contains("/assessment.json.zst"), "{first}");
    assert!(!first.contains(".pdf\n") && !first.contains("result.json"), "nothing looks finished: {first}");
    assert!(second.contains("/result.json") && second.contains(".pdf\n"), "{second}");
}

#[tokio::test]
async fn death_at_any_moment_leaves_a_sound_store() {
    const ROUNDS: u32 = 60;
    let folder = tempfile::tempdir().unwrap();
    let start = |store: &Path| {
        let mut command = child_command(&this(), &["--exact", "child"], store);
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    };
    // Waits until the child has opened its store, from where the moments are counted.
    let opened = |store: &Path, child: &mut Child| {
        while !store.exists() && child.try_wait().unwrap().is_none() {
            std::thread::yield_now();
        }
        Instant::now()
    };
    let whole = folder.path().join("whole");
    let mut child = start(&whole);
    let begun = opened(&whole, &mut child);
    child.wait().unwrap();
    let run = begun.elapsed();

    let mut unfinished = 0;
    for round in 0..ROUNDS {
        // Each round has a store of its own and dies at another moment of its run.
        let store = folder.path().join(round.to_string());
        let mut child = start(&store);
        let begun = opened(&store, &mut child);
        while begun.elapsed() < run * round / ROUNDS {
            std::thread::yield_now();
        }
        // A child that is done already cannot be killed; that is one of the moments.
        let _done = child.kill();
        child.wait().unwrap();

        let context = format!("killed in round {round}");
        let archive = Archive::open(store.to_str().unwrap()).unwrap();
        let before = assert_sound(&archive, &context).await;
        let listing = archive.list_runs(&cluster()).await.unwrap();
        let finished = listing.runs.values().any(|state| *state == RunState::Finished);
        assert_eq!(finished, before.is_some(), "{context}");
        unfinished += u32::from(!finished);
        let again =
            attempt(&archive, "again").await.unwrap_or_else(|error| panic!("{context}: {}", chain(&error)));
        assert_eq!(assert_sound(&archive, &context).await, Some(again), "{context}");
    }
    println!("{unfinished} of {ROUNDS} runs were cut short, a whole one took {run:?}");
    assert!(unfinished > 0, "no run was cut short: the test proves nothing");
}
