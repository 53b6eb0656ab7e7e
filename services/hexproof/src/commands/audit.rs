//! `hexproof audit`: the whole way to a sealed pack.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use hexproof_core::audit::Stage;
use hexproof_core::digest::Digest;
use hexproof_core::port::Clock;
use hexproof_sealer::Identity;

use super::{ending, print};
use crate::cli::{AuditArgs, Format};
use crate::exit::Exit;
use crate::pipeline::{self, Job, Made, Workshop};
use crate::rendering::InProcess;
use crate::terminal::progress::Progress;
use crate::terminal::{report, style};
use crate::{clock, configuration, inputs, snapshot_file};

pub(super) fn run(args: &AuditArgs) -> anyhow::Result<Exit> {
    let clock = clock::clock()?;
    let settings = configuration::settings(args.input.settings.as_deref())?;
    let waivers = configuration::waivers(args.judge.waivers.as_deref())?;
    let catalogue = configuration::catalogue(args.judge.measures.as_deref())?;
    let progress = Progress::new(args.input.quiet);
    progress.stage("collecting");
    let (snapshot, digest) = inputs::snapshot(&args.input, &settings, clock.as_ref())?;
    let identity = identity(args, clock.as_ref())?;
    let workshop = Workshop {
        catalogue: Arc::new(catalogue),
        identity: Arc::new(identity),
        clock,
        renderer: Arc::new(InProcess),
    };
    let job = Job { snapshot: &snapshot, digest, settings: &settings, waivers: &waivers };
    let made = pipeline::run(&job, &workshop, &args.store, &|now| progress.stage(stage_name(now.stage)))?;
    if let Some(path) = &args.output {
        snapshot_file::write(path, &made.bytes)?;
    }
    progress.finish();

    let (exit, reason) = ending(&made.assessment, &args.judge);
    let pack = place(&args.store, &made.digest);
    match args.judge.format {
        Format::Json => {
            eprintln!("pack {pack}");
            print(&(serde_json::to_string(&made.assessment)? + "\n"))?;
        }
        Format::Text => {
            let footer = footer(args, &made, &workshop.identity, pack, reason);
            let text = report::text(
                &made.assessment,
                &workshop.catalogue,
                style::Palette::detect(),
                style::columns(),
                &footer,
            );
            print(&text)?;
        }
    }
    Ok(exit)
}

/// The stages as they have always been shown.
fn stage_name(stage: Stage) -> &'static str {
    match stage {
        Stage::Scoring => "rating",
        other => other.word(),
    }
}

fn footer(
    args: &AuditArgs,
    made: &Made,
    identity: &Identity,
    pack: String,
    reason: String,
) -> report::Footer {
    let mut footer = vec![("Pack", pack)];
    if let Some(path) = &args.output {
        footer.push(("", path.display().to_string()));
    }
    let sealed = format!("{} by {}", identity.level(), identity.signer_name());
    footer.push(("Sealed", if made.earlier { format!("{sealed} (made by an earlier run)") } else { sealed }));
    footer.push(("Exit", reason));
    footer
}

fn identity(args: &AuditArgs, clock: &dyn Clock) -> anyhow::Result<Identity> {
    if let (Some(chain), Some(key)) = (&args.certificate, &args.key) {
        let read = |path: &Path| fs::read(path).with_context(|| format!("cannot read `{}`", path.display()));
        return Ok(Identity::from_pem(&read(chain)?, &read(key)?)?);
    }
    let folder = pipeline::identity_folder(args.identity.as_deref())?;
    let (identity, created) = Identity::load_or_create(&folder, clock.now())?;
    if created {
        let ca = folder.join("ca.pem");
        eprintln!("made a signing identity in {}", folder.display());
        eprintln!("give {} to those who verify your packs", ca.display());
    }
    Ok(identity)
}

/// Where a pack stands, to be copied.
fn place(store: &str, digest: &Digest) -> String {
    format!("{}/packs/{}.pdf", store.trim_end_matches('/'), digest.hex())
}
