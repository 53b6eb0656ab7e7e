//! Takes connections: HTTP/1.1 and HTTP/2, by TLS or, on the loopback address, without.
//!
//! A stranger costs little: connections are counted, have a limited time to say what they want, limited headers and a
//! limited number of streams; a peer that is gone is found by pings. On shutdown every connection is told to finish.

mod patience;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hexproof_access::{Peer, ServerTls};
use http::Request;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;
use tracing::{debug, warn};

use crate::telemetry::metrics::Metrics;
use patience::FirstBytes;

/// Headers of one request, in bytes.
const HEADERS: u32 = 16 << 10;
/// Calls at once on one connection.
const STREAMS: u32 = 256;
/// Time for a TLS handshake, for the first bytes after it, and for the headers of a request.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between two pings to a peer, and how long it may take to answer one.
const PING: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(20));
/// Streams that a peer may open and take back at once (CVE-2023-44487).
const RESETS: usize = 64;
/// Between two tries to take a connection where the system has no room for one.
const BREATH: Duration = Duration::from_millis(100);

/// Where connections come from and go to.
pub(crate) struct Listener {
    pub(crate) socket: TcpListener,
    /// `None` for plain text.
    pub(crate) tls: Option<Arc<ServerTls>>,
    pub(crate) router: Router,
    pub(crate) connections: usize,
    pub(crate) metrics: Arc<Metrics>,
}

impl Listener {
    /// Serves until `stop`; then lets what is under way come to its end, for `drain` at most.
    pub(crate) async fn serve(self, stop: CancellationToken, drain: Duration) {
        let builder = builder();
        let graceful = GracefulShutdown::new();
        let tracker = TaskTracker::new();
        // Ends connections that did not finish in time.
        let cut = CancellationToken::new();
        let room = Arc::new(Semaphore::new(self.connections));
        loop {
            let place = tokio::select! {
                () = stop.cancelled() => break,
                // Never closed.
                Ok(place) = room.clone().acquire_owned() => place,
            };
            let accepted = tokio::select! {
                () = stop.cancelled() => break,
                accepted = self.socket.accept() => accepted,
            };
            let (stream, address) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // A peer that went away at once, or no descriptor left: both pass.
                    debug!(%error, "a connection could not be taken");
                    tokio::time::sleep(BREATH).await;
                    continue;
                }
            };
            if let Err(error) = stream.set_nodelay(true) {
                debug!(%error, "small messages may be late");
            }
            let (tls, router) = (self.tls.clone(), self.router.clone());
            let (builder, watcher, open) = (builder.clone(), graceful.watcher(), self.metrics.connection());
            let connection = async move {
                let _held = (place, open);
                let result = match tls {
                    None => converse(stream, Peer::default(), router, &builder, watcher).await,
                    Some(tls) => match tls.accept(stream, PATIENCE).await {
                        Ok((stream, peer)) => converse(stream, peer, router, &builder, watcher).await,
                        Err(error) => Err(error.into()),
                    },
                };
                if let Err(error) = result {
                    debug!(%address, error = &*error as &dyn std::error::Error, "a connection broke");
                }
            };
            let cut = cut.clone();
            tracker.spawn(async move { cut.run_until_cancelled(connection).await });
        }
        drop(self.socket);
        tracker.close();
        let drained = async {
            graceful.shutdown().await;
            tracker.wait().await;
        };
        if tokio::time::timeout(drain, drained).await.is_err() {
            warn!(open = tracker.len(), "connections that did not end in time are closed");
            cut.cancel();
            tracker.wait().await;
        }
    }
}

fn builder() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .max_headers(64)
        .max_buf_size(HEADERS as usize);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(HEADERS)
        .max_concurrent_streams(STREAMS)
        .max_pending_accept_reset_streams(RESETS)
        .keep_alive_interval(PING.0)
        .keep_alive_timeout(PING.1);
    builder
}

type Broken = Box<dyn std::error::Error + Send + Sync>;

/// Serves one connection; `peer` stands beside each of its requests.
async fn converse(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    peer: Peer,
    router: Router,
    builder: &Builder<TokioExecutor>,
    watcher: hyper_util::server::graceful::Watcher,
) -> Result<(), Broken> {
    let service = hyper::service::service_fn(move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(peer.clone());
        router.clone().oneshot(request)
    });
    let io = TokioIo::new(FirstBytes::new(stream, PATIENCE));
    let connection = builder.serve_connection(io, service).into_owned();
    watcher.watch(connection).await
}
