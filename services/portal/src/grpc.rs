//! The RPCs of this process, called without a network and without the access layer: the table of pages has decided who
//! may, and each call carries the caller on, so that a form does exactly what a client does.

use std::convert::Infallible;
use std::task::{Context, Poll};

use axum::Router;
use axum::body::Body;
use axum::routing::future::RouteFuture;
use hexproof_api::v1::access_log_service_client::AccessLogServiceClient;
use hexproof_api::v1::audit_service_client::AuditServiceClient;
use hexproof_api::v1::cluster_service_client::ClusterServiceClient;
use hexproof_api::v1::schedule_service_client::ScheduleServiceClient;
use hexproof_api::v1::waiver_service_client::WaiverServiceClient;
use hexproof_core::access::{Caller, Trail};
use http::{Request, Response};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;
use tower::Service;

use crate::parts::PortalParts;
use crate::refusal::Refusal;
use crate::viewer::Viewer;

/// A message of the inner calls may be as large as the answers of the public ones.
const LARGEST: usize = 16 << 20;

/// The RPCs, on behalf of a viewer.
#[derive(Clone)]
pub(crate) struct Api {
    channel: Channel,
}

impl Api {
    /// On behalf of `viewer`: what the RPCs touch is what the page touches.
    pub(crate) fn new(parts: &PortalParts, viewer: &Viewer) -> Self {
        let (caller, trail) = (viewer.caller.clone(), viewer.trail.clone());
        Self { channel: Channel { router: parts.api.clone(), caller, trail } }
    }

    /// Clusters.
    pub(crate) fn clusters(&self) -> ClusterServiceClient<Channel> {
        ClusterServiceClient::new(self.channel.clone()).max_decoding_message_size(LARGEST)
    }

    /// Audits.
    pub(crate) fn audits(&self) -> AuditServiceClient<Channel> {
        AuditServiceClient::new(self.channel.clone()).max_decoding_message_size(LARGEST)
    }

    /// Schedules.
    pub(crate) fn schedules(&self) -> ScheduleServiceClient<Channel> {
        ScheduleServiceClient::new(self.channel.clone()).max_decoding_message_size(LARGEST)
    }

    /// Waivers.
    pub(crate) fn waivers(&self) -> WaiverServiceClient<Channel> {
        WaiverServiceClient::new(self.channel.clone()).max_decoding_message_size(LARGEST)
    }

    /// The access log.
    pub(crate) fn access_log(&self) -> AccessLogServiceClient<Channel> {
        AccessLogServiceClient::new(self.channel.clone()).max_decoding_message_size(LARGEST)
    }
}

/// What the generated clients call through.
#[derive(Clone)]
pub(crate) struct Channel {
    router: Router,
    caller: Caller,
    trail: Trail,
}

impl Service<Request<tonic::body::Body>> for Channel {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = RouteFuture<Infallible>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        // A router is always ready.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<tonic::body::Body>) -> Self::Future {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(self.caller.clone());
        request.extensions_mut().insert(self.trail.clone());
        self.router.call(request)
    }
}

impl From<Status> for Refusal {
    fn from(status: Status) -> Self {
        let sentence = |status: &Status| {
            let text = crate::words::capital(status.message());
            if text.ends_with('.') { text } else { format!("{text}.") }
        };
        match status.code() {
            Code::NotFound => Self::NotFound(sentence(&status)),
            Code::PermissionDenied => Self::Denied(sentence(&status)),
            Code::Unauthenticated => Self::Login,
            Code::InvalidArgument
            | Code::FailedPrecondition
            | Code::AlreadyExists
            | Code::Aborted
            | Code::OutOfRange => Self::Invalid(sentence(&status)),
            Code::Unavailable | Code::ResourceExhausted | Code::DeadlineExceeded => Self::Unavailable,
            Code::DataLoss => Self::Damaged,
            code => {
                tracing::error!(?code, error = status.message(), "a page could not be made");
                Self::Internal
            }
        }
    }
}

/// Fields that an RPC did not take, with the reasons: empty if it failed for something else.
pub(crate) fn violations(status: &Status) -> Vec<(String, String)> {
    let details = status.get_details_bad_request();
    details.map_or_else(Vec::new, |details| {
        details.field_violations.into_iter().map(|field| (field.field, field.description)).collect()
    })
}
