//! A real nats-server on a port of its own, with a store that survives its restart.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use hexproof_scheduler::queue::nats::{NatsQueue, NatsSettings, connect};

pub(crate) struct NatsServer {
    child: Child,
    port: u16,
    store: tempfile::TempDir,
    arguments: Vec<String>,
}

impl NatsServer {
    /// `None`, said aloud, if the program is not installed; in CI that is a failure.
    pub(crate) fn start() -> Option<Self> {
        Self::start_with(&[])
    }

    pub(crate) fn start_with(arguments: &[String]) -> Option<Self> {
        let installed = Command::new("nats-server").arg("--version").stdout(Stdio::null()).status();
        if installed.is_err() {
            assert!(std::env::var_os("CI").is_none(), "nats-server is not installed");
            println!("skipped: nats-server is not installed");
            return None;
        }
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let store = tempfile::tempdir().unwrap();
        let child = spawn(port, store.path(), arguments);
        let server = Self { child, port, store, arguments: arguments.to_vec() };
        server.answers();
        Some(server)
    }

    pub(crate) fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Kills the server as a power cut would.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub(crate) fn start_again(&mut self) {
        self.child = spawn(self.port, self.store.path(), &self.arguments);
        self.answers();
    }

    /// A queue whose workers are taken for dead after a second.
    pub(crate) async fn queue(&self) -> NatsQueue {
        queue(&self.url()).await
    }

    fn answers(&self) {
        for _ in 0..500 {
            if std::net::TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("nats-server does not answer");
    }
}

pub(crate) fn settings() -> NatsSettings {
    NatsSettings {
        ack_wait: Duration::from_secs(1),
        timeout: Duration::from_secs(2),
        ..NatsSettings::default()
    }
}

pub(crate) async fn queue(url: &str) -> NatsQueue {
    NatsQueue::new(connect(url).await.unwrap(), settings())
}

fn spawn(port: u16, store: &Path, arguments: &[String]) -> Child {
    Command::new("nats-server")
        .args(["--jetstream", "--addr", "127.0.0.1", "--port", &port.to_string(), "--store_dir"])
        .arg(store)
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

impl Drop for NatsServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
