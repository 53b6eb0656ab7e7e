//! The settings of access, as they stand in the configuration file.

use std::path::PathBuf;

use serde::Deserialize;

use crate::grants::GrantConfig;
use crate::spiffe::TrustDomain;

/// Who may call, and how callers are known. Nothing that is not set up admits anybody.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct AccessConfig {
    /// People and programs with tokens of an OpenID provider.
    pub oidc: Option<OidcConfig>,
    /// Programs in the cluster of the service, with tokens of their service accounts.
    pub kubernetes: Option<KubernetesConfig>,
    /// Agents, with certificates.
    pub mtls: Option<MtlsConfig>,
    /// Download links.
    pub links: LinksConfig,
    /// Logins of people to the portal, at the provider of `oidc`.
    pub login: Option<LoginConfig>,
}

/// An OpenID provider.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OidcConfig {
    /// Its issuer, exactly as its discovery document and tokens state it. `https`; `http` only on a loopback address.
    pub issuer: String,
    /// What `aud` of a token must contain.
    pub audience: String,
    /// The claim that names the person, `sub` by default. With `email`, the address must not be unverified.
    #[serde(default = "sub")]
    pub subject_claim: String,
    /// The claim that lists groups: a name, or a JSON pointer such as `/realm_access/roles`.
    #[serde(default = "groups")]
    pub groups_claim: String,
    /// Certificates (PEM) that the provider's TLS is checked with, in place of those of the system.
    #[serde(default)]
    pub ca: Option<PathBuf>,
    /// What its groups and subjects may do.
    #[serde(default)]
    pub grants: Vec<GrantConfig>,
}

fn sub() -> String {
    "sub".to_owned()
}

fn groups() -> String {
    "groups".to_owned()
}

/// Service accounts of the cluster that the service runs in.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KubernetesConfig {
    /// The audience that tokens must be made for; not that of the API server.
    pub audience: String,
    /// What service accounts may do.
    #[serde(default)]
    pub grants: Vec<GrantConfig>,
}

/// Certificates of agents.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MtlsConfig {
    /// Certificates (PEM) of the authority that agents' certificates are checked with.
    pub ca: PathBuf,
    /// The trust domain of their SPIFFE ids.
    pub trust_domain: TrustDomain,
    /// How many hours a collector's certificate may be valid in all: 24 unless set.
    #[serde(default = "day")]
    pub longest_hours: u32,
}

fn day() -> u32 {
    24
}

/// Download links.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct LinksConfig {
    /// Where browsers reach the service, such as `https://evidence.example`; links are paths if empty.
    pub base_url: String,
    /// Keys; the first one signs, each one is taken. Without any, links live as long as the process and work on this
    /// replica alone.
    pub keys: Vec<KeyConfig>,
}

/// Logins of people with a browser, by the authorisation code flow.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LoginConfig {
    /// The name of the portal at the provider.
    pub client_id: String,
    /// A file of its secret; white space around it does not count. Without any it is a public client.
    #[serde(default)]
    pub client_secret_file: Option<PathBuf>,
    /// Where browsers reach the service, such as `https://evidence.example`. The provider sends people back to
    /// `/login/return` there.
    pub public_url: String,
    /// What is asked of the provider beside `openid`.
    #[serde(default = "scopes")]
    pub scopes: Vec<String>,
    /// A session ends after so many minutes without use: 15 unless set.
    #[serde(default = "quarter")]
    pub session_minutes: u32,
    /// A session ends after so many hours in any case: 8 unless set.
    #[serde(default = "shift")]
    pub session_hours: u32,
    /// Keys of sessions; the first one makes, each one is taken. Without any, sessions end with the process and work on
    /// this replica alone.
    #[serde(default)]
    pub keys: Vec<KeyConfig>,
}

fn scopes() -> Vec<String> {
    ["profile", "email"].map(str::to_owned).into()
}

fn quarter() -> u32 {
    15
}

fn shift() -> u32 {
    8
}

/// A key of links or sessions.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KeyConfig {
    /// Names the key in what is made with it.
    pub id: hexproof_core::id::RecordId,
    /// A file of at least 32 random bytes; white space around them does not count.
    pub file: PathBuf,
}
