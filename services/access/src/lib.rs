//! Who is calling and what they may do.
//!
//! `access` is the front that the program wires. `policy` is the one table of who may do what; `layer` asks it for
//! every request and denies what it does not name. Identities come from `tls` and `spiffe` (certificates of agents),
//! `oidc` (tokens of an OpenID provider), `token_review` (Kubernetes service accounts) and `links` (download links);
//! `grants` says what the configuration gives them, and `ledger` writes what was done or refused into the access log.
//!
//! Nothing here looks at messages: whether a cluster is within the caller's scope is asked by each service.
//!
//! Request → identity → rule → caller → service → entry of the log

mod access;
mod config;
mod error;
mod grants;
mod layer;
mod ledger;
mod links;
mod oidc;
pub mod policy;
mod spiffe;
mod tls;
mod token_review;

pub use access::Access;
pub use config::{AccessConfig, KubernetesConfig, LinkKeyConfig, LinksConfig, MtlsConfig, OidcConfig};
pub use error::AccessError;
pub use grants::{Grant, GrantConfig, Identity};
pub use layer::{AccessLayer, AccessService, DEV_SUBJECT};
pub use links::{LinkError, SignedLinks};
pub use spiffe::{SpiffeError, SpiffeId, TrustDomain};
/// What every form of a session must carry (in the field `csrf`), so that no other site can send one. The layer puts it
/// beside each request for a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Csrf(pub String);

pub use tls::{ClientTls, Peer, ServerTls, TlsError};
