//! Two hundred people take a pack of ten megabytes at once, some of them slowly: memory stays bounded.
//!
//! Alone in its process, whose memory it measures.

#![allow(clippy::unwrap_used, reason = "a test ends where it is surprised")]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use hexproof_archive::{Archive, EvidenceStore, PackStore};
use hexproof_core::access::Artifact;
use hexproof_core::digest::Hasher;
use hexproof_core::port::evidence::Evidence;
use hexproof_testkit::FixedClock;
use hexproof_testkit::evidence::{Sample, catalogue};
use support::packs;

const READERS: usize = 200;
const PACK: usize = 10 << 20;
/// Of every reader: what is asked of the store at once, and a piece of it on its way.
const EACH: u64 = 768 << 10;

/// Bytes of memory that the process has, by the kernel's account.
fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? << 10)
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_downloads_take_bounded_memory() {
    let folder = tempfile::tempdir().unwrap();
    let archive = Archive::open(folder.path().to_str().unwrap()).unwrap();
    let sample = Sample::weak(&"shop".parse().unwrap(), "2026-11-24T10:00:00Z".parse().unwrap());
    let pack = packs::pack(&sample.pdf_bytes(PACK));
    packs::store(&archive, &pack, true).await.unwrap();
    let entry = pack.entry.clone();
    drop(pack);
    let clock = Arc::new(FixedClock(entry.finished));
    let evidence = EvidenceStore::new(PackStore::new(archive), Arc::new(catalogue()), clock);

    let Some(before) = resident() else { return println!("skipped: this system does not tell memory") };
    let (peak, done) = (Arc::new(AtomicU64::new(before)), Arc::new(AtomicBool::new(false)));
    let watch = {
        let (peak, done) = (peak.clone(), done.clone());
        std::thread::spawn(move || {
            while !done.load(Ordering::Relaxed) {
                peak.fetch_max(resident().unwrap_or_default(), Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(5));
            }
        })
    };
    let begun = Instant::now();
    let readers = (0..READERS).map(|reader| {
        let (evidence, entry) = (evidence.clone(), entry.clone());
        tokio::spawn(async move {
            let file = evidence.file(&entry, Artifact::Pack).await.unwrap();
            // Some go on where they were cut off, some leave in the middle.
            let from = if reader % 3 == 1 { file.size / 2 } else { 0 };
            let (size, digest) = (file.size, file.digest);
            let mut pieces = (file.read)(from..size);
            let (mut hasher, mut read) = (Hasher::default(), 0);
            while let Some(piece) = pieces.next().await {
                let piece = piece.unwrap();
                hasher.update(&piece);
                read += piece.len() as u64;
                match reader % 10 {
                    // Slow: holds what it has for a while.
                    0..5 => tokio::time::sleep(Duration::from_millis(5)).await,
                    9 if read > size / 4 => return read,
                    _ => {}
                }
            }
            assert_eq!(read, size - from);
            assert!(from > 0 || hasher.finish() == digest);
            read
        })
    });
    let readers: Vec<_> = readers.collect();
    let mut total = 0;
    for reader in readers {
        total += reader.await.unwrap();
    }
    let took = begun.elapsed();
    done.store(true, Ordering::Relaxed);
    watch.join().unwrap();
    let grown = peak.load(Ordering::Relaxed) - before;
    println!(
        "{READERS} downloads of {} MiB, {} MiB in {took:?}: memory grew by {} MiB",
        PACK >> 20,
        total >> 20,
        grown >> 20
    );
    assert!(grown < READERS as u64 * EACH, "{grown} bytes more for {READERS} readers");
}
