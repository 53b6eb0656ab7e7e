//! What the documents show works as shown, and every command explains itself.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod support;

use std::fs;

use support::{hexproof, root, run};

/// The first YAML block of a document.
fn yaml(document: &str) -> String {
    let text = fs::read_to_string(root().join("docs").join(document)).unwrap();
    let (_, rest) = text.split_once("```yaml\n").unwrap();
    rest.split_once("```").unwrap().0.to_owned()
}

#[test]
fn the_settings_and_waivers_of_the_documents_are_accepted() {
    let home = tempfile::tempdir().unwrap();
    for (document, flag) in [("settings.md", "--settings"), ("waivers.md", "--waivers")] {
        let file = home.path().join(document).with_extension("yaml");
        fs::write(&file, yaml(document)).unwrap();
        let (code, out, err) = run(hexproof(home.path())
            .arg("assess")
            .arg(flag)
            .arg(&file)
            .arg(root().join("examples/weak-shop")));
        assert_eq!(code, 0, "{document}: {out}{err}");
    }
}

#[test]
fn the_settings_document_names_every_field() {
    fn names(value: &serde_json::Value, all: &mut Vec<String>) {
        if let serde_json::Value::Object(map) = value {
            for (name, inner) in map {
                all.push(name.clone());
                names(inner, all);
            }
        }
    }
    let document = yaml("settings.md");
    let mut all = Vec::new();
    names(&serde_json::to_value(hexproof_core::settings::Settings::default()).unwrap(), &mut all);
    let missing: Vec<String> = all
        .into_iter()
        .filter(|name| name != "data-class" && !document.contains(&format!("{name}:")))
        .collect();
    assert!(missing.is_empty(), "docs/settings.md does not show {missing:?}");
}

#[test]
fn a_settings_file_with_a_mistake_is_named_with_the_field() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("settings.yaml");
    fs::write(&file, "registries:\n  alowed: [a]\n").unwrap();
    let (code, _, err) = run(hexproof(home.path())
        .args(["assess", "--settings"])
        .arg(&file)
        .arg(root().join("examples/weak-shop")));
    assert_eq!(code, 2);
    assert!(err.contains("settings.yaml") && err.contains("alowed"), "{err}");
}

#[test]
fn every_command_explains_itself() {
    let home = tempfile::tempdir().unwrap();
    for command in [
        "audit",
        "collect",
        "assess",
        "verify",
        "measures",
        "audits",
        "packs",
        "clusters",
        "schedules",
        "waivers",
        "completions",
        "serve",
        "agent",
    ] {
        let (code, out, _) = run(hexproof(home.path()).args([command, "--help"]));
        assert_eq!(code, 0);
        assert!(out.contains("Usage:"), "{out}");
    }
    let (code, out, _) = run(hexproof(home.path()).args(["completions", "bash"]));
    assert!(code == 0 && out.contains("hexproof"));
    let (code, ..) = run(hexproof(home.path()).arg("frobnicate"));
    assert_eq!(code, 2);
}

#[test]
fn the_catalogue_can_be_listed_shown_and_checked() {
    let home = tempfile::tempdir().unwrap();
    let (code, out, _) = run(hexproof(home.path()).args(["measures", "list"]));
    assert!(code == 0 && out.contains("container-privileged") && out.contains("rbac-wildcards"), "{out}");
    let (code, out, _) = run(hexproof(home.path()).args(["measures", "show", "container-privileged"]));
    assert!(code == 0 && out.contains("What must hold"), "{out}");
    let (code, _, err) = run(hexproof(home.path()).args(["measures", "show", "container-privilege"]));
    assert!(code == 2 && err.contains("container-privilege-escalation"), "{err}");
    let (code, out, err) =
        run(hexproof(home.path()).args(["measures", "check"]).arg(root().join("measures")));
    assert!(code == 0 && out.contains(" 0 wrong"), "{out}{err}");
}

/// Every Markdown file that people read.
fn documents() -> Vec<std::path::PathBuf> {
    let mut all = vec![root().join("README.md"), root().join("ARCHITECTURE.md")];
    let folder = fs::read_dir(root().join("docs")).unwrap();
    all.extend(
        folder
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|end| end == "md")),
    );
    all.sort();
    all
}

/// The anchor of a heading, as the common viewers make it.
fn anchor(heading: &str) -> String {
    let kept = heading.trim().to_lowercase();
    kept.chars()
        .filter(|c| c.is_alphanumeric() || " -_".contains(*c))
        .map(|c| if c == ' ' { '-' } else { c })
        .collect()
}

#[test]
fn every_link_of_the_documents_leads_somewhere() {
    let mut wrong = Vec::new();
    for document in documents() {
        let text = fs::read_to_string(&document).unwrap();
        let named = document.file_name().unwrap().to_string_lossy().into_owned();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if link.starts_with("https://") {
                continue;
            }
            let (path, place) = link.split_once('#').unwrap_or((link, ""));
            let target =
                if path.is_empty() { document.clone() } else { document.parent().unwrap().join(path) };
            if !target.exists() {
                wrong.push(format!("{named}: {link}"));
            } else if !place.is_empty() {
                let headings = fs::read_to_string(&target).unwrap();
                let has = headings.lines().filter_map(|line| line.strip_prefix('#'));
                if !has.map(|line| anchor(line.trim_start_matches('#'))).any(|found| found == place) {
                    wrong.push(format!("{named}: {link}: no such heading"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_index_of_the_documents_names_each_of_them() {
    let index = fs::read_to_string(root().join("docs/README.md")).unwrap();
    for document in documents() {
        let name = document.file_name().unwrap().to_string_lossy().into_owned();
        let outside = document.parent() == Some(root().as_path());
        assert!(outside || name == "README.md" || index.contains(&format!("({name})")), "{name}");
    }
}

#[test]
fn the_threat_model_names_code_that_is_there() {
    let text = fs::read_to_string(root().join("docs/threat-model.md")).unwrap();
    let words = text.split('`').skip(1).step_by(2).filter(|word| word.contains('/') && !word.contains("://"));
    for word in words {
        let path = word.trim_end_matches('/');
        let roots = [root().join("services").join(path), root().join(path)];
        let found = roots.iter().any(|root| root.exists() || root.with_extension("rs").exists());
        assert!(found || path.starts_with("index/"), "docs/threat-model.md names `{word}`");
    }
}
