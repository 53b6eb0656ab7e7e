//! `hexproof diff` over the examples: assessments, snapshots and packs.

#![allow(clippy::unwrap_used, reason = "a test ends where it is surprised")]

use std::path::{Path, PathBuf};
use std::process::Command;

use hexproof_core::diff::{Cause, Diff};

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples")
}

/// Runs the program in `home`; exit code, standard output, standard error.
fn run(home: &Path, arguments: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_hexproof"))
        .args(arguments)
        .current_dir(home)
        .env("HOME", home)
        .env("HEXPROOF_IDENTITY", home.join("identity"))
        .env_remove("HEXPROOF_SERVER")
        .env_remove("COLUMNS")
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// The weak shop as it is, and mended in one place, both under one name.
fn shops(home: &Path) {
    for name in ["before", "after"] {
        std::fs::create_dir_all(home.join(name).join("shop")).unwrap();
        for entry in std::fs::read_dir(examples().join("weak-shop")).unwrap() {
            let entry = entry.unwrap();
            let mut text = std::fs::read_to_string(entry.path()).unwrap();
            if name == "after" {
                text = text.replace("privileged: true", "privileged: false");
            }
            std::fs::write(home.join(name).join("shop").join(entry.file_name()), text).unwrap();
        }
    }
}

#[test]
fn a_mended_manifest_is_told_in_lines_of_eighty_columns_and_as_json() {
    let home = tempfile::tempdir().unwrap();
    shops(home.path());
    for name in ["before", "after"] {
        let (code, json, err) =
            run(home.path(), &["assess", &format!("{name}/shop"), "--quiet", "--format", "json"]);
        assert_eq!(code, 0, "{err}");
        std::fs::write(home.path().join(format!("{name}.json")), json).unwrap();
        let file = format!("{name}.snapshot");
        let (code, _, err) = run(home.path(), &["collect", &format!("{name}/shop"), "--quiet", "-o", &file]);
        assert_eq!(code, 0, "{err}");
    }
    for ending in ["json", "snapshot"] {
        let (before, after) = (format!("before.{ending}"), format!("after.{ending}"));
        let (code, text, err) = run(home.path(), &["diff", &before, &after]);
        assert_eq!((code, err.as_str()), (0, ""));
        assert!(text.is_ascii() && text.lines().all(|line| line.len() <= 80), "{text}");
        assert!(text.contains("Failures that are gone") && text.contains("fail -> pass"), "{text}");
        assert!(!text.contains("warning"), "{text}");
        let (_, json, _) = run(home.path(), &["diff", &before, &after, "--format", "json"]);
        let diff: Diff = serde_json::from_str(&json).unwrap();
        assert!(diff.same_cluster && !diff.changes.is_empty());
        assert!(diff.changes.iter().all(|change| change.cause == Cause::Cluster), "{:?}", diff.changes);
        assert!(diff.low.unwrap().cluster > 0.0);
    }
    let (code, text, _) = run(home.path(), &["diff", "before.json", "before.json"]);
    assert!(code == 0 && text.contains("no verdict differs"), "{text}");
}

#[test]
fn a_pack_is_checked_before_it_is_compared() {
    let home = tempfile::tempdir().unwrap();
    shops(home.path());
    for name in ["before", "after"] {
        let output = format!("{name}.pdf");
        let (code, _, err) = run(home.path(), &["audit", &format!("{name}/shop"), "--quiet", "-o", &output]);
        assert_eq!(code, 0, "{err}");
    }
    let (code, text, err) = run(home.path(), &["diff", "before.pdf", "after.pdf"]);
    assert_eq!(code, 0, "{err}");
    assert!(text.contains("before.pdf: Valid") && text.contains("after.pdf: Valid"), "{text}");
    // The second pack carries the comparison with the first one.
    let attached =
        hexproof_sealer::attachments(&std::fs::read(home.path().join("after.pdf")).unwrap()).unwrap();
    let changes = attached.iter().find(|file| file.name == "changes.json").unwrap();
    let diff: Diff = serde_json::from_slice(&changes.bytes).unwrap();
    assert!(!diff.before.audit_id.is_empty() && !diff.changes.is_empty());
    let first =
        hexproof_sealer::attachments(&std::fs::read(home.path().join("before.pdf")).unwrap()).unwrap();
    assert!(first.iter().all(|file| file.name != "changes.json"), "the first pack has none before it");
    // One byte of what was signed differs.
    let mut forged = std::fs::read(home.path().join("after.pdf")).unwrap();
    forged[20] ^= 1;
    std::fs::write(home.path().join("forged.pdf"), forged).unwrap();
    let (code, text, err) = run(home.path(), &["diff", "before.pdf", "forged.pdf"]);
    assert!(code == 1 || code == 2, "{text}{err}");
    assert!(text.contains("forged.pdf: Not valid") || code == 2, "{text}{err}");
}

#[test]
fn what_cannot_be_compared_is_refused_by_name_and_two_clusters_are_warned_of() {
    let home = tempfile::tempdir().unwrap();
    for name in ["weak-shop", "hardened-shop"] {
        let input = examples().join(name);
        let (_, json, _) =
            run(home.path(), &["assess", input.to_str().unwrap(), "--quiet", "--format", "json"]);
        std::fs::write(home.path().join(format!("{name}.json")), json).unwrap();
    }
    let (code, text, _) = run(home.path(), &["diff", "weak-shop.json", "hardened-shop.json"]);
    assert!(code == 0 && text.contains("warning: these are two clusters"), "{text}");
    std::fs::write(home.path().join("other.json"), "{}").unwrap();
    for (bad, said) in [("missing.json", "missing.json"), ("other.json", "neither a pack"), (".", "folder")] {
        let (code, _, err) = run(home.path(), &["diff", "weak-shop.json", bad]);
        assert!(code == 2 && err.contains(said), "{bad}: {err}");
    }
}
