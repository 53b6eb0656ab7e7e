//! The front of the crate: everything that the program wires.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use hexproof_core::port::{AccessLog, Clock, Links, Register};
use jiff::SignedDuration;

use crate::config::{AccessConfig, MtlsConfig};
use crate::keys::KeyRing;
use crate::layer::{AccessLayer, Gate, Known};
use crate::links::SignedLinks;
use crate::login::Login;
use crate::oidc::Oidc;
use crate::spiffe::Rules;
use crate::tls::{ClientTls, PeerCertificates, ServerTls};
use crate::token_review::TokenReviews;
use crate::{AccessError, ledger::Ledger};

/// Who may call this service, and what of it is logged.
pub struct Access {
    gate: Arc<Gate>,
    links: Arc<SignedLinks>,
    mtls: Option<MtlsConfig>,
    clock: Arc<dyn Clock>,
}

impl Access {
    /// Access by the configuration. Call it within the runtime; nobody is asked yet.
    ///
    /// # Errors
    /// Settings that cannot be meant, files that cannot be read, no API server where service accounts are admitted.
    pub fn new(
        config: &AccessConfig,
        clock: Arc<dyn Clock>,
        register: Register,
        log: Arc<dyn AccessLog>,
    ) -> Result<Self, AccessError> {
        let client = match &config.kubernetes {
            Some(_) => {
                let wrong = |error: Box<dyn std::error::Error + Send + Sync>| AccessError::Kubernetes(error);
                let mut config = kube::Config::incluster().map_err(|error| wrong(Box::new(error)))?;
                config.read_timeout = Some(std::time::Duration::from_secs(5));
                config.connect_timeout = Some(std::time::Duration::from_secs(5));
                config.default_retry = false;
                Some(kube::Client::try_from(config).map_err(|error| wrong(Box::new(error)))?)
            }
            None => None,
        };
        Self::with_client(config, client, clock, register, log)
    }

    /// As [`Access::new`], with a client of the API server that reviews the tokens of service accounts.
    ///
    /// # Errors
    /// As [`Access::new`].
    pub fn with_client(
        config: &AccessConfig,
        client: Option<kube::Client>,
        clock: Arc<dyn Clock>,
        register: Register,
        log: Arc<dyn AccessLog>,
    ) -> Result<Self, AccessError> {
        let oidc =
            config.oidc.as_ref().map(|oidc| Oidc::new(oidc, clock.clone()).map(Box::new)).transpose()?;
        let reviews = match (&config.kubernetes, client) {
            (Some(kubernetes), Some(client)) => {
                Some(Box::new(TokenReviews::new(kubernetes, client, clock.clone())?))
            }
            (Some(_), None) => return Err(AccessError::Kubernetes("no client was given".into())),
            (None, _) => None,
        };
        let lonely = "is good on this replica alone, until it stops: the configuration names no key";
        if config.links.keys.is_empty() {
            tracing::warn!(setting = "access.links.keys", "each download link {lonely}");
        }
        if config.login.as_ref().is_some_and(|login| login.keys.is_empty()) {
            tracing::warn!(setting = "access.login.keys", "each session {lonely}");
        }
        let known = Known::Proved { oidc, reviews };
        Self::build(known, config, clock, Some(register), Some(log))
    }

    /// Access without any identity, for one person on one machine: whoever reaches the loopback address may do
    /// everything. `x-hexproof-dev-subject` names another person, since a waiver needs two.
    ///
    /// # Errors
    /// An address that others reach.
    pub fn dev(
        address: SocketAddr,
        clock: Arc<dyn Clock>,
        register: Register,
        log: Arc<dyn AccessLog>,
    ) -> Result<Self, AccessError> {
        if !address.ip().is_loopback() {
            return Err(AccessError::NotLoopback(address));
        }
        Self::build(Known::Dev, &AccessConfig::default(), clock, Some(register), Some(log))
    }

    /// Access to an agent: the service alone, by its certificate. An agent keeps no log of its own; the service does.
    ///
    /// # Errors
    /// As [`Access::new`].
    pub fn agent(mtls: &MtlsConfig, clock: Arc<dyn Clock>) -> Result<Self, AccessError> {
        let config = AccessConfig { mtls: Some(mtls.clone()), ..AccessConfig::default() };
        Self::build(Known::Proved { oidc: None, reviews: None }, &config, clock, None, None)
    }

    fn build(
        known: Known,
        config: &AccessConfig,
        clock: Arc<dyn Clock>,
        register: Option<Register>,
        log: Option<Arc<dyn AccessLog>>,
    ) -> Result<Self, AccessError> {
        let links = Arc::new(SignedLinks::new(&config.links, clock.clone())?);
        let ledger = Ledger::new(log, clock.clone());
        let login = match &config.login {
            Some(_) if config.oidc.is_none() => {
                return Err(AccessError::config("login", "needs the provider that `oidc` names"));
            }
            login => login.as_ref().map(Login::new).transpose()?,
        };
        let keys = config.login.as_ref().map_or(&[][..], |login| &login.keys);
        let ring = Arc::new(KeyRing::new(keys, "login.keys")?);
        let gate = Gate { known, links: links.clone(), register, ledger, login, ring, clock: clock.clone() };
        Ok(Self { gate: Arc::new(gate), links, mtls: config.mtls.clone(), clock })
    }

    /// The layer for every service and page of a port. It must see requests before any other layer but those that
    /// answer CORS preflights and set deadlines.
    pub fn layer(&self) -> AccessLayer {
        AccessLayer::new(self.gate.clone())
    }

    /// Makes download links.
    pub fn links(&self) -> Arc<dyn Links> {
        self.links.clone()
    }

    /// TLS of a port. `certificate` and `key` are PEM files. Certificates of clients are asked for where `mtls` is
    /// configured, and demanded where `required` (agents: there is no other way in).
    ///
    /// # Errors
    /// Files that cannot be read or do not fit; `required` without `mtls`.
    pub fn server_tls(
        &self,
        certificate: PathBuf,
        key: PathBuf,
        required: bool,
    ) -> Result<ServerTls, AccessError> {
        let peers = match &self.mtls {
            Some(mtls) => Some(PeerCertificates { ca: mtls.ca.clone(), rules: rules(mtls), required }),
            None if required => return Err(AccessError::config("mtls", "is needed to demand certificates")),
            None => None,
        };
        ServerTls::new(certificate, key, peers, self.clock.clone())
    }

    /// TLS of calls to peers that are known by a SPIFFE id: from the service to agents, from agents to the service.
    ///
    /// # Errors
    /// Files that cannot be read or do not fit; no `mtls`.
    pub fn client_tls(&self, certificate: PathBuf, key: PathBuf) -> Result<ClientTls, AccessError> {
        let mtls =
            self.mtls.as_ref().ok_or_else(|| AccessError::config("mtls", "is needed to call agents"))?;
        ClientTls::new(mtls.ca.clone(), certificate, key, rules(mtls), self.clock.clone())
    }

    /// Waits until what is still to be logged is in the store. Call it once nothing is served any more.
    pub async fn finish(&self) {
        self.gate.ledger.finish().await;
    }
}

fn rules(mtls: &MtlsConfig) -> Rules {
    Rules {
        trust_domain: mtls.trust_domain.clone(),
        longest: SignedDuration::from_hours(i64::from(mtls.longest_hours)),
    }
}
