//! A service of a test's own, with clients to call it.

#![allow(dead_code, clippy::unwrap_used, reason = "each test file uses its part, and may fail by panicking")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use hexproof_api::v1;
use hexproof_api::v1::audit_service_client::AuditServiceClient;
use hexproof_api::v1::cluster_service_client::ClusterServiceClient;
use hexproof_api::v1::pack_service_client::PackServiceClient;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tonic::transport::{Channel, Endpoint};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use super::support::hexproof;

/// How long the service may take to listen.
const START: Duration = Duration::from_secs(60);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(20);

/// A workload that many measures have something to say about.
const SHOP: &str = "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n---\n\
    apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: shop}\n\
    spec: {selector: {matchLabels: {app: web}}, template: {metadata: {labels: {app: web}}, \
    spec: {containers: [{name: web, image: \"nginx:latest\", securityContext: {privileged: true}}]}}}\n";

/// A running `hexproof serve --dev`.
pub(crate) struct Serving {
    process: Child,
    address: String,
    log: PathBuf,
    channel: Channel,
}

impl Serving {
    /// Starts it in a folder, with a store there and one folder of manifests, `shop`.
    pub(crate) async fn start(home: &Path, arguments: &[&str]) -> Self {
        let manifests = home.join("manifests/shop");
        fs::create_dir_all(&manifests).unwrap();
        fs::write(manifests.join("shop.yaml"), SHOP).unwrap();
        let (ready, log) = (home.join("ready.json"), home.join("serve.log"));
        let _ = fs::remove_file(&ready);
        let mut command: Command = hexproof(home);
        let process = command
            .env_remove("SOURCE_DATE_EPOCH")
            .args(["serve", "--dev", "--listen", "127.0.0.1:0", "--manifests", "manifests", "--ready-file"])
            .arg(&ready)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let mut this = Some(process);
        let begun = Instant::now();
        let told = loop {
            if let Ok(text) = fs::read_to_string(&ready) {
                break text;
            }
            let ended = this.as_mut().unwrap().try_wait().unwrap();
            let messages = fs::read_to_string(&log).unwrap();
            assert!(ended.is_none() && begun.elapsed() < START, "it does not listen: {messages}");
            tokio::time::sleep(LOOK).await;
        };
        let told: serde_json::Value = serde_json::from_str(&told).unwrap();
        let address = told["listening"].as_str().unwrap().to_owned();
        let channel = Endpoint::from_shared(format!("http://{address}")).unwrap().connect_lazy();
        Self { process: this.take().unwrap(), address, log, channel }
    }

    pub(crate) fn audits(&self) -> AuditServiceClient<Channel> {
        AuditServiceClient::new(self.channel.clone())
    }

    pub(crate) fn packs(&self) -> PackServiceClient<Channel> {
        PackServiceClient::new(self.channel.clone())
    }

    /// Registers a cluster whose state lies in a folder.
    pub(crate) async fn register(&self, cluster: &str, path: &str) {
        use v1::cluster_source::From;
        let source =
            v1::ClusterSource { from: Some(From::Manifests(v1::ManifestSource { path: path.into() })) };
        let registered = v1::RegisteredCluster {
            cluster_id: cluster.into(),
            display_name: cluster.into(),
            source: Some(source),
            ..Default::default()
        };
        let request = v1::RegisterClusterRequest {
            cluster: Some(registered),
            request_id: format!("register-{cluster}"),
        };
        ClusterServiceClient::new(self.channel.clone()).register_cluster(request).await.unwrap();
    }

    /// Starts an audit; its id.
    pub(crate) async fn start_audit(&self, cluster: &str, request: &str) -> String {
        let request = v1::StartAuditRequest { cluster_id: cluster.into(), request_id: request.into() };
        self.audits().start_audit(request).await.unwrap().into_inner().audit.unwrap().audit_id
    }

    pub(crate) async fn audit(&self, cluster: &str, audit: &str) -> v1::Audit {
        let request =
            v1::GetAuditRequest { cluster_id: cluster.into(), audit_id: audit.into(), read_mask: None };
        self.audits().get_audit(request).await.unwrap().into_inner().audit.unwrap()
    }

    pub(crate) async fn state(&self, cluster: &str, audit: &str) -> v1::AuditState {
        self.audit(cluster, audit).await.state()
    }

    /// Waits until an audit of `shop` has ended, as it should.
    pub(crate) async fn ends(&self, audit: &str, wanted: v1::AuditState, limit: Duration) -> v1::Audit {
        let begun = Instant::now();
        loop {
            let now = self.audit("shop", audit).await;
            match now.state() {
                v1::AuditState::Queued | v1::AuditState::Running | v1::AuditState::Unspecified => {}
                state => {
                    assert_eq!(state, wanted, "{now:?}\n{}", self.log());
                    return now;
                }
            }
            assert!(begun.elapsed() < limit, "it does not end: {now:?}\n{}", self.log());
            tokio::time::sleep(LOOK).await;
        }
    }

    /// The pack of an audit.
    pub(crate) async fn download(&self, cluster: &str, audit: &str) -> Vec<u8> {
        let request = v1::DownloadPackRequest {
            cluster_id: cluster.into(),
            audit_id: audit.into(),
            artifact: v1::Artifact::Pack.into(),
            ..Default::default()
        };
        let mut stream = self.packs().download_pack(request).await.unwrap().into_inner();
        let mut bytes = Vec::new();
        while let Some(message) = stream.message().await.unwrap() {
            bytes.extend_from_slice(&message.data);
        }
        bytes
    }

    /// Whether a service says that it serves.
    pub(crate) async fn healthy(&self, service: &str) -> bool {
        let request = tonic_health::pb::HealthCheckRequest { service: service.into() };
        let answer = HealthClient::new(self.channel.clone()).check(request).await.unwrap();
        answer.into_inner().status() == ServingStatus::Serving
    }

    /// Status and text of a page.
    pub(crate) async fn page(&self, path: &str) -> (u16, String) {
        let (head, body) = self.exchange(Exchange::get(path)).await;
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, String::from_utf8_lossy(&body).into_owned())
    }

    /// One exchange by HTTP/1.1: the head, and the body as it came.
    pub(crate) async fn exchange(&self, exchange: Exchange) -> (String, Vec<u8>) {
        let mut stream = tokio::net::TcpStream::connect(&self.address).await.unwrap();
        // A server that has read enough may close while we still write.
        let _ = stream.write_all(&exchange.bytes()).await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        let end = answer.windows(4).position(|part| part == b"\r\n\r\n").unwrap_or(answer.len());
        let body = answer.get(end + 4..).unwrap_or_default().to_vec();
        (String::from_utf8_lossy(&answer[..end]).into_owned(), body)
    }

    /// The process that draws, once there is one that is not `known`.
    pub(crate) async fn child(&self, limit: Duration, known: &[u32]) -> u32 {
        let begun = Instant::now();
        loop {
            let children = format!("/proc/{0}/task", self.process.id());
            let found = fs::read_dir(children)
                .unwrap()
                .filter_map(|task| fs::read_to_string(task.unwrap().path().join("children")).ok())
                .flat_map(|line| line.split(' ').filter_map(|id| id.parse().ok()).collect::<Vec<u32>>())
                .find(|id| !known.contains(id));
            if let Some(found) = found {
                return found;
            }
            assert!(begun.elapsed() < limit, "nothing is drawn: {}", self.log());
            tokio::time::sleep(LOOK).await;
        }
    }

    pub(crate) fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap()).into_owned()
    }

    pub(crate) fn signal(&self, name: &str) {
        signal(self.process.id(), name);
    }

    /// Waits for its end; the exit code.
    pub(crate) fn wait(&mut self) -> Option<i32> {
        self.process.wait().unwrap().code()
    }

    /// Asks it to stop, and waits: it must end well.
    pub(crate) fn stop(mut self) {
        self.signal("TERM");
        let code = self.wait();
        assert_eq!(code, Some(0), "{}", self.log());
        assert!(!self.log().contains("panicked"), "{}", self.log());
    }

    /// Kills it, as a crash of the machine would.
    pub(crate) fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A request by HTTP/1.1.
pub(crate) struct Exchange(Vec<u8>, Vec<u8>);

impl Exchange {
    pub(crate) fn get(path: &str) -> Self {
        Self(format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n").into(), Vec::new())
    }

    pub(crate) fn post(path: &str) -> Self {
        Self(format!("POST {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n").into(), Vec::new())
    }

    /// Bytes as they are.
    pub(crate) fn raw(bytes: &[u8]) -> Self {
        Self(Vec::new(), bytes.to_vec())
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.0.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
        self
    }

    pub(crate) fn body(mut self, body: &[u8]) -> Self {
        self.1 = body.to_vec();
        self.header("content-length", &body.len().to_string())
    }

    fn bytes(mut self) -> Vec<u8> {
        if !self.0.is_empty() {
            self.0.extend_from_slice(b"\r\n");
        }
        self.0.append(&mut self.1);
        self.0
    }
}

/// Waits until something is so.
pub(crate) async fn until(what: &str, limit: Duration, so: impl AsyncFn() -> bool) {
    let begun = Instant::now();
    while !so().await {
        assert!(begun.elapsed() < limit, "{what}: not within {limit:?}");
        tokio::time::sleep(LOOK).await;
    }
}

/// Whether a process is there and not just waiting to be collected.
pub(crate) fn lives(process: u32) -> bool {
    fs::read_to_string(format!("/proc/{process}/stat"))
        .is_ok_and(|stat| !stat.rsplit(')').next().unwrap_or_default().trim_start().starts_with('Z'))
}

pub(crate) fn kill(process: u32) {
    signal(process, "KILL");
}

fn signal(process: u32, name: &str) {
    let sent = Command::new("kill").arg(format!("-{name}")).arg(process.to_string()).status().unwrap();
    assert!(sent.success());
}
