//! Twenty planted secrets are in no byte that is written: not in the store, not in the pack, not in what is printed.
//!
//! Compressed files are unpacked, streams of the PDF inflated, attachments taken out, text extracted where pdftotext is
//! there. Each secret is looked for as it is, in base64 at its three alignments, and in hexadecimal.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod support;

use std::fmt::Write as _;
use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::process::Command;

use support::{files, hexproof, pack, run};

/// Secrets by number; no two share a piece of eight characters.
fn canary(number: usize) -> String {
    format!(
        "cnry{number:02}{}",
        hexproof_core::digest::Digest::of(format!("canary {number}").as_bytes()).hex().split_at(18).0
    )
}

const COUNT: usize = 20;

/// A cluster with a secret in every place that must not be kept.
fn cluster() -> String {
    let c: Vec<String> = (0..COUNT).map(canary).collect();
    // 24 characters: whole groups, so that no padding is needed.
    let (in_base64, binary) = (base64(c[2].as_bytes(), 0), base64(c[5].as_bytes(), 0));
    assert_eq!(c[2].len() % 3, 0);
    let mut text = r#"apiVersion: v1
kind: Secret
metadata:
  name: db
  namespace: shop
  annotations:
    kubectl.kubernetes.io/last-applied-configuration: '{"stringData":{"password":"@0@"}}'
stringData: {password: "@1@"}
data: {token: "@2@"}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: app, namespace: shop}
data:
  DB_PASSWORD: "@3@"
  app.properties: |
    smtp.password=@4@
binaryData: {blob: "@5@"}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  namespace: shop
  annotations: {example.com/note: "@6@"}
  managedFields: [{manager: "@7@", fieldsV1: {"f:@7@": {}}}]
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata:
      labels: {app: web}
      annotations: {example.com/token: "@8@"}
    spec:
      initContainers:
      - name: init
        image: registry.example.com/init:1
        command: ["sh", "-c", "login --password=@9@"]
      containers:
      - name: web
        image: registry.example.com/web:1
        args: ["--api-key", "@10@"]
        env:
        - {name: API_TOKEN, value: "@11@"}
        - {name: PLAIN, value: "@12@"}
        - {name: URL, value: "https://user:@13@@db.example.com/x"}
        livenessProbe:
          httpGet: {path: "/livez?key=@14@", port: 80, httpHeaders: [{name: Authorization, value: "Bearer @15@"}]}
        readinessProbe: {exec: {command: ["check", "@16@"]}}
        lifecycle: {preStop: {exec: {command: ["sh", "-c", "bye @17@"]}}}
---
apiVersion: example.com/v1
kind: Widget
metadata: {name: w, namespace: shop}
spec: {password: "@18@"}
---
apiVersion: v1
kind: Pod
metadata: {name: bad, namespace: shop}
spec: {hostNetwork: "@19@", containers: [{name: a}]}
"#
        .to_owned();
    for (number, secret) in c.iter().enumerate() {
        let planted = match number {
            2 => &in_base64,
            5 => &binary,
            _ => secret,
        };
        let place = format!("@{number}@");
        assert!(text.contains(&place), "secret {number} is planted nowhere");
        text = text.replace(&place, planted);
    }
    text
}

/// Base64 of `bytes` as it stands inside a longer text, `skip` bytes after a boundary; only the characters that depend
/// on `bytes` alone.
fn base64(bytes: &[u8], skip: usize) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut padded = vec![0; skip];
    padded.extend_from_slice(bytes);
    let mut text = String::new();
    for chunk in padded.chunks(3) {
        let word = chunk
            .iter()
            .enumerate()
            .fold(0u32, |word, (place, byte)| word | u32::from(*byte) << (16 - 8 * place));
        for digit in 0..=chunk.len() {
            text.push(char::from(DIGITS[(word >> (18 - 6 * digit) & 63) as usize]));
        }
    }
    // The last digit may hold bits of what follows.
    let end = if padded.len().is_multiple_of(3) { text.len() } else { text.len() - 1 };
    text[[0, 2, 3][skip]..end].to_owned()
}

fn forms(secret: &str) -> Vec<String> {
    let hex = secret.bytes().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    });
    let mut forms = vec![secret.to_owned(), hex.to_uppercase(), hex];
    forms.extend((0..3).map(|skip| base64(secret.as_bytes(), skip)));
    forms
}

/// Everything that can be read out of some bytes: themselves, and what zstd, zlib streams and attachments hold.
fn unpacked(name: &str, bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut all = vec![(name.to_owned(), bytes.to_vec())];
    if bytes.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
        all.push((format!("{name}, unpacked"), zstd::decode_all(bytes).unwrap()));
    }
    if bytes.starts_with(b"%PDF") {
        let mut streams = 0;
        for place in 0..bytes.len().saturating_sub(8) {
            let Some(rest) = bytes[place..].strip_prefix(b"stream") else { continue };
            let rest = rest.strip_prefix(b"\r\n").or(rest.strip_prefix(b"\n")).unwrap_or(rest);
            let mut plain = Vec::new();
            if flate2::read::ZlibDecoder::new(rest).read_to_end(&mut plain).is_ok() || !plain.is_empty() {
                streams += 1;
                all.extend(unpacked(&format!("{name}, stream at {place}"), &plain));
            }
        }
        assert!(streams > 10, "only {streams} streams were read");
        for file in hexproof_sealer::attachments(bytes).unwrap() {
            all.extend(unpacked(&format!("{name}, attachment {}", file.name), &file.bytes));
        }
    }
    all
}

fn text_of(pack: &Path) -> Vec<u8> {
    match Command::new("pdftotext").arg("-raw").arg(pack).arg("-").output() {
        Ok(output) => output.stdout,
        Err(_) if std::env::var_os("HEXPROOF_REQUIRE_TOOLS").is_some() => {
            panic!("pdftotext is not installed")
        }
        Err(_) => {
            println!("skipped: pdftotext is not installed");
            Vec::new()
        }
    }
}

#[test]
fn no_planted_secret_is_written_anywhere() {
    let home = tempfile::tempdir().unwrap();
    let manifests = home.path().join("cluster.yaml");
    fs::write(&manifests, cluster()).unwrap();
    // The positive control: the scan finds every secret in the input.
    let input = fs::read(&manifests).unwrap();
    for number in 0..COUNT {
        assert!(found(&canary(number), &input), "the scan does not find secret {number} in the input");
    }

    let store = home.path().join("evidence");
    let mut command = hexproof(home.path());
    let (code, out, err) =
        run(command.env("HEXPROOF_LOG", "trace").args(["audit", "--store"]).arg(&store).arg(&manifests));
    assert_eq!(code, 3, "one object has a wrong type: {out}{err}");
    let (_, json, more) = run(hexproof(home.path()).args(["assess", "--format", "json"]).arg(&manifests));
    let mut all = vec![
        ("standard output".to_owned(), out.into_bytes()),
        ("standard error".to_owned(), err.into_bytes()),
        ("assessment".to_owned(), json.into_bytes()),
        ("standard error of assess".to_owned(), more.into_bytes()),
    ];
    let written = files(&store);
    assert!(written.len() >= 5, "{written:?}");
    for path in written {
        all.extend(unpacked(&path.display().to_string(), &fs::read(&path).unwrap()));
    }
    all.push(("text of the pack".to_owned(), text_of(&pack(&store))));
    // What the detectors found is named by key, so the credentials were seen and dropped.
    let report = String::from_utf8_lossy(&all[2].1).into_owned();
    for key in ["API_TOKEN", "DB_PASSWORD"] {
        assert!(report.contains(key), "{key} is not reported");
    }
    for number in 0..COUNT {
        let secret = canary(number);
        for (name, bytes) in &all {
            assert!(!found(&secret, bytes), "secret {number} stands in {name}");
        }
    }
}

fn found(secret: &str, bytes: &[u8]) -> bool {
    forms(secret).iter().any(|form| memchr::memmem::find(bytes, form.as_bytes()).is_some())
}
