//! Who did what, for those who may know. That only administrators may is decided by the access layer; here is which
//! clusters they see.

use std::sync::Arc;

use hexproof_api::request::{cursor, page_size, page_token};
use hexproof_api::status::{caller, within};
use hexproof_api::v1;
use hexproof_api::v1::access_log_service_server::AccessLogService;
use hexproof_core::access::{Clusters, Scope};
use hexproof_core::id::ClusterId;
use hexproof_core::port::{AccessLog, Cursor};
use tonic::{Request, Response, Status};

use super::answer::{cluster_id, stored};

/// How often the log is asked for one page at most, if much of it is beyond the caller's scope. The page is short
/// then, and its token leads on.
const ROUNDS: usize = 16;

/// `AccessLogService` over the port.
pub struct AccessLogReader {
    log: Arc<dyn AccessLog>,
}

impl AccessLogReader {
    /// Reads `log`.
    pub fn new(log: Arc<dyn AccessLog>) -> Self {
        Self { log }
    }

    async fn page(
        &self,
        scope: &Scope,
        cluster: Option<&ClusterId>,
        mut after: Option<Cursor>,
        limit: usize,
    ) -> Result<(Vec<v1::AccessEntry>, Option<Cursor>), Status> {
        let mut entries = Vec::new();
        for _ in 0..ROUNDS {
            // Asking for no more than is missing, the cursor always stands behind the last entry returned.
            let page = stored(self.log.list(cluster, after.as_ref(), limit - entries.len()).await)?;
            let seen = page.items.iter().filter(|entry| match (&scope.clusters, &entry.cluster) {
                (Clusters::All, _) => true,
                (Clusters::Only(_), Some(cluster)) => scope.admits(cluster),
                (Clusters::Only(_), None) => false,
            });
            entries.extend(seen.map(v1::AccessEntry::from));
            after = page.next;
            if after.is_none() || entries.len() >= limit {
                break;
            }
        }
        Ok((entries, after))
    }
}

#[tonic::async_trait]
impl AccessLogService for AccessLogReader {
    async fn list_access_entries(
        &self,
        request: Request<v1::ListAccessEntriesRequest>,
    ) -> Result<Response<v1::ListAccessEntriesResponse>, Status> {
        let caller = caller(&request)?.clone();
        let message = request.into_inner();
        let cluster = match message.cluster_id.as_str() {
            "" => None,
            id => Some(cluster_id("cluster_id", id)?),
        };
        if let Some(cluster) = &cluster {
            within(&caller, cluster)?;
        }
        let limit = page_size(message.page_size)?;
        let query =
            v1::ListAccessEntriesRequest { page_size: 0, page_token: String::new(), ..message.clone() };
        let after = cursor(&message.page_token, &query)?;
        let (entries, next) = self.page(&caller.scope, cluster.as_ref(), after, limit).await?;
        let next_page_token = page_token(next.as_ref(), &query);
        Ok(Response::new(v1::ListAccessEntriesResponse { entries, next_page_token }))
    }
}
