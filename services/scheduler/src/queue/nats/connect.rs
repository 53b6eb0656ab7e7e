//! The connection to NATS, from an address such as `nats://user:password@queue:4222?ca=/etc/nats/ca.pem`.

use std::path::PathBuf;
use std::time::Duration;

use async_nats::{Client, ConnectOptions, Event, ServerAddr};
use tracing::{info, warn};
use url::Url;

use super::QueueError;

/// Longest pause between two attempts to connect.
const RECONNECT_AT_MOST: Duration = Duration::from_secs(4);

/// Connects, and connects again for ever. Returns at once even if no server answers yet.
///
/// The address is `nats://` or `tls://` with host, port (4222) and, if wanted, user and password or a token before `@`,
/// the same for all of several servers separated by commas. These parameters may follow: `creds` (a credentials file), `token-file`, `ca` (PEM, instead of
/// the system's), `cert` with `key` (PEM, the client's own). `ca` and `cert` demand TLS, as `tls://` does.
///
/// # Errors
/// [`QueueError::Address`] for an address that cannot be used and for files that cannot be read.
pub async fn connect(address: &str) -> Result<Client, QueueError> {
    let mut servers = Vec::new();
    let mut options = ConnectOptions::new();
    let mut tls = false;
    // The parameters stand at the end, once for all servers.
    let (hosts, parameters) = address.split_once('?').unwrap_or((address, ""));
    for host in hosts.split(',') {
        let server: ServerAddr =
            host.parse().map_err(|error| wrong("is no address of a NATS server", Some(error)))?;
        let url: Url = server.clone().into_inner();
        match url.scheme() {
            "tls" => tls = true,
            "nats" => {}
            _ => return Err(wrong("begins with neither `nats://` nor `tls://`", None)),
        }
        if !url.has_host() {
            return Err(wrong("names no host", None));
        }
        // The client itself does not look at them.
        match (url.username(), url.password()) {
            ("", None) => {}
            (token, None) => options = options.token(decoded(token)),
            (user, Some(password)) => options = options.user_and_password(decoded(user), decoded(password)),
        }
        servers.push(server);
    }
    let (mut certificate, mut key) = (None, None);
    for (name, value) in url::form_urlencoded::parse(parameters.as_bytes()) {
        let path = PathBuf::from(&*value);
        match &*name {
            "creds" => {
                options = options
                    .credentials_file(&path)
                    .await
                    .map_err(|error| wrong(format!("`creds`: cannot use `{value}`"), Some(error)))?;
            }
            "token-file" => {
                let token = tokio::fs::read_to_string(&path)
                    .await
                    .map_err(|error| wrong(format!("`token-file`: cannot read `{value}`"), Some(error)))?;
                options = options.token(token.trim().to_owned());
            }
            "ca" => {
                options = options.add_root_certificates(readable("ca", path)?);
                tls = true;
            }
            "cert" => certificate = Some(readable("cert", path)?),
            "key" => key = Some(readable("key", path)?),
            other => {
                let other: String = other.chars().take(40).flat_map(char::escape_default).collect();
                return Err(wrong(
                    format!("`{other}` is none of the parameters creds, token-file, ca, cert, key"),
                    None,
                ));
            }
        }
    }
    match (certificate, key) {
        (None, None) => {}
        (Some(certificate), Some(key)) => {
            options = options.add_client_certificate(certificate, key);
            tls = true;
        }
        _ => return Err(wrong("`cert` and `key` go together", None)),
    }
    options
        .require_tls(tls)
        .name("hexproof")
        .retry_on_initial_connect()
        .max_reconnects(None)
        .connection_timeout(Duration::from_secs(5))
        .ping_interval(Duration::from_secs(15))
        .reconnect_delay_callback(|attempt| {
            Duration::from_millis(50).saturating_mul(1 << attempt.min(7)).min(RECONNECT_AT_MOST)
        })
        .event_callback(|event| async move { told(&event) })
        .connect(servers)
        .await
        .map_err(|error| {
            let reason = "no connection can be made".to_owned();
            QueueError::Address { reason, source: Some(Box::new(error)) }
        })
}

/// Without its percent signs. What the form encoding means by `+` and `&` is not meant here.
fn decoded(text: &str) -> String {
    let plain = text.replace('+', "%2B").replace('&', "%26").replace('=', "%3D");
    url::form_urlencoded::parse(plain.as_bytes()).map(|(text, _)| text.into_owned()).collect()
}

fn told(event: &Event) {
    match event {
        Event::Connected => info!("connected to the queue server"),
        Event::Disconnected => warn!("connection to the queue server lost"),
        Event::LameDuckMode | Event::Draining | Event::Closed => info!(%event, "queue server goes away"),
        Event::SlowConsumer(_) => warn!("signals lost: they came faster than they were read"),
        Event::ServerError(error) => warn!(%error, "queue server refuses"),
        Event::ClientError(error) => warn!(%error, "queue connection fails"),
    }
}

fn readable(name: &str, path: PathBuf) -> Result<PathBuf, QueueError> {
    match std::fs::File::open(&path) {
        Ok(_) => Ok(path),
        Err(error) => Err(wrong(format!("`{name}`: cannot read `{}`", path.display()), Some(error))),
    }
}

fn wrong(reason: impl Into<String>, source: Option<std::io::Error>) -> QueueError {
    QueueError::Address { reason: reason.into(), source: source.map(Into::into) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_address_that_cannot_be_used_is_refused_without_showing_its_password() {
        let wrong = [
            "http://queue:4222",
            "nats://",
            "nats://u:hunter2@queue?cert=/nowhere.pem",
            "nats://u:hunter2@queue?creds=/nowhere.creds",
            "nats://u:hunter2@queue?ca=/nowhere.pem",
            "nats://u:hunter2@queue?sharp=true",
            "nats://u:hunter2@queue:port",
        ];
        for address in wrong {
            let error = connect(address).await.err();
            let Some(QueueError::Address { reason, source }) = error else { panic!("{address}: {error:?}") };
            let shown = format!("{reason} {source:?}");
            assert!(!shown.contains("hunter2"), "{shown}");
        }
    }

    #[test]
    fn secrets_of_an_address_may_have_any_character() {
        let url: Url = "nats://u%40x:a+b&c%3Dd%25=@queue".parse().unwrap();
        assert_eq!(decoded(url.username()), "u@x");
        assert_eq!(decoded(url.password().unwrap()), "a+b&c=d%=");
    }

    #[tokio::test]
    async fn no_server_is_no_obstacle_at_the_start() {
        connect("nats://127.0.0.1:1").await.unwrap();
    }
}
