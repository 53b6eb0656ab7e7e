//! Audits and packs by a script: streams that break, a store that is down, evidence that one may not read.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::{Stream, StreamExt as _};
use hexproof_api::v1;
use hexproof_api::v1::audit_service_server::{AuditService, AuditServiceServer};
use hexproof_api::v1::pack_service_server::{PackService, PackServiceServer};
use hexproof_api::{request, status};
use hexproof_core::digest::Digest;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::transport::Server;
use tonic::{Code, Request, Response, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

pub(crate) const AUDIT: &str = "0b7c9a52-1f04-5e1b-8c3d-9a0f6e5d4c3b";

type Streamed<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// What the server does, and what it was asked.
pub(crate) struct Script {
    pub(crate) pack: Vec<u8>,
    pub(crate) assessment: Vec<u8>,
    /// Packs state this digest if it is not that of the bytes.
    pub(crate) stated: Option<String>,
    /// How the audit ends.
    pub(crate) state: v1::AuditState,
    /// Whether the caller may read evidence.
    pub(crate) evidence: bool,
    /// Calls to `StartAudit` that find the store down.
    pub(crate) down: AtomicU32,
    pub(crate) started: Mutex<Vec<String>>,
    pub(crate) watched: AtomicU32,
    pub(crate) offsets: Mutex<Vec<u64>>,
}

impl Script {
    pub(crate) fn new(assessment: Vec<u8>) -> Self {
        Self {
            pack: (0..200_000_u32).map(|n| (n % 251) as u8).collect(),
            assessment,
            stated: None,
            state: v1::AuditState::Succeeded,
            evidence: true,
            down: AtomicU32::new(0),
            started: Mutex::default(),
            watched: AtomicU32::new(0),
            offsets: Mutex::default(),
        }
    }

    pub(crate) async fn serve(self) -> (SocketAddr, Arc<Self>) {
        let script = Arc::new(self);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let served = Server::builder()
            .add_service(AuditServiceServer::from_arc(script.clone()))
            .add_service(PackServiceServer::from_arc(script.clone()))
            .serve_with_incoming(TcpListenerStream::new(listener));
        tokio::spawn(served);
        (address, script)
    }

    fn audit(&self, state: v1::AuditState) -> v1::Audit {
        let result = v1::AuditResult {
            rating: v1::Rating::D.into(),
            complete: true,
            pack_digest: self.digest(),
            ..v1::AuditResult::default()
        };
        v1::Audit {
            cluster_id: "shop".into(),
            audit_id: AUDIT.into(),
            state: state.into(),
            stage: v1::AuditStage::Collecting.into(),
            done: 3,
            total: 10,
            failure: if state == v1::AuditState::Failed { "the agent hung up".into() } else { String::new() },
            result: (state == v1::AuditState::Succeeded).then_some(result),
            ..v1::Audit::default()
        }
    }

    pub(crate) fn digest(&self) -> String {
        self.stated.clone().unwrap_or_else(|| Digest::of(&self.pack).to_string())
    }
}

/// UNAVAILABLE with a hint that does not make the test wait.
fn down() -> Status {
    let details = ErrorDetails::with_retry_info(Some(Duration::from_millis(20)));
    Status::with_error_details(Code::Unavailable, "the store is down", details)
}

#[tonic::async_trait]
impl AuditService for Script {
    async fn start_audit(
        &self,
        request: Request<v1::StartAuditRequest>,
    ) -> Result<Response<v1::StartAuditResponse>, Status> {
        self.started.lock().unwrap().push(request.into_inner().request_id);
        if self.down.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok() {
            return Err(down());
        }
        Ok(Response::new(v1::StartAuditResponse { audit: Some(self.audit(v1::AuditState::Queued)) }))
    }

    async fn get_audit(
        &self,
        request: Request<v1::GetAuditRequest>,
    ) -> Result<Response<v1::GetAuditResponse>, Status> {
        match request.into_inner().audit_id == AUDIT {
            true => Ok(Response::new(v1::GetAuditResponse { audit: Some(self.audit(self.state)) })),
            false => Err(status::not_found("audit", "x")),
        }
    }

    async fn list_audits(
        &self,
        _: Request<v1::ListAuditsRequest>,
    ) -> Result<Response<v1::ListAuditsResponse>, Status> {
        let audits = vec![self.audit(v1::AuditState::Running), self.audit(self.state)];
        Ok(Response::new(v1::ListAuditsResponse { audits, next_page_token: String::new() }))
    }

    type WatchAuditStream = Streamed<v1::WatchAuditResponse>;

    /// The first stream breaks, the second one ends early, the third one comes to the end.
    async fn watch_audit(
        &self,
        _: Request<v1::WatchAuditRequest>,
    ) -> Result<Response<Self::WatchAuditStream>, Status> {
        let message = |state| v1::WatchAuditResponse { audit: Some(self.audit(state)), at: None };
        let running = Ok(message(v1::AuditState::Running));
        let messages = match self.watched.fetch_add(1, Ordering::SeqCst) {
            0 => vec![running, Err(down())],
            1 => vec![running],
            _ => vec![running, Ok(message(self.state))],
        };
        Ok(Response::new(futures::stream::iter(messages).boxed()))
    }

    async fn cancel_audit(
        &self,
        _: Request<v1::CancelAuditRequest>,
    ) -> Result<Response<v1::CancelAuditResponse>, Status> {
        Ok(Response::new(v1::CancelAuditResponse { audit: Some(self.audit(v1::AuditState::Running)) }))
    }
}

#[tonic::async_trait]
impl PackService for Script {
    async fn list_packs(
        &self,
        _: Request<v1::ListPacksRequest>,
    ) -> Result<Response<v1::ListPacksResponse>, Status> {
        let pack = v1::Pack {
            digest: self.digest(),
            cluster_id: "shop\u{1b}[2J".into(),
            audit_id: AUDIT.into(),
            create_time: Some(request::timestamp("2026-11-24T10:00:00Z".parse().unwrap())),
            rating: v1::Rating::D.into(),
            complete: true,
            size: 200_000,
            assessment: None,
        };
        Ok(Response::new(v1::ListPacksResponse { packs: vec![pack], next_page_token: String::new() }))
    }

    async fn get_pack(
        &self,
        _: Request<v1::GetPackRequest>,
    ) -> Result<Response<v1::GetPackResponse>, Status> {
        Err(status::not_found("pack", "x"))
    }

    type DownloadPackStream = Streamed<v1::DownloadPackResponse>;

    /// Each stream of a pack sends two pieces and breaks, until all is sent.
    async fn download_pack(
        &self,
        request: Request<v1::DownloadPackRequest>,
    ) -> Result<Response<Self::DownloadPackStream>, Status> {
        let request = request.into_inner();
        if !self.evidence {
            return Err(status::denied("evidence is for auditors"));
        }
        let is_pack = request.artifact() != v1::Artifact::Assessment;
        let (file, digest) = match is_pack {
            true => (&self.pack, self.digest()),
            false => (&self.assessment, Digest::of(&self.assessment).to_string()),
        };
        let total = file.len() as u64;
        if request.offset > total {
            return Err(status::status(Code::OutOfRange, "OUT_OF_RANGE", "beyond the end"));
        }
        if is_pack {
            self.offsets.lock().unwrap().push(request.offset);
        }
        let offset = usize::try_from(request.offset).unwrap();
        let mut at = request.offset;
        let mut messages: Vec<Result<_, Status>> = Vec::new();
        for piece in file[offset..].chunks(40_000) {
            let message =
                v1::DownloadPackResponse { offset: at, data: piece.to_vec(), total, digest: digest.clone() };
            at += piece.len() as u64;
            messages.push(Ok(message));
            if messages.len() == 2 && at < total && is_pack {
                messages.push(Err(down()));
                break;
            }
        }
        Ok(Response::new(futures::stream::iter(messages).boxed()))
    }

    async fn create_download_link(
        &self,
        request: Request<v1::CreateDownloadLinkRequest>,
    ) -> Result<Response<v1::CreateDownloadLinkResponse>, Status> {
        let seconds = request.into_inner().lifetime.map_or(900, |lifetime| lifetime.seconds);
        let end = "2026-11-24T10:00:00Z".parse::<jiff::Timestamp>().unwrap();
        let end = end + jiff::SignedDuration::from_secs(seconds);
        Ok(Response::new(v1::CreateDownloadLinkResponse {
            url: "https://audits.example/d/1".into(),
            link_id: "l-1".into(),
            expire_time: Some(request::timestamp(end)),
        }))
    }

    async fn revoke_download_link(
        &self,
        _: Request<v1::RevokeDownloadLinkRequest>,
    ) -> Result<Response<v1::RevokeDownloadLinkResponse>, Status> {
        Ok(Response::new(v1::RevokeDownloadLinkResponse {}))
    }

    async fn compare_packs(
        &self,
        _: Request<v1::ComparePacksRequest>,
    ) -> Result<Response<v1::ComparePacksResponse>, Status> {
        Err(status::not_found("pack", "x"))
    }

    async fn verify_pack(
        &self,
        request: Request<v1::VerifyPackRequest>,
    ) -> Result<Response<v1::VerifyPackResponse>, Status> {
        let stored = matches!(request.into_inner().pack, Some(v1::verify_pack_request::Pack::Stored(_)));
        let state = if stored { v1::CheckState::Valid } else { v1::CheckState::Unknown };
        let step =
            v1::VerificationStep { name: "signature".into(), state: state.into(), detail: "seen".into() };
        let answer = v1::VerifyPackResponse { state: state.into(), steps: vec![step], digest: self.digest() };
        Ok(Response::new(answer))
    }
}
