//! Packs of the test kit, put into an archive the way a worker does.

use bytes::Bytes;
use hexproof_archive::{Archive, ArchiveError, Claim, Claimed, Extracts, Outcome, Part};
use hexproof_core::access::Artifact;
use hexproof_core::assessment::Assessment;
use hexproof_testkit::evidence::{KeptPack, Sample};

/// The pack of a sample as it comes back from a store: numbers have two decimals there.
pub fn pack(sample: &Sample) -> KeptPack {
    let mut pack = sample.pack();
    let assessment: Assessment = serde_json::from_slice(&pack.files[&Artifact::Assessment]).unwrap();
    pack.assessment = assessment.into();
    pack
}

/// The stored assessment.
pub fn packed(pack: &KeptPack) -> Bytes {
    zstd::encode_all(&pack.files[&Artifact::Assessment][..], 3).unwrap().into()
}

/// Carries a pack out, with the extracts of its assessment or without.
pub async fn store(archive: &Archive, pack: &KeptPack, attached: bool) -> Result<(), ArchiveError> {
    let key = &pack.entry.key;
    let claim = Claim::new(key.cluster.clone(), key.run, "test", "2026-11-24T00:00:00Z");
    let mut run = match archive.claim(&claim).await? {
        Claimed::New(run) | Claimed::Unfinished { run, .. } => run,
        Claimed::Finished(_) => return Ok(()),
    };
    run.put(Part::Snapshot, pack.files[&Artifact::Snapshot].clone()).await?;
    run.put(Part::Population, pack.files[&Artifact::Population].clone()).await?;
    run.put(Part::Assessment, packed(pack)).await?;
    run.put_pack(pack.files[&Artifact::Pack].clone()).await?;
    if attached {
        let extracts = Extracts::of(&pack.assessment, &run.assessment().unwrap()).unwrap();
        run.attach(&extracts).await;
    }
    let outcome = Outcome {
        finished_at: pack.entry.finished.to_string(),
        rating: pack.entry.rating.wire().to_owned(),
        complete: pack.entry.complete,
        overall: pack.entry.score,
    };
    run.finish(outcome).await.map(|_| ())
}
