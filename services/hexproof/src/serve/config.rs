//! What an operator states of the service: one YAML file, and flags that go before it. `docs/service.md` shows all of
//! it; a test holds that document to these fields.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::ValueEnum;
use hexproof_access::AccessConfig;
use serde::{Deserialize, Serialize};

use crate::cli::{LogFormat, SecretsArg, ServeArgs};
use crate::configuration;

/// Port where nothing else is stated.
const LISTEN: ([u8; 4], u16) = ([127, 0, 0, 1], 7443);

/// Everything that can be stated.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct Config {
    /// Address for callers.
    pub(crate) listen: SocketAddr,
    /// Address for Prometheus, which proves no identity there.
    pub(crate) metrics_listen: Option<SocketAddr>,
    /// Where everything is kept.
    pub(crate) store: String,
    /// Where audits wait: a NATS address, or nothing for a queue within the process.
    pub(crate) queue: String,
    /// What this process does.
    pub(crate) roles: BTreeSet<Role>,
    /// Audits at the same time.
    pub(crate) workers: usize,
    /// Kubeconfig of clusters that the service reads by itself.
    pub(crate) kubeconfig: Option<PathBuf>,
    /// Whether the service may read API servers by itself: by its kubeconfig, or the one it runs in. A kubeconfig
    /// that is stated here or by its flag says so by itself.
    pub(crate) read_clusters: bool,
    /// What is asked of the Secrets of clusters.
    pub(crate) secrets: SecretsArg,
    /// Folder below which registered manifests lie; without it there are no such sources.
    pub(crate) manifests: Option<PathBuf>,
    /// Measure files to judge by instead of the built-in ones.
    pub(crate) measures: Option<PathBuf>,
    /// Who seals packs.
    pub(crate) identity: IdentityConfig,
    /// Certificate and key of the port for callers.
    pub(crate) tls: Option<TlsConfig>,
    /// Certificate and key that the service shows to agents which it calls; those of `tls` if not stated.
    pub(crate) agent_tls: Option<TlsConfig>,
    /// Who may call, and how callers are known.
    pub(crate) access: AccessConfig,
    /// Certificates of authorities that are trusted when packs are checked, beside that of the identity.
    pub(crate) trust: Vec<PathBuf>,
    /// What callers may take.
    pub(crate) limits: Limits,
    /// How long audits may take.
    pub(crate) audits: Audits,
    /// What drawing a report may take.
    pub(crate) rendering: Rendering,
    /// Seconds for audits and calls under way when the process is told to stop.
    pub(crate) grace_seconds: u64,
    /// Origins of web pages that may call; none, one by one.
    pub(crate) cors_origins: Vec<String>,
    /// Form of the logs.
    pub(crate) log_format: LogFormat,
}

/// What a process does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Role {
    /// Answers callers
    Api,
    /// Starts the audits that are due
    Scheduler,
    /// Carries audits
    Worker,
}

/// Who seals packs: a folder, or a chain and its key.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct IdentityConfig {
    /// Folder of the identity; made on first use.
    pub(crate) folder: Option<PathBuf>,
    /// Certificate chain, signer first (PEM).
    pub(crate) certificate: Option<PathBuf>,
    /// Its key (PEM, PKCS#8, ECDSA P-256).
    pub(crate) key: Option<PathBuf>,
}

/// Certificate and key of the port for callers; read again when they change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct TlsConfig {
    /// Certificate chain (PEM).
    pub(crate) certificate: PathBuf,
    /// Its key (PEM).
    pub(crate) key: PathBuf,
}

/// What callers may take.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct Limits {
    /// Open connections.
    pub(crate) connections: usize,
    /// Calls at once, streams among them.
    pub(crate) calls: usize,
    /// Seconds for a call that is no stream and states no deadline.
    pub(crate) call_seconds: u64,
}

/// How long audits may take.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct Audits {
    /// Minutes for one attempt.
    pub(crate) minutes: u64,
    /// Minutes that an audit waits for the snapshot of an agent.
    pub(crate) patience_minutes: u64,
}

/// What drawing a report may take.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct Rendering {
    /// MiB of address space.
    pub(crate) memory_mebibytes: u64,
    /// Seconds.
    pub(crate) seconds: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: LISTEN.into(),
            metrics_listen: None,
            store: "./evidence".into(),
            queue: String::new(),
            roles: BTreeSet::from([Role::Api, Role::Scheduler, Role::Worker]),
            workers: 2,
            kubeconfig: None,
            read_clusters: false,
            secrets: SecretsArg::Metadata,
            manifests: None,
            measures: None,
            identity: IdentityConfig::default(),
            tls: None,
            agent_tls: None,
            access: AccessConfig::default(),
            trust: Vec::new(),
            limits: Limits::default(),
            audits: Audits::default(),
            rendering: Rendering::default(),
            grace_seconds: 25,
            cors_origins: Vec::new(),
            log_format: LogFormat::Text,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self { connections: 1024, calls: 1024, call_seconds: 60 }
    }
}

impl Default for Audits {
    fn default() -> Self {
        Self { minutes: 30, patience_minutes: 15 }
    }
}

impl Default for Rendering {
    fn default() -> Self {
        Self { memory_mebibytes: 2048, seconds: 120 }
    }
}

impl Config {
    /// The file, if one is given, and the flags over it.
    pub(crate) fn read(args: &ServeArgs) -> anyhow::Result<Self> {
        let mut config = match &args.config {
            Some(file) => configuration::yaml(file, "configuration")?,
            None => Self::default(),
        };
        config.over(args);
        config.check(args.dev)?;
        Ok(config)
    }

    fn over(&mut self, args: &ServeArgs) {
        fn over<T: Clone>(field: &mut T, flag: Option<&T>) {
            if let Some(flag) = flag {
                field.clone_from(flag);
            }
        }
        fn maybe<T: Clone>(field: &mut Option<T>, flag: Option<&T>) {
            if flag.is_some() {
                *field = flag.cloned();
            }
        }
        over(&mut self.listen, args.listen.as_ref());
        over(&mut self.store, args.store.as_ref());
        over(&mut self.queue, args.queue.as_ref());
        over(&mut self.workers, args.workers.as_ref());
        over(&mut self.log_format, args.log_format.as_ref());
        maybe(&mut self.metrics_listen, args.metrics_listen.as_ref());
        maybe(&mut self.kubeconfig, args.kubeconfig.as_ref());
        maybe(&mut self.manifests, args.manifests.as_ref());
        if !args.roles.is_empty() {
            self.roles = args.roles.iter().copied().collect();
        }
        if args.identity.is_some() || args.certificate.is_some() {
            self.identity = IdentityConfig {
                folder: args.identity.clone(),
                certificate: args.certificate.clone(),
                key: args.key.clone(),
            };
        }
    }

    /// What no process can be started with.
    fn check(&self, dev: bool) -> anyhow::Result<()> {
        if self.roles.is_empty() {
            bail!("`roles`: at least one of api, scheduler, worker");
        }
        if self.has(Role::Worker) && !(1..=256).contains(&self.workers) {
            bail!("`workers`: {} is not between 1 and 256", self.workers);
        }
        if self.queue.is_empty() && !self.has(Role::Worker) {
            bail!(
                "`queue`: without a worker in this process audits have to wait in a queue that others reach"
            );
        }
        if self.identity.certificate.is_some() != self.identity.key.is_some() {
            bail!("`identity`: `certificate` and `key` belong together");
        }
        if self.identity.folder.is_some() && self.identity.key.is_some() {
            bail!("`identity`: either `folder`, or `certificate` and `key`");
        }
        if dev {
            for address in [Some(self.listen), self.metrics_listen].into_iter().flatten() {
                if !address.ip().is_loopback() {
                    bail!(
                        "--dev asks nobody who they are: it serves loopback addresses only, and `{address}` is none"
                    );
                }
            }
        }
        let seconds = [self.limits.call_seconds, self.rendering.seconds, self.audits.minutes];
        if seconds.contains(&0) || self.limits.connections == 0 || self.limits.calls == 0 {
            bail!("`limits`, `rendering` and `audits`: nothing can be done in no time or by nobody");
        }
        Ok(())
    }

    /// Whether this process does something.
    pub(crate) fn has(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }

    /// Time for what is under way at the end.
    pub(crate) fn grace(&self) -> Duration {
        Duration::from_secs(self.grace_seconds)
    }
}

/// Reads a file that the configuration names.
pub(crate) fn file(path: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("cannot read `{}`", path.display()))
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::{Cli, Command};

    fn read(flags: &[&str]) -> anyhow::Result<Config> {
        let cli = Cli::try_parse_from(["hexproof", "serve"].iter().chain(flags))?;
        let Command::Serve(args) = cli.command else { panic!("another command") };
        Config::read(&args)
    }

    #[test]
    fn flags_go_before_the_file() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "store: s3://bucket\nworkers: 7\nroles: [worker]\n").unwrap();
        let path = file.path().to_str().unwrap();
        let config = read(&["--config", path, "--workers", "3", "--roles", "api,worker"]).unwrap();
        assert_eq!((config.store.as_str(), config.workers), ("s3://bucket", 3));
        assert_eq!(config.roles, BTreeSet::from([Role::Api, Role::Worker]));
    }

    #[test]
    fn what_cannot_be_meant_is_refused_with_the_field() {
        for (flags, said) in [
            (vec!["--dev", "--listen", "0.0.0.0:0"], "loopback"),
            (vec!["--dev", "--metrics-listen", "10.0.0.1:1"], "loopback"),
            (vec!["--roles", "api"], "queue"),
            (vec!["--workers", "0"], "workers"),
        ] {
            let error = read(&flags).unwrap_err().to_string();
            assert!(error.contains(said), "{flags:?}: {error}");
        }
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "stor: s3://bucket\n").unwrap();
        let error = format!("{:#}", read(&["--config", file.path().to_str().unwrap()]).unwrap_err());
        assert!(error.contains("stor"), "{error}");
    }

    /// The first YAML block of the document.
    fn documented() -> String {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/service.md");
        let text = std::fs::read_to_string(path).unwrap();
        text.split_once("```yaml\n").unwrap().1.split_once("```").unwrap().0.to_owned()
    }

    /// The fields of a type that refuses unknown ones, as its refusal lists them.
    fn fields<T: serde::de::DeserializeOwned>() -> Vec<String> {
        let Err(error) = serde_json::from_value::<T>(serde_json::json!({ "?": 0 })) else {
            panic!("`?` is taken for a field");
        };
        let error = error.to_string();
        let known = error.split_once("expected").unwrap().1;
        known.split('`').skip(1).step_by(2).map(str::to_owned).collect()
    }

    #[test]
    fn the_document_shows_every_field_and_no_other() {
        use hexproof_access::{
            GrantConfig, KeyConfig, KubernetesConfig, LinksConfig, LoginConfig, MtlsConfig, OidcConfig,
        };
        let text = documented();
        let config: Config = serde_saphyr::from_str(&text).unwrap();
        // The document shows both ways to name an identity.
        assert!(config.identity.key.is_some() && config.identity.folder.is_none());
        config.check(false).unwrap();
        let all = [
            fields::<Config>(),
            fields::<IdentityConfig>(),
            fields::<TlsConfig>(),
            fields::<Limits>(),
            fields::<Audits>(),
            fields::<Rendering>(),
            fields::<AccessConfig>(),
            fields::<OidcConfig>(),
            fields::<KubernetesConfig>(),
            fields::<MtlsConfig>(),
            fields::<LinksConfig>(),
            fields::<LoginConfig>(),
            fields::<KeyConfig>(),
            fields::<GrantConfig>(),
        ]
        .concat();
        assert!(all.len() > 40, "{all:?}");
        let missing: Vec<&String> = all.iter().filter(|name| !text.contains(&format!("{name}:"))).collect();
        assert!(missing.is_empty(), "docs/service.md does not show {missing:?}");
    }

    #[test]
    fn the_document_shows_the_defaults_where_it_says_so() {
        let shown: Config = serde_saphyr::from_str(&documented()).unwrap();
        let default = Config::default();
        assert_eq!(shown.limits, default.limits);
        assert_eq!(shown.audits, default.audits);
        assert_eq!(shown.rendering, default.rendering);
        assert_eq!(shown.grace_seconds, default.grace_seconds);
        assert_eq!((shown.workers, shown.roles), (default.workers, default.roles));
        assert_eq!((shown.secrets, shown.read_clusters), (default.secrets, default.read_clusters));
    }

    #[test]
    fn a_loopback_address_of_either_family_will_do_for_dev() {
        for listen in ["127.0.0.1:0", "[::1]:0", "127.1.2.3:80"] {
            assert!(read(&["--dev", "--listen", listen]).is_ok(), "{listen}");
        }
    }
}
