//! Measures what pages ask of a store: `cargo run --release --example evidence -p hexproof-archive [CLUSTERS] [OBSERVATIONS]`.
//!
//! A folder and memory are filled with the lists of so many clusters (1,000) of 365 packs, and with one pack of so many
//! observations (100,000). Each figure is the first answer of a new process as far as that can be had: nothing is held.

#![allow(clippy::unwrap_used, reason = "it ends where it is surprised")]

use std::path::Path as FilePath;
use std::sync::Arc;
use std::time::Instant;

use hexproof_archive::{
    Archive, Claim, Claimed, EvidenceStore, Extracts, Outcome, PackStore, Part, RunId, layout,
};
use hexproof_core::access::{Artifact, Clusters};
use hexproof_core::audit::AuditKey;
use hexproof_core::digest::Digest;
use hexproof_core::id::ClusterId;
use hexproof_core::port::FixedClock;
use hexproof_core::port::evidence::{Evidence, ObservationFilter, PackEntry, PackPick, ScoreEntry};
use hexproof_core::scale::{Outcome as Verdict, Rating};
use hexproof_testkit::evidence::{KeptPack, Sample, catalogue};
use jiff::{Timestamp, ToSpan as _};
use object_store::ObjectStoreExt as _;
use object_store::memory::InMemory;
use object_store::path::Path;

const DAYS: i64 = 365;

fn row(cluster: &ClusterId, n: usize, day: i64) -> PackEntry {
    let first: Timestamp = "2026-01-01T02:00:00Z".parse().unwrap();
    PackEntry {
        key: AuditKey { run: RunId::derive(cluster, &["slot", &day.to_string()]), cluster: cluster.clone() },
        finished: first + (day * 24).hours() + (n as i64 * 37).seconds(),
        rating: Rating::D,
        score: Some(ScoreEntry { low: 41.5, high: 60.25, coverage: 81.0, gates: 2 }),
        complete: true,
        size: 123_456,
        digest: Digest::of(&[n.to_be_bytes(), day.to_be_bytes().map(|byte| byte)].concat()),
    }
}

fn rows(clusters: usize) -> impl Iterator<Item = PackEntry> {
    (0..clusters).flat_map(|n| {
        let cluster: ClusterId = format!("cluster-{n:04}").parse().unwrap();
        (0..DAYS).map(move |day| row(&cluster, n, day))
    })
}

/// Mebibytes of memory that the process has.
fn resident() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kibibytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse::<f64>().ok());
    kibibytes.unwrap_or_default() / 1024.0
}

async fn timed<T>(what: &str, work: impl Future<Output = T>) -> T {
    let begun = Instant::now();
    let done = work.await;
    println!("  {what}: {:.1} ms", begun.elapsed().as_secs_f64() * 1000.0);
    done
}

fn evidence(archive: &Archive) -> EvidenceStore {
    let clock = FixedClock("2027-01-01T12:00:00Z".parse().unwrap());
    EvidenceStore::new(PackStore::new(archive.clone()), Arc::new(catalogue()), Arc::new(clock))
}

async fn lists(archive: &Archive) {
    let before = resident();
    let store = evidence(archive);
    let all = timed("standings of all, cold", store.standings(&Clusters::All, 14)).await.unwrap();
    println!("    {} clusters; memory grew by {:.1} MiB", all.len(), resident() - before);
    timed("standings of all, warm", store.standings(&Clusters::All, 14)).await.unwrap();
    timed("refresh", store.refresh()).await.unwrap();
    let pick = PackPick { clusters: Clusters::All, from: None, until: None };
    let first = timed("a page of 50 packs", store.packs(&pick, None, 50)).await.unwrap();
    timed("the next", store.packs(&pick, first.next.as_ref(), 50)).await.unwrap();
    let one = Clusters::Only([first.items[0].key.cluster.clone()].into());
    let pick = PackPick { clusters: one, ..pick };
    timed("a page of 50 packs of one cluster", store.packs(&pick, None, 50)).await.unwrap();
    timed("the pack before", store.before(&first.items[0])).await.unwrap();
}

async fn finish(archive: &Archive, pack: &KeptPack, packed: &[u8]) {
    let key = &pack.entry.key;
    let claim = Claim::new(key.cluster.clone(), key.run, "example", "2026-11-24T00:00:00Z");
    let Claimed::New(mut run) = archive.claim(&claim).await.unwrap() else { panic!("a new store") };
    run.put(Part::Snapshot, pack.files[&Artifact::Snapshot].clone()).await.unwrap();
    run.put(Part::Population, pack.files[&Artifact::Population].clone()).await.unwrap();
    run.put(Part::Assessment, packed.to_vec().into()).await.unwrap();
    run.put_pack(pack.files[&Artifact::Pack].clone()).await.unwrap();
    let stored = run.assessment().unwrap();
    let begun = Instant::now();
    let extracts = Extracts::of(&pack.assessment, &stored).unwrap();
    let [summary, table, blocks] = extracts.lengths().map(|length| length as f64 / 1024.0);
    println!(
        "  extracts made in {:.0} ms: summary {summary:.0} KiB, table {table:.0} KiB, blocks {blocks:.0} KiB; \
         assessment {:.0} KiB, unpacked {:.0} KiB",
        begun.elapsed().as_secs_f64() * 1000.0,
        packed.len() as f64 / 1024.0,
        pack.files[&Artifact::Assessment].len() as f64 / 1024.0
    );
    run.attach(&extracts).await;
    let outcome = Outcome {
        finished_at: pack.entry.finished.to_string(),
        rating: pack.entry.rating.wire().to_owned(),
        complete: pack.entry.complete,
        overall: pack.entry.score,
    };
    run.finish(outcome).await.unwrap();
}

async fn observations(archive: &Archive, entry: &PackEntry) {
    let before = resident();
    let store = evidence(archive);
    timed("summary", store.summary(entry)).await.unwrap();
    let all = ObservationFilter::default();
    let page = timed("first page of 50 observations", store.observations(entry, &all, 0, 50)).await.unwrap();
    println!(
        "    of {}; held {:.1} MiB, memory grew by {:.1} MiB",
        page.total,
        store.held() as f64 / f64::from(1 << 20),
        resident() - before
    );
    timed("second page", store.observations(entry, &all, 50, 50)).await.unwrap();
    let failed = ObservationFilter { outcome: Some(Verdict::Fail), ..all.clone() };
    timed("first page of failures", store.observations(entry, &failed, 0, 50)).await.unwrap();
    let words = |word: &str| ObservationFilter { words: vec![word.to_owned()], ..all.clone() };
    timed("words", store.observations(entry, &words("checkout-00"), 100, 50)).await.unwrap();
    let scattered = words("web-001");
    let page = timed("words, far apart", store.observations(entry, &scattered, 0, 50)).await.unwrap();
    println!("    {} fit", page.fitting);
    timed("one observation", store.observation(entry, page.total / 2)).await.unwrap();
    let again = evidence(archive);
    timed("a search by a new process", again.observations(entry, &words("database"), 0, 50)).await.unwrap();
}

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1).map(|argument| argument.parse::<usize>().unwrap());
    let clusters = arguments.next().unwrap_or(1_000);
    let count = arguments.next().unwrap_or(100_000);
    let per_cluster = catalogue()
        .measures
        .iter()
        .filter(|measure| measure.layer >= hexproof_core::scale::Layer::Container)
        .count();
    let subjects = u32::try_from(count / per_cluster).unwrap();

    let memory = Arc::new(InMemory::new());
    let folder = tempfile::tempdir().unwrap();
    for entry in rows(clusters) {
        for key in layout::pack_entries(&entry) {
            memory.put(&Path::from(key.as_str()), "".into()).await.unwrap();
            let file = folder.path().join(key.as_str());
            std::fs::create_dir_all(file.parent().unwrap_or(FilePath::new("/"))).unwrap();
            std::fs::write(file, "").unwrap();
        }
    }
    let in_memory = Archive::over(memory, "memory");
    let in_folder = Archive::open(folder.path().to_str().unwrap()).unwrap();
    for (archive, name) in [(&in_memory, "memory"), (&in_folder, "folder")] {
        println!("{name}: {clusters} clusters x {DAYS} packs");
        lists(archive).await;
    }
    let sample = Sample::weak(&"large".parse().unwrap(), "2026-12-31T23:00:00Z".parse().unwrap());
    let mut pack = sample.subjects(subjects).pack();
    let packed = zstd::encode_all(&pack.files[&Artifact::Assessment][..], 3).unwrap();
    let entry = pack.entry.clone();
    for (archive, name) in [(&in_memory, "memory"), (&in_folder, "folder")] {
        println!("{name}: a pack of {} observations", pack.assessment.observations.len());
        finish(archive, &pack, &packed).await;
    }
    pack.files.clear();
    drop(pack);
    for (archive, name) in [(&in_memory, "memory"), (&in_folder, "folder")] {
        println!("{name}: reading it");
        observations(archive, &entry).await;
    }
}
