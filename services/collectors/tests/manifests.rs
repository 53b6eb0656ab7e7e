//! What the manifest reader makes of YAML and JSON, good and bad.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use std::{fs, ops::ControlFlow};

use common::{Read, read, read_within, real};
use hexproof_collectors::{
    CollectError, Limits,
    input::{Manifests, read_manifest},
    raw::Reading,
};
use serde_json::json;

fn config_map(yaml: &str) -> serde_json::Value {
    let text = format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a}}\ndata:\n{yaml}");
    let read = read(text.as_bytes());
    assert_eq!(read.faults(), Vec::<String>::new(), "{yaml}");
    read.objects[0].value["data"].clone()
}

#[test]
fn documents_know_the_line_they_start_on() {
    let read = read(b"# comment\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: a}\n---\n\n---\n# x\nkind: Pod\napiVersion: v1\nmetadata:\n  name: b\n...\n");
    assert_eq!(read.names(), ["Pod/a@3", "Pod/b@10"]);
    assert!(read.failures.is_empty() && read.excluded.is_empty());
}

#[test]
fn yaml_means_what_kubectl_makes_of_it() {
    assert_eq!(
        config_map(
            "  a: yes\n  b: 'yes'\n  c: 0400\n  d: |\n    x\n    y\n  e: >-\n    x\n    y\n  f: !!str 12\n  g:\n  on: 1\n  2: x"
        ),
        json!({"a": true, "b": "yes", "c": 256, "d": "x\ny\n", "e": "x y", "f": "12", "g": null, "true": 1, "2": "x"})
    );
    assert_eq!(
        config_map("  a: &a {x: 1, v: 2}\n  b: {<<: *a, v: 3}\n  c:\n    <<: [*a, {z: 9}]\n  d: *a"),
        json!({"a": {"x": 1, "v": 2}, "b": {"x": 1, "v": 3}, "c": {"x": 1, "v": 2, "z": 9}, "d": {"x": 1, "v": 2}})
    );
}

#[test]
fn lists_are_read_as_their_items() {
    let items = "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"a\"}}";
    for text in [
        format!("{{\"kind\":\"List\",\"apiVersion\":\"v1\",\"items\":[{items}]}}"),
        format!("{{\"apiVersion\":\"v1\",\"items\":[{items}],\"kind\":\"List\",\"metadata\":{{}}}}"),
        format!("{{\"items\":[{items}],\"apiVersion\":\"v1\",\"kind\":\"List\"}}"),
        "{\"kind\":\"PodList\",\"apiVersion\":\"v1\",\"items\":[{\"metadata\":{\"name\":\"a\"}}]}".to_owned(),
        "{\"apiVersion\":\"v1\",\"items\":[{\"metadata\":{\"name\":\"a\"}}],\"kind\":\"PodList\"}".to_owned(),
        "kind: PodList\napiVersion: v1\nitems: [{metadata: {name: a}}]".to_owned(),
        "apiVersion: v1\nitems: [{metadata: {name: a}}]\nkind: PodList".to_owned(),
        format!("apiVersion: v1\nitems: [{items}]\nkind: List"),
        format!("items: [{items}]\napiVersion: v1\nkind: List"),
        format!("kind: List\napiVersion: v1\nitems: [{{kind: List, apiVersion: v1, items: [{items}]}}]"),
    ] {
        let read = read(text.as_bytes());
        let names: Vec<_> =
            read.names().iter().map(|name| name.split('@').next().unwrap().to_owned()).collect();
        assert_eq!(names, ["Pod/a"], "{text}: {read:?}");
        assert_eq!(read.objects[0].value["apiVersion"], "v1", "{text}");
        assert!(read.failures.is_empty() && read.excluded.is_empty(), "{text}: {read:?}");
    }
}

#[test]
fn several_json_objects_in_one_file_are_all_read() {
    let pod = |name: &str| {
        format!("{{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{{\"name\":\"{name}\"}}}}")
    };
    let read = read(format!("{}\n{}{}", pod("a"), pod("b"), pod("c")).as_bytes());
    assert_eq!(read.names(), ["Pod/a@1", "Pod/b@2", "Pod/c@2"]);
}

#[test]
fn what_is_no_cluster_state_is_left_out_with_its_reason() {
    for text in [
        "replicas: 2\nimage: {tag: x}",
        "- a\n- b",
        "just text",
        "apiVersion: v2\nname: chart",
        "{\"name\":\"x\"}",
    ] {
        let read = read(text.as_bytes());
        assert_eq!((read.excluded.len(), read.failures.len()), (1, 0), "{text}: {read:?}");
    }
    let kubeconfig = read(b"apiVersion: v1\nkind: Config\nusers: []");
    assert_eq!(kubeconfig.excluded[0].1, "a kubeconfig file");
    assert!(read(b"").objects.is_empty() && read(b"---\n# nothing\n").excluded.is_empty());
}

#[test]
fn configuration_files_need_no_name_but_objects_do() {
    let config =
        read(b"apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\nresources: []");
    assert_eq!(config.objects.len(), 1);
    let kustomization = read(b"apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n");
    assert_eq!(kustomization.objects.len(), 1);
    assert_eq!(
        read(b"\napiVersion: v1\nkind: Pod\nmetadata: {}").faults(),
        ["2: the `Pod` has no `metadata.name`"]
    );
    assert_eq!(
        read(b"kind: Pod\nmetadata: {name: a}").faults(),
        ["1: the object has a `kind` but no `apiVersion`"]
    );
}

#[test]
fn a_broken_document_is_named_by_line_and_the_next_one_is_read() {
    let read =
        read(b"a: b\n---\nkind: Pod\nspec: [1, 2\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: c}\n");
    assert_eq!(read.failures.len(), 1, "{read:?}");
    assert!((4..=5).contains(&read.failures[0].line.unwrap()), "{read:?}");
    assert_eq!(read.names(), ["Pod/c@6"]);
}

#[test]
fn a_key_given_twice_is_an_error_with_its_line() {
    let yaml = read(b"apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\n  name: b\n");
    assert_eq!(yaml.faults(), ["5: the key `name` is given twice"]);
    let json = read(b"{\"apiVersion\": \"v1\",\n \"kind\": \"Pod\",\n \"kind\": \"Node\"}");
    assert_eq!(json.faults(), ["3: the key `kind` is given twice"]);
}

#[test]
fn a_helm_template_says_how_to_render_it() {
    let read = read(b"apiVersion: v1\nkind: Pod\nmetadata:\n  name: {{ .Release.Name }}\n  labels:\n    {{- include \"x\" . | nindent 4 }}\n");
    assert!(read.failures[0].reason.contains("helm template"), "{read:?}");
}

#[test]
fn nesting_of_ten_thousand_is_an_error_in_yaml_and_json() {
    for text in [
        "[".repeat(10_000),
        format!("a: {}", "[".repeat(10_000)),
        format!("a: {}", "{a: ".repeat(10_000)),
        (0..10_000).map(|level| format!("{}a:\n", " ".repeat(level))).collect(),
        "- ".repeat(10_000),
        format!("{{\"a\":{}", "[".repeat(10_000)),
        "{\"a\":".repeat(10_000),
        format!("{{\"apiVersion\":\"v1\",\"items\":[{}", "{\"a\":".repeat(10_000)),
    ] {
        let read = read(text.as_bytes());
        assert_eq!(read.failures.len(), 1, "{}: {:?}", &text[..20], read.faults());
        let reason = &read.failures[0].reason;
        assert!(reason.contains("deep") || reason.contains("limit") || reason.contains("ends"), "{reason}");
    }
}

#[test]
fn nesting_of_a_hundred_is_read() {
    let text = format!(
        "{{apiVersion: v1, kind: A, metadata: {{name: a}}, a: {}{}}}",
        "[".repeat(100),
        "]".repeat(100)
    );
    assert_eq!(read(text.as_bytes()).objects.len(), 1);
    let text = format!(
        "{{\"apiVersion\":\"v1\",\"kind\":\"A\",\"metadata\":{{\"name\":\"a\"}},\"a\":{}{}}}",
        "[".repeat(100),
        "]".repeat(100)
    );
    assert_eq!(read(text.as_bytes()).objects.len(), 1);
}

#[test]
fn an_alias_that_names_its_own_node_is_an_error() {
    assert_eq!(read(b"a: &a [*a]").failures.len(), 1);
    assert_eq!(read(b"a: *nowhere").failures.len(), 1);
}

#[test]
fn binary_files_are_named_as_such() {
    for bytes in [&b"\x7fELF\0\0\0"[..], b"a: \xff\xfe\xfd", b"PK\x03\x04\0\0", b"\x1f\x8b\x08\0\0"] {
        let read = read(bytes);
        assert_eq!(read.failures.len(), 1, "{read:?}");
        assert!(read.failures[0].reason.contains("binary"), "{read:?}");
    }
}

#[test]
fn a_truncated_json_list_keeps_what_came_before_and_says_where_it_ends() {
    let read = read(b"{\"apiVersion\":\"v1\",\"kind\":\"List\",\"items\":[{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"a\"}},\n{\"apiV");
    assert_eq!(read.names(), ["Pod/a@1"]);
    assert_eq!(read.faults(), ["2: the file ends inside a JSON value"]);
}

#[test]
fn an_object_larger_than_the_limit_is_refused() {
    let limits = Limits { object_bytes: 1000, tree_bytes: 4000, ..Limits::default() };
    let json = read_within(format!("{{\"a\":\"{}\"}}", "x".repeat(2000)).as_bytes(), &limits);
    assert!(json.faults()[0].contains("larger"), "{json:?}");
    let yaml = read_within(format!("a: {}", "x".repeat(5000)).as_bytes(), &limits);
    assert!(yaml.faults()[0].contains("memory"), "{yaml:?}");
}

#[test]
fn errors_never_show_what_stands_in_a_file() {
    const CANARY: &str = "hunter2canary";
    for text in [
        format!("a: {CANARY}: b: [\n"),
        format!("a: \"{CANARY}\n"),
        format!("a: [{CANARY}\nb: c"),
        format!("a: *{CANARY}"),
        format!("a: !!int {CANARY}"),
        format!("{{\"a\": {CANARY}}}"),
        format!("{{\"a\": \"{CANARY}\" \"b\"}}"),
        format!("{{\"a\": \"\\u{CANARY}\"}}"),
        format!("a: |\n {CANARY}\n\t{CANARY}\nb"),
        format!("%{CANARY} 1\n--- a"),
        format!("a: !{CANARY}!x b"),
    ] {
        let read = read(text.as_bytes());
        for failure in &read.failures {
            assert!(!failure.to_string().contains("hunter2"), "{text:?} gives {failure}");
        }
    }
}

fn read_folder(path: &std::path::Path) -> Result<(Read, usize), CollectError> {
    let manifests = Manifests::find(&[path.to_path_buf()], Limits::default())?;
    let mut readings = manifests
        .read(2, Vec::new, |state, index, reading| {
            state.push((index, reading));
            ControlFlow::Continue(())
        })
        .into_iter()
        .flatten()
        .collect::<Vec<_>>();
    readings.sort_by_key(|(index, _)| *index);
    let mut read = Read::default();
    for (_, reading) in readings {
        read.take(reading);
    }
    Ok((read, manifests.files().len()))
}

#[test]
fn folders_are_read_in_order_without_hidden_and_foreign_entries() {
    let folder = tempfile::tempdir().unwrap();
    let pod = |name: &str| format!("apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}}}\n");
    let put = |path: &str, text: &str| {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    put("b.yaml", &pod("b"));
    put("a/z.yml", &pod("z"));
    put("a/A.JSON", &pod("upper"));
    put("a/notes.txt", "not: [yaml");
    put(".git/config.yaml", "not: [yaml");
    put(".hidden.yaml", "not: [yaml");
    put("chart/Chart.yaml", "apiVersion: v2\nname: chart");
    put("chart/templates/x.yaml", "{{ not yaml");
    let (read, files) = read_folder(folder.path()).unwrap();
    assert_eq!(read.names(), ["Pod/upper@1", "Pod/z@1", "Pod/b@1"]);
    assert_eq!((files, read.excluded.len(), read.failures.len()), (5, 2, 0), "{read:?}");
}

#[cfg(unix)]
#[test]
fn links_out_of_a_folder_are_not_followed_and_links_inside_are_read_once() {
    use std::os::unix::fs::symlink;
    let outside = tempfile::tempdir().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let pod = |name: &str| format!("apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}}}\n");
    fs::write(outside.path().join("secret.yaml"), pod("outside")).unwrap();
    fs::create_dir(folder.path().join("..data")).unwrap();
    fs::write(folder.path().join("..data/mounted.yaml"), pod("mounted")).unwrap();
    fs::write(folder.path().join("plain.yaml"), pod("plain")).unwrap();
    symlink(outside.path().join("secret.yaml"), folder.path().join("out.yaml")).unwrap();
    symlink(folder.path().join("..data/mounted.yaml"), folder.path().join("mounted.yaml")).unwrap();
    symlink(folder.path().join("plain.yaml"), folder.path().join("again.yaml")).unwrap();
    symlink(folder.path(), folder.path().join("loop.yaml")).unwrap();
    symlink("nowhere", folder.path().join("dangling.yaml")).unwrap();
    let (read, _) = read_folder(folder.path()).unwrap();
    assert_eq!(read.names(), ["Pod/mounted@1", "Pod/plain@1"]);
    assert_eq!(read.excluded.len(), 3, "{read:?}");
}

#[test]
fn an_empty_folder_and_a_missing_path_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(read_folder(folder.path()), Err(CollectError::NothingFound { .. })));
    assert!(matches!(read_folder(&folder.path().join("none")), Err(CollectError::Inaccessible { .. })));
}

#[test]
fn a_yaml_file_above_the_limit_is_refused_without_reading_it() {
    struct Endless;
    impl std::io::Read for Endless {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            buffer.fill(b'a');
            Ok(buffer.len())
        }
    }
    let limits = Limits { yaml_bytes: 1 << 20, ..Limits::default() };
    let mut out = Read::default();
    let _ = read_manifest(Endless, &"endless".into(), &limits, &mut |reading| {
        out.take(reading);
        ControlFlow::Continue(())
    });
    assert!(out.failures[0].reason.contains("larger than 1 MiB"), "{out:?}");
}

#[test]
fn real_manifests_are_read_without_a_failure() {
    for (folder, objects) in [("kube-prometheus", 139), ("kubernetes-goat", 0), ("online-boutique", 0)] {
        let Some(path) = real(&format!("manifests/{folder}")) else { return };
        let started = std::time::Instant::now();
        let (read, files) = read_folder(&path).unwrap();
        println!(
            "{folder}: {files} files, {} objects, {} excluded, {:?}",
            read.objects.len(),
            read.excluded.len(),
            started.elapsed()
        );
        assert_eq!(read.faults(), Vec::<String>::new(), "{folder}");
        assert!(read.objects.len() >= objects.min(20), "{folder}");
    }
}

#[test]
fn a_json_stream_beyond_the_limit_is_refused_by_name() {
    let limits = Limits { json_bytes: 1 << 20, ..Limits::default() };
    let item = r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"}},"#;
    let text = format!(r#"{{"kind":"List","apiVersion":"v1","items":[{}"#, item.repeat(40_000));
    let mut failures = Vec::new();
    let flow = read_manifest(text.as_bytes(), &"big.json".into(), &limits, &mut |reading| {
        if let Reading::Failed(failure) = reading {
            failures.push(failure.to_string());
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    });
    assert!(flow.is_break());
    assert_eq!(failures.len(), 1);
    assert!(failures[0].contains("big.json") && failures[0].contains("larger than 1 MiB"), "{failures:?}");
}

#[test]
fn many_broken_documents_cost_no_more_than_their_length() {
    let text = "a: 1\na: 2\n---\n".repeat(70_000);
    let started = std::time::Instant::now();
    let read = read(text.as_bytes());
    assert_eq!(read.failures.len(), 70_000);
    // Searching the file once for each broken document took minutes here; once a file takes about a second.
    assert!(started.elapsed().as_secs() < 20, "{:?}", started.elapsed());
}
