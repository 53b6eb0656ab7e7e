//! The commands of `docs/grpc.md` work as they stand, against a running service.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod support;

use std::fs;
use std::process::Command;

use support::parts::{present, tool, tools};
use support::root;
use support::service::Service;

/// The blocks of one language, in their order.
fn blocks(document: &str, language: &str) -> Vec<String> {
    let fence = format!("```{language}\n");
    document.split(&fence).skip(1).map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
}

#[test]
fn the_commands_of_the_document_work_as_they_stand() {
    if !present(&["grpcurl", "python", "jq", "bash"]) {
        return;
    }
    let document = fs::read_to_string(root().join("docs/grpc.md")).unwrap();
    let home = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(root().join("examples"), home.path().join("examples")).unwrap();
    std::os::unix::fs::symlink(tools().join("venv"), home.path().join("venv")).unwrap();

    // The document starts the service on a fixed port: here it gets a free one, with the other arguments unchanged.
    let shown = blocks(&document, "console");
    let line = shown.iter().find_map(|block| block.strip_prefix("hexproof serve ")).unwrap();
    let arguments: Vec<&str> = line.split_whitespace().collect();
    let at = arguments.iter().position(|argument| *argument == "--listen").unwrap();
    let rest = [&arguments[..at], &arguments[at + 2..]].concat();
    let service = Service::start("service", home.path(), &rest, &[]);

    let commands = blocks(&document, "sh").join("\n").replace("localhost:7443", &service.address);
    let own = std::path::Path::new(env!("CARGO_BIN_EXE_hexproof")).parent().unwrap().to_owned();
    let grpcurl = tool("grpcurl").unwrap().parent().unwrap().to_owned();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths([own, grpcurl].into_iter().chain(std::env::split_paths(&path))).unwrap();
    let mut shell = Command::new("bash");
    shell.args(["-eux", "-c", &commands]).current_dir(home.path()).env("PATH", path);
    let (code, out, err) = support::run(&mut shell);
    assert_eq!(code, 0, "{out}\n{err}\n{}", service.process.messages());
    for wanted in ["hexproof.v1.AuditService", "SERVING", "AUDIT_STATE_SUCCEEDED", "sha256:", "cluster_id"] {
        assert!(out.contains(wanted), "{wanted} is not in {out}");
    }
    for pack in ["shop.pdf", "python.pdf"] {
        assert!(fs::read(home.path().join(pack)).unwrap().starts_with(b"%PDF-"), "{pack}");
    }
}
