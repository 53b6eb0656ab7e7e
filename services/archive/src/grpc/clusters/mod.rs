//! The clusters that the service audits. Every change is a new version; none is lost, and none is changed unseen: who
//! changes a registration names the version that was read.

mod fields;

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use futures::{StreamExt as _, TryStreamExt as _};
use hexproof_api::request::{Mask, cursor, page_size, page_token, request_id, timestamp};
use hexproof_api::status::{caller, invalid, not_found, status, trail, within};
use hexproof_api::v1;
use hexproof_api::v1::cluster_service_server::ClusterService;
use hexproof_core::Rating;
use hexproof_core::access::Scope;
use hexproof_core::id::{ClusterId, RecordId, RunId};
use hexproof_core::port::{Clock, Cursor, Register, StorageError};
use hexproof_core::register::{ClusterEntry, Version};
use jiff::Timestamp;
use tonic::{Code, Request, Response, Status};

use super::answer::{cluster_id, fill, present, put_next, stale, stored};

/// Bytes of settings at most.
const LARGEST_SETTINGS: usize = 256 << 10;
/// Newest packs that are asked for at the same time.
const AT_ONCE: usize = 16;

/// The fields of a registration, as masks name them.
const FIELDS: [&str; 11] = [
    "cluster_id",
    "display_name",
    "labels",
    "platform",
    "source",
    "settings",
    "version",
    "changed_by",
    "change_time",
    "retired",
    "latest",
];
/// Those that can be changed.
const CHANGEABLE: [&str; 5] = ["display_name", "labels", "platform", "source", "settings"];

/// Says whether a text is one of settings, or as a sentence without a final stop why not.
pub type CheckSettings = Arc<dyn Fn(&str) -> Result<(), String> + Send + Sync>;

/// The newest pack of a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewestPack {
    /// The audit that made it.
    pub audit: RunId,
    /// When that audit finished.
    pub finished: Timestamp,
    /// The rating of the cluster.
    pub rating: Rating,
    /// Whether everything that was asked could be read.
    pub complete: bool,
}

/// Knows the newest pack of each cluster.
#[async_trait]
pub trait LatestPacks: Send + Sync {
    /// The newest pack of a cluster; `None` before the first.
    async fn latest(&self, cluster: &ClusterId) -> Result<Option<NewestPack>, StorageError>;
}

/// `ClusterService` over the register.
pub struct ClusterRegister {
    register: Register,
    clock: Arc<dyn Clock>,
    latest: Arc<dyn LatestPacks>,
    check_settings: CheckSettings,
    manifests: bool,
}

impl ClusterRegister {
    /// Serves `register`. `manifests` says whether this server has folders of manifests that clusters may name.
    pub fn new(
        register: Register,
        clock: Arc<dyn Clock>,
        latest: Arc<dyn LatestPacks>,
        check_settings: CheckSettings,
        manifests: bool,
    ) -> Self {
        Self { register, clock, latest, check_settings, manifests }
    }

    async fn settings(&self, text: &str) -> Result<String, Status> {
        const FIELD: &str = "cluster.settings";
        if text.len() > LARGEST_SETTINGS {
            let length = text.len();
            return Err(invalid(FIELD, format!("{length} bytes are more than {LARGEST_SETTINGS}")));
        }
        if text.trim().is_empty() {
            return Ok(String::new());
        }
        // Reading YAML is work; the bound above bounds it, so that it ends by itself if the caller goes away.
        let (check, owned) = (Arc::clone(&self.check_settings), text.to_owned());
        match tokio::task::spawn_blocking(move || check(&owned).map(|()| owned)).await {
            Ok(Ok(text)) => Ok(text),
            Ok(Err(reason)) => Err(invalid(FIELD, reason.chars().take(1000).collect::<String>())),
            Err(error) => {
                tracing::error!(%error, "the check of settings broke off");
                Err(status(Code::Internal, "INTERNAL", "the settings could not be checked; the log says why"))
            }
        }
    }

    async fn entry(&self, id: ClusterId, message: &v1::RegisteredCluster) -> Result<ClusterEntry, Status> {
        Ok(ClusterEntry {
            id,
            display_name: fields::display_name(&message.display_name)?,
            labels: fields::labels("cluster.labels", &message.labels)?,
            platform: fields::platform(message.platform)?,
            source: fields::source(message.source.as_ref(), self.manifests)?,
            settings: self.settings(&message.settings).await?,
            retired: false,
        })
    }

    /// The present registration, of version `seen` or later.
    async fn find(&self, id: &ClusterId, seen: u64) -> Result<Version<ClusterEntry>, Status> {
        let found = present(&self.register, &id.clone().into(), seen).await?;
        found.ok_or_else(|| not_found("cluster", id))
    }

    async fn write(
        &self,
        number: u64,
        value: ClusterEntry,
        subject: &str,
        request: String,
    ) -> Result<Version<ClusterEntry>, Status> {
        let id: RecordId = value.id.clone().into();
        let version =
            Version { number, changed_by: subject.to_owned(), changed_at: self.clock.now(), request, value };
        put_next(&self.register, &id, version.clone()).await?;
        Ok(version)
    }

    /// The registration that a request made before, or that says the same; `None` if one is to be made, with the
    /// number it gets.
    async fn registered(
        &self,
        wanted: &ClusterEntry,
        request: &str,
    ) -> Result<(Option<Version<ClusterEntry>>, u64), Status> {
        let id: RecordId = wanted.id.clone().into();
        let Some(found) = stored(self.register.latest::<ClusterEntry>(&id).await)? else {
            return Ok((None, 1));
        };
        if found.value == *wanted {
            return Ok((Some(found), 0));
        }
        let history = stored(self.register.history::<ClusterEntry>(&id).await)?;
        // What was registered since may have changed; the request is the same if it asked for the same.
        if history.iter().any(|version| version.request == request && version.value == *wanted) {
            return Ok((Some(found), 0));
        }
        match found.value.retired && history.iter().all(|version| version.request != request) {
            true => Ok((None, found.number + 1)),
            false => Err(status(
                Code::AlreadyExists,
                "ALREADY_EXISTS",
                format!("cluster `{id}` is registered otherwise; update it"),
            )),
        }
    }

    /// A registration as a message with the fields of a mask.
    async fn message(
        &self,
        version: &Version<ClusterEntry>,
        scope: &Scope,
        mask: &Mask,
    ) -> Result<v1::RegisteredCluster, Status> {
        self.complete(&version.value.id, version.into(), scope, mask).await
    }

    /// Adds the newest pack and leaves out what the mask does not name.
    async fn complete(
        &self,
        id: &ClusterId,
        mut message: v1::RegisteredCluster,
        scope: &Scope,
        mask: &Mask,
    ) -> Result<v1::RegisteredCluster, Status> {
        if mask.has("latest") {
            let newest = stored(self.latest.latest(id).await)?;
            let newest = newest.filter(|pack| scope.admits_at(id, pack.finished));
            message.latest = newest.map(|pack| v1::LatestPack {
                audit_id: pack.audit.to_string(),
                create_time: Some(timestamp(pack.finished)),
                rating: v1::Rating::from(pack.rating).into(),
                complete: pack.complete,
            });
        }
        Ok(masked(message, mask))
    }
}

#[tonic::async_trait]
impl ClusterService for ClusterRegister {
    async fn register_cluster(
        &self,
        request: Request<v1::RegisterClusterRequest>,
    ) -> Result<Response<v1::RegisterClusterResponse>, Status> {
        let (caller, trail) = (caller(&request)?.clone(), trail(&request));
        let v1::RegisterClusterRequest { cluster, request_id: asked } = request.into_inner();
        let message = cluster.ok_or_else(|| invalid("cluster", "is required"))?;
        let id = cluster_id("cluster.cluster_id", &message.cluster_id)?;
        trail.touches(Some(&id), id.as_str());
        within(&caller, &id)?;
        let asked = request_id("request_id", &asked)?;
        let wanted = self.entry(id, &message).await?;
        let version = match self.registered(&wanted, &asked).await? {
            (Some(version), _) => version,
            (None, number) => {
                match self.write(number, wanted.clone(), &caller.subject, asked.clone()).await {
                    Ok(version) => version,
                    // The same request may have come twice at once.
                    Err(status) if status.code() == Code::Aborted => {
                        self.registered(&wanted, &asked).await?.0.ok_or(status)?
                    }
                    Err(status) => return Err(status),
                }
            }
        };
        let cluster = Some(self.message(&version, &caller.scope, &all_fields()?).await?);
        Ok(Response::new(v1::RegisterClusterResponse { cluster }))
    }

    async fn get_cluster(
        &self,
        request: Request<v1::GetClusterRequest>,
    ) -> Result<Response<v1::GetClusterResponse>, Status> {
        let caller = caller(&request)?.clone();
        let v1::GetClusterRequest { cluster_id: id, read_mask } = request.into_inner();
        let id = cluster_id("cluster_id", &id)?;
        within(&caller, &id)?;
        let mask = Mask::read("read_mask", read_mask.as_ref(), &FIELDS)?;
        let version = stored(self.register.latest(&id.clone().into()).await)?;
        let version = version.ok_or_else(|| not_found("cluster", &id))?;
        let cluster = Some(self.message(&version, &caller.scope, &mask).await?);
        Ok(Response::new(v1::GetClusterResponse { cluster }))
    }

    async fn list_clusters(
        &self,
        request: Request<v1::ListClustersRequest>,
    ) -> Result<Response<v1::ListClustersResponse>, Status> {
        let caller = caller(&request)?.clone();
        let message = request.into_inner();
        let labels = fields::labels("labels", &message.labels)?;
        let limit = page_size(message.page_size)?;
        let mask = Mask::read("read_mask", message.read_mask.as_ref(), &FIELDS)?;
        let query = v1::ListClustersRequest { page_size: 0, page_token: String::new(), ..message.clone() };
        let after = cursor(&message.page_token, &query)?;
        let all = stored(self.register.all::<ClusterEntry>().await)?;
        let wanted = all.into_iter().map(|(_, version)| version).filter(|version| {
            let entry = &version.value;
            caller.scope.admits(&entry.id)
                && after.as_ref().is_none_or(|Cursor(last)| entry.id.as_str() > last.as_str())
                && (message.include_retired || !entry.retired)
                && has_labels(entry, &labels)
        });
        let (page, more) = fill(wanted, limit, |version| masked(version.into(), &mask));
        let last = page.last().filter(|_| more).map(|(version, _)| Cursor(version.value.id.to_string()));
        let clusters = futures::stream::iter(page)
            .map(|(version, message)| {
                let (scope, mask) = (&caller.scope, &mask);
                async move { self.complete(&version.value.id, message, scope, mask).await }
            })
            .buffered(AT_ONCE)
            .try_collect()
            .await?;
        let next_page_token = page_token(last.as_ref(), &query);
        Ok(Response::new(v1::ListClustersResponse { clusters, next_page_token }))
    }

    async fn update_cluster(
        &self,
        request: Request<v1::UpdateClusterRequest>,
    ) -> Result<Response<v1::UpdateClusterResponse>, Status> {
        let (caller, trail) = (caller(&request)?.clone(), trail(&request));
        let v1::UpdateClusterRequest { cluster, update_mask } = request.into_inner();
        let message = cluster.ok_or_else(|| invalid("cluster", "is required"))?;
        let id = cluster_id("cluster.cluster_id", &message.cluster_id)?;
        trail.touches(Some(&id), id.as_str());
        within(&caller, &id)?;
        // A part of a field cannot be changed: the paths are those of whole fields.
        if let Some(path) = update_mask.iter().flat_map(|mask| &mask.paths).find(|path| path.contains('.')) {
            let path: String = path.chars().take(80).flat_map(char::escape_default).collect();
            return Err(invalid("update_mask", format!("`{path}` is part of a field; name the whole field")));
        }
        let mask = Mask::read("update_mask", update_mask.as_ref(), &CHANGEABLE)?;
        if message.version == 0 {
            return Err(invalid("cluster.version", "the version that was read is required"));
        }
        let found = self.find(&id, message.version).await?;
        let mut entry = found.value.clone();
        if mask.has("display_name") {
            entry.display_name = fields::display_name(&message.display_name)?;
        }
        if mask.has("labels") {
            entry.labels = fields::labels("cluster.labels", &message.labels)?;
        }
        if mask.has("platform") {
            entry.platform = fields::platform(message.platform)?;
        }
        if mask.has("source") {
            entry.source = fields::source(message.source.as_ref(), self.manifests)?;
        }
        if mask.has("settings") {
            entry.settings = self.settings(&message.settings).await?;
        }
        // Whoever did not get the answer asks again for what has been done.
        let repeated = message.version.checked_add(1) == Some(found.number)
            && found.changed_by == caller.subject
            && found.value == entry;
        if message.version != found.number && !repeated {
            return Err(stale("cluster", found.number));
        }
        if found.value.retired {
            let message = format!("the registration of cluster `{id}` has ended; register it again");
            return Err(status(Code::FailedPrecondition, "RETIRED", message));
        }
        let version = match found.value == entry {
            true => found,
            false => self.write(found.number + 1, entry, &caller.subject, String::new()).await?,
        };
        let cluster = Some(self.message(&version, &caller.scope, &all_fields()?).await?);
        Ok(Response::new(v1::UpdateClusterResponse { cluster }))
    }

    async fn retire_cluster(
        &self,
        request: Request<v1::RetireClusterRequest>,
    ) -> Result<Response<v1::RetireClusterResponse>, Status> {
        let (caller, trail) = (caller(&request)?.clone(), trail(&request));
        let id = cluster_id("cluster_id", &request.into_inner().cluster_id)?;
        trail.touches(Some(&id), id.as_str());
        within(&caller, &id)?;
        let found = self.find(&id, 1).await?;
        let version = match found.value.retired {
            true => found,
            false => {
                let entry = ClusterEntry { retired: true, ..found.value };
                self.write(found.number + 1, entry, &caller.subject, String::new()).await?
            }
        };
        let cluster = Some(self.message(&version, &caller.scope, &all_fields()?).await?);
        Ok(Response::new(v1::RetireClusterResponse { cluster }))
    }
}

fn all_fields() -> Result<Mask, Status> {
    Mask::read("read_mask", None, &FIELDS)
}

fn has_labels(entry: &ClusterEntry, labels: &BTreeMap<String, String>) -> bool {
    labels.iter().all(|(name, value)| entry.labels.get(name) == Some(value))
}

fn masked(message: v1::RegisteredCluster, mask: &Mask) -> v1::RegisteredCluster {
    if mask.is_all() {
        return message;
    }
    let v1::RegisteredCluster {
        cluster_id,
        display_name,
        labels,
        platform,
        source,
        settings,
        version,
        changed_by,
        change_time,
        retired,
        latest,
    } = message;
    v1::RegisteredCluster {
        cluster_id: kept(mask, "cluster_id", cluster_id),
        display_name: kept(mask, "display_name", display_name),
        labels: kept(mask, "labels", labels),
        platform: kept(mask, "platform", platform),
        source: kept(mask, "source", source),
        settings: kept(mask, "settings", settings),
        version: kept(mask, "version", version),
        changed_by: kept(mask, "changed_by", changed_by),
        change_time: kept(mask, "change_time", change_time),
        retired: kept(mask, "retired", retired),
        latest: kept(mask, "latest", latest),
    }
}

fn kept<T: Default>(mask: &Mask, field: &str, value: T) -> T {
    if mask.has(field) { value } else { T::default() }
}
