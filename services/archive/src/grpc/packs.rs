//! PackService: evidence is listed, read, taken away, checked and compared.
//!
//! Whatever lies beyond the caller's clusters or period looks like what does not exist.

mod compare;
mod mask;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures::stream::{BoxStream, StreamExt as _};
use hexproof_api::convert::pack as convert;
use hexproof_api::request::{cursor, instant, page_size, page_token, timestamp};
use hexproof_api::status::{caller, invalid, invalid_id, not_found, status, storage, trail, within};
use hexproof_api::v1;
use hexproof_api::v1::pack_service_server::{PackService, PackServiceServer};
use hexproof_core::access::{Artifact, Caller, Clusters, LinkGrant};
use hexproof_core::audit::AuditKey;
use hexproof_core::digest::Digest;
use hexproof_core::id::RecordId;
use hexproof_core::port::evidence::{PackEntry, PackPick};
use hexproof_core::port::{CheckPack, Clock, Compare, Links, Register, StorageError};
use hexproof_core::register::{RevokedLink, Version};
use tokio::sync::Semaphore;
use tonic::{Code, Request, Response, Status};

use crate::download::Download;
use crate::index::Chain;
use crate::packs::{FinishedRun, PackStore};

use mask::PackMask;

/// The largest pack that is checked.
const LARGEST_CHECKED: u64 = 32 << 20;
/// Checks and assessments that are worked on at once: each holds a file in memory.
const AT_ONCE: usize = 4;
/// How long a download link lives, at most and if nothing is said.
const LIFETIME: Duration = Duration::from_secs(15 * 60);

/// `hexproof.v1.PackService`.
#[derive(Clone)]
pub struct PackApi {
    packs: PackStore,
    register: Register,
    links: Arc<dyn Links>,
    check: Arc<dyn CheckPack>,
    compare: Arc<dyn Compare>,
    clock: Arc<dyn Clock>,
    heavy: Arc<Semaphore>,
}

impl PackApi {
    /// The service over its ports.
    pub fn new(
        packs: PackStore,
        register: Register,
        links: Arc<dyn Links>,
        check: Arc<dyn CheckPack>,
        compare: Arc<dyn Compare>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { packs, register, links, check, compare, clock, heavy: Arc::new(Semaphore::new(AT_ONCE)) }
    }

    /// The service for a server, with room for the largest pack that may be sent for a check.
    pub fn into_server(self) -> PackServiceServer<Self> {
        PackServiceServer::new(self).max_decoding_message_size(LARGEST_CHECKED as usize + (1 << 20))
    }

    /// The finished run that a request names, if the caller may know of it.
    async fn run(&self, caller: &Caller, cluster: &str, audit: &str) -> Result<FinishedRun, Status> {
        self.run_named(caller, cluster, "audit_id", audit).await
    }

    /// The same, named by another field of the request.
    async fn run_named(
        &self,
        caller: &Caller,
        cluster: &str,
        field: &'static str,
        audit: &str,
    ) -> Result<FinishedRun, Status> {
        let cluster = cluster.parse().map_err(|error| invalid_id("cluster_id", &error))?;
        within(caller, &cluster)?;
        let run = audit.parse().map_err(|error| invalid_id(field, &error))?;
        let key = AuditKey { cluster, run };
        let found = self.packs.find(&key).await.map_err(refused)?;
        found
            .filter(|run| caller.scope.admits_at(&key.cluster, run.entry.finished))
            .ok_or_else(|| not_found("pack of audit", run))
    }

    async fn open(&self, run: &FinishedRun, artifact: Artifact) -> Result<Download, Status> {
        let _permit = match artifact {
            Artifact::Assessment => Some(self.permit().await?),
            Artifact::Pack | Artifact::Snapshot | Artifact::Population => None,
        };
        self.packs.open(run, artifact).await.map_err(refused)
    }

    async fn permit(&self) -> Result<tokio::sync::OwnedSemaphorePermit, Status> {
        let permit = self.heavy.clone().acquire_owned().await;
        permit.map_err(|_| status(Code::Unavailable, "UNAVAILABLE", "the service is stopping"))
    }
}

#[tonic::async_trait]
impl PackService for PackApi {
    type DownloadPackStream = BoxStream<'static, Result<v1::DownloadPackResponse, Status>>;

    async fn list_packs(
        &self,
        request: Request<v1::ListPacksRequest>,
    ) -> Result<Response<v1::ListPacksResponse>, Status> {
        let scope = caller(&request)?.scope.clone();
        let mut query = request.get_ref().clone();
        let limit = page_size(std::mem::take(&mut query.page_size))?;
        let token = std::mem::take(&mut query.page_token);
        let after = cursor(&token, &query)?;
        let mask = PackMask::read(query.read_mask.as_ref())?;
        let clusters = match query.cluster_id.as_str() {
            "" => scope.clusters.clone(),
            text => {
                let cluster = text.parse().map_err(|error| invalid_id("cluster_id", &error))?;
                within(caller(&request)?, &cluster)?;
                Clusters::Only(BTreeSet::from([cluster]))
            }
        };
        let from = query.from.as_ref().map(|at| instant("from", at)).transpose()?;
        let until = query.until.as_ref().map(|at| instant("until", at)).transpose()?;
        let pick = PackPick {
            clusters,
            from: from.max(scope.from),
            until: [until, scope.until].into_iter().flatten().min(),
        };
        let page = self.packs.list(&pick, after.as_ref(), limit).await.map_err(refused)?;
        Ok(Response::new(v1::ListPacksResponse {
            packs: page.items.iter().map(|pack| mask.apply(message(pack))).collect(),
            next_page_token: page_token(page.next.as_ref(), &query),
        }))
    }

    async fn get_pack(
        &self,
        request: Request<v1::GetPackRequest>,
    ) -> Result<Response<v1::GetPackResponse>, Status> {
        let trail = trail(&request);
        let v1::GetPackRequest { cluster_id, audit_id, read_mask } = request.get_ref();
        let mask = PackMask::read(read_mask.as_ref())?;
        let run = self.run(caller(&request)?, cluster_id, audit_id).await?;
        trail.touches(Some(&run.entry.key.cluster), run.entry.key.run.to_string());
        let mut pack = message(&run.entry);
        if mask.wants_assessment() {
            let _permit = self.permit().await?;
            let mut assessment = self.packs.assessment(&run).await.map_err(refused)?;
            if !mask.wants_observations() {
                // Most of the bytes; not worth being turned into messages first.
                assessment.observations.clear();
            }
            pack.assessment = Some(v1::Assessment::from(&assessment));
        }
        Ok(Response::new(v1::GetPackResponse { pack: Some(mask.apply(pack)) }))
    }

    async fn download_pack(
        &self,
        request: Request<v1::DownloadPackRequest>,
    ) -> Result<Response<Self::DownloadPackStream>, Status> {
        let trail = trail(&request);
        let v1::DownloadPackRequest { cluster_id, audit_id, artifact, offset } = request.get_ref();
        let artifact = convert::artifact("artifact", *artifact)?;
        let run = self.run(caller(&request)?, cluster_id, audit_id).await?;
        trail.touches(Some(&run.entry.key.cluster), run.entry.key.run.to_string());
        let file = self.open(&run, artifact).await?;
        let (total, digest) = (file.size, file.digest.to_string());
        if *offset > total {
            let message = format!("`offset`: {offset} lies beyond the end at {total}");
            return Err(status(Code::OutOfRange, "OFFSET_BEYOND_END", message));
        }
        let pieces = file.stream(*offset..total).scan(*offset, move |at, piece| {
            let piece = piece.map_err(refused).map(|data| {
                let offset = *at;
                *at += data.len() as u64;
                v1::DownloadPackResponse { offset, data: data.into(), total, digest: digest.clone() }
            });
            std::future::ready(Some(piece))
        });
        Ok(Response::new(pieces.boxed()))
    }

    async fn create_download_link(
        &self,
        request: Request<v1::CreateDownloadLinkRequest>,
    ) -> Result<Response<v1::CreateDownloadLinkResponse>, Status> {
        let trail = trail(&request);
        let caller = caller(&request)?;
        let v1::CreateDownloadLinkRequest { cluster_id, audit_id, artifact, lifetime } = request.get_ref();
        let artifact = convert::artifact("artifact", *artifact)?;
        let lifetime = match lifetime {
            None => LIFETIME,
            Some(asked) => Duration::try_from(*asked)
                .ok()
                .filter(|asked| (Duration::from_secs(1)..=LIFETIME).contains(asked))
                .ok_or_else(|| invalid("lifetime", "must be between 1 second and 15 minutes"))?,
        };
        let run = self.run(caller, cluster_id, audit_id).await?;
        trail.touches(Some(&run.entry.key.cluster), run.entry.key.run.to_string());
        let file = self.open(&run, artifact).await?;
        let expires = self.clock.now().checked_add(lifetime).map_err(|error| {
            tracing::error!(%error, "clock is beyond all time");
            status(Code::Internal, "INTERNAL", "the link could not be made")
        })?;
        let link = self.links.create(&LinkGrant {
            subject: caller.subject.clone(),
            audit: run.entry.key.clone(),
            artifact,
            digest: file.digest,
            expires,
        });
        // The log shall name the link, by which it can be revoked.
        trail.touches(Some(&run.entry.key.cluster), format!("{} link {}", run.entry.key.run, link.id));
        Ok(Response::new(v1::CreateDownloadLinkResponse {
            url: link.url,
            link_id: link.id.to_string(),
            expire_time: Some(timestamp(expires)),
        }))
    }

    async fn revoke_download_link(
        &self,
        request: Request<v1::RevokeDownloadLinkRequest>,
    ) -> Result<Response<v1::RevokeDownloadLinkResponse>, Status> {
        let trail = trail(&request);
        let caller = caller(&request)?;
        let v1::RevokeDownloadLinkRequest { cluster_id, link_id } = request.get_ref();
        let cluster = cluster_id.parse().map_err(|error| invalid_id("cluster_id", &error))?;
        within(caller, &cluster)?;
        let id: RecordId = link_id.parse().map_err(|error| invalid_id("link_id", &error))?;
        trail.touches(Some(&cluster), format!("link {id}"));
        let version = Version {
            number: 1,
            changed_by: caller.subject.clone(),
            changed_at: self.clock.now(),
            request: String::new(),
            value: RevokedLink { id: id.clone(), cluster },
        };
        match self.register.put(&id, version).await {
            // Somebody ended it before, which is what was asked for.
            Ok(()) | Err(StorageError::Conflict) => Ok(Response::new(v1::RevokeDownloadLinkResponse {})),
            Err(error) => Err(refused(error)),
        }
    }

    async fn compare_packs(
        &self,
        request: Request<v1::ComparePacksRequest>,
    ) -> Result<Response<v1::ComparePacksResponse>, Status> {
        let trail = trail(&request);
        let caller = caller(&request)?.clone();
        let (run, answer) = self.compared(&caller, request.into_inner()).await?;
        trail.touches(Some(&run.entry.key.cluster), run.entry.key.run.to_string());
        Ok(Response::new(answer))
    }

    async fn verify_pack(
        &self,
        request: Request<v1::VerifyPackRequest>,
    ) -> Result<Response<v1::VerifyPackResponse>, Status> {
        use v1::verify_pack_request::Pack;
        let trail = trail(&request);
        let caller = caller(&request)?.clone();
        let stored = match request.into_inner().pack {
            None => return Err(invalid("pack", "must be set: a stored pack or the bytes of one")),
            Some(Pack::Content(content)) if content.len() as u64 > LARGEST_CHECKED => {
                let error = StorageError::TooLarge { length: content.len() as u64, limit: LARGEST_CHECKED };
                return Err(storage(&error));
            }
            Some(Pack::Content(content)) => Err(bytes::Bytes::from(content)),
            Some(Pack::Stored(v1::StoredPack { cluster_id, audit_id })) => {
                let run = self.run(&caller, &cluster_id, &audit_id).await?;
                trail.touches(Some(&run.entry.key.cluster), run.entry.key.run.to_string());
                Ok(run)
            }
        };
        let permit = self.permit().await?;
        let pdf = match stored {
            Ok(run) => self.packs.bytes(&run, LARGEST_CHECKED).await.map_err(refused)?,
            Err(content) => content,
        };
        let check = self.check.clone();
        let checked = tokio::task::spawn_blocking(move || {
            // Held to the end of the work, which nobody can stop once it has begun.
            let _permit = permit;
            convert::check(&check.check(&pdf), Digest::of(&pdf).to_string())
        });
        checked.await.map(Response::new).map_err(|error| {
            tracing::error!(%error, "check of a pack died");
            status(Code::Internal, "INTERNAL", "the check failed; the log says how")
        })
    }
}

fn message(pack: &PackEntry) -> v1::Pack {
    let PackEntry { key, finished, rating, score: _, complete, size, digest } = pack;
    v1::Pack {
        digest: digest.to_string(),
        cluster_id: key.cluster.to_string(),
        audit_id: key.run.to_string(),
        create_time: Some(timestamp(*finished)),
        rating: v1::Rating::from(*rating).into(),
        complete: *complete,
        size: *size,
        assessment: None,
    }
}

/// What the caller is told; the log gets the whole story.
fn refused(error: StorageError) -> Status {
    // A place that no list gave out is the caller's doing.
    if !matches!(error, StorageError::Cursor) {
        tracing::error!(error = %Chain(&error), "storage failed");
    }
    storage(&error)
}
