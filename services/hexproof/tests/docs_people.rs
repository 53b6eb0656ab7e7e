//! The commands of the documents for auditors, operators and engineers work as they stand.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod support;

use std::fs;
use std::path::Path;
use std::process::Command;

use support::parts::{present, tool, tools};
use support::root;

/// Runs the `sh` blocks of a document in their order, in a folder that looks like the root of the project; what they
/// print.
fn run(document: &str, parts: &[&str]) -> Option<(tempfile::TempDir, String)> {
    if !present(parts) {
        return None;
    }
    let home = tempfile::tempdir().unwrap();
    for name in ["examples", "measures"] {
        std::os::unix::fs::symlink(root().join(name), home.path().join(name)).unwrap();
    }
    let text = fs::read_to_string(root().join("docs").join(document)).unwrap();
    let blocks: Vec<&str> =
        text.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert!(!blocks.is_empty(), "{document} shows no command");
    let own = Path::new(env!("CARGO_BIN_EXE_hexproof")).parent().unwrap().to_owned();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let installed = [own, tools().join("bin"), tools().join("venv/bin")];
    let path = std::env::join_paths(installed.into_iter().chain(std::env::split_paths(&path))).unwrap();
    let mut shell = Command::new(tool("bash").unwrap());
    // A command that fails in the middle of a pipe counts; one whose reader has seen enough does not.
    shell.args(["-eu", "-c", &blocks.join("\n")]).current_dir(home.path()).env("PATH", path);
    shell
        .env("XDG_CONFIG_HOME", home.path().join("config"))
        .env("NO_COLOR", "1")
        .env_remove("HEXPROOF_IDENTITY");
    let (code, out, err) = support::run(&mut shell);
    assert_eq!(code, 0, "{document}: {out}\n{err}");
    Some((home, out))
}

#[test]
fn an_auditor_can_check_a_pack_as_shown() {
    let parts = ["bash", "jq", "zstd", "openssl", "pdfdetach", "pdfsig", "pyhanko"];
    let Some((home, out)) = run("auditor.md", &parts) else { return };
    for wanted in
        ["Valid: signed by", "covers the whole file", "Total document signed", "judged VALID", "hexproof 0."]
    {
        assert!(out.contains(wanted), "{wanted} is not in {out}");
    }
    assert!(home.path().join("attached/population.json").is_file());
    // Every step that the page explains is one of the program's, and none is missing.
    let page = fs::read_to_string(root().join("docs/auditor.md")).unwrap();
    for step in hexproof_sealer::StepName::ALL {
        assert!(
            page.contains(&format!("| {} |", step.as_str())),
            "docs/auditor.md does not explain {step:?}"
        );
    }
}

#[test]
fn an_operator_can_begin_as_shown() {
    let Some((home, out)) = run("operator.md", &["bash"]) else { return };
    assert!(out.contains("ClusterRole") || out.contains("apiVersion"), "{out}");
    support::pack(&home.path().join("evidence"));
}

#[test]
fn an_engineer_can_automate_as_shown() {
    let Some((_home, out)) = run("engineer.md", &["bash", "jq"]) else { return };
    for wanted in ["What must hold", "RATING_", "0 wrong", "the store holds the same pack"] {
        assert!(out.contains(wanted), "{wanted} is not in {out}");
    }
}
