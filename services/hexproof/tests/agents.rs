//! Service and agents as processes that know one another by certificates: an agent that is called, and one that calls.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod support;

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use hexproof_archive::{Archive, PackStore, RecordStore, RunStore};
use hexproof_core::access::Clusters;
use hexproof_core::audit::{AuditKey, AuditOrder, Ending, Trigger};
use hexproof_core::id::ClusterId;
use hexproof_core::port::evidence::PackPick;
use hexproof_core::port::{Register, Runs as _};
use hexproof_core::register::{ClusterEntry, ClusterSource, Version};
use hexproof_testkit::FakeCluster;
use jiff::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair, SanType,
    date_time_ymd,
};
use serde_json::json;
use support::{hexproof, run};

/// The UID of namespace kube-system of the cluster.
const CLUSTER: &str = "3f1e9f6e-6b6b-4c57-9d8e-0a4d2f3b1c5d";
/// Noon of the day for which certificates are issued: the clock of every process here.
const NOON: &str = "1795521600";
/// How long an audit may take: unoptimised, drawing takes seconds.
const AUDIT: Duration = Duration::from_secs(120);

/// An authority and what it issued, beside a store and a kubeconfig.
struct World {
    home: tempfile::TempDir,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl World {
    /// A cluster whose API server listens at the address of the kubeconfig.
    async fn new() -> Self {
        let cluster = FakeCluster::new()
            .with(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kube-system", "uid": CLUSTER}}))
            .with(json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "namespace": "default", "uid": "u"},
                "spec": {"containers": [{"name": "web", "image": "nginx", "securityContext": {"privileged": true}}]}}));
        let address = cluster.listen().await.unwrap();
        let home = tempfile::tempdir().unwrap();
        let config = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "test",
            "contexts": [{"name": "test", "context": {"cluster": "c", "user": "u"}}],
            "clusters": [{"name": "c", "cluster": {"server": format!("http://{address}")}}],
            "users": [{"name": "u", "user": {}}],
        });
        fs::write(home.path().join("kubeconfig"), config.to_string()).unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        (params.not_before, params.not_after) = (date_time_ymd(2026, 1, 1), date_time_ymd(2027, 1, 1));
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        fs::write(home.path().join("ca.pem"), issuer.pem()).unwrap();
        let world = Self { home, issuer };
        world.issue("server", "spiffe://example.org/server");
        world.issue("agent", &format!("spiffe://example.org/cluster/{CLUSTER}/collector"));
        world.issue("other", "spiffe://example.org/cluster/another/collector");
        world
    }

    /// Writes `NAME.pem` and `NAME.key`.
    fn issue(&self, name: &str, id: &str) {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.subject_alt_names = vec![SanType::URI(id.try_into().unwrap())];
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        (params.not_before, params.not_after) = (date_time_ymd(2026, 11, 24), date_time_ymd(2026, 11, 25));
        let key = KeyPair::generate().unwrap();
        fs::write(self.path(&format!("{name}.pem")), params.signed_by(&key, &self.issuer).unwrap().pem())
            .unwrap();
        fs::write(self.path(&format!("{name}.key")), key.serialize_pem()).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    fn archive(&self) -> Archive {
        Archive::open(self.path("evidence").to_str().unwrap()).unwrap()
    }

    async fn register(&self, source: ClusterSource) {
        let id = cluster();
        let value = ClusterEntry {
            id: id.clone(),
            display_name: "shop".into(),
            labels: Default::default(),
            platform: None,
            source,
            settings: String::new(),
            retired: false,
        };
        let version = Version {
            number: 1,
            changed_by: "test".into(),
            changed_at: Timestamp::UNIX_EPOCH,
            request: String::new(),
            value,
        };
        Register::new(Arc::new(RecordStore::new(self.archive()))).put(&id.into(), version).await.unwrap();
    }

    /// The service with certificates and without `--dev`.
    fn serve(&self) -> (Running, String) {
        let config = json!({
            "tls": {"certificate": "server.pem", "key": "server.key"},
            "access": {"mtls": {"ca": "ca.pem", "trustDomain": "example.org"}},
            "graceSeconds": 5,
        });
        fs::write(self.path("hexproof.yaml"), config.to_string()).unwrap();
        let mut command = self.command();
        command.args(["serve", "--listen", "127.0.0.1:0", "--config", "hexproof.yaml"]);
        let running = Running::start(&mut command, &self.path("serve.log"));
        let address = running.listening();
        (running, address)
    }

    fn agent(&self, name: &str, args: &[&str]) -> Running {
        let (certificate, key) = (format!("{name}.pem"), format!("{name}.key"));
        let mut command = self.command();
        command
            .args(["agent", "--kubeconfig", "kubeconfig", "--ca", "ca.pem", "--trust-domain", "example.org"])
            .args(["--certificate", &certificate, "--key", &key])
            .args(args);
        Running::start(&mut command, &self.path(&format!("{name}.log")))
    }

    fn command(&self) -> Command {
        let mut command = hexproof(self.home.path());
        command.env("SOURCE_DATE_EPOCH", NOON);
        command
    }

    /// The digest of the only pack, once there is one.
    async fn pack(&self, running: &Running) -> String {
        let packs = PackStore::new(self.archive());
        let pick = PackPick { clusters: Clusters::All, from: None, until: None };
        let begun = Instant::now();
        loop {
            let page = packs.list(&pick, None, 10).await.unwrap();
            if let [row] = page.items.as_slice() {
                assert_eq!(row.key.cluster, cluster());
                return row.digest.hex();
            }
            assert!(begun.elapsed() < AUDIT && page.items.is_empty(), "{:?}\n{}", page.items, running.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn verify(&self, digest: &str) {
        let pack = self.path(&format!("evidence/packs/{digest}.pdf"));
        let (code, out, err) = run(self.command().arg("verify").arg(pack));
        assert_eq!(code, 0, "{out}{err}");
    }
}

fn cluster() -> ClusterId {
    CLUSTER.parse().unwrap()
}

/// A process of the program, gone with this.
struct Running {
    process: Child,
    log: PathBuf,
}

impl Running {
    fn start(command: &mut Command, log: &Path) -> Self {
        let errors = fs::File::create(log).unwrap();
        let process = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(errors).spawn().unwrap();
        Self { process, log: log.to_owned() }
    }

    /// Where it says that it listens.
    fn listening(&self) -> String {
        // The pipe is left open: what is said later goes nowhere.
        let out = self.process.stdout.as_ref().unwrap();
        let out = std::os::fd::AsFd::as_fd(out).try_clone_to_owned().unwrap();
        let mut line = String::new();
        BufReader::new(fs::File::from(out)).read_line(&mut line).unwrap();
        let told: serde_json::Value =
            serde_json::from_str(&line).unwrap_or_else(|error| panic!("{line}: {error}: {}", self.log()));
        assert_eq!(told["tls"], true, "{told}");
        told["listening"].as_str().unwrap().to_owned()
    }

    fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    /// Asks it to stop: it must end well.
    fn stop(mut self) {
        let id = self.process.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        assert_eq!(self.process.wait().unwrap().code(), Some(0), "{}", self.log());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Records an audit as the front of the service does.
async fn order(world: &World) -> AuditKey {
    let trigger = Trigger::Request { request: "first".into(), subject: "test".into() };
    let key = AuditKey { run: trigger.run(&cluster()), cluster: cluster() };
    let order = AuditOrder {
        key: key.clone(),
        trigger,
        created: Timestamp::from_second(NOON.parse().unwrap()).unwrap(),
    };
    RunStore::new(world.archive()).order(&order).await.unwrap();
    key
}

#[tokio::test(flavor = "multi_thread")]
async fn the_service_calls_the_agent_that_it_means() {
    let world = World::new().await;
    let agent = world.agent("agent", &["--listen", "127.0.0.1:0"]);
    let address = format!("https://{}", agent.listening());
    world.register(ClusterSource::Agent { address, spiffe_id: String::new() }).await;
    order(&world).await;
    let (service, _) = world.serve();
    let digest = world.pack(&service).await;
    world.verify(&digest);
    service.stop();
    agent.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_of_another_cluster_is_not_believed() {
    let world = World::new().await;
    let agent = world.agent("other", &["--listen", "127.0.0.1:0"]);
    let address = format!("https://{}", agent.listening());
    world.register(ClusterSource::Agent { address, spiffe_id: String::new() }).await;
    let key = order(&world).await;
    let (service, _) = world.serve();
    let runs = RunStore::new(world.archive());
    let begun = Instant::now();
    let ended = loop {
        if let Some((ended, _)) = runs.find(&key).await.unwrap().unwrap().ended {
            break ended;
        }
        assert!(begun.elapsed() < AUDIT, "{}", service.log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    let Ending::Failed { reason } = ended else { panic!("{ended:?}") };
    assert!(reason.contains("cannot be reached"), "{reason}");
    service.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_dials_out_delivers_and_its_audit_runs() {
    let world = World::new().await;
    world.register(ClusterSource::Push).await;
    let (service, address) = world.serve();
    let server = format!("https://{address}");
    // Whoever speaks for another cluster delivers nothing to this one.
    let other = world.agent("other", &["--server", &server, "--every-hours", "1"]);
    let agent = world.agent("agent", &["--server", &server, "--every-hours", "1"]);
    let digest = world.pack(&service).await;
    world.verify(&digest);
    let begun = Instant::now();
    while !other.log().contains("the service refused") {
        assert!(begun.elapsed() < AUDIT, "{}", other.log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    agent.stop();
    other.stop();
    service.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_is_not_meant_gets_nothing() {
    let world = World::new().await;
    // An agent's certificate in place of the service's.
    for (from, to) in [("other.pem", "server.pem"), ("other.key", "server.key")] {
        fs::copy(world.path(from), world.path(to)).unwrap();
    }
    world.register(ClusterSource::Push).await;
    let (service, address) = world.serve();
    let agent = world.agent("agent", &["--server", &format!("https://{address}"), "--every-hours", "1"]);
    let begun = Instant::now();
    while !agent.log().contains("cannot be reached") {
        assert!(begun.elapsed() < AUDIT, "{}", agent.log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    agent.stop();
    service.stop();
}

#[test]
fn an_agent_prints_the_role_that_it_needs_and_says_what_it_lacks() {
    let home = tempfile::tempdir().unwrap();
    let (code, out, err) = run(hexproof(home.path()).args(["agent", "--print-clusterrole"]));
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("kind: ClusterRole") && !out.contains("\"*\""), "{out}");
    let kubeconfig = home.path().join("kubeconfig");
    fs::write(&kubeconfig, "apiVersion: v1\nkind: Config\n").unwrap();
    let (code, _, err) =
        run(hexproof(home.path()).args(["agent", "--listen", "127.0.0.1:0", "--context", "x"]));
    assert_eq!(code, 2, "{err}");
    for (flags, said) in [
        (vec!["--dev", "--listen", "0.0.0.0:0"], "loopback"),
        (vec!["--listen", "127.0.0.1:0"], "--trust-domain"),
        (vec![], "--server URL"),
    ] {
        let config = json!({"apiVersion": "v1", "kind": "Config", "current-context": "t",
            "contexts": [{"name": "t", "context": {"cluster": "c", "user": "u"}}],
            "clusters": [{"name": "c", "cluster": {"server": "http://127.0.0.1:1"}}],
            "users": [{"name": "u", "user": {}}]});
        fs::write(&kubeconfig, config.to_string()).unwrap();
        let (code, _, err) =
            run(hexproof(home.path()).args(["agent", "--kubeconfig", "kubeconfig"]).args(&flags));
        assert_eq!(code, 2, "{flags:?}: {err}");
        assert!(err.contains(said), "{flags:?}: {err}");
    }
}

#[test]
fn without_dev_the_service_demands_a_certificate() {
    let home = tempfile::tempdir().unwrap();
    let (code, _, err) = run(hexproof(home.path()).args(["serve", "--listen", "127.0.0.1:0"]));
    assert_eq!(code, 2, "{err}");
    assert!(err.contains("`tls`"), "{err}");
}
