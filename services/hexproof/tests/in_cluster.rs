//! What runs in a cluster beside the service: an audit on a schedule, with rights that are not all, and an agent that
//! kubelets ask how it is.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod support;

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use hexproof_testkit::FakeCluster;
use serde_json::json;
use support::{hexproof, run};

/// How long a process may take to answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// Writes a kubeconfig of a cluster that refuses Secrets, and in which something runs.
async fn cluster(home: &Path) {
    let cluster = FakeCluster::new()
        .with(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kube-system", "uid": "u-1"}}))
        .with(json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "namespace": "shop", "uid": "u"},
            "spec": {"containers": [{"name": "web", "image": "registry.example.com/web:1"}]}}))
        .serving("v1", "Secret", "secrets")
        .forbidding("secrets");
    let server = format!("http://{}", cluster.listen().await.unwrap());
    let config = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "test",
        "contexts": [{"name": "test", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": server}}],
        "users": [{"name": "u", "user": {}}],
    });
    fs::write(home.join("kubeconfig"), config.to_string()).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_audit_without_a_right_to_secrets_is_done_where_that_is_accepted() {
    let home = tempfile::tempdir().unwrap();
    cluster(home.path()).await;
    for (secrets, flags, wanted, said) in [
        ("none", &[][..], 3, "not asked for: the collector reads no Secrets"),
        ("none", &["--accept-incomplete"][..], 0, "not asked for: the collector reads no Secrets"),
        ("metadata", &["--accept-incomplete"][..], 0, "403"),
        // A rating that was asked for is not accepted with it.
        ("none", &["--accept-incomplete", "--fail-below", "A"][..], 1, "below A"),
    ] {
        let mut command = hexproof(home.path());
        command.args(["audit", "--kubeconfig", "kubeconfig", "--secrets", secrets, "--quiet"]).args(flags);
        let (code, out, err) = tokio::task::spawn_blocking(move || run(&mut command)).await.unwrap();
        assert_eq!(code, wanted, "{flags:?}: {out}{err}");
        assert!(out.contains(said), "{flags:?} {secrets}: {out}");
    }
    let packs = fs::read_dir(home.path().join("evidence/packs")).unwrap().count();
    assert!(packs >= 2, "{packs}");
}

/// The status and the body of a page.
fn get(address: SocketAddr, path: &str) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: agent\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let status = answer.split(' ').nth(1)?.parse().ok()?;
    Some((status, answer.split_once("\r\n\r\n")?.1.to_owned()))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_tells_kubelets_that_it_lives_though_its_service_does_not() {
    let home = tempfile::tempdir().unwrap();
    cluster(home.path()).await;
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut agent = hexproof(home.path())
        .args(["--server", "http://127.0.0.1:1", "agent", "--dev", "--kubeconfig", "kubeconfig"])
        .args(["--health-listen", &address.to_string()])
        .stdout(Stdio::null())
        .stderr(fs::File::create(home.path().join("log")).unwrap())
        .spawn()
        .unwrap();
    let begun = Instant::now();
    let alive = loop {
        match get(address, "/livez") {
            Some(alive) => break alive,
            None if begun.elapsed() < PATIENCE => std::thread::sleep(Duration::from_millis(50)),
            None => panic!("{}", fs::read_to_string(home.path().join("log")).unwrap()),
        }
    };
    assert_eq!(alive, (200, "lives\n".to_owned()));
    let (status, ready) = get(address, "/readyz").unwrap();
    assert_eq!((status, ready.as_str()), (200, r#"{"ready":true,"down":[],"stopping":false}"#));
    let (status, metrics) = get(address, "/metrics").unwrap();
    assert!(status == 200 && metrics.contains("hexproof_ready 1"), "{metrics}");
    assert_eq!(get(address, "/hexproof.v1.CollectorService/Collect").unwrap().0, 404);
    assert!(Command::new("kill").args(["-TERM", &agent.id().to_string()]).status().unwrap().success());
    assert_eq!(agent.wait().unwrap().code(), Some(0));
}
