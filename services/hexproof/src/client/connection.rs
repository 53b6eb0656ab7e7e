//! Finding a server, trusting it, and saying who is asking. A token goes over TLS or stays on this machine.

use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use hexproof_api::v1;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity, Uri};
use tonic::{Request, Status};

use super::args::ServerArgs;

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(10);
/// A silent connection is asked for a sign of life this often, so that a dead one is noticed.
const SIGN_OF_LIFE: Duration = Duration::from_secs(30);
/// Bytes of a file with a token, certificates or a key at most.
const LARGEST_FILE: u64 = 1 << 20;
/// Bytes of an answer at most: a page of packs, or a list with all its texts.
const LARGEST_ANSWER: usize = 32 << 20;

type Connected = InterceptedService<Channel, Bearer>;

/// A server. Nothing is sent before the first call.
pub(super) struct Server {
    channel: Channel,
    bearer: Bearer,
    /// Its address as it was given.
    pub(super) url: String,
}

/// Makes a client of each service.
macro_rules! clients {
    ($($name:ident: $module:ident :: $client:ident),+ $(,)?) => {
        impl Server {$(
            pub(super) fn $name(&self) -> v1::$module::$client<Connected> {
                v1::$module::$client::with_interceptor(self.channel.clone(), self.bearer.clone())
                    .max_decoding_message_size(LARGEST_ANSWER)
            }
        )+}
    };
}

clients! {
    audits: audit_service_client::AuditServiceClient,
    packs: pack_service_client::PackServiceClient,
    clusters: cluster_service_client::ClusterServiceClient,
    schedules: schedule_service_client::ScheduleServiceClient,
    waivers: waiver_service_client::WaiverServiceClient,
}

impl Server {
    /// The server that the command line names. Must be called within a runtime.
    pub(super) fn open(args: &ServerArgs) -> anyhow::Result<Self> {
        let url = args.url()?;
        let uri = address(&url)?;
        let tls = uri.scheme_str() == Some("https");
        let mut endpoint = Endpoint::from(uri)
            .connect_timeout(CONNECT)
            .http2_keep_alive_interval(SIGN_OF_LIFE)
            .user_agent(concat!("hexproof/", env!("CARGO_PKG_VERSION")))?;
        if tls {
            let config = tls_config(args)?;
            endpoint = endpoint.tls_config(config).context("the certificates cannot be used")?;
        } else {
            ensure!(
                args.ca.is_none() && args.client_certificate.is_none(),
                "certificates are for https://, and the server is {url}"
            );
        }
        let bearer = Bearer::new(args)?;
        Ok(Self { channel: endpoint.connect_lazy(), bearer, url })
    }
}

fn address(url: &str) -> anyhow::Result<Uri> {
    let uri: Uri = url.parse().with_context(|| format!("`{url}` is no address"))?;
    let host = uri.host().with_context(|| format!("`{url}` names no host"))?;
    ensure!(
        !uri.authority().is_some_and(|authority| authority.as_str().contains('@')),
        "the address of the server must not hold a user name or password"
    );
    ensure!(
        matches!(uri.path(), "" | "/") && uri.query().is_none(),
        "the address of the server must end after host and port: `{url}`"
    );
    match uri.scheme_str() {
        Some("https") => Ok(uri),
        Some("http") if is_loopback(host) => Ok(uri),
        Some("http") => bail!("`{url}`: only a server on this machine is asked without TLS; use https://"),
        _ => bail!("`{url}` does not begin with https://"),
    }
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn tls_config(args: &ServerArgs) -> anyhow::Result<ClientTlsConfig> {
    let mut config = match &args.ca {
        Some(file) => ClientTlsConfig::new().ca_certificate(Certificate::from_pem(read(file)?)),
        None => ClientTlsConfig::new().with_native_roots(),
    };
    if let (Some(chain), Some(key)) = (&args.client_certificate, &args.client_key) {
        config = config.identity(Identity::from_pem(read(chain)?, read(key)?));
    }
    Ok(config)
}

fn read(file: &Path) -> anyhow::Result<Vec<u8>> {
    let cannot = || format!("cannot read `{}`", file.display());
    let length = fs::metadata(file).with_context(cannot)?.len();
    ensure!(length <= LARGEST_FILE, "`{}` has {length} bytes, more than {LARGEST_FILE}", file.display());
    fs::read(file).with_context(cannot)
}

/// Puts the token before each call. A file is read each time: tokens of service accounts are replaced while a long
/// audit is watched.
#[derive(Clone)]
pub(super) struct Bearer(Source);

#[derive(Clone)]
enum Source {
    Nothing,
    Held(MetadataValue<Ascii>),
    File(PathBuf),
}

impl Bearer {
    fn new(args: &ServerArgs) -> anyhow::Result<Self> {
        if let Some(file) = &args.token_file {
            // What cannot be read is told before anything is asked.
            from_file(file)?;
            return Ok(Self(Source::File(file.clone())));
        }
        match std::env::var("HEXPROOF_TOKEN") {
            Ok(token) if !token.trim().is_empty() => {
                Ok(Self(Source::Held(header(&token).context("HEXPROOF_TOKEN")?)))
            }
            _ => Ok(Self(Source::Nothing)),
        }
    }
}

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        let token = match &self.0 {
            Source::Nothing => return Ok(request),
            Source::Held(token) => token.clone(),
            Source::File(file) => {
                from_file(file).map_err(|error| Status::failed_precondition(format!("{error:#}")))?
            }
        };
        request.metadata_mut().insert("authorization", token);
        Ok(request)
    }
}

fn from_file(file: &Path) -> anyhow::Result<MetadataValue<Ascii>> {
    let text = String::from_utf8(read(file)?).ok();
    text.and_then(|text| header(&text).ok()).with_context(|| format!("`{}` holds no token", file.display()))
}

fn header(token: &str) -> anyhow::Result<MetadataValue<Ascii>> {
    let token = token.trim();
    // No word of the token goes into the message.
    ensure!(
        !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic()),
        "a token is one word of printable ASCII characters"
    );
    let mut value: MetadataValue<Ascii> =
        format!("Bearer {token}").parse().ok().context("the token cannot be sent")?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_asked_without_tls() {
        for url in [
            "https://hexproof.example",
            "https://a:8443/",
            "http://127.0.0.1:1",
            "http://[::1]:1",
            "http://localhost:1",
        ] {
            assert!(address(url).is_ok(), "{url}");
        }
        for url in [
            "",
            "hexproof.example",
            "http://hexproof.example",
            "http://127.0.0.1.example",
            "http://localhost.example:1",
            "https://user:word@a",
            "https://a/path",
            "https://a?x=1",
            "ftp://127.0.0.1",
            "unix:/x",
        ] {
            assert!(address(url).is_err(), "{url}");
        }
    }

    #[test]
    fn a_token_is_trimmed_and_never_shown() {
        assert_eq!(header(" abc\n").unwrap(), "Bearer abc");
        let error = header("se cret").unwrap_err().to_string();
        assert!(!error.contains("cret"), "{error}");
        assert!(header("").is_err());
        assert!(!format!("{:?}", header("secret").unwrap()).contains("secret"));
    }
}
