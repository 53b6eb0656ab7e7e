//! gRPC, gRPC-Web and pages on one port.

use ::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::Router;
use axum::response::{IntoResponse as _, Response};
use hexproof_api::v1::access_log_service_server::AccessLogServiceServer;
use hexproof_api::v1::cluster_service_server::ClusterServiceServer;
use hexproof_api::v1::intake_service_server::IntakeServiceServer;
use hexproof_api::v1::measure_service_server::MeasureServiceServer;
use hexproof_api::v1::schedule_service_server::ScheduleServiceServer;
use hexproof_api::v1::waiver_service_server::WaiverServiceServer;
use hexproof_archive::grpc::access_log::AccessLogReader;
use hexproof_archive::grpc::clusters::ClusterRegister;
use hexproof_archive::grpc::packs::PackApi;
use hexproof_archive::grpc::waivers::WaiverRegister;
use hexproof_collectors::intake::grpc::{Intake, IntakeParts};
use hexproof_collectors::received::Bounds;
use hexproof_portal::PortalParts;
use hexproof_scheduler::grpc::audits::AuditApi;
use hexproof_scheduler::grpc::schedules::Schedules;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tonic::codec::CompressionEncoding::{Gzip, Zstd};
use tonic::server::NamedService;
use tonic::service::Routes;
use tonic_health::ServingStatus;
use tonic_health::pb::health_server::{Health as HealthService, HealthServer};
use tonic_health::server::HealthReporter;
use tonic_web::GrpcWebLayer;
use tower_http::cors::CorsLayer;

use super::calls::{CallsLayer, Names};
use super::config::Config;
use super::grpc::Measures;
use super::parts::Parts;
use super::readiness::Readiness;
use super::upkeep::Newest;
use super::visits::Visits;
use super::{http, sources};
use crate::configuration;

/// Health of each service: all serve while store and queue answer.
pub(super) struct Health {
    reporter: HealthReporter,
    names: Vec<&'static str>,
}

impl Health {
    /// Nothing serves yet.
    pub(super) fn new() -> Self {
        let names = vec![
            "",
            AuditServer::NAME,
            PackServer::NAME,
            MeasureServiceServer::<Measures>::NAME,
            ClusterServiceServer::<ClusterRegister>::NAME,
            WaiverServiceServer::<WaiverRegister>::NAME,
            AccessLogServiceServer::<AccessLogReader>::NAME,
            ScheduleServiceServer::<Schedules>::NAME,
            IntakeServiceServer::<Intake>::NAME,
        ];
        Self { reporter: HealthReporter::new(), names }
    }

    fn service(&self) -> HealthServer<impl HealthService> {
        HealthServer::new(tonic_health::server::HealthService::from_health_reporter(self.reporter.clone()))
    }

    /// Tells what `state` says, until `stop`.
    pub(super) async fn follow(self, mut state: watch::Receiver<Readiness>, stop: CancellationToken) {
        let follow = async {
            loop {
                let status = match state.borrow_and_update().ready {
                    true => ServingStatus::Serving,
                    false => ServingStatus::NotServing,
                };
                for name in &self.names {
                    self.reporter.set_service_status(name, status).await;
                }
                if state.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
            }
        };
        stop.run_until_cancelled(follow).await;
    }
}

type AuditServer = hexproof_api::v1::audit_service_server::AuditServiceServer<AuditApi>;
type PackServer = hexproof_api::v1::pack_service_server::PackServiceServer<PackApi>;

/// Every service, behind access, limits and metrics.
pub(super) fn router(
    config: &Config,
    parts: &Parts,
    health: &Health,
    stop: &CancellationToken,
) -> anyhow::Result<Router> {
    macro_rules! packed {
        ($server:expr) => {
            $server
                .accept_compressed(Gzip)
                .accept_compressed(Zstd)
                .send_compressed(Gzip)
                .send_compressed(Zstd)
        };
    }
    let (register, clock) = (parts.register.clone(), parts.clock.clone());
    let audits = AuditApi::new(
        parts.audits.clone(),
        parts.runs.clone(),
        parts.live.clone(),
        parts.bus.clone(),
        clock.clone(),
        stop.clone(),
    );
    let packs = PackApi::new(
        parts.packs.clone(),
        register.clone(),
        parts.access.links(),
        parts.check.clone(),
        parts.compare.clone(),
        clock.clone(),
    );
    let clusters = ClusterRegister::new(
        register.clone(),
        clock.clone(),
        Arc::new(Newest(parts.evidence.clone())),
        Arc::new(|text| configuration::settings_text(text).map(|_| ())),
        config.manifests.is_some(),
    );
    let catalogue = parts.catalogue.clone();
    let known = Arc::new(move |id: &hexproof_core::measure::MeasureId| catalogue.get(id.as_str()).is_some());
    let waivers = WaiverRegister::new(register.clone(), clock.clone(), known);
    let intake = IntakeParts {
        runs: parts.runs.clone(),
        audits: parts.audits.clone(),
        register: register.clone(),
        terms: sources::terms(config),
        clock: clock.clone(),
        bounds: Bounds::default(),
        stop: stop.clone(),
    };
    let schedules = Schedules::new(register, parts.slots.clone(), clock);
    let services = Routes::builder()
        .routes()
        .add_service(packed!(audits.into_server()))
        // A pack is compressed already.
        .add_service(packs.into_server().accept_compressed(Gzip).accept_compressed(Zstd))
        .add_service(packed!(ClusterServiceServer::new(clusters)))
        .add_service(packed!(WaiverServiceServer::new(waivers)))
        .add_service(packed!(ScheduleServiceServer::new(schedules)))
        .add_service(packed!(AccessLogServiceServer::new(AccessLogReader::new(parts.log.clone()))))
        .add_service(packed!(MeasureServiceServer::new(Measures::new(parts.catalogue.clone()))))
        .add_service(packed!(Intake::service(intake, parts.board.clone())))
        .add_service(health.service())
        .add_service(reflection(&health.names).build_v1()?)
        .add_service(reflection(&health.names).build_v1alpha()?);
    let descriptors = [
        hexproof_api::FILE_DESCRIPTOR_SET,
        tonic_health::pb::FILE_DESCRIPTOR_SET,
        tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET,
        tonic_reflection::pb::v1alpha::FILE_DESCRIPTOR_SET,
    ];
    let calls = CallsLayer::new(
        Names::new(&descriptors)?,
        parts.metrics.clone(),
        config.limits.calls,
        Duration::from_secs(config.limits.call_seconds),
        stop.clone(),
    );
    let api = services.prepare().into_axum_router().reset_fallback();
    // The portal has asked who is there and whether they may: within the process nobody asks again.
    let portal = PortalParts {
        evidence: parts.evidence.clone(),
        check: parts.check.clone(),
        compare: parts.compare.clone(),
        catalogue: parts.catalogue.clone(),
        clock: parts.clock.clone(),
        api: api.clone(),
    };
    let grpc = api
        .layer(parts.access.layer())
        .layer(calls)
        .layer(GrpcWebLayer::new())
        .layer(cors(&config.cors_origins)?);
    let plain = http::routes(parts.pages()).layer(parts.access.layer());
    let pages = hexproof_portal::router(portal).layer(parts.access.layer());
    let pages = Visits::new(parts.metrics.clone(), config.limits.calls).around(pages);
    let all = grpc.merge(plain).merge(pages).fallback(nothing);
    Ok(hexproof_portal::dress(all, parts.tls.is_some()))
}

/// Describes what is served here, and not what agents serve.
fn reflection<'a>(names: &[&'static str]) -> tonic_reflection::server::Builder<'a> {
    let builder = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(hexproof_api::FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_reflection::pb::v1alpha::FILE_DESCRIPTOR_SET)
        .include_reflection_service(false)
        .with_service_name("grpc.health.v1.Health")
        .with_service_name("grpc.reflection.v1.ServerReflection")
        .with_service_name("grpc.reflection.v1alpha.ServerReflection");
    names
        .iter()
        .filter(|name| !name.is_empty())
        .fold(builder, |builder, name| builder.with_service_name(*name))
}

/// Pages of these origins may call by gRPC-Web; without any, none may.
fn cors(origins: &[String]) -> anyhow::Result<CorsLayer> {
    if origins.is_empty() {
        return Ok(CorsLayer::new());
    }
    let origins =
        origins.iter().map(|origin| HeaderValue::from_str(origin)).collect::<Result<Vec<_>, _>>()?;
    let name = HeaderName::from_static;
    Ok(CorsLayer::new()
        .allow_origin(origins)
        .allow_methods([Method::POST])
        .allow_headers([
            header::CONTENT_TYPE,
            header::AUTHORIZATION,
            name("x-grpc-web"),
            name("x-user-agent"),
            name("grpc-timeout"),
        ])
        .expose_headers([name("grpc-status"), name("grpc-message"), name("grpc-status-details-bin")])
        .max_age(Duration::from_secs(600)))
}

/// What is not there is told in the caller's own protocol.
async fn nothing(headers: HeaderMap) -> Response {
    let grpc = headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc"));
    match grpc {
        true => tonic::Status::unimplemented("there is no such call").into_http(),
        false => (StatusCode::NOT_FOUND, "there is nothing here\n").into_response(),
    }
}
