//! ScheduleService: keeps schedules, and shows what became of their slots. It starts nothing; the engine does.

use std::sync::Arc;

use futures::{StreamExt as _, TryStreamExt as _};
use hexproof_api::request::{Mask, cursor, page_size, page_token, request_id};
use hexproof_api::v1::schedule_service_server::ScheduleService;
use hexproof_api::{status, v1};
use hexproof_core::access::Caller;
use hexproof_core::id::{ClusterId, RecordId, RunId};
use hexproof_core::port::{Clock, Cursor, Register, Slots, StorageError};
use hexproof_core::register::{ClusterEntry, ScheduleEntry, SlotOutcome, Version};
use tonic::{Code, Request, Response, Status};
use tracing::error;

use crate::cron::Cron;

mod read;
#[cfg(test)]
mod tests;

/// Slots among which gaps are counted.
const RECENT: usize = 100;
/// Slots to come that are shown.
const NEXT: usize = 5;
/// What the access log says of a request that changed nothing.
const CHECKED_ONLY: &str = "checked only";
/// Schedules of a list whose slots are read at once.
const AT_ONCE: usize = 16;

/// The service, over the register and the slots of the store.
pub struct Schedules {
    register: Register,
    slots: Arc<dyn Slots>,
    clock: Arc<dyn Clock>,
}

impl Schedules {
    /// A service over its ports.
    pub fn new(register: Register, slots: Arc<dyn Slots>, clock: Arc<dyn Clock>) -> Self {
        Self { register, slots, clock }
    }

    /// The present version of a schedule within the caller's reach.
    async fn find(&self, caller: &Caller, id: &str) -> Result<(RecordId, Version<ScheduleEntry>), Status> {
        let unknown = || status::not_found("schedule", id.escape_default());
        let id: RecordId = id.parse().map_err(|error| status::invalid_id("schedule_id", &error))?;
        let version = self.register.latest::<ScheduleEntry>(&id).await.map_err(failed)?;
        let reached = |version: &Version<ScheduleEntry>| {
            !version.value.deleted && caller.scope.admits(&version.value.cluster)
        };
        version.filter(reached).map(|version| (id, version)).ok_or_else(unknown)
    }

    /// The message of a schedule, with what is to come and what was missed.
    async fn message(&self, version: &Version<ScheduleEntry>, mask: &Mask) -> Result<v1::Schedule, Status> {
        let mut message = v1::Schedule::from(version);
        let entry = &version.value;
        if mask.has("next_slots")
            && !entry.paused
            && let Ok(cron) = Cron::parse(&entry.cron, &entry.time_zone)
        {
            let slots = cron.slots(self.clock.now()).take(NEXT);
            message.next_slots = slots.map(hexproof_api::request::timestamp).collect();
        }
        if mask.has("recent_gaps") || mask.has("last_slot") {
            let recent = self.slots.list(&entry.id, None, RECENT).await.map_err(failed)?;
            let gap = |outcome: &SlotOutcome| matches!(outcome, SlotOutcome::Gap(_));
            message.recent_gaps = recent.items.iter().filter(|slot| gap(&slot.outcome)).count() as u32;
            message.last_slot = recent.items.first().map(v1::Slot::from);
        }
        Ok(read::masked(message, mask))
    }

    async fn registered(&self, cluster: &ClusterId) -> Result<(), Status> {
        let entry = self.register.latest::<ClusterEntry>(&cluster.clone().into()).await.map_err(failed)?;
        match entry {
            Some(entry) if !entry.value.retired => Ok(()),
            _ => Err(status::not_found("cluster", cluster)),
        }
    }

    /// What an earlier call with the same request made, if the id is taken; refuses an id that another one took.
    async fn earlier(
        &self,
        wanted: &ScheduleEntry,
        request: &str,
    ) -> Result<Option<Version<ScheduleEntry>>, Status> {
        let history = self.register.history::<ScheduleEntry>(&wanted.id).await.map_err(failed)?;
        let (Some(first), Some(present)) = (history.first(), history.last()) else { return Ok(None) };
        let same = first.request == request && first.value.cluster == wanted.cluster;
        match same && !present.value.deleted {
            true => Ok(Some(present.clone())),
            false => Err(status::status(
                Code::AlreadyExists,
                "ALREADY_EXISTS",
                format!("the id `{}` is taken, or was; choose another", wanted.id),
            )),
        }
    }
}

#[tonic::async_trait]
impl ScheduleService for Schedules {
    async fn create_schedule(
        &self,
        request: Request<v1::CreateScheduleRequest>,
    ) -> Result<Response<v1::CreateScheduleResponse>, Status> {
        let (caller, trail) = (status::caller(&request)?.clone(), status::trail(&request));
        let v1::CreateScheduleRequest { schedule, request_id: request, validate_only } = request.into_inner();
        let message = schedule.ok_or_else(|| status::invalid("schedule", "is missing"))?;
        let cluster: ClusterId =
            message.cluster_id.parse().map_err(|error| status::invalid_id("schedule.cluster_id", &error))?;
        trail.touches(Some(&cluster), message.schedule_id.escape_default().to_string());
        status::within(&caller, &cluster)?;
        let request = request_id("request_id", &request)?;
        let id: RecordId = match message.schedule_id.as_str() {
            "" => RunId::derive(&cluster, &["schedule", &request]).into(),
            id => id.parse().map_err(|error| status::invalid_id("schedule.schedule_id", &error))?,
        };
        trail.touches(Some(&cluster), id.as_str());
        let now = self.clock.now();
        let entry = read::entry(&message, id, cluster, now)?;
        let earlier = match self.earlier(&entry, &request).await? {
            Some(earlier) => Some(earlier),
            None => {
                self.registered(&entry.cluster).await?;
                None
            }
        };
        let version = match earlier {
            Some(earlier) => earlier,
            None => {
                let version = Version {
                    number: 1,
                    changed_by: caller.subject,
                    changed_at: now,
                    request: request.clone(),
                    value: entry,
                };
                if validate_only {
                    trail.touches(Some(&version.value.cluster), CHECKED_ONLY);
                    let schedule = Some(self.message(&version, &read::all()).await?);
                    return Ok(Response::new(v1::CreateScheduleResponse { schedule }));
                }
                match self.register.put(&version.value.id, version.clone()).await {
                    Ok(()) => version,
                    Err(StorageError::Conflict) => {
                        // Somebody was first: perhaps the same call, repeated while this one was under way.
                        self.register.refresh().await.map_err(failed)?;
                        let earlier = self.earlier(&version.value, &request).await?;
                        earlier.ok_or_else(|| failed(StorageError::Conflict))?
                    }
                    Err(failure) => return Err(failed(failure)),
                }
            }
        };
        let schedule = Some(self.message(&version, &read::all()).await?);
        Ok(Response::new(v1::CreateScheduleResponse { schedule }))
    }

    async fn get_schedule(
        &self,
        request: Request<v1::GetScheduleRequest>,
    ) -> Result<Response<v1::GetScheduleResponse>, Status> {
        let caller = status::caller(&request)?;
        let mask = Mask::read("read_mask", request.get_ref().read_mask.as_ref(), read::FIELDS)?;
        let (_, version) = self.find(caller, &request.get_ref().schedule_id).await?;
        let schedule = Some(self.message(&version, &mask).await?);
        Ok(Response::new(v1::GetScheduleResponse { schedule }))
    }

    async fn list_schedules(
        &self,
        request: Request<v1::ListSchedulesRequest>,
    ) -> Result<Response<v1::ListSchedulesResponse>, Status> {
        let caller = status::caller(&request)?.clone();
        let message = request.into_inner();
        let wanted: Option<ClusterId> = match message.cluster_id.as_str() {
            "" => None,
            id => Some(id.parse().map_err(|error| status::invalid_id("cluster_id", &error))?),
        };
        if let Some(cluster) = &wanted {
            status::within(&caller, cluster)?;
        }
        let size = page_size(message.page_size)?;
        let mask = &Mask::read("read_mask", message.read_mask.as_ref(), read::FIELDS)?;
        let query = v1::ListSchedulesRequest { page_size: 0, page_token: String::new(), ..message.clone() };
        let after = cursor(&message.page_token, &query)?;
        let all = self.register.all::<ScheduleEntry>().await.map_err(failed)?;
        let mut rest = all
            .into_iter()
            .filter(|(id, version)| {
                after.as_ref().is_none_or(|Cursor(after)| id.as_str() > after.as_str())
                    && !version.value.deleted
                    && caller.scope.admits(&version.value.cluster)
                    && wanted.as_ref().is_none_or(|wanted| *wanted == version.value.cluster)
            })
            .peekable();
        let page: Vec<_> = rest.by_ref().take(size).collect();
        let next = rest.peek().and(page.last()).map(|(id, _)| Cursor(id.to_string()));
        let messages = page.into_iter().map(|(_, version)| async move { self.message(&version, mask).await });
        let schedules = futures::stream::iter(messages).buffered(AT_ONCE).try_collect().await?;
        let next_page_token = page_token(next.as_ref(), &query);
        Ok(Response::new(v1::ListSchedulesResponse { schedules, next_page_token }))
    }

    async fn update_schedule(
        &self,
        request: Request<v1::UpdateScheduleRequest>,
    ) -> Result<Response<v1::UpdateScheduleResponse>, Status> {
        let (caller, trail) = (status::caller(&request)?.clone(), status::trail(&request));
        let v1::UpdateScheduleRequest { schedule, update_mask, validate_only } = request.into_inner();
        let message = schedule.ok_or_else(|| status::invalid("schedule", "is missing"))?;
        let mask = Mask::read("update_mask", update_mask.as_ref(), read::CHANGEABLE)?;
        trail.touches(None, message.schedule_id.escape_default().to_string());
        let (id, present) = self.find(&caller, &message.schedule_id).await?;
        trail.touches(Some(&present.value.cluster), id.as_str());
        if message.version == 0 {
            return Err(status::invalid("schedule.version", "the version that is to be changed is missing"));
        }
        if message.version != present.number {
            return Err(failed(StorageError::Conflict));
        }
        let now = self.clock.now();
        let value = read::changed(&present.value, &message, &mask, now)?;
        let version = match value == present.value {
            true => present,
            false => {
                let version = Version {
                    number: present.number + 1,
                    changed_by: caller.subject,
                    changed_at: now,
                    request: String::new(),
                    value,
                };
                match validate_only {
                    true => trail.touches(Some(&version.value.cluster), format!("{id}: {CHECKED_ONLY}")),
                    false => self.register.put(&id, version.clone()).await.map_err(failed)?,
                }
                version
            }
        };
        let schedule = Some(self.message(&version, &read::all()).await?);
        Ok(Response::new(v1::UpdateScheduleResponse { schedule }))
    }

    async fn delete_schedule(
        &self,
        request: Request<v1::DeleteScheduleRequest>,
    ) -> Result<Response<v1::DeleteScheduleResponse>, Status> {
        let (caller, trail) = (status::caller(&request)?.clone(), status::trail(&request));
        let message = request.into_inner();
        trail.touches(None, message.schedule_id.escape_default().to_string());
        let (id, present) = self.find(&caller, &message.schedule_id).await?;
        trail.touches(Some(&present.value.cluster), id.as_str());
        let version = Version {
            number: present.number + 1,
            changed_by: caller.subject,
            changed_at: self.clock.now(),
            request: String::new(),
            value: ScheduleEntry { deleted: true, ..present.value },
        };
        self.register.put(&id, version).await.map_err(failed)?;
        Ok(Response::new(v1::DeleteScheduleResponse {}))
    }

    async fn list_slots(
        &self,
        request: Request<v1::ListSlotsRequest>,
    ) -> Result<Response<v1::ListSlotsResponse>, Status> {
        let caller = status::caller(&request)?;
        let message = request.get_ref();
        let (id, _) = self.find(caller, &message.schedule_id).await?;
        let size = page_size(message.page_size)?;
        let query = v1::ListSlotsRequest { schedule_id: message.schedule_id.clone(), ..Default::default() };
        let after = cursor(&message.page_token, &query)?;
        let page = self.slots.list(&id, after.as_ref(), size).await.map_err(failed)?;
        let slots = page.items.iter().map(v1::Slot::from).collect();
        let next_page_token = page_token(page.next.as_ref(), &query);
        Ok(Response::new(v1::ListSlotsResponse { slots, next_page_token }))
    }
}

/// The log gets the causes, the caller what to do.
fn failed(failure: StorageError) -> Status {
    if !matches!(failure, StorageError::Conflict) {
        error!(error = &failure as &dyn std::error::Error, "store failed for schedules");
    }
    status::storage(&failure)
}
