//! Everything that the service is made of, made once from its configuration.

use std::sync::Arc;

use anyhow::Context as _;
use hexproof_access::{Access, AccessConfig, ServerTls};
use hexproof_archive::{AccessStore, Archive, EvidenceStore, PackStore, RecordStore, RunStore, SlotStore};
use hexproof_collectors::intake::Board;
use hexproof_core::measure::Catalogue;
use hexproof_core::port::evidence::Evidence;
use hexproof_core::port::{AccessLog, Audits, CheckPack, Clock, Collect, Register, Runs, Slots};
use hexproof_scheduler::bus::{Bus, Live, LocalBus, NatsBus};
use hexproof_scheduler::dispatch::Dispatcher;
use hexproof_scheduler::engine::{Engine, Pace};
use hexproof_scheduler::queue::nats::{self, NatsQueue, NatsSettings};
use hexproof_scheduler::queue::{LocalQueue, Queue};
use hexproof_scheduler::worker::{self, Workers};
use hexproof_sealer::{Identity, TrustStore};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::check::Checker;
use super::config::{Config, IdentityConfig, Role, TlsConfig, file};
use super::dial;
use super::http::Pages;
use super::observe::Observer;
use super::readiness::{self, Dependency};
use super::sources;
use super::upkeep::{self, Upkeep};
use crate::execute::Executor;
use crate::pipeline::{self, Workshop};
use crate::rendering::{ChildLimits, ChildRenderer, Render};
use crate::telemetry::metrics::Metrics;
use crate::{clock, configuration};

/// Audits that wait in a queue within the process; more stay in the store until there is room.
const QUEUED: usize = 100_000;

/// The parts. All are cheap to share.
pub(super) struct Parts {
    pub(super) archive: Archive,
    pub(super) packs: PackStore,
    pub(super) evidence: Arc<dyn Evidence>,
    pub(super) register: Register,
    pub(super) runs: Arc<dyn Runs>,
    pub(super) slots: Arc<dyn Slots>,
    pub(super) log: Arc<dyn AccessLog>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) catalogue: Arc<Catalogue>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) queue: Arc<dyn Queue>,
    pub(super) bus: Arc<dyn Bus>,
    pub(super) live: Arc<Live>,
    pub(super) audits: Arc<dyn Audits>,
    pub(super) check: Arc<dyn CheckPack>,
    pub(super) readiness: Arc<readiness::Watcher>,
    pub(super) access: Access,
    pub(super) tls: Option<Arc<ServerTls>>,
    pub(super) sources: Arc<dyn Collect>,
    pub(super) board: Arc<Board>,
    identity: Arc<Identity>,
    /// The same as `evidence`, to be kept up to date.
    store: EvidenceStore,
}

impl Parts {
    /// Reads every file that the configuration names, and opens store and queue; neither has to answer yet.
    pub(super) async fn new(config: &Config, dev: bool) -> anyhow::Result<Self> {
        let clock = clock::clock()?;
        let catalogue = Arc::new(configuration::catalogue(config.measures.as_deref())?);
        let archive = Archive::open(&config.store)?;
        let register = Register::new(Arc::new(RecordStore::new(archive.clone())));
        let runs: Arc<dyn Runs> = Arc::new(RunStore::new(archive.clone()));
        let log: Arc<dyn AccessLog> = Arc::new(AccessStore::new(archive.clone()));
        let metrics = Arc::new(Metrics::new());
        let (queue, bus) = queue(config).await?;
        let identity = Arc::new(identity(&config.identity, clock.as_ref())?);
        let access = match dev {
            true => Access::dev(config.listen, clock.clone(), register.clone(), log.clone())?,
            false => {
                // Who answers nobody asks nobody for tokens: an API server or a provider need not be in reach.
                let access = match config.has(Role::Api) {
                    true => config.access.clone(),
                    false => AccessConfig { mtls: config.access.mtls.clone(), ..AccessConfig::default() },
                };
                Access::new(&access, clock.clone(), register.clone(), log.clone())?
            }
        };
        let tls = tls(config, dev, &access)?;
        let dial = dial::dial(config, dev, &access)?;
        let dependencies: Vec<Arc<dyn Dependency>> =
            vec![Arc::new(upkeep::Store(archive.clone())), Arc::new(upkeep::Waiting(queue.clone()))];
        let audits: Arc<dyn Audits> =
            Arc::new(Dispatcher::new(register.clone(), runs.clone(), queue.clone(), clock.clone()));
        let packs = PackStore::new(archive.clone());
        let store = EvidenceStore::new(packs.clone(), catalogue.clone(), clock.clone());
        Ok(Self {
            packs,
            evidence: Arc::new(store.clone()),
            store,
            slots: Arc::new(SlotStore::new(archive.clone())),
            live: Arc::new(Live::new(runs.clone(), clock.clone())),
            check: Arc::new(Checker { trust: trust(config, &identity)?, clock: clock.clone() }),
            readiness: Arc::new(readiness::Watcher::new(dependencies, metrics.clone())),
            sources: Arc::new(sources::sources(config, dial, runs.clone(), clock.clone())),
            board: Board::new(runs.clone(), register.clone()),
            archive,
            register,
            runs,
            log,
            clock,
            catalogue,
            metrics,
            queue,
            bus,
            audits,
            access,
            tls,
            identity,
        })
    }

    /// What pages show.
    pub(super) fn pages(&self) -> Pages {
        Pages { readiness: self.readiness.state(), metrics: self.metrics.clone(), packs: self.packs.clone() }
    }

    /// Starts what works by itself: workers and the engine of schedules into `workers`, the rest into `tasks`.
    pub(super) fn start(
        &self,
        config: &Config,
        working: &CancellationToken,
        looking: &CancellationToken,
        workers: &mut JoinSet<&'static str>,
        tasks: &mut JoinSet<&'static str>,
    ) -> anyhow::Result<()> {
        if config.has(Role::Worker) {
            let carry = self.workers(config)?;
            let stop = working.clone();
            workers.spawn(async move {
                carry.run(stop).await;
                "the workers"
            });
        }
        let mut overview = None;
        if config.has(Role::Scheduler) {
            let engine = Engine::new(
                self.register.clone(),
                self.slots.clone(),
                self.runs.clone(),
                self.audits.clone(),
                self.clock.clone(),
                Pace::default(),
            );
            overview = Some(engine.overview());
            let stop = working.clone();
            workers.spawn(async move {
                engine.run(stop).await;
                "the engine of schedules"
            });
        }
        let (live, bus, stop) = (self.live.clone(), self.bus.clone(), looking.clone());
        tasks.spawn(async move {
            live.run(bus, stop).await;
            "the view of running audits"
        });
        let (board, stop) = (self.board.clone(), working.clone());
        workers.spawn(async move {
            board.run(stop).await;
            "the board of agents"
        });
        let upkeep = Upkeep {
            register: self.register.clone(),
            evidence: self.store.clone(),
            queue: self.queue.clone(),
            metrics: self.metrics.clone(),
            overview,
        };
        let stop = looking.clone();
        tasks.spawn(async move {
            upkeep.run(stop).await;
            "upkeep"
        });
        Ok(())
    }

    fn workers(&self, config: &Config) -> anyhow::Result<Workers> {
        let limits = ChildLimits {
            mebibytes: config.rendering.memory_mebibytes,
            time: std::time::Duration::from_secs(config.rendering.seconds),
        };
        let renderer = ChildRenderer::new(limits).context("cannot find the running program")?;
        let execute = self.executor(Arc::new(renderer));
        let minutes = |minutes: u64| std::time::Duration::from_secs(60 * minutes);
        let limits = worker::Limits {
            workers: config.workers,
            audit: minutes(config.audits.minutes),
            patience: minutes(config.audits.patience_minutes),
            grace: config.grace(),
            ..worker::Limits::default()
        };
        let (queue, runs, bus) = (self.queue.clone(), self.runs.clone(), self.bus.clone());
        let workers = Workers::new(queue, runs, Arc::new(execute), bus, self.clock.clone(), limits);
        Ok(workers.observed_by(Arc::new(Observer(self.metrics.clone()))))
    }

    /// What carries audits, drawing by `renderer`.
    pub(super) fn executor(&self, renderer: Arc<dyn Render>) -> Executor {
        Executor {
            archive: self.archive.clone(),
            runs: self.runs.clone(),
            register: self.register.clone(),
            collect: self.sources.clone(),
            workshop: Workshop {
                catalogue: self.catalogue.clone(),
                identity: self.identity.clone(),
                clock: self.clock.clone(),
                renderer,
            },
            metrics: self.metrics.clone(),
        }
    }

    /// Writes down what is still to be written.
    pub(super) async fn finish(&self) {
        self.access.finish().await;
    }
}

async fn queue(config: &Config) -> anyhow::Result<(Arc<dyn Queue>, Arc<dyn Bus>)> {
    if config.queue.is_empty() {
        return Ok((Arc::new(LocalQueue::new(QUEUED)), Arc::new(LocalBus::new())));
    }
    let client = nats::connect(&config.queue).await.context("`queue`")?;
    let settings = NatsSettings::default();
    let bus = NatsBus::new(client.clone(), settings.name.clone());
    Ok((Arc::new(NatsQueue::new(client, settings)), Arc::new(bus)))
}

fn identity(config: &IdentityConfig, clock: &dyn Clock) -> anyhow::Result<Identity> {
    if let (Some(chain), Some(key)) = (&config.certificate, &config.key) {
        return Ok(Identity::from_pem(&file(chain)?, &file(key)?)?);
    }
    let folder = pipeline::identity_folder(config.folder.as_deref())?;
    let (identity, created) = Identity::load_or_create(&folder, clock.now())?;
    if created {
        tracing::info!(folder = %folder.display(), "made a signing identity; give its ca.pem to those who verify packs");
    }
    Ok(identity)
}

fn trust(config: &Config, identity: &Identity) -> anyhow::Result<TrustStore> {
    let mut trust = TrustStore::default();
    trust.add_identity(identity)?;
    for path in &config.trust {
        trust.add_pem(&file(path)?, &path.display().to_string())?;
    }
    Ok(trust)
}

/// TLS of the port for callers. In `--dev` there is none: nobody but this machine reaches the port.
fn tls(config: &Config, dev: bool, access: &Access) -> anyhow::Result<Option<Arc<ServerTls>>> {
    match (&config.tls, dev, config.has(Role::Api)) {
        (_, true, _) | (_, false, false) => Ok(None),
        (Some(TlsConfig { certificate, key }), false, true) => {
            let tls = access.server_tls(certificate.clone(), key.clone(), false)?;
            Ok(Some(Arc::new(tls)))
        }
        (None, false, true) => {
            anyhow::bail!(
                "`tls`: certificate and key of the service are needed; --dev does without, on this machine"
            )
        }
    }
}
