//! Connections between the service and agents: by TLS to whoever proves the SPIFFE id that is expected, or, with
//! `--dev`, in plain text on this machine.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use hexproof_access::{Access, ClientTls, SpiffeId};
use hexproof_collectors::source::Dial;
use hexproof_core::id::ClusterId;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tonic::transport::{Channel, Endpoint};
use tower::service_fn;
use url::{Host, Url};

use super::config::Config;

/// For a TCP connection, and for a handshake.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between two pings, and for the answer to one.
const PING: Duration = Duration::from_secs(20);

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// The way to agents that the configuration opens.
pub(super) fn dial(config: &Config, dev: bool, access: &Access) -> anyhow::Result<Arc<dyn Dial>> {
    if dev {
        return Ok(Arc::new(Loopback));
    }
    let own = config.agent_tls.as_ref().or(config.tls.as_ref());
    match (own, config.access.mtls.is_some()) {
        (Some(own), true) => {
            Ok(Arc::new(Certified(access.client_tls(own.certificate.clone(), own.key.clone())?)))
        }
        (_, _) => Ok(Arc::new(NotSetUp)),
    }
}

/// Calls agents that prove their SPIFFE id.
struct Certified(ClientTls);

#[async_trait]
impl Dial for Certified {
    async fn dial(&self, cluster: &ClusterId, address: &str, spiffe_id: &str) -> Result<Channel, Failure> {
        let expected: SpiffeId = match spiffe_id {
            "" => self.0.collector(cluster),
            named => named.parse()?,
        };
        connect(&self.0, address, &expected).await
    }
}

/// Calls agents on this machine.
struct Loopback;

#[async_trait]
impl Dial for Loopback {
    async fn dial(&self, _: &ClusterId, address: &str, _: &str) -> Result<Channel, Failure> {
        plain(address).await
    }
}

/// Calls nobody.
struct NotSetUp;

#[async_trait]
impl Dial for NotSetUp {
    async fn dial(&self, _: &ClusterId, _: &str, _: &str) -> Result<Channel, Failure> {
        Err("calls to agents need `access.mtls` and a certificate of the service".into())
    }
}

/// A connection in plain text, on this machine.
pub(crate) async fn plain(address: &str) -> Result<Channel, Failure> {
    let url = Url::parse(address)?;
    let loopback = match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(_)) | None => false,
    };
    if url.scheme() != "http" || !loopback {
        return Err("with --dev calls go to `http://` and a loopback address only".into());
    }
    Ok(endpoint(address)?.connect().await?)
}

/// A connection to whoever proves to be `expected` at `https://host:port`.
pub(crate) async fn connect(tls: &ClientTls, address: &str, expected: &SpiffeId) -> Result<Channel, Failure> {
    let url = Url::parse(address)?;
    let (Some(host), "https") = (url.host_str(), url.scheme()) else {
        return Err(format!("`{}` is no `https://` address", address.escape_default()).into());
    };
    let place = format!("{host}:{}", url.port().unwrap_or(443));
    let tcp = tokio::time::timeout(PATIENCE, TcpStream::connect(&place)).await;
    let tcp = tcp.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
    tcp.set_nodelay(true)?;
    let stream = tls.connect(expected, tcp, PATIENCE).await?;
    // One connection, already made and proved: a second one is asked for only after this one broke, and the caller
    // then begins anew.
    let mut stream = Some(stream);
    let once = service_fn(move |_: http::Uri| {
        let stream = stream.take().map(TokioIo::new);
        std::future::ready(stream.ok_or_else(|| io::Error::from(io::ErrorKind::NotConnected)))
    });
    // The scheme is that of what goes on inside the TLS stream.
    Ok(endpoint(&format!("http://{place}"))?.connect_with_connector(once).await?)
}

fn endpoint(address: &str) -> Result<Endpoint, Failure> {
    Ok(Endpoint::from_shared(address.to_owned())?
        .connect_timeout(PATIENCE)
        .http2_keep_alive_interval(PING)
        .keep_alive_timeout(PING)
        .keep_alive_while_idle(true))
}
