//! One audit after its collection: rate, render, seal, archive.
//!
//! The run is claimed before anything costly is done, and its result is written last: a run that fails on the way
//! leaves nothing that looks finished, and the same command takes it up again.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use bytes::Bytes;
use hexproof_archive::{Archive, Claim, Claimed, ClusterId, Outcome, Part, RunId};
use hexproof_core::Rating;
use hexproof_core::assessment::Assessment;
use hexproof_core::digest::Digest;
use hexproof_core::measure::Catalogue;
use hexproof_core::port::Clock;
use hexproof_core::settings::Settings;
use hexproof_core::snapshot::Snapshot;
use hexproof_core::waiver::Waiver;
use hexproof_renderer::view::{self, Seal, SnapshotPlace};
use hexproof_renderer::{Attachment, Relationship};
use hexproof_sealer::{Identity, SealOptions};
use serde::Serialize;

use crate::inputs::PROGRAM;
use crate::snapshot_file;
use crate::terminal::progress::Progress;

/// A snapshot up to this size travels inside the pack, so that the verdict can be repeated from the pack alone.
const LARGEST_ATTACHED_SNAPSHOT: usize = 8 << 20;

/// Everything a pack is made of.
pub(crate) struct Job<'a> {
    pub(crate) snapshot: &'a Snapshot,
    pub(crate) digest: Digest,
    pub(crate) catalogue: &'a Catalogue,
    pub(crate) settings: &'a Settings,
    pub(crate) waivers: &'a [Waiver],
    pub(crate) identity: &'a Identity,
    pub(crate) clock: &'a dyn Clock,
    pub(crate) progress: &'a Progress,
}

/// A pack in the store.
pub(crate) struct Made {
    pub(crate) assessment: Assessment,
    /// SHA-256 of the pack.
    pub(crate) digest: Digest,
    /// The pack itself.
    pub(crate) bytes: Bytes,
    /// The run had been finished before: nothing was made anew.
    pub(crate) earlier: bool,
}

/// Rates a snapshot.
pub(crate) fn assess(
    snapshot: &Snapshot,
    digest: Digest,
    catalogue: &Catalogue,
    settings: &Settings,
    waivers: &[Waiver],
) -> Assessment {
    hexproof_scorer::assess(hexproof_scorer::Input { snapshot, digest, catalogue, settings, waivers })
}

/// Whether everything that was asked could be read.
pub(crate) fn is_complete(assessment: &Assessment) -> bool {
    use hexproof_core::snapshot::State;
    assessment.not_listed.is_empty()
        && assessment.unreadable_files.is_empty()
        && assessment.population.iter().all(|row| row.unreadable == 0)
        && assessment
            .sources
            .iter()
            .all(|source| matches!(source.state, State::Complete | State::NotCollected))
}

/// Makes the pack of a snapshot and archives it.
pub(crate) fn run(job: &Job<'_>, store: &str) -> anyhow::Result<Made> {
    job.progress.stage("rating");
    let assessment = assess(job.snapshot, job.digest, job.catalogue, job.settings, job.waivers);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    runtime.block_on(archive(job, assessment, store))
}

async fn archive(job: &Job<'_>, assessment: Assessment, store: &str) -> anyhow::Result<Made> {
    let archive = Archive::open(store)?;
    let cluster = cluster_id(&assessment.cluster.id)?;
    let waivers = Digest::of(&serde_json::to_vec(job.waivers)?);
    let names =
        [job.digest, job.catalogue.digest, assessment.settings_digest, waivers].map(|digest| digest.hex());
    let run = RunId::derive(&cluster, &names.each_ref().map(String::as_str));
    let claimant = format!("{PROGRAM}, process {}", std::process::id());
    let claim = Claim::new(cluster, run, claimant, job.clock.now().to_string());
    let mut run = match archive.claim(&claim).await? {
        Claimed::New(run) | Claimed::Unfinished { run, .. } => run,
        Claimed::Finished(result) => {
            let bytes = archive.pack(&result.pack.digest).await?;
            return Ok(Made { assessment, digest: result.pack.digest, bytes, earlier: true });
        }
    };

    let (snapshot, _) = snapshot_file::pack(job.snapshot)?;
    let json = serde_json::to_vec(&assessment)?;
    let population = population(&assessment)?;
    run.put(Part::Snapshot, Bytes::from(snapshot.clone())).await?;
    run.put(Part::Population, Bytes::from(population.clone())).await?;
    run.put(Part::Assessment, Bytes::from(compress(&json)?)).await?;

    job.progress.stage("rendering");
    let unsigned = render(job, &assessment, snapshot, json, population)?;
    job.progress.stage("sealing");
    let sealed = hexproof_sealer::seal(&unsigned, job.identity, &SealOptions::new(job.clock.now()))?;
    drop(unsigned);
    job.progress.stage("archiving");
    let bytes = Bytes::from(sealed);
    run.put_pack(bytes.clone()).await?;
    let outcome = Outcome {
        finished_at: job.clock.now().to_string(),
        rating: assessment.overall.rating.wire().to_owned(),
        complete: is_complete(&assessment),
    };
    let finished = run.finish(outcome).await?;
    if finished.ours {
        return Ok(Made { digest: finished.result.pack.digest, bytes, assessment, earlier: false });
    }
    let bytes = archive.pack(&finished.result.pack.digest).await?;
    Ok(Made { assessment, digest: finished.result.pack.digest, bytes, earlier: true })
}

fn cluster_id(id: &str) -> anyhow::Result<ClusterId> {
    id.parse().with_context(|| "the snapshot's cluster id cannot name a folder of the store")
}

fn compress(bytes: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut encoder = zstd::Encoder::new(Vec::new(), 3)?;
    encoder.include_checksum(true)?;
    std::io::Write::write_all(&mut encoder, bytes)?;
    Ok(encoder.finish()?)
}

/// The reconciled population alone, for those who need no observations.
fn population(assessment: &Assessment) -> anyhow::Result<Vec<u8>> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Population<'a> {
        cluster: &'a hexproof_core::assessment::ClusterFacts,
        snapshot: &'a hexproof_core::assessment::SnapshotRef,
        sources: &'a [hexproof_core::snapshot::SourceState],
        population: &'a [hexproof_core::assessment::PopulationRow],
        not_listed: &'a [hexproof_core::population::NotListed],
        unreadable_files: &'a [hexproof_core::population::UnreadableFile],
        skipped_files: &'a [hexproof_core::population::UnreadableFile],
        redaction: &'a hexproof_core::snapshot::Redaction,
    }
    Ok(serde_json::to_vec(&Population {
        cluster: &assessment.cluster,
        snapshot: &assessment.snapshot,
        sources: &assessment.sources,
        population: &assessment.population,
        not_listed: &assessment.not_listed,
        unreadable_files: &assessment.unreadable_files,
        skipped_files: &assessment.skipped_files,
        redaction: &assessment.redaction,
    })?)
}

/// The pack before it is sealed: a function of the snapshot, the catalogue, what the operator states and the signer.
fn render(
    job: &Job<'_>,
    assessment: &Assessment,
    snapshot: Vec<u8>,
    json: Vec<u8>,
    population: Vec<u8>,
) -> anyhow::Result<Vec<u8>> {
    let attachment = |name: &str, mime: &str, relationship, description: &str, bytes| Attachment {
        name: name.to_owned(),
        mime: mime.to_owned(),
        relationship,
        description: description.to_owned(),
        bytes,
    };
    let mut attachments = vec![
        attachment(
            "assessment.json",
            "application/json",
            Relationship::Data,
            "Every verdict, rating and gate, as hexproof.v1.Assessment.",
            json,
        ),
        attachment(
            "population.json",
            "application/json",
            Relationship::Data,
            "What was listed, evaluated, left out and not seen.",
            population,
        ),
        attachment(
            "catalogue.sha256",
            "text/plain",
            Relationship::Supplement,
            "Digest of every measure file; the digest of this list is that of the catalogue.",
            job.catalogue.list().into_bytes(),
        ),
    ];
    let place = if snapshot.len() <= LARGEST_ATTACHED_SNAPSHOT {
        let name = "snapshot.ndjson.zst";
        attachments.push(attachment(
            name,
            "application/zstd",
            Relationship::Source,
            "The redacted objects that were judged.",
            snapshot,
        ));
        SnapshotPlace::Attached(name.to_owned())
    } else {
        SnapshotPlace::Store("snapshot.ndjson.zst of the run".to_owned())
    };
    let seal = Seal {
        level: job.identity.level().to_owned(),
        signer: job.identity.signer_name(),
        issuer: job.identity.issuer_name(),
        algorithm: job.identity.algorithm().to_owned(),
        certificate: format!("sha256:{}", job.identity.leaf_fingerprint())
            .parse()
            .context("the certificate's digest")?,
        retention: "not protected by the store (W0)".to_owned(),
    };
    let file_name = file_name(assessment);
    let report = view::build(view::Input {
        assessment,
        catalogue: job.catalogue,
        pack: None,
        program: PROGRAM,
        file_name: &file_name,
        trust_file: "ca.pem",
        seal: &seal,
        snapshot: &place,
        limits: view::Limits::default(),
    });
    let Some(report) = report else { bail!("the catalogue has no measure: there is nothing to report on") };
    Ok(hexproof_renderer::render(&report, &attachments)?)
}

/// A name for the pack as a file: the cluster and the day.
pub(crate) fn file_name(assessment: &Assessment) -> String {
    let safe = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_') { c } else { '-' };
    let name: String = assessment.cluster.name.chars().take(60).map(safe).collect();
    let name = name.trim_matches(|c| c == '-' || c == '.');
    let day = assessment.snapshot.collected_at.strftime("%Y-%m-%d");
    format!("{}-{day}.pdf", if name.is_empty() { "cluster" } else { name })
}

/// The folder of the local identity: as given, else in the user's configuration folder.
pub(crate) fn identity_folder(given: Option<&Path>) -> anyhow::Result<PathBuf> {
    if let Some(folder) = given {
        return Ok(folder.to_owned());
    }
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let base = set("XDG_CONFIG_HOME").or_else(|| set("HOME").map(|home| home.join(".config")));
    let base = base.context("neither XDG_CONFIG_HOME nor HOME is set: name a folder with --identity")?;
    Ok(base.join("hexproof").join("identity"))
}

/// Whether a rating is below a letter; a cluster that is not assessed is below every letter.
pub(crate) fn is_below(rating: Rating, letter: Rating) -> bool {
    rating > letter
}
