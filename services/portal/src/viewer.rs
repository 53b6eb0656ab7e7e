//! Who looks, and the one place that asks whether a pack is within reach.

use axum::extract::FromRequestParts;
use hexproof_access::Draft;
use hexproof_core::access::{Caller, Role, Trail};
use hexproof_core::audit::AuditKey;
use hexproof_core::id::ClusterId;
use hexproof_core::port::evidence::{Evidence, PackEntry};
use http::Extensions;
use http::request::Parts;

use crate::refusal::Refusal;

/// Who looks at a page.
#[derive(Debug, Clone)]
pub(crate) struct Viewer {
    /// The caller, as the access layer found.
    pub(crate) caller: Caller,
    /// What the request touches, for the access log.
    pub(crate) trail: Trail,
    /// What every form of this session must carry.
    pub(crate) csrf: String,
    /// A form of this page that came when its session had ended.
    pub(crate) kept: Option<Draft>,
}

impl<S: Send + Sync> FromRequestParts<S> for Viewer {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        // Without the layer there is nobody, and nobody sees anything.
        Self::of(&parts.extensions).ok_or(Refusal::Login)
    }
}

impl Viewer {
    /// Who looks, by what the access layer put beside the request.
    pub(crate) fn of(extensions: &Extensions) -> Option<Self> {
        let caller = extensions.get::<Caller>()?.clone();
        let trail = extensions.get::<Trail>().cloned().unwrap_or_default();
        let csrf = extensions.get::<hexproof_access::Csrf>().map(|csrf| csrf.0.clone());
        let kept = extensions.get::<Draft>().cloned();
        Some(Self { caller, trail, csrf: csrf.unwrap_or_default(), kept })
    }

    /// Whether any of the caller's roles is one of these.
    pub(crate) fn is(&self, roles: &[Role]) -> bool {
        roles.iter().any(|role| self.caller.roles.contains(role))
    }

    /// Refuses what is not within reach in the same words as what does not exist.
    pub(crate) fn cluster(&self, cluster: &ClusterId) -> Result<(), Refusal> {
        self.trail.touches(Some(cluster), "");
        match self.caller.scope.admits(cluster) {
            true => Ok(()),
            false => Err(Refusal::no_cluster(cluster)),
        }
    }

    /// The pack that an audit made, if it is within reach.
    pub(crate) async fn pack(&self, evidence: &dyn Evidence, audit: &AuditKey) -> Result<PackEntry, Refusal> {
        self.trail.touches(Some(&audit.cluster), audit.run.to_string());
        let unknown = || Refusal::no_pack(audit);
        if !self.caller.scope.admits(&audit.cluster) {
            return Err(unknown());
        }
        let pack = evidence.pack(audit).await?.ok_or_else(unknown)?;
        match self.caller.scope.admits_at(&audit.cluster, pack.finished) {
            true => Ok(pack),
            false => Err(unknown()),
        }
    }
}
