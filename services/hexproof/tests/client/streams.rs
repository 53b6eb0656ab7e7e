//! Audits that are followed and packs that are taken away, over streams that break.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use hexproof_api::v1;

use super::script::{AUDIT, Script};
use super::{Ran, ask, support};

/// The example as `hexproof assess` judges it: JSON, and the text of the same.
fn assessed(home: &Path) -> (String, String) {
    let input = support::root().join("examples/weak-shop");
    let assess = |format: &str| {
        let mut command = support::hexproof(home);
        let (code, out, err) = support::run(command.args(["assess", "-q", "--format", format]).arg(&input));
        assert_eq!(code, 0, "{out}{err}");
        out
    };
    (assess("json"), assess("text"))
}

async fn audit(server: std::net::SocketAddr, home: &Path, more: &[&str]) -> Ran {
    ask(server, home, "ada", &[&["audit", "--cluster", "shop"], more].concat()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_audit_by_a_server_prints_what_an_audit_here_prints() {
    let home = tempfile::tempdir().unwrap();
    let (json, text) = assessed(home.path());
    let mut script = Script::new(json.trim_end().as_bytes().to_vec());
    script.down = AtomicU32::new(2);
    let (server, script) = script.serve().await;
    let ran = audit(server, home.path(), &["--output", "pack.pdf"]).await.done();
    let matrix = |text: &str| -> Vec<String> {
        let lines = text.lines().skip_while(|line| !line.contains("confid."));
        lines
            .take_while(|line| !line.starts_with("Exit") && !line.starts_with("Server"))
            .map(str::to_owned)
            .collect()
    };
    let here = matrix(&text);
    assert!(here.len() > 8, "{text}");
    assert_eq!(matrix(&ran.out)[..8], here[..8]);
    assert!(ran.out.contains(&script.digest()) && ran.out.contains(AUDIT), "{}", ran.out);
    assert_eq!(fs::read(home.path().join("pack.pdf")).unwrap(), script.pack);
    assert!(!home.path().join("pack.pdf.part").exists());
    assert!(ran.err.contains(&format!("audit {AUDIT} of cluster shop")), "{}", ran.err);
    let started = script.started.lock().unwrap().clone();
    assert_eq!(started.len(), 3, "the store was down twice");
    assert!(started.iter().all(|id| *id == started[0]), "repeated with its request id: {started:?}");
    assert_eq!(script.watched.load(Ordering::SeqCst), 3, "one stream broke, one ended early");
    assert_eq!(*script.offsets.lock().unwrap(), [0, 80_000, 160_000], "each stream went on at its offset");

    let same = audit(server, home.path(), &["--format", "json", "-q", "--request-id", "ci-1"]).await.done();
    assert_eq!(same.json(), serde_json::from_str::<serde_json::Value>(&json).unwrap());
    assert_eq!(script.started.lock().unwrap().last().unwrap(), "ci-1");
    let below = audit(server, home.path(), &["--fail-below", "A"]).await;
    assert_eq!(below.code, 1, "{}{}", below.out, below.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_read_evidence_learns_the_rating() {
    let home = tempfile::tempdir().unwrap();
    let script = Script { evidence: false, ..Script::new(Vec::new()) };
    let (server, _) = script.serve().await;
    let ran = audit(server, home.path(), &["-q"]).await.done();
    assert!(ran.out.contains("Rating   D") && ran.out.contains("auditors"), "{}", ran.out);
    assert_eq!(audit(server, home.path(), &["-q", "--fail-below", "C"]).await.code, 1);
    let denied = audit(server, home.path(), &["-q", "--output", "pack.pdf"]).await;
    assert!(denied.code == 2 && denied.err.contains("PERMISSION_DENIED"), "{}", denied.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_audit_that_fails_or_is_not_for_a_server_is_an_error() {
    let home = tempfile::tempdir().unwrap();
    let script = Script { state: v1::AuditState::Failed, ..Script::new(Vec::new()) };
    let (server, _) = script.serve().await;
    let failed = audit(server, home.path(), &["-q"]).await;
    assert!(failed.code == 2 && failed.err.contains("the agent hung up"), "{}", failed.err);
    let local = audit(server, home.path(), &["--settings", "x.yaml", "--waivers", "y.yaml"]).await;
    assert!(
        local.code == 2 && local.err.contains("--settings, --waivers are for audits on this machine"),
        "{}",
        local.err
    );
    let both = format!("http://{server}");
    let both = audit(server, home.path(), &["--server", &both, "manifests/"]).await;
    assert!(both.code == 2 && both.err.contains("no INPUT"), "{}", both.err);
    let none = ask(server, home.path(), "ada", &["audit"]).await;
    assert!(none.code == 2 && none.err.contains("--cluster"), "{}", none.err);
    let input = support::root().join("examples/weak-shop");
    let here = ask(server, home.path(), "ada", &["audit", "-q", input.to_str().unwrap()]).await;
    assert!(home.path().join("evidence").exists(), "what is named is audited here: {}", here.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_goes_on_where_an_earlier_run_stopped() {
    let home = tempfile::tempdir().unwrap();
    let (server, script) = Script::new(Vec::new()).serve().await;
    let download =
        async || ask(server, home.path(), "ada", &["packs", "download", "shop", AUDIT, "-o", "p.pdf"]).await;
    let part = home.path().join("p.pdf.part");
    fs::write(&part, &script.pack[..150_000]).unwrap();
    let ran = download().await.done();
    assert!(ran.out.contains(&script.digest()), "{}", ran.out);
    assert_eq!(*script.offsets.lock().unwrap(), [150_000]);
    assert_eq!(fs::read(home.path().join("p.pdf")).unwrap(), script.pack);

    // What another file left behind is thrown away, whether it is shorter, as long or longer.
    for length in [100_000, 200_000, 300_000] {
        fs::write(&part, vec![7; length]).unwrap();
        download().await.done();
        assert_eq!(fs::read(home.path().join("p.pdf")).unwrap(), script.pack, "{length}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_do_not_have_their_digest_get_no_name() {
    let home = tempfile::tempdir().unwrap();
    let stated = hexproof_core::digest::Digest::of(b"something else").to_string();
    let script = Script { stated: Some(stated), ..Script::new(Vec::new()) };
    let (server, _) = script.serve().await;
    let ran = ask(server, home.path(), "ada", &["packs", "download", "shop", AUDIT, "-o", "p.pdf"]).await;
    assert!(ran.code == 2 && ran.err.contains("was stated"), "{}", ran.err);
    assert!(!home.path().join("p.pdf").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn audits_and_packs_are_listed_shown_linked_and_checked() {
    let home = tempfile::tempdir().unwrap();
    let (server, _) = Script::new(Vec::new()).serve().await;
    let run = async |args: &[&str]| ask(server, home.path(), "ada", args).await;
    let list = run(&["audits", "list"]).await.done().out;
    assert!(
        list.starts_with("CLUSTER  AUDIT") && list.contains("running") && list.contains("succeeded"),
        "{list}"
    );
    let shown = run(&["audits", "show", "shop", AUDIT]).await.done().out;
    assert!(shown.contains("rating    D") && !shown.contains("stage"), "{shown}");
    assert_eq!(run(&["audits", "show", "shop", "other"]).await.code, 2);
    let watched = run(&["audits", "watch", "shop", AUDIT, "--format", "json"]).await.done();
    assert_eq!(watched.json()["audit"]["state"], "AUDIT_STATE_SUCCEEDED");
    assert!(watched.err.contains("collecting"), "{}", watched.err);
    let cancelled = run(&["audits", "cancel", "shop", AUDIT]).await.done().out;
    assert!(cancelled.contains("collecting, 3 of 10"), "{cancelled}");
    let packs = run(&["packs", "list", "--from", "2026-01-01"]).await.done().out;
    assert!(packs.contains("shopU+001B[2J") && !packs.contains('\u{1b}'), "{packs}");
    let link = run(&["packs", "link", "shop", AUDIT, "--minutes", "5"]).await.done().out;
    assert!(link.contains("https://audits.example/d/1") && link.contains("2026-11-24T10:05:00Z"), "{link}");
    run(&["packs", "revoke-link", "shop", "l-1"]).await.done();
    assert!(run(&["packs", "verify", "shop", AUDIT]).await.done().out.contains("valid"));
    fs::write(home.path().join("x.pdf"), b"%PDF").unwrap();
    let unknown = run(&["packs", "verify", "--file", "x.pdf"]).await;
    assert!(unknown.code == 1 && unknown.out.contains("unknown"), "{}", unknown.out);
}
