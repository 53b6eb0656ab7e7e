//! Programs of others that the service is tested with: each on a port of its own of this machine, with a folder of its
//! own, and gone when it is dropped.
//!
//! `.ci/tools` installs them. A test whose part is absent says so and ends; in CI it fails.

#![allow(dead_code, clippy::unwrap_used, reason = "each test file uses its part, and may fail by panicking")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

/// How long a part may take to start.
const START: Duration = Duration::from_secs(60);

/// The folder into which `.ci/tools` installs.
pub(crate) fn tools() -> PathBuf {
    if let Some(named) = std::env::var_os("HEXPROOF_TOOLS") {
        return named.into();
    }
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let home = || PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".cache");
    cache.unwrap_or_else(home).join("hexproof-tools")
}

/// A program that `.ci/tools` installed, or one of the machine; `python` is only ever the one that has gRPC.
pub(crate) fn tool(name: &str) -> Option<PathBuf> {
    if name == "python" {
        return Some(tools().join("venv/bin/python")).filter(|program| program.is_file());
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = [tools().join("bin"), tools().join("venv/bin")];
    folders
        .into_iter()
        .chain(std::env::split_paths(&path))
        .map(|folder| folder.join(name))
        .find(|program| program.is_file())
}

/// The programs of a test; says which is absent, and fails in CI.
pub(crate) fn present(names: &[&str]) -> bool {
    let absent: Vec<&str> = names
        .iter()
        .copied()
        .filter(|name| match *name {
            "oidc-provider" => {
                !tools().join("npm/node_modules/oidc-provider").is_dir() || tool("node").is_none()
            }
            "axe-core" => !tools().join("npm/node_modules/axe-core/axe.min.js").is_file(),
            name => tool(name).is_none(),
        })
        .collect();
    if absent.is_empty() {
        return true;
    }
    let in_ci = std::env::var("CI").is_ok_and(|value| !value.is_empty() && value != "false");
    assert!(!in_ci, "not installed: {absent:?}");
    println!("skipped: not installed: {absent:?} (.ci/tools installs them)");
    false
}

/// A port that was free a moment ago.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Asks until there is an answer; fails after `limit`.
pub(crate) fn until<T>(what: &str, limit: Duration, mut ask: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(begun.elapsed() < limit, "{what}: not within {limit:?}");
        thread::sleep(Duration::from_millis(50));
    }
}

/// One exchange by HTTP: the status and the body.
pub(crate) fn http(
    address: &str,
    method: &str,
    path: &str,
    headers: &[&str],
    body: &str,
) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(20))).ok()?;
    let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
    let length = body.len();
    // HTTP/1.0: the body ends with the connection and is never in chunks.
    write!(
        stream,
        "{method} {path} HTTP/1.0\r\nHost: {address}\r\n{headers}Content-Length: {length}\r\n\r\n{body}"
    )
    .ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
}

/// A program that is ended when this is dropped.
pub(crate) struct Process {
    child: Child,
    log: PathBuf,
    name: String,
}

impl Process {
    /// Starts a program whose messages go to `NAME.log` in `home`.
    pub(crate) fn start(name: &str, home: &Path, command: &mut Command) -> Self {
        let log = home.join(format!("{name}.log"));
        let messages = std::fs::File::create(&log).unwrap();
        let child = command.stderr(messages).spawn().unwrap_or_else(|error| panic!("{name}: {error}"));
        Self { child, log, name: name.to_owned() }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Its standard output, once, if that was piped.
    pub(crate) fn stdout(&mut self) -> ChildStdout {
        self.child.stdout.take().unwrap()
    }

    /// What it has written to its standard error.
    pub(crate) fn messages(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// Ends it at once, as a crash would.
    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Asks it to end and waits for that; its exit code.
    pub(crate) fn terminate(&mut self, limit: Duration) -> Option<i32> {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        until(&format!("the end of {}", self.name), limit, || self.child.try_wait().unwrap()).code()
    }

    /// Fails with its messages if it has ended by itself.
    pub(crate) fn must_run(&mut self) {
        if let Some(status) = self.child.try_wait().unwrap() {
            panic!("{} ended with {status}: {}", self.name, self.messages());
        }
    }

    pub(crate) fn wait_for_port(mut self, port: u16) -> Self {
        let name = self.name.clone();
        until(&name, START, || {
            self.must_run();
            TcpStream::connect(("127.0.0.1", port)).ok()
        });
        self
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        if thread::panicking() {
            let messages = self.messages();
            let tail: Vec<&str> = messages.lines().rev().take(30).collect();
            for line in tail.into_iter().rev() {
                eprintln!("{}: {line}", self.name);
            }
        }
    }
}

/// A NATS server with JetStream.
pub(crate) struct Nats {
    pub(crate) process: Process,
    pub(crate) url: String,
}

impl Nats {
    pub(crate) fn start(home: &Path) -> Self {
        let port = free_port();
        let mut command = Command::new(tool("nats-server").unwrap());
        command.args(["-a", "127.0.0.1", "-p", &port.to_string(), "-js", "-sd"]).arg(home.join("nats"));
        let process = Process::start("nats-server", home, command.stdout(Stdio::null())).wait_for_port(port);
        Self { process, url: format!("nats://127.0.0.1:{port}") }
    }
}

/// An S3 endpoint with one bucket, reached through a [`Proxy`] that can be cut.
pub(crate) struct S3 {
    _process: Process,
    pub(crate) proxy: Proxy,
    direct: String,
}

impl S3 {
    const BUCKET: &str = "evidence";

    pub(crate) fn start(home: &Path) -> Self {
        let port = free_port();
        let mut command = Command::new(tool("moto_server").unwrap());
        command.args(["-H", "127.0.0.1", "-p", &port.to_string()]).stdout(Stdio::null());
        let process = Process::start("moto", home, &mut command).wait_for_port(port);
        let direct = format!("127.0.0.1:{port}");
        let bucket = format!("/{}", Self::BUCKET);
        until("a bucket", START, || {
            http(&direct, "PUT", &bucket, &[], "").filter(|(status, _)| *status == 200)
        });
        Self { _process: process, proxy: Proxy::start(&direct), direct }
    }

    /// For `--store`.
    pub(crate) fn store(&self) -> String {
        format!("s3://{}/audits", Self::BUCKET)
    }

    /// What a program must have in its environment. Keys are stated, so that no client asks a machine for them.
    pub(crate) fn environment(&self) -> Vec<(String, String)> {
        let endpoint = format!("http://{}", self.proxy.address);
        [
            ("AWS_ENDPOINT_URL", endpoint.as_str()),
            ("AWS_ALLOW_HTTP", "true"),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
            ("AWS_EC2_METADATA_DISABLED", "true"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec()
    }

    /// Every key in the bucket, read around the proxy and page by page.
    pub(crate) fn keys(&self) -> Vec<String> {
        let mut keys: Vec<String> = Vec::new();
        loop {
            let after = keys.last().map(|key| format!("&start-after={}", key.replace('/', "%2F")));
            let path = format!("/{}?list-type=2{}", Self::BUCKET, after.unwrap_or_default());
            let (status, body) = http(&self.direct, "GET", &path, &[], "").unwrap();
            assert_eq!(status, 200, "{body}");
            let before = keys.len();
            keys.extend(
                body.split("<Key>").skip(1).map(|rest| rest.split("</Key>").next().unwrap().to_owned()),
            );
            if keys.len() == before {
                return keys;
            }
        }
    }
}

/// Azure Blob Storage, as its emulator has it.
pub(crate) struct Azurite {
    _process: Process,
    pub(crate) address: String,
}

impl Azurite {
    const CONTAINER: &str = "evidence";

    pub(crate) fn start(home: &Path) -> Self {
        let port = free_port();
        let mut command = Command::new(tool("azurite-blob").unwrap());
        command
            .args([
                "--silent",
                "--disableTelemetry",
                "--inMemoryPersistence",
                "--blobPort",
                &port.to_string(),
            ])
            .current_dir(home)
            .stdout(Stdio::null());
        let process = Process::start("azurite", home, &mut command).wait_for_port(port);
        let address = format!("127.0.0.1:{port}");
        let made = Command::new("python3")
            .arg(super::root().join(".ci/azure_container.py"))
            .args([&format!("http://{address}"), Self::CONTAINER])
            .status();
        assert!(made.unwrap().success());
        Self { _process: process, address }
    }

    /// For `--store`.
    pub(crate) fn store(&self) -> String {
        format!("az://{}/audits", Self::CONTAINER)
    }

    /// What a program must have in its environment.
    pub(crate) fn environment(&self) -> Vec<(String, String)> {
        [
            ("AZURE_STORAGE_USE_EMULATOR", "true".to_owned()),
            ("AZURITE_BLOB_STORAGE_URL", format!("http://{}", self.address)),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .to_vec()
    }
}

/// One program known to the [`IdentityProvider`].
pub(crate) struct Client<'a> {
    pub(crate) id: &'a str,
    pub(crate) groups: &'a [&'a str],
    /// The audience of its tokens.
    pub(crate) audience: &'a str,
}

/// An OpenID provider.
pub(crate) struct IdentityProvider {
    process: Process,
    commands: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    address: String,
    pub(crate) issuer: String,
}

impl IdentityProvider {
    pub(crate) fn start(home: &Path, clients: &[Client<'_>]) -> Self {
        Self::start_with(home, clients, &[])
    }

    /// The same with further entries as the provider reads them: sites, and people who log in to them.
    pub(crate) fn start_with(home: &Path, clients: &[Client<'_>], more: &[Value]) -> Self {
        let programs = clients.iter().map(|Client { id, groups, audience }| {
            serde_json::json!({ "id": id, "groups": groups, "audience": audience })
        });
        let list: Vec<Value> = programs.chain(more.iter().cloned()).collect();
        let file = home.join("clients.json");
        std::fs::write(&file, serde_json::to_vec(&list).unwrap()).unwrap();
        let port = free_port();
        let mut command = Command::new(tool("node").unwrap());
        command
            .arg(super::root().join(".ci/identity_provider.mjs"))
            .arg(port.to_string())
            .arg(&file)
            .env("HEXPROOF_TOOLS", tools())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut process = Process::start("oidc-provider", home, &mut command);
        let commands = process.child.stdin.take();
        let answers = BufReader::new(process.child.stdout.take().unwrap());
        let process = process.wait_for_port(port);
        let address = format!("127.0.0.1:{port}");
        let mut provider = Self { process, commands, answers, issuer: format!("http://{address}"), address };
        assert!(provider.answer().contains("issuer"));
        provider
    }

    /// An access token for a client.
    pub(crate) fn token(&self, client: &str) -> String {
        let body =
            format!("grant_type=client_credentials&client_id={client}&client_secret=secret%20of%20{client}");
        let headers = ["Content-Type: application/x-www-form-urlencoded"];
        let (status, body) = http(&self.address, "POST", "/token", &headers, &body).unwrap();
        assert_eq!(status, 200, "{body} {}", self.process.messages());
        let answer: Value = serde_json::from_str(&body).unwrap();
        answer["access_token"].as_str().unwrap().to_owned()
    }

    /// Puts a new signing key in the place of the old one.
    pub(crate) fn rotate(&mut self) {
        self.command("rotate");
    }

    /// Issues tokens as if it were so many seconds later, or earlier if negative.
    pub(crate) fn clock(&mut self, seconds: i64) {
        self.command(&format!("clock {seconds}"));
    }

    fn command(&mut self, text: &str) {
        writeln!(self.commands.as_mut().unwrap(), "{text}").unwrap();
        assert_eq!(self.answer().trim(), "done", "{}", self.process.messages());
    }

    fn answer(&mut self) -> String {
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        line
    }
}

/// Passes connections on, until it is cut: then those that are open break, and new ones are refused at once.
pub(crate) struct Proxy {
    pub(crate) address: String,
    cut: Arc<AtomicBool>,
    open: Arc<Mutex<Vec<TcpStream>>>,
}

impl Proxy {
    fn start(target: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (cut, open, target) = (Arc::new(AtomicBool::new(false)), Arc::default(), target.to_owned());
        let (is_cut, opened): (_, Arc<Mutex<Vec<TcpStream>>>) = (Arc::clone(&cut), Arc::clone(&open));
        thread::spawn(move || {
            for near in listener.incoming().flatten() {
                if is_cut.load(Ordering::SeqCst) {
                    continue;
                }
                let Ok(far) = TcpStream::connect(&target) else { continue };
                let mut ends = opened.lock().unwrap();
                ends.extend([near.try_clone().unwrap(), far.try_clone().unwrap()]);
                drop(ends);
                pass(near.try_clone().unwrap(), far.try_clone().unwrap());
                pass(far, near);
            }
        });
        Self { address, cut, open }
    }

    /// Breaks every connection, and those to come.
    pub(crate) fn cut(&self) {
        self.cut.store(true, Ordering::SeqCst);
        for end in self.open.lock().unwrap().drain(..) {
            let _ = end.shutdown(std::net::Shutdown::Both);
        }
    }

    /// Passes on again.
    pub(crate) fn mend(&self) {
        self.cut.store(false, Ordering::SeqCst);
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream) {
    thread::spawn(move || {
        let _ = std::io::copy(&mut from, &mut to);
        let _ = to.shutdown(std::net::Shutdown::Write);
    });
}
