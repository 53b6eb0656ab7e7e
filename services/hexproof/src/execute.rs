//! Carries the audits of the service: collect, judge, draw, seal, archive.
//!
//! Whatever an earlier attempt stored is taken up byte for byte, so an audit can be tried on any worker any number of
//! times. Everything happens within the future of [`Executor::execute`]: who drops it stops collection, kills the child
//! that draws, and leaves only a step of a processor that ends by itself and is believed by nobody.

mod stages;

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use hexproof_archive::{Archive, ArchiveError, Claim, Claimed, Part, Run, RunResult};
use hexproof_core::audit::{AuditOrder, Ending, Progress, Stage};
use hexproof_core::id::ClusterId;
use hexproof_core::port::{AuditError, Collect, Collected, Execute, Executed, Register, Runs};
use hexproof_core::register::{ClusterEntry, Version, WaiverEntry, WaiverStage};
use hexproof_core::settings::Settings;
use hexproof_core::waiver::Waiver;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use crate::pipeline::{self, Job, Materials, PipelineError, Workshop};
use crate::telemetry::metrics::Metrics;
use crate::{configuration, snapshot_file, telemetry};
use stages::Stages;

/// Carries audits. See the module.
pub(crate) struct Executor {
    pub(crate) archive: Archive,
    pub(crate) runs: Arc<dyn Runs>,
    pub(crate) register: Register,
    pub(crate) collect: Arc<dyn Collect>,
    pub(crate) workshop: Workshop,
    pub(crate) metrics: Arc<Metrics>,
}

#[async_trait]
impl Execute for Executor {
    async fn execute(
        &self,
        order: &AuditOrder,
        progress: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<Executed, AuditError> {
        let span = tracing::info_span!(
            "audit",
            cluster = %order.key.cluster,
            run = %order.key.run,
            trace_id = tracing::field::Empty,
        );
        telemetry::note_trace(&span);
        let stages = Stages::new(progress, span.clone());
        let result = self.carry(order, &|now| stages.report(now)).instrument(span).await;
        stages.end();
        result
    }
}

impl Executor {
    async fn carry(&self, order: &AuditOrder, report: pipeline::Report<'_>) -> Result<Executed, AuditError> {
        let mut run = match self.archive.claim(&Claim::of(order)).await {
            Ok(Claimed::New(run) | Claimed::Unfinished { run, .. }) => run,
            Ok(Claimed::Finished(result)) => return Ok(Executed::Ended(succeeded(&result)?)),
            Err(error) => return self.ended(order, error).await,
        };
        let earlier = pipeline::resumed(&mut run, self.workshop.catalogue.digest).await?;
        let materials = match earlier {
            Some(materials) => materials,
            None => {
                let cluster = self.cluster(&order.key.cluster).await?;
                let Some(snapshot) = self.snapshot(order, &cluster, &mut run, report).await? else {
                    return Ok(Executed::Awaiting);
                };
                report(Progress::begin(Stage::Scoring));
                self.judge(cluster, snapshot).await?
            }
        };
        let materials = Arc::new(materials);
        match pipeline::finish(&self.archive, run, &materials, &self.workshop, report).await {
            Ok((result, _)) => {
                let cluster = &order.key.cluster;
                self.metrics.scores.pack(cluster, self.workshop.clock.now(), Some(&materials.assessment));
                Ok(Executed::Ended(succeeded(&result)?))
            }
            Err(PipelineError::Archive(error)) => self.ended(order, *error).await,
            Err(error) => Err(error.into()),
        }
    }

    /// Somebody may have ended the run meanwhile, by cancelling it: then that is how it ended.
    async fn ended(&self, order: &AuditOrder, error: ArchiveError) -> Result<Executed, AuditError> {
        if matches!(error, ArchiveError::Ended { .. }) {
            let found = self.runs.find(&order.key).await.map_err(pipeline::storage)?;
            if let Some((ending, _)) = found.and_then(|record| record.ended) {
                return Ok(Executed::Ended(ending));
            }
        }
        Err(pipeline::storage(error.into()))
    }

    async fn cluster(&self, id: &ClusterId) -> Result<ClusterEntry, AuditError> {
        // Another process may have registered it, or approved a waiver of it, a moment ago.
        self.register.refresh().await.map_err(pipeline::storage)?;
        let entry = self.register.latest::<ClusterEntry>(&id.clone().into()).await;
        match entry.map_err(pipeline::storage)? {
            Some(Version { value, .. }) => Ok(value),
            None => Err(failed(format!("cluster `{id}` is not registered"))),
        }
    }

    /// The snapshot that is stored, or else a new one; `None` while an agent has to deliver it.
    async fn snapshot(
        &self,
        order: &AuditOrder,
        cluster: &ClusterEntry,
        run: &mut Run,
        report: pipeline::Report<'_>,
    ) -> Result<Option<Bytes>, AuditError> {
        let storage = |error: ArchiveError| pipeline::storage(error.into());
        if let Some(stored) = run.stored(Part::Snapshot).await.map_err(storage)? {
            return Ok(Some(stored));
        }
        report(Progress::begin(Stage::Collecting));
        let snapshot = match self.collect.collect(cluster, &order.key, report).await? {
            Collected::Snapshot(snapshot) => snapshot,
            Collected::Awaited => return Ok(None),
        };
        match run.put(Part::Snapshot, snapshot.clone()).await {
            Ok(_) => Ok(Some(snapshot)),
            // The first snapshot counts, whoever stored it.
            Err(ArchiveError::Conflict { .. }) => Ok(run.stored(Part::Snapshot).await.map_err(storage)?),
            Err(error) => Err(storage(error)),
        }
    }

    async fn judge(&self, cluster: ClusterEntry, packed: Bytes) -> Result<Materials, AuditError> {
        let settings = settings(&cluster)?;
        let waivers = self.waivers(&cluster.id).await?;
        let catalogue = self.workshop.catalogue.clone();
        // Whoever waits for the result may go away: then the thread stops at the next step.
        let gone = CancellationToken::new();
        let _guard = gone.clone().drop_guard();
        pipeline::blocking(move || {
            let (snapshot, digest) = snapshot_file::unpack(&packed).map_err(|error| AuditError::Failed {
                reason: "the snapshot cannot be read".into(),
                source: Some(error.into()),
            })?;
            let found = &snapshot.header.cluster.id;
            if found != cluster.id.as_str() {
                let found: String = found.chars().take(80).flat_map(char::escape_default).collect();
                return Err(failed(format!(
                    "the snapshot is one of cluster `{found}`, not of `{}`",
                    cluster.id
                )));
            }
            if gone.is_cancelled() {
                return Err(failed("nobody waits for the assessment any more".into()));
            }
            let job = Job { snapshot: &snapshot, digest, settings: &settings, waivers: &waivers };
            let assessment = pipeline::assess(&job, &catalogue);
            drop(snapshot);
            if gone.is_cancelled() {
                return Err(failed("nobody waits for the assessment any more".into()));
            }
            Ok(Materials::of(assessment, packed)?)
        })
        .await?
    }

    /// The approved waivers of a cluster. Whether one has expired is judged by the time of the snapshot.
    async fn waivers(&self, cluster: &ClusterId) -> Result<Vec<Waiver>, AuditError> {
        let all = self.register.all::<WaiverEntry>().await.map_err(pipeline::storage)?;
        let approved = |entry: &WaiverEntry| {
            entry.history.last().is_some_and(|event| event.stage == WaiverStage::Approved)
        };
        Ok(all
            .into_iter()
            .map(|(_, version)| version.value)
            .filter(|entry| entry.cluster == *cluster && approved(entry))
            .map(|entry| entry.waiver)
            .collect())
    }
}

fn settings(cluster: &ClusterEntry) -> Result<Settings, AuditError> {
    configuration::settings_text(&cluster.settings).map_err(|reason| {
        failed(format!("the settings of cluster `{}` cannot be read: {reason}", cluster.id))
    })
}

fn failed(reason: String) -> AuditError {
    AuditError::Failed { reason, source: None }
}

/// The ending that a result stands for.
fn succeeded(result: &RunResult) -> Result<Ending, AuditError> {
    Ok(Ending::Succeeded {
        rating: result.rating.parse().map_err(|_| {
            failed(format!("the result names the rating `{}`", result.rating.escape_default()))
        })?,
        complete: result.complete,
        pack: result.pack.digest,
        pack_size: result.pack.length,
        snapshot: result.snapshot.digest,
        assessment: result.assessment.digest,
    })
}
