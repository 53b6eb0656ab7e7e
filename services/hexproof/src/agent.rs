//! `hexproof agent`: the collector inside a cluster. It is called by the service, or calls it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use async_trait::async_trait;
use axum::Router;
use hexproof_access::{Access, ClientTls, MtlsConfig, SpiffeId};
use hexproof_archive::{AccessStore, Archive, RecordStore};
use hexproof_collectors::access::cluster_role;
use hexproof_collectors::agent::grpc::Collector;
use hexproof_collectors::agent::{Agent, AgentOptions};
use hexproof_collectors::live::{self, LiveOptions, Target};
use hexproof_collectors::push::{self, Connect, PushOptions};
use hexproof_core::port::{Clock, Register};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tonic::codec::CompressionEncoding::{Gzip, Zstd};
use tonic::service::Routes;
use tonic::transport::Channel;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

use crate::cli::AgentArgs;
use crate::client::args::ServerArgs;
use crate::exit::Exit;
use crate::inputs::{AGENT, PROGRAM};
use crate::serve::calls::{CallsLayer, Names};
use crate::serve::listen::Listener;
use crate::serve::{certificates, dial, http};
use crate::signals::Signals;
use crate::telemetry::metrics::Metrics;
use crate::{clock, telemetry};

/// Callers that may wait while one is served.
const WAITING: usize = 4;
/// Connections at once: the service is the only caller.
const CONNECTIONS: usize = 64;
/// Calls at once.
const CALLS: usize = 16;
/// For a call that does not stream.
const CALL: Duration = Duration::from_secs(30);
/// For what is under way when the agent is told to stop.
const GRACE: Duration = Duration::from_secs(20);

/// `hexproof agent`.
pub(crate) fn run(args: &AgentArgs, server: &ServerArgs) -> anyhow::Result<Exit> {
    if args.print_clusterrole {
        crate::commands::print(&cluster_role(args.secrets.into()))?;
        return Ok(Exit::Done);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    runtime.block_on(async {
        let telemetry = telemetry::for_a_service("hexproof-agent", args.log_format)?;
        let result = work(args, server).await;
        if let Err(error) = tokio::task::spawn_blocking(|| telemetry.flush()).await {
            tracing::error!(%error, "the last traces are lost");
        }
        result
    })
}

async fn work(args: &AgentArgs, service: &ServerArgs) -> anyhow::Result<Exit> {
    let mut signals = Signals::new().context("cannot wait for signals")?;
    let clock = clock::clock()?;
    let live = LiveOptions { secrets: args.secrets.into(), ..LiveOptions::default() };
    let target = Target { kubeconfig: args.kubeconfig.clone(), context: args.context.clone() };
    let connected = live::connect(&target, AGENT, live.request_timeout).await?;
    let options =
        AgentOptions { cluster: args.cluster.clone(), collector: PROGRAM.to_owned(), live, waiting: WAITING };
    let agent = Agent::new(connected.api, clock.clone(), options);
    let stop = CancellationToken::new();
    let mut tasks: JoinSet<&'static str> = JoinSet::new();
    let metrics = Arc::new(Metrics::new());
    if let Some(address) = args.health_listen {
        health(address, metrics.clone(), &stop, &mut tasks).await?;
    }
    match (&args.listen, &service.server) {
        (Some(address), None) => {
            listen(args, service, *address, agent, clock, metrics, &stop, &mut tasks).await?;
        }
        (None, Some(server)) => {
            let connect = connection(args, service, server, clock.clone())?;
            let hours = |hours: u64| Duration::from_secs(3600 * hours);
            let options = PushOptions { interval: args.every_hours.map(hours), ..PushOptions::default() };
            let stop = stop.clone();
            tasks.spawn(async move {
                push::run(agent, connect, clock, options, stop).await;
                "the connection with the service"
            });
        }
        (_, _) => bail!("either --listen ADDR, to be called, or --server URL, to call"),
    }
    tracing::info!("the agent runs");
    let early = tokio::select! {
        name = signals.next() => {
            tracing::info!(signal = name, "the agent stops");
            None
        }
        ended = tasks.join_next() => ended,
    };
    signals.exit_on_next();
    stop.cancel();
    while let Some(ended) = tasks.join_next().await {
        ended.context("a part of the agent broke")?;
    }
    match early {
        None => Ok(Exit::Done),
        Some(Ok(name)) => bail!("{name} ended by itself"),
        Some(Err(error)) => Err(anyhow::Error::new(error).context("a part of the agent broke")),
    }
}

/// Tells kubelets and Prometheus how the agent is. It is ready as long as it is not told to stop: the API server of its
/// cluster has answered by then, and a service that cannot be reached is no fault of this process.
async fn health(
    address: SocketAddr,
    metrics: Arc<Metrics>,
    stop: &CancellationToken,
    tasks: &mut JoinSet<&'static str>,
) -> anyhow::Result<()> {
    let socket = TcpListener::bind(address).await.with_context(|| format!("cannot listen on `{address}`"))?;
    metrics.ready(true);
    let router = http::of_an_agent(metrics.clone(), stop.clone());
    let listener = Listener { socket, tls: None, router, connections: CONNECTIONS, metrics };
    let stop = stop.clone();
    tasks.spawn(async move {
        listener.serve(stop, GRACE).await;
        "the listener of health"
    });
    Ok(())
}

/// Serves CollectorService to the service alone.
#[expect(clippy::too_many_arguments, reason = "each is made once, by the one caller")]
async fn listen(
    args: &AgentArgs,
    service: &ServerArgs,
    address: SocketAddr,
    agent: Arc<Agent>,
    clock: Arc<dyn Clock>,
    metrics: Arc<Metrics>,
    stop: &CancellationToken,
    tasks: &mut JoinSet<&'static str>,
) -> anyhow::Result<()> {
    let access = match args.dev {
        true => {
            // An agent keeps nothing: its log goes with it.
            let nothing = Archive::open("memory://")?;
            let register = Register::new(Arc::new(RecordStore::new(nothing.clone())));
            Access::dev(address, clock, register, Arc::new(AccessStore::new(nothing)))?
        }
        false => Access::agent(&mtls(args, service)?, clock)?,
    };
    let tls = match args.dev {
        true => None,
        false => {
            let (certificate, key) = certificate(args)?;
            Some(Arc::new(access.server_tls(certificate, key, true)?))
        }
    };
    let socket = TcpListener::bind(address).await.with_context(|| format!("cannot listen on `{address}`"))?;
    let descriptors = [hexproof_api::FILE_DESCRIPTOR_SET, tonic_health::pb::FILE_DESCRIPTOR_SET];
    let calls = CallsLayer::new(Names::new(&descriptors)?, metrics.clone(), CALLS, CALL, stop.clone());
    let health = HealthReporter::new();
    health.set_service_status("", ServingStatus::Serving).await;
    let collector = Collector::service(agent).accept_compressed(Gzip).accept_compressed(Zstd);
    let health = tonic_health::server::HealthService::from_health_reporter(health);
    let router: Router = Routes::new(collector)
        .add_service(tonic_health::pb::health_server::HealthServer::new(health))
        .prepare()
        .into_axum_router()
        .layer(access.layer())
        .layer(calls);
    let told = serde_json::json!({ "listening": socket.local_addr()?.to_string(), "tls": tls.is_some() });
    let listener = Listener { socket, tls: tls.clone(), router, connections: CONNECTIONS, metrics };
    if let Some(tls) = tls {
        let stop = stop.clone();
        tasks.spawn(async move {
            certificates(&tls, stop).await;
            "the renewal of certificates"
        });
    }
    let stop = stop.clone();
    tasks.spawn(async move {
        listener.serve(stop, GRACE).await;
        access.finish().await;
        "the listener"
    });
    crate::commands::print(&format!("{told}\n"))
}

/// How the service is reached.
fn connection(
    args: &AgentArgs,
    service: &ServerArgs,
    server: &str,
    clock: Arc<dyn Clock>,
) -> anyhow::Result<Arc<dyn Connect>> {
    if args.dev {
        return Ok(Arc::new(Plain(server.to_owned())));
    }
    let access = Access::agent(&mtls(args, service)?, clock)?;
    let (certificate, key) = certificate(args)?;
    let tls = access.client_tls(certificate, key)?;
    let expected = tls.server();
    Ok(Arc::new(Certified { tls, expected, server: server.to_owned() }))
}

/// To the service, which proves its SPIFFE id; the files are read anew each time.
struct Certified {
    tls: ClientTls,
    expected: SpiffeId,
    server: String,
}

#[async_trait]
impl Connect for Certified {
    async fn connect(&self) -> Result<Channel, Box<dyn std::error::Error + Send + Sync>> {
        dial::connect(&self.tls, &self.server, &self.expected).await
    }
}

/// To a service on this machine.
struct Plain(String);

#[async_trait]
impl Connect for Plain {
    async fn connect(&self) -> Result<Channel, Box<dyn std::error::Error + Send + Sync>> {
        dial::plain(&self.0).await
    }
}

fn mtls(args: &AgentArgs, service: &ServerArgs) -> anyhow::Result<MtlsConfig> {
    let (Some(ca), Some(trust_domain)) = (&service.ca, &args.trust_domain) else {
        bail!("--ca and --trust-domain say who the service is; --dev does without, on this machine");
    };
    Ok(MtlsConfig {
        ca: ca.clone(),
        trust_domain: trust_domain.parse().with_context(|| "--trust-domain")?,
        longest_hours: args.longest_hours,
    })
}

fn certificate(args: &AgentArgs) -> anyhow::Result<(std::path::PathBuf, std::path::PathBuf)> {
    match (&args.certificate, &args.key) {
        (Some(certificate), Some(key)) => Ok((certificate.clone(), key.clone())),
        (_, _) => {
            bail!("--certificate and --key prove who the agent is; --dev does without, on this machine")
        }
    }
}
