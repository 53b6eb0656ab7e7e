//! The main job as a user does it: audit, verify, read the result.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod support;

use std::fs;

use support::{files, hexproof, pack, real, root, run};

#[test]
fn an_audit_of_the_example_gives_a_pack_that_verifies_until_one_byte_changes() {
    let home = tempfile::tempdir().unwrap();
    let store = home.path().join("evidence");
    let (code, out, err) = run(hexproof(home.path())
        .args(["audit", "--store"])
        .arg(&store)
        .arg(root().join("examples/weak-shop")));
    assert_eq!(code, 0, "{out}{err}");
    for said in
        ["weak-shop", "container", "Gates", "Run no privileged containers", "First ten of", "packs/", "Exit"]
    {
        assert!(out.contains(said), "`{said}` is missing in\n{out}");
    }
    let pack = pack(&store);
    let (code, out, err) = run(hexproof(home.path()).arg("verify").arg(&pack).arg("--store").arg(&store));
    assert_eq!(code, 0, "{out}{err}");
    assert!(out.contains("Valid: signed by"), "{out}");

    let mut bytes = fs::read(&pack).unwrap();
    let place = bytes.len() / 2;
    bytes[place] ^= 1;
    let bent = home.path().join("bent.pdf");
    fs::write(&bent, &bytes).unwrap();
    let (code, out, _) = run(hexproof(home.path()).arg("verify").arg(&bent));
    assert_eq!(code, 1, "{out}");
    assert!(out.contains("Not valid"), "{out}");

    bytes[place] ^= 1;
    bytes.extend_from_slice(b"\n% more\n");
    fs::write(&bent, &bytes).unwrap();
    let (code, out, _) = run(hexproof(home.path()).arg("verify").arg(&bent));
    assert_eq!(code, 1, "{out}");
}

#[test]
fn a_stranger_who_trusts_nobody_is_told_unknown_not_valid() {
    let home = tempfile::tempdir().unwrap();
    let store = home.path().join("evidence");
    let (code, ..) = run(hexproof(home.path())
        .args(["audit", "-q", "--store"])
        .arg(&store)
        .arg(root().join("examples/hardened-shop")));
    assert_eq!(code, 0);
    let stranger = tempfile::tempdir().unwrap();
    let (code, out, _) = run(hexproof(stranger.path()).arg("verify").arg(pack(&store)));
    assert_eq!(code, 1, "{out}");
    assert!(!out.contains("Valid: "), "{out}");
    let ca = home.path().join("config/hexproof/identity/ca.pem");
    let (code, out, _) =
        run(hexproof(stranger.path()).arg("verify").arg(pack(&store)).arg("--trust").arg(ca));
    assert_eq!(code, 0, "{out}");
}

#[test]
fn two_runs_over_the_same_input_give_the_same_bytes_up_to_the_seal() {
    let home = tempfile::tempdir().unwrap();
    let mut unsigned = Vec::new();
    let mut rest = Vec::new();
    for name in ["one", "two"] {
        let store = home.path().join(name);
        let (code, _, err) = run(hexproof(home.path())
            .args(["audit", "--store"])
            .arg(&store)
            .arg(root().join("examples/weak-shop")));
        assert_eq!(code, 0, "{err}");
        let bytes = fs::read(pack(&store)).unwrap();
        // The unsigned document ends with its own end-of-file mark; the seal is appended.
        let end = bytes.windows(5).position(|window| window == b"%%EOF").unwrap();
        unsigned.push(bytes[..end].to_vec());
        let parts: Vec<Vec<u8>> = files(&store)
            .into_iter()
            .filter(|path| {
                ["snapshot.ndjson.zst", "assessment.json.zst", "population.json"]
                    .iter()
                    .any(|n| path.ends_with(n))
            })
            .map(|path| fs::read(path).unwrap())
            .collect();
        assert_eq!(parts.len(), 3);
        rest.push(parts);
    }
    assert!(unsigned[0].len() > 10_000);
    assert!(unsigned[0] == unsigned[1], "the unsigned documents differ");
    assert!(rest[0] == rest[1], "snapshot, assessment or population differ");
}

#[test]
fn the_same_audit_again_finds_its_finished_run_and_makes_nothing_new() {
    let home = tempfile::tempdir().unwrap();
    let store = home.path().join("evidence");
    for turn in 0..2 {
        let (code, out, err) = run(hexproof(home.path())
            .args(["audit", "--store"])
            .arg(&store)
            .arg(root().join("examples/weak-shop")));
        assert_eq!(code, 0, "{err}");
        assert_eq!(out.contains("earlier run"), turn == 1, "{out}");
        pack(&store);
    }
}

#[test]
fn a_snapshot_judged_again_gives_the_attached_assessment_byte_for_byte() {
    let home = tempfile::tempdir().unwrap();
    let store = home.path().join("evidence");
    let (code, printed, err) = run(hexproof(home.path())
        .args(["audit", "--format", "json", "--store"])
        .arg(&store)
        .arg(root().join("examples/weak-shop")));
    assert_eq!(code, 0, "{err}");
    let snapshot = files(&store).into_iter().find(|path| path.ends_with("snapshot.ndjson.zst")).unwrap();
    // Another clock: the verdict rests on the snapshot's own time.
    let mut again = hexproof(home.path());
    let (code, replayed, err) =
        run(again.env("SOURCE_DATE_EPOCH", "1900000000").args(["assess", "--format", "json"]).arg(snapshot));
    assert_eq!(code, 0, "{err}");
    assert!(printed == replayed, "the replayed assessment differs");
    let attached = hexproof_sealer::attachments(&fs::read(pack(&store)).unwrap()).unwrap();
    let attached = attached.iter().find(|file| file.name == "assessment.json").unwrap();
    assert!(attached.bytes == replayed.trim_end().as_bytes(), "the attached assessment differs");
}

#[test]
fn waivers_open_gates_and_void_ones_are_named() {
    let home = tempfile::tempdir().unwrap();
    let (code, out, err) = run(hexproof(home.path())
        .args(["assess", "--waivers"])
        .arg(root().join("examples/weak-shop-waivers.yaml"))
        .arg(root().join("examples/weak-shop")));
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("w-2026-032") && out.contains("approved by its own owner"), "{out}");
}

#[test]
fn fail_below_is_an_exit_code() {
    let home = tempfile::tempdir().unwrap();
    let shop = root().join("examples/weak-shop");
    let (code, out, _) = run(hexproof(home.path()).args(["assess", "--fail-below", "B"]).arg(&shop));
    assert_eq!(code, 1, "{out}");
    let (code, ..) = run(hexproof(home.path()).args(["assess", "--fail-below", "E"]).arg(&shop));
    assert_eq!(code, 0);
}

#[test]
fn an_unwritable_store_is_a_clear_error_and_leaves_no_pack() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("taken");
    fs::write(&file, "a file where a folder should be").unwrap();
    let (code, out, err) = run(hexproof(home.path())
        .args(["audit", "--store"])
        .arg(file.join("evidence"))
        .arg(root().join("examples/weak-shop")));
    assert_eq!(code, 2, "{out}");
    assert!(err.contains("taken"), "{err}");
    assert!(!err.contains("panicked"), "{err}");
    let (code, _, err) = run(hexproof(home.path())
        .args(["audit", "--store", "ftp://example.com/x"])
        .arg(root().join("examples/weak-shop")));
    assert_eq!(code, 2);
    assert!(err.contains("ftp"), "{err}");
}

#[test]
fn broken_input_names_file_line_and_reason_and_writes_nothing() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("manifests");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("good.yaml"), "apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n").unwrap();
    fs::write(folder.join("bad.yaml"), "apiVersion: v1\nkind: Pod\nmetadata: {name: b\nspec: [\n").unwrap();
    let store = home.path().join("evidence");
    let (code, out, err) = run(hexproof(home.path()).args(["audit", "--store"]).arg(&store).arg(&folder));
    assert_eq!(code, 2, "{out}");
    assert!(err.contains("bad.yaml` line 4") && !store.exists(), "{err}");
    let (code, out, err) =
        run(hexproof(home.path()).args(["audit", "--keep-going", "--store"]).arg(&store).arg(&folder));
    assert_eq!(code, 3, "{err}");
    assert!(out.contains("bad.yaml"), "{out}");
    let (code, _, err) =
        run(hexproof(home.path()).args(["audit", "--store"]).arg(&store).arg(home.path().join("nothing")));
    assert_eq!(code, 2);
    assert!(err.contains("nothing"), "{err}");
    let empty = home.path().join("empty");
    fs::create_dir(&empty).unwrap();
    let (code, _, err) = run(hexproof(home.path()).args(["audit"]).arg(&empty));
    assert_eq!(code, 2);
    assert!(err.contains("nothing found"), "{err}");
}

#[test]
fn real_manifests_and_a_recorded_server_give_packs_that_verify() {
    for path in ["manifests/kubernetes-goat", "api-recording"] {
        let Some(input) = real(path) else { continue };
        let home = tempfile::tempdir().unwrap();
        let store = home.path().join("evidence");
        let (code, out, err) = run(hexproof(home.path()).args(["audit", "--store"]).arg(&store).arg(&input));
        assert!(code == 0 || code == 3, "{path}: {code}\n{out}{err}");
        let (code, out, _) = run(hexproof(home.path()).arg("verify").arg(pack(&store)));
        assert_eq!(code, 0, "{path}: {out}");
    }
}

#[test]
fn what_could_not_be_read_is_never_a_good_rating() {
    let home = tempfile::tempdir().unwrap();
    let long = format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {}}}\n", "a".repeat(300));
    for (text, code) in [
        ("apiVersion: v1\nkind: Pod\nmetadata: {namespace: a}\nspec: {containers: [{name: a}]}\n", 3),
        ("apiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: a}\n", 3),
        (
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\nspec: {template: {spec: {containers: []}}}\n",
            3,
        ),
        (&long, 3),
        ("apiVersion: example.com/v1\nkind: Widget\nmetadata: {name: a}\n", 0),
    ] {
        let file = home.path().join("one.yaml");
        fs::write(&file, text).unwrap();
        let (found, out, err) = run(hexproof(home.path()).args(["assess", "--format", "json"]).arg(&file));
        assert_eq!(found, code, "{text}\n{out}{err}");
        assert!(out.contains(r#""overall":{"#), "{out}");
        let overall = out.split(r#""overall":"#).nth(1).unwrap();
        assert!(overall[..300].contains("RATING_NOT_ASSESSED"), "{text}\n{}", &overall[..300]);
    }
}

#[test]
fn a_file_that_is_not_there_does_not_hide_the_verdict_on_another() {
    let home = tempfile::tempdir().unwrap();
    let store = home.path().join("evidence");
    let (code, ..) = run(hexproof(home.path())
        .args(["audit", "-q", "--store"])
        .arg(&store)
        .arg(root().join("examples/hardened-shop")));
    assert_eq!(code, 0);
    let (code, out, err) = run(hexproof(home.path()).arg("verify").arg("gone.pdf").arg(pack(&store)));
    assert_eq!(code, 2, "{out}{err}");
    assert!(out.contains("Valid: signed by") && err.contains("gone.pdf"), "{out}{err}");
}

#[test]
fn the_nodes_tell_the_platform_and_the_platform_decides_what_applies() {
    let home = tempfile::tempdir().unwrap();
    for (example, platform, applies) in
        [("aks-shop", "PLATFORM_AKS", true), ("on-premise-shop", "PLATFORM_ON_PREMISE", false)]
    {
        let (code, out, err) = run(hexproof(home.path())
            .args(["assess", "--format", "json"])
            .arg(root().join("examples").join(example)));
        assert_eq!(code, 0, "{err}");
        let assessment: hexproof_core::assessment::Assessment = serde_json::from_str(&out).unwrap();
        assert!(out.contains(&format!(r#""platform":"{platform}""#)), "{example}");
        let id = "network-policy-metadata-service-blocked";
        let count = assessment.measures.iter().find(|count| count.measure_id.as_str() == id).unwrap();
        assert_eq!((count.pass, count.fail), if applies { (1, 1) } else { (0, 0) }, "{example}");
    }
}
