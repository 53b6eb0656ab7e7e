//! What people keep in the service: clusters, schedules, waivers. Each is kept in numbered versions, none of which is
//! ever changed; who made a version and when stands beside it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::id::{ClusterId, RecordId};
use crate::scale::Platform;
use crate::waiver::Waiver;

/// One version of something that is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Version<T> {
    /// Counted from 1.
    pub number: u64,
    /// Who made it.
    pub changed_by: String,
    /// When it was made.
    pub changed_at: Timestamp,
    /// The request id that made it; empty if there was none. Repeating the request finds this version.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub request: String,
    /// What it says.
    pub value: T,
}

/// What is kept in versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RecordKind {
    /// [`ClusterEntry`], under the cluster's id.
    Clusters,
    /// [`ScheduleEntry`], under the schedule's id.
    Schedules,
    /// [`WaiverEntry`], under an id of its own.
    Waivers,
    /// A link that was ended before its time, under the link's id.
    RevokedLinks,
    /// A session that its person ended, under the session's id.
    EndedSessions,
}

/// A type that is kept in versions.
pub trait Kept: Serialize + for<'de> Deserialize<'de> + Clone + Send + Sync + 'static {
    /// Under which kind.
    const KIND: RecordKind;
}

/// A cluster that the service audits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ClusterEntry {
    /// The cluster.
    pub id: ClusterId,
    /// The name that packs print.
    pub display_name: String,
    /// Labels to pick clusters by.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Where it runs; `None` if the collector shall find out.
    #[serde(default)]
    pub platform: Option<Platform>,
    /// Where its state comes from.
    pub source: ClusterSource,
    /// What the operator states of it, as YAML; empty for the defaults.
    #[serde(default)]
    pub settings: String,
    /// Its registration has ended.
    #[serde(default)]
    pub retired: bool,
}

impl Kept for ClusterEntry {
    const KIND: RecordKind = RecordKind::Clusters;
}

/// Where the state of a cluster comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "from", deny_unknown_fields)]
pub enum ClusterSource {
    /// An agent that the service calls.
    #[serde(rename_all = "camelCase")]
    Agent {
        /// Its address.
        address: String,
        /// The URI SAN that its certificate must have; the usual one if empty.
        #[serde(default)]
        spiffe_id: String,
    },
    /// An agent that calls the service.
    Push,
    /// An API server that the service reads by itself.
    Kubeconfig {
        /// The context; the cluster that the service runs in if empty.
        context: String,
    },
    /// Manifests below a folder that the service was started with.
    Manifests {
        /// The path below that folder.
        path: String,
    },
}

/// What to do about slots that came and went while nothing ran.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CatchUp {
    /// Every missed slot is a gap.
    Skip,
    /// The newest missed slot is run, the others are gaps.
    #[default]
    Latest,
    /// Every missed slot is run, at most the newest 24; the others are gaps.
    All,
}

/// When audits of a cluster are due.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ScheduleEntry {
    /// The schedule.
    pub id: RecordId,
    /// The cluster.
    pub cluster: ClusterId,
    /// Minute, hour, day of month, month, day of week.
    pub cron: String,
    /// The IANA time zone in which they are meant.
    pub time_zone: String,
    /// An audit starts up to this many seconds after its slot.
    #[serde(default)]
    pub jitter_seconds: u32,
    /// What to do about missed slots.
    #[serde(default)]
    pub catch_up: CatchUp,
    /// No audit starts while this is set; slots that pass meanwhile are neither run nor gaps.
    #[serde(default)]
    pub paused: bool,
    /// It has ended.
    #[serde(default)]
    pub deleted: bool,
    /// Slots before this instant do not count: when the schedule was created, its times changed or its pause ended.
    pub since: Timestamp,
}

impl Kept for ScheduleEntry {
    const KIND: RecordKind = RecordKind::Schedules;
}

/// What became of one slot of a schedule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SlotRecord {
    /// The instant that the schedule names.
    pub slot: Timestamp,
    /// What became of it.
    pub outcome: SlotOutcome,
}

/// What became of one slot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum SlotOutcome {
    /// It started this run.
    Run(crate::id::RunId),
    /// No audit was started; why, as a sentence without a final stop.
    Gap(String),
}

/// How far a waiver has come, by what people did. Expiry is a matter of the day on which one asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WaiverStage {
    /// Somebody proposed it.
    Proposed,
    /// Another person approved it.
    Approved,
    /// It was ended or refused.
    Revoked,
}

/// A waiver of one cluster, with its way so far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WaiverEntry {
    /// The cluster.
    pub cluster: ClusterId,
    /// What is waived; its id is that of this record, its approver empty before the approval.
    pub waiver: Waiver,
    /// What happened to it, oldest first; never empty.
    pub history: Vec<WaiverEvent>,
}

impl Kept for WaiverEntry {
    const KIND: RecordKind = RecordKind::Waivers;
}

/// A change of a waiver.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WaiverEvent {
    /// What it became.
    pub stage: WaiverStage,
    /// Who did it.
    pub subject: String,
    /// When.
    pub at: Timestamp,
    /// Why, for a revocation.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub comment: String,
}

/// A download link that was ended before its time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RevokedLink {
    /// The link.
    pub id: RecordId,
    /// The cluster whose file it gave.
    pub cluster: ClusterId,
}

impl Kept for RevokedLink {
    const KIND: RecordKind = RecordKind::RevokedLinks;
}

/// A session that its person ended before its time. After that time the record says nothing more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EndedSession {
    /// The session.
    pub id: RecordId,
    /// When it would have ended in any case.
    pub until: Timestamp,
}

impl Kept for EndedSession {
    const KIND: RecordKind = RecordKind::EndedSessions;
}
