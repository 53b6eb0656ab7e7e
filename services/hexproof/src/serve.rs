//! The service: configuration, wiring, connections, shutdown.
//!
//! `config` is what an operator states, `parts` makes everything from it once, `routes` puts gRPC and pages on one
//! port, `listen` takes connections, `calls` surrounds each call, `readiness` asks whether store and queue answer,
//! `upkeep` keeps records and metrics fresh, `http` is what plain HTTP clients get, `grpc` the service of the
//! catalogue, `sources` the way to the state of clusters, `check` the sealer behind its port. This file starts it all
//! and ends it in order.

pub(crate) mod calls;
mod check;
mod config;
pub(crate) mod dial;
mod grpc;
mod http;
pub(crate) mod listen;
mod observe;
mod parts;
pub(crate) mod readiness;
mod routes;
mod sources;
#[cfg(test)]
mod throughput;
mod upkeep;

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use serde::Serialize;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

pub(crate) use config::Role;
pub(crate) use upkeep::certificates;

use crate::cli::ServeArgs;
use crate::exit::Exit;
use crate::signals::Signals;
use crate::telemetry;
use config::Config;
use listen::Listener;
use parts::Parts;

/// How long threads of the runtime may take to end what nobody waits for any more.
const LET_GO: Duration = Duration::from_secs(2);

/// `hexproof serve`.
pub(crate) fn run(args: &ServeArgs) -> anyhow::Result<Exit> {
    let config = Config::read(args)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let result = runtime.block_on(async {
        let telemetry = telemetry::for_a_service("hexproof", config.log_format)?;
        let result = serve(&config, args).await;
        if let Err(error) = tokio::task::spawn_blocking(|| telemetry.flush()).await {
            error!(%error, "the last traces are lost");
        }
        result
    });
    runtime.shutdown_timeout(LET_GO);
    result
}

/// Where the service is found: one line of JSON on standard output, and in the file of `--ready-file`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Told {
    listening: Option<SocketAddr>,
    metrics: Option<SocketAddr>,
    tls: bool,
}

/// What stops when. Calls end before workers do, so that nobody is told of an audit that is then given back.
struct Stops {
    /// Nothing is ready any more, and no connection is taken.
    serving: CancellationToken,
    /// No audit is started or taken.
    working: CancellationToken,
    /// Everything that only looks on.
    looking: CancellationToken,
}

async fn serve(config: &Config, args: &ServeArgs) -> anyhow::Result<Exit> {
    // Before anything else: a signal that comes early must not kill what was just begun.
    let mut signals = Signals::new().context("cannot wait for signals")?;
    let stops = Stops {
        serving: CancellationToken::new(),
        working: CancellationToken::new(),
        looking: CancellationToken::new(),
    };
    let bind = async |address: SocketAddr| {
        TcpListener::bind(address).await.with_context(|| format!("cannot listen on `{address}`"))
    };
    let socket = match config.has(Role::Api) {
        true => Some(bind(config.listen).await?),
        false => None,
    };
    let unguarded = match config.metrics_listen {
        Some(address) => Some(bind(address).await?),
        None => None,
    };
    let parts = Parts::new(config, args.dev).await?;
    let told = Told {
        listening: socket.as_ref().map(TcpListener::local_addr).transpose()?,
        metrics: unguarded.as_ref().map(TcpListener::local_addr).transpose()?,
        tls: parts.tls.is_some(),
    };

    let mut tasks: JoinSet<&'static str> = JoinSet::new();
    let mut servers: JoinSet<&'static str> = JoinSet::new();
    let health = routes::Health::new();
    if let (Some(tls), Some(_)) = (&parts.tls, &socket) {
        let (tls, stop) = (tls.clone(), stops.looking.clone());
        tasks.spawn(async move {
            certificates(&tls, stop).await;
            "the renewal of certificates"
        });
    }
    if let Some(socket) = socket {
        let listener = Listener {
            socket,
            tls: parts.tls.clone(),
            router: routes::router(config, &parts, &health, &stops.serving)?,
            connections: config.limits.connections,
            metrics: parts.metrics.clone(),
        };
        let (stop, drain) = (stops.serving.clone(), config.grace());
        servers.spawn(async move {
            listener.serve(stop, drain).await;
            "the listener"
        });
    }
    if let Some(socket) = unguarded {
        let listener = Listener {
            socket,
            tls: None,
            router: http::unguarded(parts.pages()),
            connections: config.limits.connections,
            metrics: parts.metrics.clone(),
        };
        // Whoever looks on may do so until the end.
        let stop = stops.looking.clone();
        tasks.spawn(async move {
            listener.serve(stop, LET_GO).await;
            "the listener of metrics"
        });
    }
    let mut workers: JoinSet<&'static str> = JoinSet::new();
    parts.start(config, &stops.working, &stops.looking, &mut workers, &mut tasks)?;
    {
        let (watcher, stop) = (parts.readiness.clone(), stops.serving.clone());
        tasks.spawn(async move {
            watcher.run(stop).await;
            "readiness"
        });
        let (state, stop) = (parts.readiness.state(), stops.looking.clone());
        tasks.spawn(async move {
            health.follow(state, stop).await;
            "health"
        });
    }
    tell(&told, args.ready_file.as_deref())?;
    info!(roles = ?config.roles, store = parts.archive.name(), "the service runs");

    // The first to end, well or badly, begins the end of all.
    let early = tokio::select! {
        name = signals.next() => {
            info!(signal = name, "the service stops");
            None
        }
        Some(ended) = servers.join_next() => Some(ended),
        Some(ended) = workers.join_next() => Some(ended),
        Some(ended) = tasks.join_next() => Some(ended),
    };
    signals.exit_on_next();
    stops.serving.cancel();
    stops.working.cancel();
    let (served, worked) = tokio::join!(ended(servers), ended(workers));
    parts.finish().await;
    stops.looking.cancel();
    let looked = ended(tasks).await;
    info!("the service has stopped");
    match early {
        None if served && worked && looked => Ok(Exit::Done),
        None => anyhow::bail!("a part of the service ended badly; the log says which"),
        Some(Ok(name)) => anyhow::bail!("{name} ended by itself"),
        Some(Err(error)) => Err(anyhow::Error::new(error).context("a part of the service broke")),
    }
}

/// Waits for tasks; says whether all ended well.
async fn ended(mut tasks: JoinSet<&'static str>) -> bool {
    let mut well = true;
    while let Some(ended) = tasks.join_next().await {
        if let Err(error) = ended {
            error!(%error, "a part of the service broke");
            well = false;
        }
    }
    well
}

fn tell(told: &Told, file: Option<&Path>) -> anyhow::Result<()> {
    let line = serde_json::to_string(told)? + "\n";
    if let Some(file) = file {
        crate::snapshot_file::write(file, line.as_bytes())?;
    }
    let mut out = std::io::stdout().lock();
    // Nobody may listen; the file and the log say it too.
    match out.write_all(line.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}
