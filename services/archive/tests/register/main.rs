//! The services of the register, called as the server calls them, over records in memory.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod access_log;
mod clusters;
mod waivers;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use hexproof_archive::grpc::clusters::{ClusterRegister, LatestPacks, NewestPack};
use hexproof_archive::grpc::waivers::WaiverRegister;
use hexproof_core::access::{Authentication, Caller, Role, Scope, Trail};
use hexproof_core::id::ClusterId;
use hexproof_core::port::{Clock, Register, StorageError};
use hexproof_testkit::MemoryRecords;
use jiff::Timestamp;
use tonic::{Code, Request, Status};
use tonic_types::StatusExt as _;

/// A clock that tests put forward.
struct Hand(Mutex<Timestamp>);

impl Clock for Hand {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

/// One pack of cluster `shop`, made on the first of November.
struct OnePack;

#[async_trait]
impl LatestPacks for OnePack {
    async fn latest(&self, cluster: &ClusterId) -> Result<Option<NewestPack>, StorageError> {
        let pack = NewestPack {
            audit: "0b7c9a52-1f04-5e1b-8c3d-9a0f6e5d4c3b".parse().unwrap(),
            finished: "2026-11-01T00:00:00Z".parse().unwrap(),
            rating: hexproof_core::Rating::B,
            complete: true,
        };
        Ok((cluster.as_str() == "shop").then_some(pack))
    }
}

struct World {
    records: Arc<MemoryRecords>,
    clock: Arc<Hand>,
    clusters: Arc<ClusterRegister>,
    waivers: Arc<WaiverRegister>,
}

impl World {
    fn new() -> Self {
        let records = Arc::new(MemoryRecords::new());
        let clock = Arc::new(Hand(Mutex::new("2026-11-24T10:00:00Z".parse().unwrap())));
        let register = Register::new(records.clone());
        let check = |text: &str| match text.contains("unknownField") {
            true => Err("there is no field `unknownField`".to_owned()),
            false => Ok(()),
        };
        let clusters =
            ClusterRegister::new(register.clone(), clock.clone(), Arc::new(OnePack), Arc::new(check), false);
        let waivers = WaiverRegister::new(register, clock.clone(), Arc::new(|id| id.as_str() == "non-root"));
        Self { records, clock, clusters: Arc::new(clusters), waivers: Arc::new(waivers) }
    }

    fn set_clock(&self, at: &str) {
        *self.clock.0.lock().unwrap() = at.parse().unwrap();
    }
}

fn caller(subject: &str, scope: Scope) -> Caller {
    let roles = BTreeSet::from([Role::Admin]);
    Caller { subject: subject.into(), authentication: Authentication::Oidc, roles, scope }
}

/// A request as it arrives behind the access layer.
fn asked<T>(subject: &str, message: T) -> Request<T> {
    within(Scope::ALL, subject, message)
}

fn within<T>(scope: Scope, subject: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.extensions_mut().insert(caller(subject, scope));
    request.extensions_mut().insert(Trail::default());
    request
}

/// The code of a refusal and the field it names, if it names one.
fn refusal<T: std::fmt::Debug>(answer: Result<T, Status>) -> (Code, String) {
    let status = answer.unwrap_err();
    let details = status.get_error_details();
    let field = details.bad_request().map(|bad| bad.field_violations[0].field.clone()).unwrap_or_default();
    assert!(details.error_info().is_some(), "{status:?} has no reason");
    (status.code(), field)
}

fn wrong(field: &str) -> (Code, String) {
    (Code::InvalidArgument, field.to_owned())
}

fn code(code: Code) -> (Code, String) {
    (code, String::new())
}
