//! The contract of the command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use crate::client::args as client;

/// Evidence packs of Kubernetes clusters.
///
/// Rates the six goals of the Parkerian Hexad in each security layer of a cluster, and writes what was looked at, what
/// was found and what was not seen into a signed PDF that an auditor can check offline.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100, subcommand_required = true, arg_required_else_help = true)]
#[command(after_help = "Exit codes: 0 done (whatever the findings), 1 below --fail-below or not verified,\n\
    2 wrong usage or unreadable input, 3 incomplete: something could not be read, the result says what.")]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
    #[command(flatten)]
    pub(crate) server: client::ServerArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Collect, rate, render, seal and archive: the whole way to an evidence pack
    #[command(after_long_help = AUDIT_EXAMPLES)]
    Audit(AuditArgs),
    /// Collect the state of a cluster into a snapshot file
    Collect(CollectArgs),
    /// Rate a snapshot, manifests or a cluster, and print the result
    Assess(AssessArgs),
    /// Compare two packs, assessments or snapshots: what got better, worse, appeared, vanished, and through what
    #[command(after_long_help = DIFF_EXAMPLES)]
    Diff(DiffArgs),
    /// Check packs: signature, digests, certificate chain, attachments
    Verify(VerifyArgs),
    /// Show the measures of the catalogue, or check measure files
    #[command(subcommand)]
    Measures(MeasuresCommand),
    /// Serve audits, packs and schedules by gRPC, and carry what is due
    #[command(after_long_help = SERVE_EXAMPLES)]
    Serve(Box<ServeArgs>),
    /// Collect in a cluster for a service: be called by it, or call it
    #[command(after_long_help = AGENT_EXAMPLES)]
    Agent(Box<AgentArgs>),
    /// Draw one report from standard input: the child process of a service
    #[command(hide = true)]
    RenderWorker(RenderWorkerArgs),
    /// List, show, follow and stop the audits of a server
    Audits(client::Audits),
    /// List, take away and check the packs of a server
    Packs(client::Packs),
    /// List, register, label and retire the clusters of a server
    Clusters(client::Clusters),
    /// List, create, pause and end the schedules of a server
    Schedules(client::Schedules),
    /// List, propose, approve and revoke the waivers of a server
    Waivers(client::Waivers),
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: Shell,
    },
}

impl Command {
    /// Whether it serves until it is told to stop, and sets up its logs by itself.
    pub(crate) fn is_service(&self) -> bool {
        matches!(self, Self::Serve(_) | Self::Agent(_))
    }
}

const SERVE_EXAMPLES: &str = "Examples:\n  \
    hexproof serve --dev --manifests ./clusters               try it on this machine\n  \
    hexproof serve --config hexproof.yaml                     with TLS and access control\n  \
    hexproof serve --config hexproof.yaml --roles worker      a further worker";

const AGENT_EXAMPLES: &str = "Examples:\n  \
    hexproof agent --print-clusterrole | kubectl apply -f -\n  \
    hexproof agent --listen 0.0.0.0:7443 --certificate agent.pem --key agent.key --ca ca.pem --trust-domain example.org\n  \
    hexproof agent --server https://hexproof.example.org --every-hours 24 --certificate agent.pem --key agent.key \\\n    \
    --ca ca.pem --trust-domain example.org";

const DIFF_EXAMPLES: &str = "Examples:\n  \
    hexproof diff october.pdf november.pdf --trust ca.pem   two packs, which are checked first\n  \
    hexproof diff a.json b.json --format json               what `assess --format json` printed\n  \
    hexproof diff a.ndjson.zst b.ndjson.zst                 two snapshots, judged by this program\n  \
    hexproof --server https://audits.example diff --cluster shop AUDIT_A AUDIT_B";

const AUDIT_EXAMPLES: &str = "Examples:\n  \
    hexproof audit manifests/                       a folder of manifests\n  \
    kubectl get all -A -o json | hexproof audit -   what kubectl prints\n  \
    hexproof audit --context production             a live cluster\n  \
    hexproof audit --store s3://evidence/prod       packs into a bucket\n  \
    hexproof audit --server https://audits.example --cluster shop   by a server";

/// Where the state comes from.
#[derive(Debug, Clone, Args)]
pub(crate) struct InputArgs {
    /// Files, folders (recursive), `-` for standard input, a snapshot, or a folder with an API recording.
    ///
    /// YAML of many documents, JSON, lists, and what `kubectl get -o json` prints. Without any INPUT the current context
    /// of the kubeconfig is read, or the cluster that the program runs in.
    #[arg(value_name = "INPUT")]
    pub(crate) inputs: Vec<PathBuf>,

    /// Name of the cluster in the result [default: the context, or the name of the input]
    #[arg(long, value_name = "NAME")]
    pub(crate) cluster: Option<String>,

    /// Where the cluster runs; decides which measures apply
    #[arg(long, value_enum, default_value_t)]
    pub(crate) platform: PlatformArg,

    /// Context of the kubeconfig
    #[arg(long, value_name = "NAME", conflicts_with = "inputs")]
    pub(crate) context: Option<String>,

    /// The kubeconfig file [default: KUBECONFIG, ~/.kube/config]
    #[arg(long, value_name = "FILE", conflicts_with = "inputs")]
    pub(crate) kubeconfig: Option<PathBuf>,

    /// How Secrets of a live cluster are read: `keys` keeps types and key names, `metadata` asks for no contents at all
    #[arg(long, value_enum, default_value_t)]
    pub(crate) secrets: SecretsArg,

    /// Record broken files as unreadable and go on; the exit code is then 3
    #[arg(long)]
    pub(crate) keep_going: bool,

    /// What the operator states: registries, recorded administrators, namespaces, limits (YAML)
    #[arg(long, value_name = "FILE")]
    pub(crate) settings: Option<PathBuf>,

    /// Print no progress
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

/// How the state is judged and shown.
#[derive(Debug, Clone, Args)]
pub(crate) struct JudgeArgs {
    /// Accepted failures: measure, subject, reason, compensating control, owner, approver, expiry (YAML)
    #[arg(long, value_name = "FILE")]
    pub(crate) waivers: Option<PathBuf>,

    /// Measure files to judge by instead of the built-in ones
    #[arg(long, value_name = "DIR")]
    pub(crate) measures: Option<PathBuf>,

    /// Form of the result on standard output
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,

    /// Exit with 1 if the cluster is rated below this letter (or is not assessed)
    #[arg(long, value_enum, value_name = "A..E", ignore_case = true)]
    pub(crate) fail_below: Option<Letter>,
}

#[derive(Debug, Args)]
pub(crate) struct AuditArgs {
    #[command(flatten)]
    pub(crate) input: InputArgs,
    #[command(flatten)]
    pub(crate) judge: JudgeArgs,

    /// Where packs and runs are kept: a folder, file://, s3://, az://, gs:// or memory://
    #[arg(long, value_name = "URL", default_value = "./evidence")]
    pub(crate) store: String,

    /// Write the pack to this file too
    #[arg(long, short, value_name = "PACK.pdf")]
    pub(crate) output: Option<PathBuf>,

    /// Folder of the signing identity; made on first use [default: ~/.config/hexproof/identity]
    #[arg(long, value_name = "DIR", env = "HEXPROOF_IDENTITY")]
    pub(crate) identity: Option<PathBuf>,

    /// A signing certificate chain of your own (PEM, signer first)
    #[arg(long, value_name = "CHAIN.pem", requires = "key", conflicts_with = "identity")]
    pub(crate) certificate: Option<PathBuf>,

    /// The PKCS#8 key of that certificate (PEM, ECDSA P-256)
    #[arg(long, value_name = "KEY.pem", requires = "certificate")]
    pub(crate) key: Option<PathBuf>,

    /// With --server: names the request, so that repeating it finds the same audit [default: a random one]
    #[arg(long, value_name = "ID")]
    pub(crate) request_id: Option<String>,
}

/// Flags go before the configuration file.
#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// Configuration of the service (YAML)
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// Address for callers; port 0 takes a free one, which is told on standard output [default: 127.0.0.1:7443]
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen: Option<SocketAddr>,

    /// Address for Prometheus and kubelets, without TLS and without access control [default: none]
    #[arg(long, value_name = "ADDR")]
    pub(crate) metrics_listen: Option<SocketAddr>,

    /// Where everything is kept: a folder, file://, s3://, az://, gs:// or memory:// [default: ./evidence]
    #[arg(long, value_name = "URL")]
    pub(crate) store: Option<String>,

    /// For one person on one machine: no TLS, no identity provider, loopback addresses only
    #[arg(long)]
    pub(crate) dev: bool,

    /// Where audits wait, for workers in other processes: nats://host:4222 [default: within the process]
    #[arg(long, value_name = "URL")]
    pub(crate) queue: Option<String>,

    /// What this process does [default: all]
    #[arg(long, value_enum, value_name = "ROLES", value_delimiter = ',')]
    pub(crate) roles: Vec<crate::serve::Role>,

    /// Audits at the same time [default: 2]
    #[arg(long, value_name = "N")]
    pub(crate) workers: Option<usize>,

    /// Kubeconfig of the clusters that the service reads by itself
    #[arg(long, value_name = "FILE")]
    pub(crate) kubeconfig: Option<PathBuf>,

    /// Folder below which clusters may name manifests [default: none]
    #[arg(long, value_name = "DIR")]
    pub(crate) manifests: Option<PathBuf>,

    /// Folder of the signing identity; made on first use [default: ~/.config/hexproof/identity]
    #[arg(long, value_name = "DIR", env = "HEXPROOF_IDENTITY")]
    pub(crate) identity: Option<PathBuf>,

    /// A signing certificate chain of your own (PEM, signer first)
    #[arg(long, value_name = "CHAIN.pem", requires = "key", conflicts_with = "identity")]
    pub(crate) certificate: Option<PathBuf>,

    /// The PKCS#8 key of that certificate (PEM, ECDSA P-256)
    #[arg(long, value_name = "KEY.pem", requires = "certificate")]
    pub(crate) key: Option<PathBuf>,

    /// Form of the logs [default: text]
    #[arg(long, value_enum)]
    pub(crate) log_format: Option<LogFormat>,

    /// File to write the line of standard output to, once the service listens
    #[arg(long, value_name = "FILE")]
    pub(crate) ready_file: Option<PathBuf>,
}

/// Who the agent is, whom it knows, and what it reads. `--ca` is the authority of service and agents.
#[derive(Debug, Args)]
pub(crate) struct AgentArgs {
    /// Address at which the service calls; port 0 takes a free one, which is told on standard output. Without it the
    /// agent calls the service that --server names
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen: Option<SocketAddr>,

    /// With --server: deliver every so many hours, whether asked or not [default: only when asked]
    #[arg(long, value_name = "N", conflicts_with = "listen")]
    pub(crate) every_hours: Option<u64>,

    /// Id under which the cluster is registered [default: the UID of namespace kube-system]
    #[arg(long, value_name = "ID")]
    pub(crate) cluster: Option<hexproof_core::id::ClusterId>,

    /// How Secrets are read, whoever asks for more
    #[arg(long, value_enum, default_value = "metadata")]
    pub(crate) secrets: AgentSecretsArg,

    /// The kubeconfig file [default: the cluster that the agent runs in]
    #[arg(long, value_name = "FILE")]
    pub(crate) kubeconfig: Option<PathBuf>,

    /// Context of the kubeconfig
    #[arg(long, value_name = "NAME")]
    pub(crate) context: Option<String>,

    /// Certificate chain of the agent (PEM), with its SPIFFE id
    #[arg(long, value_name = "CHAIN.pem")]
    pub(crate) certificate: Option<PathBuf>,

    /// The key of that certificate (PEM)
    #[arg(long, value_name = "KEY.pem")]
    pub(crate) key: Option<PathBuf>,

    /// Trust domain of the SPIFFE ids
    #[arg(long, value_name = "NAME")]
    pub(crate) trust_domain: Option<String>,

    /// Hours for which a certificate of a collector may be valid in all
    #[arg(long, value_name = "N", default_value_t = 24)]
    pub(crate) longest_hours: u32,

    /// Without TLS, on loopback addresses only
    #[arg(long)]
    pub(crate) dev: bool,

    /// Form of the logs
    #[arg(long, value_enum, default_value_t)]
    pub(crate) log_format: LogFormat,

    /// Print the ClusterRole that the agent needs, and end
    #[arg(long)]
    pub(crate) print_clusterrole: bool,
}

/// `agent --secrets`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum AgentSecretsArg {
    /// Types, key names, public certificate facts
    Keys,
    /// Metadata only
    Metadata,
    /// Not at all; the pack says so
    None,
}

impl From<AgentSecretsArg> for hexproof_collectors::live::SecretsMode {
    fn from(mode: AgentSecretsArg) -> Self {
        match mode {
            AgentSecretsArg::Keys => Self::Keys,
            AgentSecretsArg::Metadata => Self::Metadata,
            AgentSecretsArg::None => Self::None,
        }
    }
}

/// The limits that a process sets itself before it draws.
#[derive(Debug, Args)]
pub(crate) struct RenderWorkerArgs {
    /// Bytes of address space
    #[arg(long)]
    pub(crate) memory: u64,

    /// Seconds on a processor
    #[arg(long)]
    pub(crate) seconds: u64,
}

#[derive(Debug, Args)]
pub(crate) struct CollectArgs {
    #[command(flatten)]
    pub(crate) input: InputArgs,

    /// The snapshot file to write (NDJSON, zstd)
    #[arg(long, short, value_name = "SNAPSHOT")]
    pub(crate) output: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct AssessArgs {
    #[command(flatten)]
    pub(crate) input: InputArgs,
    #[command(flatten)]
    pub(crate) judge: JudgeArgs,
}

#[derive(Debug, Args)]
pub(crate) struct DiffArgs {
    /// The earlier one: a pack (PDF), an assessment (JSON) or a snapshot; with --cluster, the id of an audit
    #[arg(value_name = "BEFORE")]
    pub(crate) before: String,

    /// The later one
    #[arg(value_name = "AFTER")]
    pub(crate) after: String,

    /// With --server: the cluster, and BEFORE and AFTER are its audits
    #[arg(long, value_name = "ID")]
    pub(crate) cluster: Option<String>,

    /// For snapshots: what the operator states (YAML)
    #[arg(long, value_name = "FILE", conflicts_with = "cluster")]
    pub(crate) settings: Option<PathBuf>,

    /// For snapshots: accepted failures (YAML)
    #[arg(long, value_name = "FILE", conflicts_with = "cluster")]
    pub(crate) waivers: Option<PathBuf>,

    /// Measure files to judge snapshots by, and to name measures, instead of the built-in ones
    #[arg(long, value_name = "DIR")]
    pub(crate) measures: Option<PathBuf>,

    /// For packs: certificates of authorities to trust (PEM); may be given several times
    #[arg(long, value_name = "CA.pem", conflicts_with = "cluster")]
    pub(crate) trust: Vec<PathBuf>,

    /// For packs: folder of the local identity, whose authority is trusted [default: ~/.config/hexproof/identity]
    #[arg(long, value_name = "DIR", env = "HEXPROOF_IDENTITY")]
    pub(crate) identity: Option<PathBuf>,

    /// Form of the result
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}

impl DiffArgs {
    /// Whether two audits of a server are meant. A server without a cluster would leave open what is compared.
    pub(crate) fn of_server(&self, server: &client::ServerArgs) -> anyhow::Result<bool> {
        match (&self.cluster, server.stated()) {
            (Some(_), Some(_)) => Ok(true),
            (Some(_), None) => anyhow::bail!("--cluster names one of a server: name that with --server"),
            (None, _) if server.server.is_some() => {
                anyhow::bail!("a server compares two audits of a cluster: name it with --cluster")
            }
            (None, _) => Ok(false),
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// The packs to check
    #[arg(value_name = "PACK.pdf", required = true)]
    pub(crate) packs: Vec<PathBuf>,

    /// Certificates of authorities to trust (PEM); may be given several times
    #[arg(long, value_name = "CA.pem")]
    pub(crate) trust: Vec<PathBuf>,

    /// Folder of the local identity, whose authority is trusted if it exists [default: ~/.config/hexproof/identity]
    #[arg(long, value_name = "DIR", env = "HEXPROOF_IDENTITY")]
    pub(crate) identity: Option<PathBuf>,

    /// Also check that this store holds the same pack
    #[arg(long, value_name = "URL")]
    pub(crate) store: Option<String>,

    /// Form of the result
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}

#[derive(Debug, Subcommand)]
pub(crate) enum MeasuresCommand {
    /// List the measures of the catalogue
    List {
        /// Form of the list
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Show one measure: condition, reason, how to mend, references
    Show {
        /// The measure's id, for example container-privileged
        id: String,
        /// Form of the measure
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Read measure files and run the examples inside them
    Check {
        /// A folder with one folder per layer, as `measures/`
        #[arg(value_name = "DIR")]
        folder: PathBuf,
    },
}

/// Form of logs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum LogFormat {
    /// For people
    #[default]
    Text,
    /// One JSON object a line
    Json,
}

/// Form of a result.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    #[default]
    Text,
    /// For programs: the JSON of hexproof.v1
    Json,
}

/// `--platform`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum PlatformArg {
    /// As the nodes show it; on-premise where nothing does
    #[default]
    Auto,
    /// Azure Kubernetes Service
    Aks,
    /// A control plane of one's own
    OnPremise,
}

/// `--secrets`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum SecretsArg {
    /// Types, key names, public certificate facts
    #[default]
    Keys,
    /// Metadata only
    Metadata,
}

impl From<SecretsArg> for hexproof_collectors::live::SecretsMode {
    fn from(mode: SecretsArg) -> Self {
        match mode {
            SecretsArg::Keys => Self::Keys,
            SecretsArg::Metadata => Self::Metadata,
        }
    }
}

/// A letter for `--fail-below`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "UPPER")]
pub(crate) enum Letter {
    /// Ratings below A fail
    A,
    /// Ratings below B fail
    B,
    /// Ratings below C fail
    C,
    /// Ratings below D fail
    D,
    /// Only a cluster that is not assessed fails
    E,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_well_formed() {
        super::Cli::command().debug_assert();
    }
}
