//! Embeds the catalogue: every file of `measures/<layer>/` as JSON with the digest's raw bytes beside it.
//!
//! Examples are left out of what is embedded; the tests read the files themselves.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() {
    let root =
        PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("../../measures");
    println!("cargo:rerun-if-changed={}", root.display());
    let mut files = Vec::new();
    for layer in sorted(&root) {
        if layer.is_dir() {
            println!("cargo:rerun-if-changed={}", layer.display());
            files.extend(
                sorted(&layer).into_iter().filter(|path| path.extension().is_some_and(|e| e == "yaml")),
            );
        }
    }
    let mut code = String::from("pub(super) static FILES: &[(&str, &str, &str)] = &[\n");
    for path in files {
        let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let mut value: serde_json::Value =
            serde_saphyr::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        if let Some(map) = value.as_object_mut() {
            map.remove("examples");
        }
        let name = path.strip_prefix(&root).expect("it was listed there").display().to_string();
        let _ = writeln!(
            code,
            "({name:?}, include_str!({:?}), {:?}),",
            path.canonicalize().expect("it exists"),
            value.to_string()
        );
    }
    code.push_str("];\n");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it")).join("catalogue.rs");
    fs::write(out, code).expect("OUT_DIR is writable");
}

fn sorted(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<_> = fs::read_dir(folder)
        .map(|entries| entries.filter_map(Result::ok).map(|entry| entry.path()).collect())
        .unwrap_or_default();
    paths.sort();
    paths
}
