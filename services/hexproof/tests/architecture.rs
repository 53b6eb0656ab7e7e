//! The crates and their dependencies are those of the table in `ARCHITECTURE.md`.

#![allow(clippy::unwrap_used, reason = "a test ends where it is surprised")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

const TESTKIT: &str = "hexproof-testkit";
/// Whose tests run over the real services, and which those are: ARCHITECTURE.md says why.
const OVER_THE_REAL: (&str, [&str; 3]) =
    ("hexproof-portal", ["hexproof-archive", "hexproof-scheduler", "hexproof-scorer"]);

/// One line of the table.
#[derive(Debug)]
struct Row {
    directory: String,
    may: BTreeSet<String>,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// Reads the table: crate, directory, what it does, what it may depend on.
fn table(text: &str) -> BTreeMap<String, Row> {
    let mut rows = BTreeMap::new();
    for line in text.lines().filter(|line| line.starts_with("| hexproof")) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [name, directory, _, may] = cells[..] else { panic!("not four columns: {line}") };
        let may = match may {
            "-" | "all" => BTreeSet::new(),
            list => list.split(", ").map(|name| format!("hexproof-{name}")).collect(),
        };
        let row = Row { directory: directory.to_owned(), may };
        assert!(rows.insert(name.to_owned(), row).is_none(), "`{name}` stands twice in the table");
    }
    // `all` is what the table holds, less the testkit.
    let all: BTreeSet<String> = rows.keys().filter(|name| *name != TESTKIT).cloned().collect();
    for line in text.lines().filter(|line| line.starts_with("| hexproof") && line.ends_with("| all |")) {
        let name = line.trim_matches('|').split('|').next().unwrap().trim();
        rows.get_mut(name).unwrap().may = all.clone();
    }
    rows
}

fn packages() -> Vec<Value> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    metadata["packages"].as_array().unwrap().clone()
}

/// What is wrong with the packages by the table.
fn faults(rows: &BTreeMap<String, Row>, packages: &[Value], root: &Path) -> Vec<String> {
    let mut faults = Vec::new();
    let names: BTreeSet<&str> = packages.iter().filter_map(|package| package["name"].as_str()).collect();
    for name in rows.keys().filter(|name| !names.contains(name.as_str())) {
        faults.push(format!("`{name}` is in the table and not in the workspace"));
    }
    for package in packages {
        let name = package["name"].as_str().unwrap();
        let Some(row) = rows.get(name) else {
            faults.push(format!("`{name}` is in the workspace and not in the table"));
            continue;
        };
        let manifest = root.join(&row.directory).join("Cargo.toml");
        let found = Path::new(package["manifest_path"].as_str().unwrap());
        if found != manifest.canonicalize().unwrap_or(manifest) {
            faults.push(format!("`{name}` is not in `{}` but at {}", row.directory, found.display()));
        }
        for dependency in package["dependencies"].as_array().unwrap() {
            let on = dependency["name"].as_str().unwrap();
            let in_tests = dependency["kind"].as_str() == Some("dev");
            let for_tests = on == TESTKIT || (name == OVER_THE_REAL.0 && OVER_THE_REAL.1.contains(&on));
            if names.contains(on) && !row.may.contains(on) && !(in_tests && for_tests) {
                faults.push(format!("`{name}` must not depend on `{on}`"));
            }
        }
    }
    faults
}

#[test]
fn crates_depend_only_on_what_the_table_allows() {
    let rows = table(&std::fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap());
    let packages = packages();
    assert!(packages.len() > 1 && rows.len() > 1, "{} packages, {} rows", packages.len(), rows.len());
    let faults = faults(&rows, &packages, &root());
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn a_forbidden_dependency_a_stranger_and_a_ghost_are_found() {
    let text = "| hexproof-core | services/core | words | - |\n\
                | hexproof-scorer | services/scorer | scores | core |\n\
                | hexproof-ghost | services/ghost | haunts | core |\n\
                | hexproof | services/hexproof | runs | all |\n";
    let package = |name: &str, directory: &str, on: &[(&str, Value)]| {
        let dependencies: Vec<Value> =
            on.iter().map(|(name, kind)| serde_json::json!({"name": name, "kind": kind})).collect();
        let manifest = format!("/project/{directory}/Cargo.toml");
        serde_json::json!({"name": name, "manifest_path": manifest, "dependencies": dependencies})
    };
    let packages = [
        package(
            "hexproof-core",
            "services/core",
            &[("hexproof-scorer", Value::Null), ("serde", Value::Null)],
        ),
        package("hexproof-scorer", "elsewhere", &[("hexproof-core", Value::Null), (TESTKIT, "dev".into())]),
        package("hexproof", "services/hexproof", &[("hexproof-scorer", Value::Null), (TESTKIT, Value::Null)]),
        package(TESTKIT, "services/testkit", &[]),
    ];
    let found = faults(&table(text), &packages, Path::new("/project"));
    assert_eq!(
        found,
        [
            "`hexproof-ghost` is in the table and not in the workspace",
            "`hexproof-core` must not depend on `hexproof-scorer`",
            "`hexproof-scorer` is not in `services/scorer` but at /project/elsewhere/Cargo.toml",
            "`hexproof` must not depend on `hexproof-testkit`",
            "`hexproof-testkit` is in the workspace and not in the table",
        ]
    );
}
