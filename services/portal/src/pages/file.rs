//! A file of a pack, sent piece by piece. The access layer writes each download into the access log.

use axum::extract::{Path, State};
use axum::response::Response;
use hexproof_access::policy::pages::artifact;
use hexproof_core::audit::AuditKey;
use hexproof_core::id::{ClusterId, RunId};
use http::{HeaderMap, Method};

use crate::download::send;
use crate::parts::PortalParts;
use crate::refusal::Refusal;
use crate::viewer::Viewer;

pub(crate) async fn get(
    State(parts): State<PortalParts>,
    viewer: Viewer,
    Path((cluster, run, name)): Path<(ClusterId, RunId, String)>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let key = AuditKey { cluster, run };
    let pack = viewer.pack(parts.evidence.as_ref(), &key).await?;
    let artifact = artifact(&name).ok_or_else(|| Refusal::no_pack(&key))?;
    viewer.trail.touches(Some(&key.cluster), format!("{}/{name}", key.run));
    let file = parts.evidence.file(&pack, artifact).await?;
    Ok(send(file, &method, &headers))
}
