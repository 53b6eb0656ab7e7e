//! `hexproof verify`: one verdict a step; what cannot be told is never called valid.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use hexproof_archive::{Archive, ArchiveError};
use hexproof_core::digest::Digest;
use hexproof_sealer::{TrustStore, Verdict, Verification};
use serde::Serialize;

use super::print;
use crate::cli::{Format, VerifyArgs};
use crate::exit::Exit;
use crate::terminal::printable;
use crate::{clock, pipeline};

/// A pack has less than this; a larger file is not read into memory.
const LARGEST_PACK: u64 = 1 << 30;

/// The result for one file.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Checked {
    file: String,
    valid: bool,
    verdict: Verdict,
    sentence: String,
    sha256: String,
    #[serde(flatten)]
    verification: Verification,
    #[serde(skip_serializing_if = "Option::is_none")]
    store: Option<StoreStep>,
}

/// Whether the store holds the same pack.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StoreStep {
    verdict: Verdict,
    sentence: String,
}

pub(super) fn run(args: &VerifyArgs) -> anyhow::Result<Exit> {
    let clock = clock::clock()?;
    let trust = trust(&args.trust, args.identity.as_deref())?;
    let mut all = Vec::new();
    let mut unreadable = false;
    for path in &args.packs {
        let bytes = match read(path) {
            Ok(bytes) => bytes,
            Err(error) => {
                // The verdicts on the other files stand.
                crate::exit::report(&error);
                unreadable = true;
                continue;
            }
        };
        let verification = hexproof_sealer::verify(&bytes, &trust, clock.now());
        let digest = Digest::of(&bytes);
        let store = args.store.as_deref().map(|url| in_store(url, &digest)).transpose()?;
        let verdict = store.as_ref().map_or(Verdict::Valid, |step| step.verdict).max(verification.verdict());
        all.push(Checked {
            file: path.display().to_string(),
            valid: verdict == Verdict::Valid,
            verdict,
            sentence: match &store {
                Some(step) if step.verdict > verification.verdict() => match step.verdict {
                    Verdict::Invalid => format!("Not valid: {}.", step.sentence),
                    Verdict::Valid | Verdict::Unknown => format!("Unknown: {}.", step.sentence),
                },
                _ => verification.sentence(),
            },
            sha256: digest.hex(),
            verification,
            store,
        });
    }
    match args.format {
        Format::Json => print(&(serde_json::to_string(&all)? + "\n"))?,
        Format::Text => print(&all.iter().map(text).collect::<Vec<_>>().join("\n"))?,
    }
    Ok(match all.iter().all(|checked| checked.valid) {
        true if unreadable => Exit::Unusable,
        true => Exit::Done,
        false => Exit::Failed,
    })
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    let cannot = || format!("cannot read `{}`", path.display());
    let length = fs::metadata(path).with_context(cannot)?.len();
    if length > LARGEST_PACK {
        bail!("`{}` has {length} bytes; no pack has more than {LARGEST_PACK}", path.display());
    }
    fs::read(path).with_context(cannot)
}

/// What a check of a pack came to, for those who use what is in it.
pub(super) struct Brief {
    pub(super) valid: bool,
    pub(super) sentence: String,
}

/// Checks the bytes of a pack.
pub(super) fn brief(
    pdf: &[u8],
    named: &[PathBuf],
    identity: Option<&Path>,
    clock: &dyn hexproof_core::port::Clock,
) -> anyhow::Result<Brief> {
    let verification = hexproof_sealer::verify(pdf, &trust(named, identity)?, clock.now());
    Ok(Brief { valid: verification.is_valid(), sentence: verification.sentence() })
}

/// The authorities that are trusted: those named, and that of the local identity if there is one.
fn trust(named: &[PathBuf], identity: Option<&Path>) -> anyhow::Result<TrustStore> {
    let mut trust = TrustStore::default();
    for path in named {
        let pem = fs::read(path).with_context(|| format!("cannot read `{}`", path.display()))?;
        trust.add_pem(&pem, &path.display().to_string())?;
    }
    if let Ok(folder) = pipeline::identity_folder(identity) {
        let ca = folder.join("ca.pem");
        match fs::read(&ca) {
            Ok(pem) => trust.add_pem(&pem, &ca.display().to_string())?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(error).with_context(|| format!("cannot read `{}`", ca.display())),
        }
    }
    Ok(trust)
}

fn in_store(url: &str, digest: &Digest) -> anyhow::Result<StoreStep> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let found = runtime.block_on(async { Archive::open(url)?.pack(digest).await });
    Ok(match found {
        Ok(_) => StoreStep { verdict: Verdict::Valid, sentence: "the store holds the same pack".into() },
        Err(ArchiveError::Missing { .. }) => {
            StoreStep { verdict: Verdict::Invalid, sentence: "the store does not hold this pack".into() }
        }
        Err(error) => StoreStep {
            verdict: Verdict::Unknown,
            sentence: format!("the store could not be asked: {error}"),
        },
    })
}

fn text(checked: &Checked) -> String {
    let mut lines = vec![printable(&checked.file), format!("  {}", printable(&checked.sentence))];
    let steps = checked.verification.steps.iter().map(|s| (s.name.as_str(), s.verdict, s.sentence.as_str()));
    let store = checked.store.iter().map(|s| ("store", s.verdict, s.sentence.as_str()));
    for (name, verdict, sentence) in steps.chain(store) {
        let word = match verdict {
            Verdict::Valid => "valid",
            Verdict::Unknown => "unknown",
            Verdict::Invalid => "not valid",
        };
        lines.push(format!("  {name:<12} {word:<10} {}", printable(sentence)));
    }
    if let Some(signer) = &checked.verification.signer {
        lines.push(format!(
            "  signer       {}, issued by {}",
            printable(&signer.name),
            printable(&signer.issuer)
        ));
        lines.push(format!("  certificate  sha256:{}", signer.fingerprint));
        if let Some(at) = signer.signed_at {
            lines.push(format!("  signed       {at} by the signer's own clock"));
        }
    }
    for attachment in &checked.verification.attachments {
        lines.push(format!("  attached     {}  sha256:{}", printable(&attachment.name), attachment.sha256));
    }
    lines.join("\n") + "\n"
}
