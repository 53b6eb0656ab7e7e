//! One audit after its collection: rate, render, seal, archive. The commands and the service share it.
//!
//! A run is claimed before anything costly is done, and its result is written last: a run that fails on the way
//! leaves nothing that looks finished, and whoever carries it on takes up the parts that are stored, byte for byte.
//!
//! `materials` is what goes into the store and into the pack, `previous` finds the pack before, `document` puts the unsigned pack together,
//! `error` says what can go wrong. This file orders the stages.

mod document;
mod error;
mod materials;
mod previous;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use bytes::Bytes;
use hexproof_archive::{Archive, Claim, Claimed, ClusterId, Extracts, Outcome, Part, Run, RunId, RunResult};
use hexproof_core::Rating;
use hexproof_core::assessment::Assessment;
use hexproof_core::audit::{Progress, Stage};
use hexproof_core::digest::Digest;
use hexproof_core::measure::Catalogue;
use hexproof_core::port::Clock;
use hexproof_core::port::evidence::ScoreEntry;
use hexproof_core::settings::Settings;
use hexproof_core::snapshot::Snapshot;
use hexproof_core::waiver::Waiver;
use hexproof_sealer::{Identity, SealOptions};

pub(crate) use error::{PipelineError, storage};
pub(crate) use materials::Materials;

use crate::inputs::PROGRAM;
use crate::rendering::Render;
use crate::snapshot_file;

/// Told whenever a stage begins.
pub(crate) type Report<'a> = &'a (dyn Fn(Progress) + Send + Sync);

/// By what packs are made.
#[derive(Clone)]
pub(crate) struct Workshop {
    pub(crate) catalogue: Arc<Catalogue>,
    pub(crate) identity: Arc<Identity>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) renderer: Arc<dyn Render>,
}

/// What is judged, and by what.
pub(crate) struct Job<'a> {
    pub(crate) snapshot: &'a Snapshot,
    pub(crate) digest: Digest,
    pub(crate) settings: &'a Settings,
    pub(crate) waivers: &'a [Waiver],
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
pub(crate) fn assess(job: &Job<'_>, catalogue: &Catalogue) -> Assessment {
    let Job { snapshot, digest, settings, waivers } = *job;
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

/// Makes the pack of a snapshot here and now, and archives it: the whole of `hexproof audit`.
pub(crate) fn run(
    job: &Job<'_>,
    workshop: &Workshop,
    store: &str,
    report: Report<'_>,
) -> anyhow::Result<Made> {
    report(Progress::begin(Stage::Scoring));
    let assessment = assess(job, &workshop.catalogue);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    runtime.block_on(async {
        let archive = Archive::open(store)?;
        let run = match claim(&archive, job, &assessment, workshop).await? {
            Claimed::New(run) | Claimed::Unfinished { run, .. } => run,
            Claimed::Finished(result) => {
                let bytes = archive.pack(&result.pack.digest).await?;
                return Ok(Made { assessment, digest: result.pack.digest, bytes, earlier: true });
            }
        };
        let (snapshot, _) = snapshot_file::pack(job.snapshot)?;
        let materials = Arc::new(Materials::of(assessment, Bytes::from(snapshot))?);
        let (result, ours) = finish(&archive, run, &materials, workshop, report).await?;
        let digest = result.pack.digest;
        let assessment = materials.assessment.clone();
        Ok(match ours {
            Some(bytes) => Made { assessment, digest, bytes, earlier: false },
            None => Made { assessment, digest, bytes: archive.pack(&digest).await?, earlier: true },
        })
    })
}

/// The run of a command is named by all that goes into it: the same input finds the same run.
async fn claim(
    archive: &Archive,
    job: &Job<'_>,
    assessment: &Assessment,
    workshop: &Workshop,
) -> anyhow::Result<Claimed> {
    let cluster: ClusterId = assessment
        .cluster
        .id
        .parse()
        .with_context(|| "the snapshot's cluster id cannot name a folder of the store")?;
    let waivers = Digest::of(&serde_json::to_vec(job.waivers)?);
    let names = [job.digest, workshop.catalogue.digest, assessment.settings_digest, waivers];
    let names = names.map(|digest| digest.hex());
    let run = RunId::derive(&cluster, &names.each_ref().map(String::as_str));
    let claimant = format!("{PROGRAM}, process {}", std::process::id());
    Ok(archive.claim(&Claim::new(cluster, run, claimant, workshop.clock.now().to_string())).await?)
}

/// Renders, seals and archives what was judged. Returns the result that stands, and the pack if it is the one made
/// here. Dropping the future ends the work.
pub(crate) async fn finish(
    archive: &Archive,
    mut run: Run,
    materials: &Arc<Materials>,
    workshop: &Workshop,
    report: Report<'_>,
) -> Result<(RunResult, Option<Bytes>), PipelineError> {
    for (part, bytes) in materials.parts() {
        run.put(part, bytes).await?;
    }
    report(Progress::begin(Stage::Rendering));
    let previous = previous::find(archive, &run, materials).await;
    let (materials_, catalogue, identity) =
        (materials.clone(), workshop.catalogue.clone(), workshop.identity.clone());
    let document =
        blocking(move || document::document(&materials_, &previous, &catalogue, &identity)).await??;
    let unsigned = workshop.renderer.render(document).await?;
    report(Progress::begin(Stage::Sealing));
    let (identity, at) = (workshop.identity.clone(), workshop.clock.now());
    let sealed =
        blocking(move || hexproof_sealer::seal(&unsigned, &identity, &SealOptions::new(at))).await??;
    report(Progress::begin(Stage::Archiving));
    let bytes = Bytes::from(sealed);
    run.put_pack(bytes.clone()).await?;
    attach(&run, materials).await?;
    let outcome = Outcome {
        finished_at: workshop.clock.now().to_string(),
        rating: materials.assessment.overall.rating.wire().to_owned(),
        complete: is_complete(&materials.assessment),
        overall: Some(ScoreEntry::of(&materials.assessment)),
    };
    let finished = run.finish(outcome).await?;
    Ok((finished.result, finished.ours.then_some(bytes)))
}

/// Stores what pages read instead of the assessment.
async fn attach(run: &Run, materials: &Arc<Materials>) -> Result<(), PipelineError> {
    let Some(stored) = run.assessment() else { return Ok(()) };
    let materials = materials.clone();
    match blocking(move || Extracts::of(&materials.assessment, &stored)).await? {
        Ok(extracts) => run.attach(&extracts).await,
        // They are made again by whoever asks for them, or the reason shows there.
        Err(error) => tracing::warn!(%error, "extracts of the assessment could not be made"),
    }
    Ok(())
}

/// Work of a processor, off the threads that serve.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, PipelineError> {
    let span = tracing::Span::current();
    tokio::task::spawn_blocking(move || span.in_scope(work))
        .await
        .map_err(|source| PipelineError::Stopped { source: Box::new(source) })
}

/// What an earlier attempt at a run had judged, if it came so far.
pub(crate) async fn resumed(run: &mut Run, catalogue: Digest) -> Result<Option<Materials>, PipelineError> {
    let Some(assessment) = run.stored(Part::Assessment).await? else { return Ok(None) };
    let (Some(population), Some(snapshot)) =
        (run.stored(Part::Population).await?, run.stored(Part::Snapshot).await?)
    else {
        // The assessment is the last of the three that are written; whatever this is, it is judged anew and compared.
        return Ok(None);
    };
    let materials = blocking(move || Materials::stored(snapshot, population, assessment)).await??;
    let judged_by = materials.assessment.catalogue.digest;
    match judged_by == catalogue {
        true => Ok(Some(materials)),
        false => Err(PipelineError::OtherCatalogue { judged_by, catalogue }),
    }
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
