//! The layer that every request passes: who is calling, whether they may, what is logged.
//!
//! A request proves one identity: a client certificate, a bearer token or, for pages, a session. With two it is refused, since nobody could
//! say whose roles count; a download link is its own proof, and nothing else counts beside it.

mod dev;
mod page;
mod person;
mod refusal;
mod service;
mod visit;

use std::sync::Arc;

use hexproof_core::access::{Authentication, Caller, LinkGrant, Scope, Trail};
use hexproof_core::id::RecordId;
use hexproof_core::port::{Clock, Register};
use http::HeaderMap;
use http::header::AUTHORIZATION;
use http::request::Parts;

use crate::csrf::{Csrf, is_browser, is_foreign};
use crate::grants::{Grant, Identity};
use crate::keys::KeyRing;
use crate::ledger::{Ledger, chain};
use crate::links::{LinkError, SignedLinks};
use crate::login::Login;
use crate::login::session::{self, Session};
use crate::oidc::Oidc;
use crate::policy::{Callers, Route, Target};
use crate::spiffe::SpiffeId;
use crate::tls::Peer;
use crate::token_review::TokenReviews;

pub use dev::DEV_SUBJECT;
pub use page::PageRefusal;
pub(crate) use refusal::Refusal;
pub use service::{AccessLayer, AccessService};

/// Names and values of all headers together, in bytes.
const LARGEST_HEADERS: usize = 32 << 10;
/// A bearer token, in bytes.
const LARGEST_TOKEN: usize = 16 << 10;

/// How callers are known.
pub(crate) enum Known {
    /// Everybody on this machine may do everything.
    Dev,
    /// By proof.
    Proved {
        /// Tokens of an OpenID provider.
        oidc: Option<Box<Oidc>>,
        /// Tokens of service accounts.
        reviews: Option<Box<TokenReviews>>,
    },
}

/// What the layer decides with.
pub(crate) struct Gate {
    pub(crate) known: Known,
    pub(crate) links: Arc<SignedLinks>,
    /// Agents keep none, and give out no links.
    pub(crate) register: Option<Register>,
    pub(crate) ledger: Ledger,
    /// How people log in.
    pub(crate) login: Option<Login>,
    /// Makes sessions and what their forms must carry.
    pub(crate) ring: Arc<KeyRing>,
    pub(crate) clock: Arc<dyn Clock>,
}

/// A request that may pass.
pub(crate) struct Admitted {
    pub(crate) target: Target,
    /// `None` where no identity is asked for and none was proved.
    pub(crate) caller: Option<Caller>,
    pub(crate) link: Option<LinkGrant>,
    /// The session that made it, for pages.
    pub(crate) session: Option<Session>,
    /// What forms must carry, for pages.
    pub(crate) csrf: Option<Csrf>,
    pub(crate) trail: Trail,
}

/// A request that may not, and whose it was as far as that is known.
pub(crate) struct Refused {
    pub(crate) refusal: Refusal,
    pub(crate) caller: Option<Caller>,
    pub(crate) target: Option<Target>,
    pub(crate) action: String,
    pub(crate) trail: Trail,
}

impl Gate {
    /// Decides on a request by its head alone.
    pub(crate) async fn admit(&self, parts: &Parts) -> Result<Admitted, Refused> {
        let target = Target::of(&parts.method, parts.uri.path());
        let action = target.map_or_else(|| "unknown".to_owned(), Target::action);
        let trail = Trail::default();
        let refused = |refusal, caller| Refused {
            refusal,
            caller,
            target,
            action: action.clone(),
            trail: trail.clone(),
        };
        if header_bytes(&parts.headers) > LARGEST_HEADERS {
            return Err(refused(Refusal::TooLarge, None));
        }
        if let Known::Dev = self.known {
            dev::guard(parts).map_err(|refusal| refused(refusal, None))?;
        }
        if let Some(Target::Route(Route::Link)) = target {
            return match self.by_link(parts, &trail).await {
                Ok((caller, grant)) => Ok(Admitted {
                    target: Target::Route(Route::Link),
                    caller: Some(caller),
                    link: Some(grant),
                    session: None,
                    csrf: None,
                    trail,
                }),
                Err(refusal) => Err(refused(refusal, None)),
            };
        }
        let page = matches!(target, Some(Target::Page(_)));
        if page && !parts.method.is_safe() && is_foreign(parts, self.login.as_ref().map(Login::own)) {
            return Err(refused(Refusal::Foreign("Another site sent this form. Nothing was done."), None));
        }
        // Which pages there are is no secret: a wrong address is no matter of a login.
        if target.is_none() && is_browser(&parts.headers) {
            return Err(refused(Refusal::Unknown, None));
        }
        let open = target.is_some_and(|target| target.callers() == Callers::Anyone);
        if let (Some(target), true) = (target, open) {
            return match target.admits(&parts.method) {
                true => Ok(Admitted { target, caller: None, link: None, session: None, csrf: None, trail }),
                false => Err(refused(Refusal::Method, None)),
            };
        }
        let session = match page {
            true => self.session_alone(parts).await.map_err(|refusal| refused(refusal, None))?,
            false => None,
        };
        let identity = match (&session, self.logins()) {
            (Some(session), Some((_, oidc))) => oidc.identity_of(&session.person()),
            _ => self.identity(parts).await.map_err(|refusal| refused(refusal, None))?,
        };
        let Some(target) = target else {
            return Err(refused(Refusal::Unknown, Some(identity.nobody())));
        };
        let Some(caller) = identity.caller(target.callers()) else {
            return Err(refused(Refusal::Role, Some(identity.nobody())));
        };
        if !target.admits(&parts.method) {
            return Err(refused(Refusal::Method, Some(caller)));
        }
        let csrf = page.then(|| self.csrf(&caller, session.as_ref()));
        Ok(Admitted { target, caller: Some(caller), link: None, session, csrf, trail })
    }

    /// What forms must carry. Without a session it ends with the keys of the service.
    fn csrf(&self, caller: &Caller, session: Option<&Session>) -> Csrf {
        match (session, caller.authentication) {
            (Some(session), _) => Csrf::new(&self.ring, session.id.as_str(), &caller.subject),
            // Whoever is at this machine is one person under several names.
            (None, Authentication::Dev) => Csrf::new(&self.ring, "dev", ""),
            (None, other) => Csrf::new(&self.ring, other.word(), &caller.subject),
        }
    }

    /// The session of a request for a page, where it is the only proof of an identity.
    async fn session_alone(&self, parts: &Parts) -> Result<Option<Session>, Refusal> {
        if self.logins().is_none() || !session::is_sent(&parts.headers) {
            return Ok(None);
        }
        let certified = parts.extensions.get::<Peer>().is_some_and(|peer| peer.identity.is_some());
        if certified || parts.headers.contains_key(AUTHORIZATION) {
            return Err(Refusal::Credentials("a session and another proof are two identities"));
        }
        match self.session(parts).await? {
            Some(session) => Ok(Some(session)),
            None => Err(Refusal::Credentials("the session has ended")),
        }
    }

    /// The identity that a request proves.
    async fn identity(&self, parts: &Parts) -> Result<Identity, Refusal> {
        let Known::Proved { oidc, reviews } = &self.known else { return dev::identity(&parts.headers) };
        let peer = parts.extensions.get::<Peer>().and_then(|peer| peer.identity.as_ref());
        let token = bearer(&parts.headers)?;
        match (peer, token) {
            (Some(_), Some(_)) => Err(Refusal::Credentials("a certificate and a token are two identities")),
            (None, None) => Err(Refusal::Credentials("no identity was proved")),
            (Some((id, ends)), None) => match self.clock.now() < *ends {
                true => Ok(certified(id)),
                // The connection outlived the certificate.
                false => Err(Refusal::Credentials("the certificate has expired; connect again")),
            },
            (None, Some(token)) => match (oidc, reviews) {
                (Some(oidc), _) if oidc.issued(token) => oidc.identity(token).await,
                (_, Some(reviews)) => reviews.identity(token).await,
                (Some(oidc), None) => oidc.identity(token).await,
                (None, None) => Err(Refusal::Credentials("no tokens are taken here")),
            },
        }
    }

    async fn by_link(&self, parts: &Parts, trail: &Trail) -> Result<(Caller, LinkGrant), Refusal> {
        let token = parts.uri.path().strip_prefix(Route::Link.path()).unwrap_or_default();
        let now = self.clock.now();
        let Some(register) = &self.register else { return Err(Refusal::Link("there are no links here")) };
        match self.links.check(token, parts.method.as_str(), now, register).await {
            Ok((id, grant)) => {
                trail.touches(Some(&grant.audit.cluster), object(&id, &grant));
                let caller = Caller {
                    subject: grant.subject.clone(),
                    authentication: Authentication::Link,
                    roles: Default::default(),
                    scope: Scope::cluster(grant.audit.cluster.clone()),
                };
                Ok((caller, grant))
            }
            Err(LinkError::Storage(error)) => {
                tracing::error!(error = chain(&error), "whether a link was revoked cannot be told");
                Err(Refusal::Unavailable("the store does not answer; try again"))
            }
            Err(LinkError::Forged) => Err(Refusal::Link("the link is not one of this service")),
            Err(LinkError::Expired) => Err(Refusal::Link("the link has expired")),
            Err(LinkError::Revoked) => Err(Refusal::Link("the link was revoked")),
        }
    }
}

impl Identity {
    /// The caller of a call that is refused: a name for the log, and nothing that it may do.
    fn nobody(&self) -> Caller {
        Caller {
            subject: self.subject.clone(),
            authentication: self.authentication,
            roles: Default::default(),
            scope: Scope::none(),
        }
    }
}

/// The log names the audit, and the link by which its file was taken.
fn object(id: &RecordId, grant: &LinkGrant) -> String {
    format!("{} {id}", grant.audit.run)
}

/// What a certificate gives: a collector its own cluster, the service whatever agents have.
fn certified(id: &SpiffeId) -> Identity {
    let grants = match id {
        SpiffeId::Collector { cluster, .. } => vec![Grant {
            roles: [hexproof_core::access::Role::Collector].into(),
            scope: Scope::cluster(cluster.clone()),
        }],
        SpiffeId::Server { .. } => Vec::new(),
    };
    let server = matches!(id, SpiffeId::Server { .. });
    Identity { subject: id.to_string(), authentication: Authentication::Mtls, server, grants }
}

/// The bearer token (RFC 6750, section 2.1), if there is one.
fn bearer(headers: &HeaderMap) -> Result<Option<&str>, Refusal> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(Refusal::Credentials("there are two `authorization` headers"));
    }
    let wrong = || Refusal::Credentials("`authorization` must be `Bearer` and a token");
    let (scheme, token) = value.to_str().map_err(|_| wrong())?.split_once(' ').ok_or_else(wrong)?;
    if !scheme.eq_ignore_ascii_case("bearer") || token.is_empty() {
        return Err(wrong());
    }
    match token.len() > LARGEST_TOKEN {
        true => Err(Refusal::Credentials("the token is larger than 16 KiB")),
        false => Ok(Some(token)),
    }
}

fn header_bytes(headers: &HeaderMap) -> usize {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum()
}
