//! Waivers as people propose, approve and end them. The rules stand in `hexproof_core::waiver::lifecycle`; here they
//! meet the register, the caller and the day.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::sync::Arc;

use hexproof_api::convert::waiver_record::waiver_record;
use hexproof_api::request::{cursor, page_size, page_token, request_id};
use hexproof_api::status::{caller, invalid, invalid_id, not_found, status, trail, within};
use hexproof_api::v1;
use hexproof_api::v1::waiver_service_server::WaiverService;
use hexproof_core::id::{ClusterId, RecordId, RunId};
use hexproof_core::measure::MeasureId;
use hexproof_core::port::{Clock, Cursor, Register};
use hexproof_core::register::{ClusterEntry, Version, WaiverEntry};
use hexproof_core::waiver::lifecycle::{self, Standing, StepRefused, standing, utc_day};
use hexproof_core::waiver::{SubjectSelector, Waiver};
use jiff::Timestamp;
use jiff::civil::Date;
use tonic::{Code, Request, Response, Status};

use super::answer::{cluster_id, fill, present, put_next, stale, stored};

/// Says whether the catalogue has a measure.
pub type KnownMeasure = Arc<dyn Fn(&MeasureId) -> bool + Send + Sync>;

/// `WaiverService` over the register.
pub struct WaiverRegister {
    register: Register,
    clock: Arc<dyn Clock>,
    known: KnownMeasure,
}

impl WaiverRegister {
    /// Serves `register`; waivers of measures that are not `known` are refused.
    pub fn new(register: Register, clock: Arc<dyn Clock>, known: KnownMeasure) -> Self {
        Self { register, clock, known }
    }

    fn today(&self) -> Date {
        utc_day(self.clock.now())
    }

    fn record(&self, version: &Version<WaiverEntry>) -> v1::WaiverRecord {
        waiver_record(version, self.today())
    }

    /// The waiver of a cluster, of version `seen` or later.
    async fn find(
        &self,
        cluster: &ClusterId,
        id: &RecordId,
        seen: u64,
    ) -> Result<Version<WaiverEntry>, Status> {
        let found: Option<Version<WaiverEntry>> = match seen {
            0 => stored(self.register.latest(id).await)?,
            seen => present(&self.register, id, seen).await?,
        };
        found.filter(|version| version.value.cluster == *cluster).ok_or_else(|| not_found("waiver", id))
    }

    /// Waivers are for clusters that are audited.
    async fn check_cluster(&self, cluster: &ClusterId) -> Result<(), Status> {
        let found = present::<ClusterEntry>(&self.register, &cluster.clone().into(), 1).await?;
        match found {
            None => Err(not_found("cluster", cluster)),
            Some(version) if version.value.retired => Err(status(
                Code::FailedPrecondition,
                "RETIRED",
                format!("the registration of cluster `{cluster}` has ended"),
            )),
            Some(_) => Ok(()),
        }
    }

    async fn write(
        &self,
        id: &RecordId,
        version: Version<WaiverEntry>,
    ) -> Result<Version<WaiverEntry>, Status> {
        put_next(&self.register, id, version.clone()).await?;
        Ok(version)
    }

    /// The waiver that the same request proposed before.
    async fn proposed(
        &self,
        id: &RecordId,
        cluster: &ClusterId,
        wanted: &Waiver,
    ) -> Result<Option<Version<WaiverEntry>>, Status> {
        let found: Option<Version<WaiverEntry>> = stored(self.register.latest(id).await)?;
        let Some(found) = found else { return Ok(None) };
        let asked = Waiver { id: String::new(), approver: String::new(), ..found.value.waiver.clone() };
        match asked == *wanted && found.value.cluster == *cluster {
            true => Ok(Some(found)),
            false => Err(status(
                Code::AlreadyExists,
                "REQUEST_ID_TAKEN",
                "this request id proposed another waiver before",
            )),
        }
    }
}

#[tonic::async_trait]
impl WaiverService for WaiverRegister {
    async fn propose_waiver(
        &self,
        request: Request<v1::ProposeWaiverRequest>,
    ) -> Result<Response<v1::ProposeWaiverResponse>, Status> {
        let (caller, trail) = (caller(&request)?.clone(), trail(&request));
        let v1::ProposeWaiverRequest { cluster_id: cluster, waiver, request_id: asked } =
            request.into_inner();
        let cluster = cluster_id("cluster_id", &cluster)?;
        trail.touches(Some(&cluster), "");
        within(&caller, &cluster)?;
        let asked = request_id("request_id", &asked)?;
        let id: RecordId = RunId::derive(&cluster, &["waiver", &caller.subject, &asked]).into();
        trail.touches(Some(&cluster), id.as_str());
        let wanted = waiver_of(waiver.ok_or_else(|| invalid("waiver", "is required"))?)?;
        if let Some(found) = self.proposed(&id, &cluster, &wanted).await? {
            let waiver = Some(self.record(&found));
            return Ok(Response::new(v1::ProposeWaiverResponse { waiver }));
        }
        self.check_cluster(&cluster).await?;
        let at = self.clock.now();
        let known = |measure: &MeasureId| (self.known)(measure);
        let entry = lifecycle::propose(&id, cluster.clone(), wanted.clone(), &known, &caller.subject, at)
            .map_err(|error| invalid(format!("waiver.{}", error.field), error.reason))?;
        let version =
            Version { number: 1, changed_by: caller.subject, changed_at: at, request: asked, value: entry };
        let version = match self.write(&id, version).await {
            Ok(version) => version,
            // The same request may have come twice at once.
            Err(status) if status.code() == Code::Aborted => {
                self.proposed(&id, &cluster, &wanted).await?.ok_or(status)?
            }
            Err(status) => return Err(status),
        };
        Ok(Response::new(v1::ProposeWaiverResponse { waiver: Some(self.record(&version)) }))
    }

    async fn approve_waiver(
        &self,
        request: Request<v1::ApproveWaiverRequest>,
    ) -> Result<Response<v1::ApproveWaiverResponse>, Status> {
        let (caller, trail) = (caller(&request)?.clone(), trail(&request));
        let v1::ApproveWaiverRequest { cluster_id: cluster, waiver_id: id, version: seen } =
            request.into_inner();
        let cluster = cluster_id("cluster_id", &cluster)?;
        trail.touches(Some(&cluster), "");
        within(&caller, &cluster)?;
        let id = waiver_id(&id)?;
        trail.touches(Some(&cluster), id.as_str());
        if seen == 0 {
            return Err(invalid("version", "the version that was read is required"));
        }
        let found = self.find(&cluster, &id, seen).await?;
        let at = self.clock.now();
        // Whoever did not get the answer asks again for what has been done.
        let repeated = seen.checked_add(1) == Some(found.number)
            && standing(&found.value, utc_day(at)) == Standing::Approved
            && found.value.waiver.approver == caller.subject;
        let version = if repeated {
            found
        } else {
            if found.number != seen {
                return Err(stale("waiver", found.number));
            }
            let value = lifecycle::approve(&found.value, &caller.subject, at).map_err(refused)?;
            self.write(&id, next(&found, caller.subject, at, value)).await?
        };
        Ok(Response::new(v1::ApproveWaiverResponse { waiver: Some(self.record(&version)) }))
    }

    async fn revoke_waiver(
        &self,
        request: Request<v1::RevokeWaiverRequest>,
    ) -> Result<Response<v1::RevokeWaiverResponse>, Status> {
        let (caller, trail) = (caller(&request)?.clone(), trail(&request));
        let v1::RevokeWaiverRequest { cluster_id: cluster, waiver_id: id, comment } = request.into_inner();
        let cluster = cluster_id("cluster_id", &cluster)?;
        trail.touches(Some(&cluster), "");
        within(&caller, &cluster)?;
        let id = waiver_id(&id)?;
        trail.touches(Some(&cluster), id.as_str());
        let found = self.find(&cluster, &id, 1).await?;
        let at = self.clock.now();
        let repeated = standing(&found.value, utc_day(at)) == Standing::Revoked
            && found
                .value
                .history
                .last()
                .is_some_and(|event| event.subject == caller.subject && event.comment == comment);
        let version = if repeated {
            found
        } else {
            let value = lifecycle::revoke(&found.value, &caller.subject, at, &comment).map_err(refused)?;
            self.write(&id, next(&found, caller.subject, at, value)).await?
        };
        Ok(Response::new(v1::RevokeWaiverResponse { waiver: Some(self.record(&version)) }))
    }

    async fn get_waiver(
        &self,
        request: Request<v1::GetWaiverRequest>,
    ) -> Result<Response<v1::GetWaiverResponse>, Status> {
        let caller = caller(&request)?.clone();
        let v1::GetWaiverRequest { cluster_id: cluster, waiver_id: id } = request.into_inner();
        let cluster = cluster_id("cluster_id", &cluster)?;
        within(&caller, &cluster)?;
        let found = self.find(&cluster, &waiver_id(&id)?, 0).await?;
        Ok(Response::new(v1::GetWaiverResponse { waiver: Some(self.record(&found)) }))
    }

    async fn list_waivers(
        &self,
        request: Request<v1::ListWaiversRequest>,
    ) -> Result<Response<v1::ListWaiversResponse>, Status> {
        let caller = caller(&request)?.clone();
        let message = request.into_inner();
        let cluster = match message.cluster_id.as_str() {
            "" => None,
            id => Some(cluster_id("cluster_id", id)?),
        };
        if let Some(cluster) = &cluster {
            within(&caller, cluster)?;
        }
        let stages = stages(&message.stages)?;
        let limit = page_size(message.page_size)?;
        let query = v1::ListWaiversRequest { page_size: 0, page_token: String::new(), ..message.clone() };
        let after = cursor(&message.page_token, &query)?.map(|cursor| Place::read(&cursor)).transpose()?;
        let day = self.today();
        let all = stored(self.register.all::<WaiverEntry>().await)?;
        let mut wanted: Vec<_> = all
            .into_iter()
            .map(|(id, version)| (Place { changed: Reverse(version.changed_at), id }, version))
            .filter(|(place, version)| {
                let entry = &version.value;
                caller.scope.admits(&entry.cluster)
                    && cluster.as_ref().is_none_or(|cluster| entry.cluster == *cluster)
                    && (stages.is_empty() || stages.contains(&standing(entry, day)))
                    && after.as_ref().is_none_or(|after| place > after)
            })
            .collect();
        wanted.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        let (page, more) = fill(wanted.into_iter(), limit, |(_, version)| waiver_record(version, day));
        let last = page.last().filter(|_| more).map(|((place, _), _)| place.cursor());
        let waivers = page.into_iter().map(|(_, waiver)| waiver).collect();
        let next_page_token = page_token(last.as_ref(), &query);
        Ok(Response::new(v1::ListWaiversResponse { waivers, next_page_token }))
    }
}

/// The place of a waiver in a list: newest change first.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    changed: Reverse<Timestamp>,
    id: RecordId,
}

impl Place {
    fn cursor(&self) -> Cursor {
        Cursor(format!("{} {}", self.changed.0, self.id))
    }

    fn read(Cursor(text): &Cursor) -> Result<Self, Status> {
        let place = text.split_once(' ').and_then(|(changed, id)| {
            Some(Self { changed: Reverse(changed.parse().ok()?), id: id.parse().ok()? })
        });
        place.ok_or_else(|| invalid("page_token", "is not that of an earlier page of the same query"))
    }
}

fn next(
    found: &Version<WaiverEntry>,
    changed_by: String,
    changed_at: Timestamp,
    value: WaiverEntry,
) -> Version<WaiverEntry> {
    Version { number: found.number + 1, changed_by, changed_at, request: String::new(), value }
}

fn waiver_id(text: &str) -> Result<RecordId, Status> {
    text.parse().map_err(|error| invalid_id("waiver_id", &error))
}

fn waiver_of(message: v1::Waiver) -> Result<Waiver, Status> {
    let v1::Waiver { id, measure, subject, reason, compensating_control, owner, approver, expiry } = message;
    for (field, text) in [("waiver.id", &id), ("waiver.approver", &approver)] {
        if !text.is_empty() {
            return Err(invalid(field, "is set by the service"));
        }
    }
    let measure =
        measure.parse::<MeasureId>().map_err(|error| invalid("waiver.measure", error.to_string()))?;
    let v1::SubjectSelector { kind, namespace, name } =
        subject.ok_or_else(|| invalid("waiver.subject", "is required"))?;
    let subject = SubjectSelector { kind, namespace, name };
    let expiry = day(&expiry).ok_or_else(|| invalid("waiver.expiry", "a day as `YYYY-MM-DD`"))?;
    Ok(Waiver { id, measure, subject, reason, compensating_control, owner, approver, expiry })
}

/// A day in its one spelling. The parser knows others of ISO 8601, down to instants.
fn day(text: &str) -> Option<Date> {
    let day: Date = text.parse().ok()?;
    (day.to_string() == text).then_some(day)
}

fn stages(numbers: &[i32]) -> Result<BTreeSet<Standing>, Status> {
    let stage = |number: &i32| match v1::WaiverStage::try_from(*number) {
        Ok(v1::WaiverStage::Proposed) => Ok(Standing::Proposed),
        Ok(v1::WaiverStage::Approved) => Ok(Standing::Approved),
        Ok(v1::WaiverStage::Revoked) => Ok(Standing::Revoked),
        Ok(v1::WaiverStage::Expired) => Ok(Standing::Expired),
        Ok(v1::WaiverStage::Unspecified) | Err(_) => {
            Err(invalid("stages", "each must be one of proposed, approved, revoked, expired"))
        }
    };
    numbers.iter().map(stage).collect()
}

fn refused(error: StepRefused) -> Status {
    let reason = match &error {
        StepRefused::Comment(unfit) => return invalid("comment", unfit.to_string()),
        StepRefused::Proposer | StepRefused::Owner => "SAME_PERSON",
        StepRefused::Approved => "NOT_PROPOSED",
        StepRefused::Revoked => "REVOKED",
        StepRefused::Expired(_) => "EXPIRED",
        _ => "REFUSED",
    };
    status(Code::FailedPrecondition, reason, error.to_string())
}
