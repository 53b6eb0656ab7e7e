//! What the portal is made of, and its routes.

use std::sync::Arc;

use axum::Router;
use hexproof_core::measure::Catalogue;
use hexproof_core::port::evidence::Evidence;
use hexproof_core::port::{CheckPack, Clock};

/// What the portal is made of. Cheap to clone.
#[derive(Clone)]
pub struct PortalParts {
    /// What is shown.
    pub evidence: Arc<dyn Evidence>,
    /// Checks packs.
    pub check: Arc<dyn CheckPack>,
    /// The measures.
    pub catalogue: Arc<Catalogue>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The RPCs of this process, without the access layer: the portal hands on caller and trail of the request that it
    /// serves.
    pub api: Router,
}

/// The pages, to be put behind the access layer.
pub fn router(parts: PortalParts) -> Router {
    let _ = parts;
    Router::new()
}
