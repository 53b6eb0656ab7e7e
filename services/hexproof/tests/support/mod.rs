//! Runs the program as a user does.

#![allow(dead_code, clippy::unwrap_used, reason = "each test file uses its part, and may fail by panicking")]

pub(crate) mod browser;
pub(crate) mod parts;
pub(crate) mod service;
pub(crate) mod tls;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// 2026-11-24T00:00:00Z.
pub(crate) const CLOCK: &str = "1795478400";

/// The program with a fixed clock, an identity of the test's own and no colours.
pub(crate) fn hexproof(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hexproof"));
    command.env("SOURCE_DATE_EPOCH", CLOCK).env("XDG_CONFIG_HOME", home.join("config")).env("NO_COLOR", "1");
    command.env_remove("HEXPROOF_IDENTITY").env_remove("KUBECONFIG").current_dir(home);
    command
}

pub(crate) fn run(command: &mut Command) -> (i32, String, String) {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    (status.code().unwrap_or(-1), text(&stdout), text(&stderr))
}

/// The root of the project.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// Larger inputs beside the project; says so where they are absent.
pub(crate) fn real(path: &str) -> Option<PathBuf> {
    let real = root().join("../shared/real").join(path);
    if real.exists() {
        return Some(real);
    }
    println!("skipped: {path} is not beside the project");
    None
}

/// The one pack of a store folder.
pub(crate) fn pack(store: &Path) -> PathBuf {
    let packs: Vec<PathBuf> =
        std::fs::read_dir(store.join("packs")).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(packs.len(), 1, "{packs:?}");
    packs[0].clone()
}

/// Every file below a folder.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { all.push(path) }
        }
    }
    all.sort();
    all
}
