//! Tokens of an OpenID provider: JWTs (RFC 7519) that are checked by the rules of RFC 8725.
//!
//! `keys` keeps the provider's keys, here a token is held against them; `code` exchanges the code of a login for one.
//! The algorithm comes from a list of ours and must
//! be that of the key, so that neither `none` nor a public key used as a secret gets anybody in.

mod code;
mod keys;
mod provider;

use std::collections::BTreeSet;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hexproof_core::access::Authentication;
use hexproof_core::port::Clock;
use jiff::Timestamp;
use jsonwebtoken::Algorithm;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::AccessError;
use crate::config::OidcConfig;
use crate::grants::{Grant, Identity};
use crate::layer::Refusal;
use keys::Keys;

pub(crate) use code::{Client, CodeError};
pub(crate) use provider::{Endpoints, is_safe};

/// How far clocks may differ, in seconds.
const LEEWAY: f64 = 30.0;
/// Groups of a person that are looked at.
const MOST_GROUPS: usize = 2000;

/// Checks tokens of one provider.
pub(crate) struct Oidc {
    issuer: String,
    audience: String,
    subject_claim: String,
    groups_claim: String,
    groups: Vec<(String, Grant)>,
    subjects: Vec<(String, Grant)>,
    keys: Keys,
    clock: Arc<dyn Clock>,
}

/// The head of a token, as far as it matters. Keys and addresses of keys that it may bring along never do.
#[derive(Deserialize)]
struct Head {
    alg: String,
    #[serde(default)]
    kid: Option<String>,
    #[serde(default)]
    typ: Option<String>,
    #[serde(default)]
    crit: Option<Value>,
}

impl Oidc {
    pub(crate) fn new(config: &OidcConfig, clock: Arc<dyn Clock>) -> Result<Self, AccessError> {
        for (field, text) in [
            ("oidc.audience", &config.audience),
            ("oidc.subject_claim", &config.subject_claim),
            ("oidc.groups_claim", &config.groups_claim),
        ] {
            if text.is_empty() {
                return Err(AccessError::config(field, "is empty"));
            }
        }
        let (mut groups, mut subjects) = (Vec::new(), Vec::new());
        for (at, line) in config.grants.iter().enumerate() {
            let place = format!("oidc.grants[{at}]");
            let grant = line.grant(&place)?;
            match (&line.group, &line.subject, &line.service_account) {
                (Some(group), None, None) => groups.push((group.clone(), grant)),
                (None, Some(subject), None) => subjects.push((subject.clone(), grant)),
                _ => return Err(AccessError::config(place, "must name either a `group` or a `subject`")),
            }
        }
        Ok(Self {
            issuer: config.issuer.clone(),
            audience: config.audience.clone(),
            subject_claim: config.subject_claim.clone(),
            groups_claim: config.groups_claim.clone(),
            groups,
            subjects,
            keys: Keys::new(config, clock.clone())?,
            clock,
        })
    }

    /// Whether a token says that it is one of this provider. Only for choosing who is to check it.
    pub(crate) fn issued(&self, token: &str) -> bool {
        claims(token).is_some_and(|claims| text(&claims, "iss") == Some(&self.issuer))
    }

    /// Who a token stands for.
    pub(crate) async fn identity(&self, token: &str) -> Result<Identity, Refusal> {
        let kinds = ["jwt", "at+jwt", "application/at+jwt"];
        let claims = self.claims(token, &self.audience, &kinds).await?;
        Ok(self.identity_of(&self.person(&claims)?))
    }

    /// The claims of a token of one of these kinds, for an audience.
    async fn claims(
        &self,
        token: &str,
        audience: &str,
        kinds: &[&str],
    ) -> Result<Map<String, Value>, Refusal> {
        const WRONG: Refusal = Refusal::Credentials("the token is not valid here");
        let mut parts = token.split('.');
        let (Some(head), Some(_), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(WRONG);
        };
        let head = URL_SAFE_NO_PAD.decode(head).map_err(|_| WRONG)?;
        let head: Head = serde_json::from_slice(&head).map_err(|_| WRONG)?;
        let algorithm = algorithm(&head.alg).ok_or(WRONG)?;
        // Logout tokens and others of the same provider are no proof of who is calling (RFC 8725, section 3.11).
        let is_ours = |kind: &String| kinds.iter().any(|ours| kind.eq_ignore_ascii_case(ours));
        if head.crit.is_some() || !head.typ.as_ref().is_none_or(is_ours) {
            return Err(WRONG);
        }
        // What cannot be right whoever signed it costs nobody a look for keys.
        let claims = claims(token).ok_or(WRONG)?;
        self.check(&claims, audience)?;
        let key = self.keys.find(head.kid.as_deref(), algorithm).await?;
        let signed = &token[..token.len() - signature.len() - 1];
        match jsonwebtoken::crypto::verify(signature, signed.as_bytes(), &key, algorithm) {
            Ok(true) => Ok(claims),
            Ok(false) | Err(_) => Err(WRONG),
        }
    }

    /// Issuer, audience and time.
    fn check(&self, claims: &Map<String, Value>, audience: &str) -> Result<(), Refusal> {
        if text(claims, "iss") != Some(&self.issuer) {
            return Err(Refusal::Credentials("the token is of another issuer"));
        }
        let ours = match claims.get("aud") {
            Some(Value::String(one)) => one == audience,
            Some(Value::Array(list)) => list.iter().any(|one| one.as_str() == Some(audience)),
            _ => false,
        };
        if !ours {
            return Err(Refusal::Credentials("the token is for another audience"));
        }
        let now = seconds(self.clock.now());
        let time = |name: &str| match claims.get(name) {
            None => Ok(None),
            Some(value) => match value.as_f64() {
                Some(time) => Ok(Some(time)),
                None => Err(Refusal::Credentials("a time of the token is no number")),
            },
        };
        match time("exp")? {
            Some(end) if now < end + LEEWAY => {}
            _ => return Err(Refusal::Credentials("the token has expired")),
        }
        let early = |begin: Option<f64>| begin.is_some_and(|begin| now + LEEWAY < begin);
        if early(time("nbf")?) || early(time("iat")?) {
            return Err(Refusal::Credentials("the token is not valid yet"));
        }
        // A logout token that states no type is known by this (OpenID Connect Back-Channel Logout, section 2.4).
        match claims.contains_key("events") {
            true => Err(Refusal::Credentials("the token is not valid here")),
            false => Ok(()),
        }
    }

    /// Whom claims name, with the groups that something is granted to.
    fn person(&self, claims: &Map<String, Value>) -> Result<Person, Refusal> {
        let subject = text(claims, &self.subject_claim).filter(|subject| is_subject(subject));
        let subject = subject.ok_or(Refusal::Credentials("the token names nobody"))?;
        let unverified = !matches!(claims.get("email_verified"), None | Some(Value::Bool(true)));
        if self.subject_claim == "email" && unverified {
            return Err(Refusal::Credentials("the address of the token is not verified"));
        }
        let groups: Vec<&str> = match self.groups_of(claims) {
            Some(Value::String(one)) => vec![one],
            Some(Value::Array(list)) => list.iter().take(MOST_GROUPS).filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        let granted =
            self.groups.iter().map(|(group, _)| group).filter(|group| groups.contains(&group.as_str()));
        let groups = granted.cloned().collect();
        let name = text(claims, "name").filter(|name| is_subject(name)).unwrap_or(subject).to_owned();
        Ok(Person { subject: subject.to_owned(), name, groups })
    }

    fn groups_of<'a>(&self, claims: &'a Map<String, Value>) -> Option<&'a Value> {
        let Some(pointer) = self.groups_claim.strip_prefix('/') else {
            return claims.get(&self.groups_claim);
        };
        let mut names = pointer.split('/');
        let first = claims.get(names.next()?)?;
        names.try_fold(first, |value, name| value.get(name))
    }

    /// What a person may do by the configuration of now.
    pub(crate) fn identity_of(&self, person: &Person) -> Identity {
        let by_group = self.groups.iter().filter(|(group, _)| person.groups.contains(group));
        let by_subject = self.subjects.iter().filter(|(name, _)| *name == person.subject);
        let grants = by_group.chain(by_subject).map(|(_, grant)| grant.clone()).collect();
        let (subject, authentication) = (person.subject.clone(), Authentication::Oidc);
        Identity { subject, authentication, server: false, grants }
    }

    /// What the provider serves for logins.
    pub(crate) async fn endpoints(&self) -> Result<Arc<Endpoints>, Refusal> {
        self.keys.endpoints().await
    }

    /// The provider, as it calls itself.
    pub(crate) fn issuer(&self) -> &str {
        &self.issuer
    }
}

/// Somebody whom the provider knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Person {
    /// The subject that the log shows.
    pub(crate) subject: String,
    /// What a page calls the person.
    pub(crate) name: String,
    /// Groups that something is granted to.
    pub(crate) groups: BTreeSet<String>,
}

/// The algorithms that are taken.
fn algorithm(name: &str) -> Option<Algorithm> {
    match name {
        "ES256" => Some(Algorithm::ES256),
        "ES384" => Some(Algorithm::ES384),
        "RS256" => Some(Algorithm::RS256),
        "PS256" => Some(Algorithm::PS256),
        "EdDSA" => Some(Algorithm::EdDSA),
        _ => None,
    }
}

/// Names that the log and other ways of being known use are nobody's at the provider.
fn is_subject(subject: &str) -> bool {
    (1..=256).contains(&subject.len())
        && !subject.chars().any(char::is_control)
        && subject != "anonymous"
        && !["spiffe://", "system:"].iter().any(|reserved| subject.starts_with(reserved))
}

/// The claims of a token, unchecked.
pub(crate) fn claims(token: &str) -> Option<Map<String, Value>> {
    let body = token.split('.').nth(1)?;
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(body).ok()?).ok()
}

/// A claim that is a text.
pub(crate) fn text<'a>(claims: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    claims.get(name).and_then(Value::as_str)
}

fn seconds(at: Timestamp) -> f64 {
    at.as_second() as f64
}
