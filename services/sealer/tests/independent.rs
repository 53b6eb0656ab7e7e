//! Other people's verifiers on our seals: `pdfsig` (poppler), `qpdf`, `pyhanko`, and veraPDF.
//!
//! A tool that is not installed is skipped with a message; with `HEXPROOF_REQUIRE_TOOLS=1` it is a
//! failure instead. veraPDF is asked for by `HEXPROOF_VERAPDF`, the command that runs it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use common::{PACK, noon};
use hexproof_sealer::{Identity, Permission, SealOptions, TrustStore, Verdict, seal, verify};
use jiff::Timestamp;

/// A sealed pack on disk, beside the authority's certificate.
struct Sealed {
    directory: tempfile::TempDir,
    identity: Identity,
    bytes: Vec<u8>,
}

impl Sealed {
    fn new(now: Timestamp, permission: Permission) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (identity, _) = Identity::load_or_create(&directory.path().join("identity"), now).unwrap();
        let mut options = SealOptions::new(now);
        options.permission = permission;
        let bytes = seal(PACK, &identity, &options).unwrap();
        Self { directory, identity, bytes }
    }

    fn authority(&self) -> PathBuf {
        self.directory.path().join("identity/ca.pem")
    }

    fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.directory.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    fn flipped(&self) -> Vec<u8> {
        let mut flipped = self.bytes.clone();
        flipped[PACK.len() / 2] ^= 1;
        flipped
    }
}

/// The present, as pyHanko and pdfsig compare with it.
#[allow(clippy::disallowed_methods, reason = "other programs read the clock of the machine too")]
fn now() -> Timestamp {
    Timestamp::from_second(Timestamp::now().as_second()).unwrap()
}

/// Runs a tool, or says that it is skipped.
fn run(tool: &str, arguments: &[&str], file: &Path) -> Option<Output> {
    match Command::new(tool).args(arguments).arg(file).output() {
        Ok(output) => Some(output),
        Err(error) => {
            let required = std::env::var_os("HEXPROOF_REQUIRE_TOOLS").is_some_and(|value| value == "1");
            assert!(!required, "`{tool}` is required but cannot be run: {error}");
            println!("skipped: `{tool}` cannot be run ({error})");
            None
        }
    }
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn pdfsig_accepts_a_seal_and_refuses_a_flipped_byte() {
    let sealed = Sealed::new(now(), Permission::Countersignable);
    let Some(output) = run("pdfsig", &[], &sealed.write("good.pdf", &sealed.bytes)) else { return };
    assert!(text(&output).contains("Signature is Valid"), "{}", text(&output));
    assert!(text(&output).contains("Total document signed"), "{}", text(&output));
    let Some(output) = run("pdfsig", &[], &sealed.write("bad.pdf", &sealed.flipped())) else { return };
    assert!(!text(&output).contains("Signature is Valid"), "{}", text(&output));
}

#[test]
fn qpdf_finds_no_fault_in_a_sealed_pack() {
    let sealed = Sealed::new(noon(), Permission::Countersignable);
    let Some(output) = run("qpdf", &["--check"], &sealed.write("good.pdf", &sealed.bytes)) else { return };
    assert!(output.status.success(), "{}", text(&output));
    assert!(!text(&output).contains("WARNING"), "{}", text(&output));
}

#[test]
fn pyhanko_accepts_seals_and_refuses_flipped_and_appended_bytes() {
    for permission in [Permission::Countersignable, Permission::Final] {
        let sealed = Sealed::new(now(), permission);
        let authority = sealed.authority();
        let arguments =
            ["sign", "validate", "--trust", authority.to_str().unwrap(), "--trust-replace", "--pretty-print"];
        let judge = |name: &str, bytes: &[u8]| run("pyhanko", &arguments, &sealed.write(name, bytes));
        let Some(output) = judge("good.pdf", &sealed.bytes) else { return };
        assert!(output.status.success(), "{}", text(&output));
        assert!(text(&output).contains("The signature is judged VALID"), "{}", text(&output));
        assert!(text(&output).contains("The signature covers the entire file"), "{}", text(&output));
        let Some(output) = judge("bad.pdf", &sealed.flipped()) else { return };
        assert!(!text(&output).contains("judged VALID"), "{}", text(&output));
        let longer = [sealed.bytes.as_slice(), b"\n% more\n"].concat();
        let Some(output) = judge("long.pdf", &longer) else { return };
        assert!(!text(&output).contains("covers the entire file"), "{}", text(&output));
    }
}

#[test]
fn an_auditor_can_countersign_with_pyhanko_and_both_verify() {
    let now = now();
    let sealed = Sealed::new(now, Permission::Countersignable);
    let auditor = tempfile::tempdir().unwrap();
    let (auditor_identity, _) = Identity::load_or_create(&auditor.path().join("auditor"), now).unwrap();
    let file = |name: &str| auditor.path().join("auditor").join(name);
    let input = sealed.write("good.pdf", &sealed.bytes);
    let output_path = sealed.directory.path().join("countersigned.pdf");
    // pyHanko wants the leaf in a file of its own.
    let (key, leaf, chain) = (file("signer.key"), file("leaf.pem"), file("ca.pem"));
    let end = "-----END CERTIFICATE-----\n";
    let pems = auditor_identity.chain_pem();
    std::fs::write(&leaf, &pems[..pems.find(end).unwrap() + end.len()]).unwrap();
    let arguments = [
        "sign",
        "addsig",
        "--field",
        "Auditor",
        "--use-pades",
        "pemder",
        "--no-pass",
        "--key",
        key.to_str().unwrap(),
        "--cert",
        leaf.to_str().unwrap(),
        "--chain",
        chain.to_str().unwrap(),
        input.to_str().unwrap(),
    ];
    let Some(output) = run("pyhanko", &arguments, &output_path) else { return };
    assert!(output.status.success(), "{}", text(&output));
    let countersigned = std::fs::read(&output_path).unwrap();
    assert!(countersigned.starts_with(&sealed.bytes));

    let mut trust = TrustStore::default();
    trust.add_identity(&sealed.identity).unwrap();
    let at = now.checked_add(jiff::SignedDuration::from_secs(60)).unwrap();
    let verification = verify(&countersigned, &trust, at);
    assert_eq!(verification.verdict(), Verdict::Unknown, "{verification:#?}");
    trust.add_identity(&auditor_identity).unwrap();
    let verification = verify(&countersigned, &trust, at);
    assert!(verification.is_valid(), "{verification:#?}");
    assert_eq!(verification.covered_bytes, Some(sealed.bytes.len() as u64));
    assert_eq!(verification.countersignatures.len(), 1);

    let (ours, theirs) = (sealed.authority(), file("ca.pem"));
    let arguments = [
        "sign",
        "validate",
        "--trust",
        ours.to_str().unwrap(),
        "--trust",
        theirs.to_str().unwrap(),
        "--trust-replace",
        "--pretty-print",
    ];
    let Some(output) = run("pyhanko", &arguments, &output_path) else { return };
    assert_eq!(text(&output).matches("The signature is judged VALID").count(), 2, "{}", text(&output));
}

#[test]
fn a_sealed_pack_stays_pdf_a_3a_and_pdf_ua_1() {
    let Some(command) = std::env::var_os("HEXPROOF_VERAPDF") else {
        println!("skipped: HEXPROOF_VERAPDF does not name a command that runs veraPDF");
        return;
    };
    let sealed = Sealed::new(noon(), Permission::Countersignable);
    let path = sealed.write("good.pdf", &sealed.bytes);
    for flavour in ["3a", "ua1"] {
        let output = Command::new(&command)
            .args(["-f", flavour, "--format", "text", "-v"])
            .arg(&path)
            .output()
            .unwrap();
        assert!(text(&output).starts_with("PASS"), "{flavour}: {}", text(&output));
    }
}
