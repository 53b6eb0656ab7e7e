//! Who is calling and what they may do.
//!
//! `access` is the front that the program wires. `policy` is the one table of who may do what; `layer` asks it for
//! every request and denies what it does not name. Identities come from `tls` and `spiffe` (certificates of agents),
//! `oidc` (tokens of an OpenID provider), `token_review` (Kubernetes service accounts) and `links` (download links);
//! `login` logs people in who come with a browser and keeps their sessions in sealed `cookie`s, `csrf` tells their forms
//! from those of other sites, `local` is where they may be sent, and `keys` seals and marks all of it.
//! `grants` says what the configuration gives them, and `ledger` writes what was done or refused into the access log.
//!
//! Nothing here looks at messages: whether a cluster is within the caller's scope is asked by each service.
//!
//! Request → identity → rule → caller → service → entry of the log

mod access;
mod config;
mod cookie;
mod csrf;
mod error;
mod grants;
mod keys;
mod layer;
mod ledger;
mod links;
mod local;
mod login;
mod oidc;
pub mod policy;
mod spiffe;
mod tls;
mod token_review;

pub use access::Access;
pub use config::{
    AccessConfig, KeyConfig, KubernetesConfig, LinksConfig, LoginConfig, MtlsConfig, OidcConfig,
};
pub use csrf::{Csrf, OwnForms};
pub use error::AccessError;
pub use grants::{Grant, GrantConfig, Identity};
pub use layer::{AccessLayer, AccessService, DEV_SUBJECT, PageRefusal};
pub use links::{LinkError, SignedLinks};
pub use local::LocalPath;
pub use login::draft::Draft;
pub use login::session::LoggedIn;
pub use spiffe::{SpiffeError, SpiffeId, TrustDomain};
pub use tls::{ClientTls, Peer, ServerTls, TlsError};
