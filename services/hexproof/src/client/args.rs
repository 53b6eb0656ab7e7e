//! What the command line says of a server and asks of it.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand, ValueEnum};
use hexproof_api::v1;

use crate::cli::{AuditArgs, Format, InputArgs};

/// Which server, and who is asking.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Server")]
pub(crate) struct ServerArgs {
    /// Ask this server: https://HOST:PORT, or http:// on this machine [env: HEXPROOF_SERVER]
    // Read by hand: whether it was given here or by the environment makes a difference to `audit`.
    #[arg(long, value_name = "URL", global = true)]
    pub(crate) server: Option<String>,

    /// File that holds the bearer token; read anew for each call. HEXPROOF_TOKEN may hold the token itself
    #[arg(long, value_name = "FILE", env = "HEXPROOF_TOKEN_FILE", global = true, hide_short_help = true)]
    pub(crate) token_file: Option<PathBuf>,

    /// Authorities that the server's certificate may come from (PEM) [default: those of the system]
    #[arg(long, value_name = "FILE", global = true, hide_short_help = true)]
    pub(crate) ca: Option<PathBuf>,

    /// Certificate chain to show to the server (PEM)
    #[arg(long, value_name = "FILE", global = true, hide_short_help = true, requires = "client_key")]
    pub(crate) client_certificate: Option<PathBuf>,

    /// The PKCS#8 key of that certificate (PEM)
    #[arg(long, value_name = "FILE", global = true, hide_short_help = true, requires = "client_certificate")]
    pub(crate) client_key: Option<PathBuf>,
}

impl ServerArgs {
    /// The address of the server.
    pub(crate) fn url(&self) -> anyhow::Result<String> {
        self.stated().context("name a server with --server URL or HEXPROOF_SERVER")
    }

    /// The server that the command line or the environment names.
    pub(crate) fn stated(&self) -> Option<String> {
        let inherited = || std::env::var("HEXPROOF_SERVER").ok().filter(|url| !url.is_empty());
        self.server.clone().or_else(inherited)
    }

    /// Whether an audit is to be made by a server. A server that the environment names does not take over an audit
    /// of what is named here.
    pub(crate) fn audits(&self, input: &InputArgs) -> anyhow::Result<bool> {
        let local = !input.inputs.is_empty() || input.context.is_some() || input.kubeconfig.is_some();
        match (&self.server, local) {
            (Some(_), true) => {
                bail!(
                    "a server audits its registered clusters: name one with --cluster, and no INPUT or context"
                )
            }
            (Some(_), false) => Ok(true),
            (None, true) => Ok(false),
            (None, false) => Ok(self.stated().is_some()),
        }
    }
}

/// Options of `audit` that a server does not take from a client, as far as they are given.
pub(crate) fn local_options(args: &AuditArgs) -> Vec<&'static str> {
    let AuditArgs { input, judge, store, output: _, identity: _, certificate, key: _, request_id: _ } = args;
    let given = [
        ("--settings", input.settings.is_some()),
        ("--keep-going", input.keep_going),
        ("--waivers", judge.waivers.is_some()),
        ("--measures", judge.measures.is_some()),
        ("--store", store != "./evidence"),
        ("--certificate", certificate.is_some()),
    ];
    given.into_iter().filter(|(_, given)| *given).map(|(name, _)| name).collect()
}

/// Names an audit.
#[derive(Debug, Clone, Args)]
pub(crate) struct AuditName {
    /// The cluster
    #[arg(value_name = "CLUSTER")]
    pub(crate) cluster: String,
    /// The audit
    #[arg(value_name = "AUDIT")]
    pub(crate) audit: String,
}

/// `hexproof audits`.
#[derive(Debug, Args)]
pub(crate) struct Audits {
    #[command(subcommand)]
    pub(crate) command: AuditsCommand,
    /// Form of the result
    #[arg(long, value_enum, default_value_t, global = true)]
    pub(crate) format: Format,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AuditsCommand {
    /// List audits, newest first
    List {
        /// Only those of this cluster
        #[arg(long, value_name = "ID")]
        cluster: Option<String>,
        /// Only those in this state; may be given several times
        #[arg(long, value_enum)]
        state: Vec<AuditStateArg>,
        /// How many at most
        #[arg(long, value_name = "N", default_value_t = 100)]
        limit: usize,
    },
    /// Show one audit
    Show(AuditName),
    /// Follow an audit until it has ended
    Watch {
        #[command(flatten)]
        name: AuditName,
        /// Print no progress
        #[arg(long, short)]
        quiet: bool,
    },
    /// Ask for an audit to be stopped
    Cancel(AuditName),
}

/// `--state`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum AuditStateArg {
    /// It waits
    Queued,
    /// A worker has it
    Running,
    /// Its pack is in the store
    Succeeded,
    /// It ended without a pack
    Failed,
    /// It was stopped
    Cancelled,
}

impl From<AuditStateArg> for v1::AuditState {
    fn from(state: AuditStateArg) -> Self {
        match state {
            AuditStateArg::Queued => Self::Queued,
            AuditStateArg::Running => Self::Running,
            AuditStateArg::Succeeded => Self::Succeeded,
            AuditStateArg::Failed => Self::Failed,
            AuditStateArg::Cancelled => Self::Cancelled,
        }
    }
}

/// `hexproof packs`.
#[derive(Debug, Args)]
pub(crate) struct Packs {
    #[command(subcommand)]
    pub(crate) command: PacksCommand,
    /// Form of the result
    #[arg(long, value_enum, default_value_t, global = true)]
    pub(crate) format: Format,
}

#[derive(Debug, Subcommand)]
pub(crate) enum PacksCommand {
    /// List packs, newest first
    List {
        /// Only those of this cluster
        #[arg(long, value_name = "ID")]
        cluster: Option<String>,
        /// Only those made at or after this instant, or day in UTC
        #[arg(long, value_name = "INSTANT", value_parser = instant)]
        from: Option<jiff::Timestamp>,
        /// Only those made before this instant, or day in UTC
        #[arg(long, value_name = "INSTANT", value_parser = instant)]
        until: Option<jiff::Timestamp>,
        /// How many at most
        #[arg(long, value_name = "N", default_value_t = 100)]
        limit: usize,
    },
    /// Take a pack or one of its parts away; a download that broke off goes on where it stopped
    Download {
        #[command(flatten)]
        name: AuditName,
        /// The file
        #[arg(long, value_enum, default_value_t)]
        artifact: ArtifactArg,
        /// Where to write it
        #[arg(long, short, value_name = "FILE")]
        output: PathBuf,
        /// Print no progress
        #[arg(long, short)]
        quiet: bool,
    },
    /// Make a link by which a browser can take a file for a short time
    Link {
        #[command(flatten)]
        name: AuditName,
        /// The file
        #[arg(long, value_enum, default_value_t)]
        artifact: ArtifactArg,
        /// How long it shall work [default: as long as the server admits]
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(1..))]
        minutes: Option<i64>,
    },
    /// End a link before its time
    RevokeLink {
        /// The cluster whose file the link gives
        #[arg(value_name = "CLUSTER")]
        cluster: String,
        /// The link
        #[arg(value_name = "LINK")]
        link: String,
    },
    /// Let the server check a pack of its store, or a file
    Verify {
        /// The cluster
        #[arg(value_name = "CLUSTER", required_unless_present = "file", requires = "audit")]
        cluster: Option<String>,
        /// The audit that made the pack
        #[arg(value_name = "AUDIT")]
        audit: Option<String>,
        /// A file on this machine instead
        #[arg(long, value_name = "PACK.pdf", conflicts_with = "cluster")]
        file: Option<PathBuf>,
    },
}

/// `--artifact`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ArtifactArg {
    /// The signed PDF
    #[default]
    Pack,
    /// The assessment: JSON
    Assessment,
    /// The snapshot: NDJSON, zstd
    Snapshot,
    /// The reconciled population: JSON
    Population,
}

impl From<ArtifactArg> for v1::Artifact {
    fn from(artifact: ArtifactArg) -> Self {
        match artifact {
            ArtifactArg::Pack => Self::Pack,
            ArtifactArg::Assessment => Self::Assessment,
            ArtifactArg::Snapshot => Self::Snapshot,
            ArtifactArg::Population => Self::Population,
        }
    }
}

/// `hexproof clusters`.
#[derive(Debug, Args)]
pub(crate) struct Clusters {
    #[command(subcommand)]
    pub(crate) command: ClustersCommand,
    /// Form of the result
    #[arg(long, value_enum, default_value_t, global = true)]
    pub(crate) format: Format,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ClustersCommand {
    /// List registered clusters
    List {
        /// Only those with this label; may be given several times
        #[arg(long, value_name = "NAME=VALUE", value_parser = label)]
        label: Vec<(String, String)>,
        /// Retired clusters too
        #[arg(long)]
        retired: bool,
        /// How many at most
        #[arg(long, value_name = "N", default_value_t = 100)]
        limit: usize,
    },
    /// Register a cluster
    Register(Box<RegisterArgs>),
    /// Show one registration
    Show {
        /// The cluster
        #[arg(value_name = "CLUSTER")]
        cluster: String,
    },
    /// Set and remove labels
    Label {
        /// The cluster
        #[arg(value_name = "CLUSTER")]
        cluster: String,
        /// What to set (NAME=VALUE) and to remove (NAME-)
        #[arg(value_name = "NAME=VALUE", required = true, value_parser = label_change)]
        changes: Vec<LabelChange>,
    },
    /// End a registration; its packs are kept
    Retire {
        /// The cluster
        #[arg(value_name = "CLUSTER")]
        cluster: String,
    },
}

#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("from").required(true))]
pub(crate) struct RegisterArgs {
    /// The UID of namespace kube-system, or another name of `a-z`, `0-9` and `-`
    #[arg(value_name = "CLUSTER")]
    pub(crate) cluster: String,
    /// The name that packs print [default: the cluster's id]
    #[arg(long, value_name = "TEXT")]
    pub(crate) name: Option<String>,
    /// A label; may be given several times
    #[arg(long, value_name = "NAME=VALUE", value_parser = label)]
    pub(crate) label: Vec<(String, String)>,
    /// Where the cluster runs [default: the collector finds out]
    #[arg(long, value_enum)]
    pub(crate) platform: Option<RegisteredPlatform>,
    /// An agent that the server calls: https://HOST:PORT
    #[arg(long, value_name = "URL", group = "from")]
    pub(crate) agent: Option<String>,
    /// The URI SAN that the agent's certificate must have [default: the usual one]
    #[arg(long, value_name = "URI", requires = "agent")]
    pub(crate) spiffe_id: Option<String>,
    /// An agent that calls the server
    #[arg(long, group = "from")]
    pub(crate) push: bool,
    /// A context of the server's kubeconfig; without a name the cluster that the server runs in
    #[arg(long, value_name = "NAME", group = "from", num_args = 0..=1, default_missing_value = "")]
    pub(crate) context: Option<String>,
    /// Manifests below a folder of the server
    #[arg(long, value_name = "PATH", group = "from")]
    pub(crate) manifests: Option<String>,
    /// What the operator states of it (YAML)
    #[arg(long, value_name = "FILE")]
    pub(crate) settings: Option<PathBuf>,
    /// Names this request: repeating it changes nothing [default: a random one]
    #[arg(long, value_name = "ID")]
    pub(crate) request_id: Option<String>,
}

/// `--platform` of a registration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum RegisteredPlatform {
    /// Azure Kubernetes Service
    Aks,
    /// A control plane of one's own
    OnPremise,
}

/// One change of labels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum LabelChange {
    Set(String, String),
    Remove(String),
}

/// `hexproof schedules`.
#[derive(Debug, Args)]
pub(crate) struct Schedules {
    #[command(subcommand)]
    pub(crate) command: SchedulesCommand,
    /// Form of the result
    #[arg(long, value_enum, default_value_t, global = true)]
    pub(crate) format: Format,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SchedulesCommand {
    /// List schedules
    List {
        /// Only those of this cluster
        #[arg(long, value_name = "ID")]
        cluster: Option<String>,
        /// How many at most
        #[arg(long, value_name = "N", default_value_t = 100)]
        limit: usize,
    },
    /// Create a schedule
    Create(Box<CreateArgs>),
    /// Start no audits of a schedule until it is resumed
    Pause(ScheduleName),
    /// Start audits of a schedule again
    Resume(ScheduleName),
    /// End a schedule
    Delete(ScheduleName),
    /// List the slots that have passed, newest first: audits and gaps
    Slots {
        #[command(flatten)]
        name: ScheduleName,
        /// How many at most
        #[arg(long, value_name = "N", default_value_t = 100)]
        limit: usize,
    },
}

/// Names a schedule.
#[derive(Debug, Clone, Args)]
pub(crate) struct ScheduleName {
    /// The schedule
    #[arg(value_name = "SCHEDULE")]
    pub(crate) schedule: String,
}

#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    /// The cluster
    #[arg(value_name = "CLUSTER")]
    pub(crate) cluster: String,
    /// Minute, hour, day of month, month, day of week, such as "0 3 * * 1-5"
    #[arg(long, value_name = "FIELDS")]
    pub(crate) cron: String,
    /// The IANA time zone in which they are meant
    #[arg(long, value_name = "ZONE", default_value = "UTC")]
    pub(crate) time_zone: String,
    /// Start up to so many seconds after the slot, the same for each repetition of it
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    pub(crate) jitter: u32,
    /// What to do about slots that passed while nothing ran
    #[arg(long, value_enum, default_value_t)]
    pub(crate) catch_up: CatchUpArg,
    /// The id of the schedule [default: made from the request id]
    #[arg(long, value_name = "ID")]
    pub(crate) id: Option<String>,
    /// Names this request: repeating it changes nothing [default: a random one]
    #[arg(long, value_name = "ID")]
    pub(crate) request_id: Option<String>,
}

/// `--catch-up`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum CatchUpArg {
    /// Every missed slot is a gap
    Skip,
    /// The newest missed slot is run
    #[default]
    Latest,
    /// Every missed slot is run, at most the newest 24
    All,
}

impl From<CatchUpArg> for v1::CatchUp {
    fn from(policy: CatchUpArg) -> Self {
        match policy {
            CatchUpArg::Skip => Self::Skip,
            CatchUpArg::Latest => Self::Latest,
            CatchUpArg::All => Self::All,
        }
    }
}

/// `hexproof waivers`.
#[derive(Debug, Args)]
pub(crate) struct Waivers {
    #[command(subcommand)]
    pub(crate) command: WaiversCommand,
    /// Form of the result
    #[arg(long, value_enum, default_value_t, global = true)]
    pub(crate) format: Format,
}

#[derive(Debug, Subcommand)]
pub(crate) enum WaiversCommand {
    /// List waivers, newest change first
    List {
        /// Only those of this cluster
        #[arg(long, value_name = "ID")]
        cluster: Option<String>,
        /// Only those of this stage; may be given several times
        #[arg(long, value_enum)]
        stage: Vec<WaiverStageArg>,
        /// How many at most
        #[arg(long, value_name = "N", default_value_t = 100)]
        limit: usize,
    },
    /// Propose to accept failures of a measure for a time
    Propose(Box<ProposeArgs>),
    /// Approve a waiver that another person proposed
    Approve {
        #[command(flatten)]
        name: WaiverName,
        /// The version that you have read [default: the present one, which is printed]
        #[arg(long, value_name = "N")]
        version: Option<u64>,
    },
    /// End a waiver, or refuse one that is proposed
    Revoke {
        #[command(flatten)]
        name: WaiverName,
        /// Why
        #[arg(long, value_name = "TEXT")]
        comment: String,
    },
}

/// Names a waiver.
#[derive(Debug, Clone, Args)]
pub(crate) struct WaiverName {
    /// The cluster
    #[arg(value_name = "CLUSTER")]
    pub(crate) cluster: String,
    /// The waiver
    #[arg(value_name = "WAIVER")]
    pub(crate) waiver: String,
}

#[derive(Debug, Args)]
pub(crate) struct ProposeArgs {
    /// The cluster
    #[arg(value_name = "CLUSTER")]
    pub(crate) cluster: String,
    /// The measure whose failures are accepted
    #[arg(long, value_name = "ID")]
    pub(crate) measure: String,
    /// Only subjects of this kind
    #[arg(long, value_name = "KIND")]
    pub(crate) kind: Option<String>,
    /// Only subjects of this namespace; `*` at the end matches any rest
    #[arg(long, value_name = "NAME")]
    pub(crate) namespace: Option<String>,
    /// Only subjects of this name; `*` at the end matches any rest
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Why the failure is accepted
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
    /// What limits the risk meanwhile
    #[arg(long, value_name = "TEXT")]
    pub(crate) compensating_control: String,
    /// Who answers for the risk
    #[arg(long, value_name = "PERSON")]
    pub(crate) owner: String,
    /// The last day on which it counts, in UTC
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub(crate) expiry: String,
    /// Names this request: repeating it proposes no second waiver [default: a random one]
    #[arg(long, value_name = "ID")]
    pub(crate) request_id: Option<String>,
}

/// `--stage`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum WaiverStageArg {
    /// Somebody proposed it
    Proposed,
    /// It counts
    Approved,
    /// It was ended or refused
    Revoked,
    /// Its last day has passed
    Expired,
}

impl From<WaiverStageArg> for v1::WaiverStage {
    fn from(stage: WaiverStageArg) -> Self {
        match stage {
            WaiverStageArg::Proposed => Self::Proposed,
            WaiverStageArg::Approved => Self::Approved,
            WaiverStageArg::Revoked => Self::Revoked,
            WaiverStageArg::Expired => Self::Expired,
        }
    }
}

/// An instant, or the beginning of a day in UTC.
fn instant(text: &str) -> Result<jiff::Timestamp, String> {
    let day = || format!("{text}T00:00:00Z").parse::<jiff::Timestamp>();
    text.parse()
        .or_else(|_| day())
        .map_err(|_| "an instant such as 2026-11-24T10:00:00Z, or a day".to_owned())
}

fn label(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

fn label_change(text: &str) -> Result<LabelChange, String> {
    match text.split_once('=') {
        Some((name, value)) => Ok(LabelChange::Set(name.to_owned(), value.to_owned())),
        None => {
            let name = text.strip_suffix('-').ok_or("NAME=VALUE to set, NAME- to remove")?;
            Ok(LabelChange::Remove(name.to_owned()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_and_instants_are_read_as_they_are_written() {
        assert_eq!(label_change("a=b=c"), Ok(LabelChange::Set("a".into(), "b=c".into())));
        assert_eq!(label_change("a-"), Ok(LabelChange::Remove("a".into())));
        assert!(label_change("a").is_err() && label("a").is_err());
        assert_eq!(instant("2026-11-24").unwrap().to_string(), "2026-11-24T00:00:00Z");
        assert!(instant("tomorrow").is_err());
    }
}
