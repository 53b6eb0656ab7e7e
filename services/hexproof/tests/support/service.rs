//! The service as a process, and calls to it by grpcurl, a client that is not ours.

#![allow(dead_code, clippy::unwrap_used, reason = "each test file uses its part, and may fail by panicking")]

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use serde_json::Value;

use super::parts::{Process, tool};

/// How long the service may take to listen.
const START: Duration = Duration::from_secs(60);

/// A running `hexproof serve`.
pub(crate) struct Service {
    pub(crate) process: Process,
    pub(crate) address: String,
    /// The certificate that its own must lead to; without TLS if there is none.
    pub(crate) ca: Option<PathBuf>,
}

impl Service {
    /// Starts it, on a free port unless the arguments say otherwise, and waits until it says which. `name` is for its
    /// log.
    pub(crate) fn start(
        name: &str,
        home: &Path,
        arguments: &[&str],
        environment: &[(String, String)],
    ) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hexproof"));
        command.arg("serve");
        if !arguments.contains(&"--listen") {
            command.args(["--listen", "127.0.0.1:0"]);
        }
        command
            .args(arguments)
            .current_dir(home)
            .env("NO_COLOR", "1")
            .env("XDG_CONFIG_HOME", home.join("config"))
            .env_remove("KUBECONFIG")
            .env_remove("SOURCE_DATE_EPOCH")
            .envs(environment.iter().cloned())
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        let mut process = Process::start(name, home, &mut command);
        let mut lines = BufReader::new(process.stdout());
        let (said, heard) = mpsc::channel();
        thread::spawn(move || {
            let mut line = String::new();
            while lines.read_line(&mut line).is_ok_and(|read| read > 0) {
                let _ = said.send(std::mem::take(&mut line));
            }
        });
        let line = heard.recv_timeout(START).unwrap_or_else(|_| {
            process.must_run();
            panic!("{name} did not say where it listens: {}", process.messages())
        });
        let told: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{line}: {error}"));
        // A worker alone listens nowhere.
        Self { address: told["listening"].as_str().unwrap_or_default().to_owned(), ca: None, process }
    }

    /// A call without a token that must succeed.
    pub(crate) fn call(&self, method: &str, request: &Value) -> Value {
        self.try_call(None, method, request)
            .unwrap_or_else(|(code, text)| panic!("{method} {request}: {code} {text}"))
    }

    /// A call of at most a minute.
    pub(crate) fn try_call(
        &self,
        token: Option<&str>,
        method: &str,
        request: &Value,
    ) -> Result<Value, (i32, String)> {
        self.try_call_within(60, token, method, request)
    }

    /// A call; an answer, or the code of gRPC with what grpcurl printed. Of a stream, the last message.
    pub(crate) fn try_call_within(
        &self,
        seconds: u32,
        token: Option<&str>,
        method: &str,
        request: &Value,
    ) -> Result<Value, (i32, String)> {
        let mut command = Command::new(tool("grpcurl").unwrap());
        // The files, not reflection: what a caller may reach must not depend on it.
        for file in proto_files() {
            command.args(["-proto", &file]);
        }
        command
            .arg("-import-path")
            .arg(super::root().join("proto"))
            .args(["-max-time", &seconds.to_string()]);
        match &self.ca {
            Some(ca) => command.arg("-cacert").arg(ca),
            None => command.arg("-plaintext"),
        };
        if let Some(token) = token {
            command.args(["-H", &format!("authorization: Bearer {token}")]);
        }
        command.args(["-d", &request.to_string(), &self.address, &format!("hexproof.v1.{method}")]);
        let (code, out, err) = super::run(&mut command);
        match code {
            0 => {
                let mut messages = serde_json::Deserializer::from_str(&out).into_iter::<Value>();
                Ok(messages.by_ref().last().transpose().unwrap().unwrap_or(Value::Null))
            }
            code => Err((code - 64, out + &err)),
        }
    }

    /// Every item of a list, over all pages.
    pub(crate) fn all(&self, method: &str, items: &str, mut request: Value) -> Vec<Value> {
        let mut all = Vec::new();
        loop {
            let page = self.call(method, &request);
            all.extend(page[items].as_array().cloned().unwrap_or_default());
            match page["nextPageToken"].as_str() {
                Some(token) if !token.is_empty() => request["pageToken"] = token.into(),
                _ => return all,
            }
        }
    }

    /// Registers a cluster whose state are the manifests of one example.
    pub(crate) fn register(&self, cluster: &str, path: &str) {
        let request = serde_json::json!({
            "requestId": format!("register-{cluster}"),
            "cluster": { "clusterId": cluster, "displayName": cluster, "source": { "manifests": { "path": path } } },
        });
        self.call("ClusterService/RegisterCluster", &request);
    }

    /// Starts an audit; its id.
    pub(crate) fn start_audit(&self, cluster: &str, request: &str) -> String {
        let request = serde_json::json!({ "clusterId": cluster, "requestId": request });
        self.call("AuditService/StartAudit", &request)["audit"]["auditId"].as_str().unwrap().to_owned()
    }
}

fn proto_files() -> Vec<String> {
    let folder = super::root().join("proto/hexproof/v1");
    let mut files: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| format!("hexproof/v1/{}", entry.unwrap().file_name().to_string_lossy()))
        .collect();
    files.sort();
    files
}
