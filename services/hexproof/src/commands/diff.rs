//! `hexproof diff`: two assessments, snapshots or packs side by side.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use anyhow::{Context as _, bail};
use hexproof_core::assessment::Assessment;
use hexproof_core::measure::Catalogue;
use hexproof_core::port::Compare as _;
use hexproof_scorer::diff::Comparer;

use super::{print, verify};
use crate::cli::{DiffArgs, Format};
use crate::exit::Exit;
use crate::terminal::{compared, style};
use crate::{clock, configuration, pipeline, snapshot_file};

/// A file has less than this; a larger one is not read into memory.
const LARGEST: u64 = 1 << 30;

/// An assessment, and what is to be said of where it comes from.
struct Side {
    assessment: Assessment,
    /// What the check of a pack came to.
    checked: Option<verify::Brief>,
}

pub(super) fn run(args: &DiffArgs) -> anyhow::Result<Exit> {
    let catalogue = configuration::catalogue(args.measures.as_deref())?;
    let (before, after) =
        (side(Path::new(&args.before), args, &catalogue)?, side(Path::new(&args.after), args, &catalogue)?);
    let diff = Comparer.compare(&before.assessment, &after.assessment)?;
    let mut failed = false;
    let mut notes = Vec::new();
    for (name, side) in [(&args.before, &before), (&args.after, &after)] {
        if let Some(checked) = &side.checked {
            failed |= !checked.valid;
            notes.push(format!("{name}: {}", checked.sentence));
        }
    }
    match args.format {
        Format::Json => {
            // Standard output is the comparison alone.
            for note in &notes {
                eprintln!("{}", crate::terminal::printable(note));
            }
            print(&(serde_json::to_string(&diff)? + "\n"))?;
        }
        Format::Text => {
            let exit = if failed { "1: a pack is not verified" } else { "0: done" };
            let text =
                compared::text(&diff, &catalogue, style::Palette::detect(), style::columns(), &notes, exit);
            print(&text)?;
        }
    }
    Ok(if failed { Exit::Failed } else { Exit::Done })
}

fn side(path: &Path, args: &DiffArgs, catalogue: &Catalogue) -> anyhow::Result<Side> {
    let cannot = || format!("cannot read `{}`", path.display());
    if std::fs::metadata(path).with_context(cannot)?.is_dir() {
        bail!("`{}` is a folder: diff takes assessments, snapshots and packs", path.display());
    }
    if snapshot_file::is_one(path) {
        let (snapshot, digest) = snapshot_file::read(path)?;
        let settings = configuration::settings(args.settings.as_deref())?;
        let waivers = configuration::waivers(args.waivers.as_deref())?;
        let job = pipeline::Job { snapshot: &snapshot, digest, settings: &settings, waivers: &waivers };
        return Ok(Side { assessment: pipeline::assess(&job, catalogue), checked: None });
    }
    let mut bytes = Vec::new();
    let mut bounded = File::open(path).with_context(cannot)?.take(LARGEST);
    bounded.read_to_end(&mut bytes).with_context(cannot)?;
    if bounded.limit() == 0 {
        bail!("`{}` has more than {LARGEST} bytes", path.display());
    }
    if !bytes.starts_with(b"%PDF-") {
        let assessment = serde_json::from_slice(&bytes).with_context(|| {
            format!("`{}` is neither a pack nor a snapshot nor the JSON of an assessment", path.display())
        })?;
        return Ok(Side { assessment, checked: None });
    }
    let checked = verify::brief(&bytes, &args.trust, args.identity.as_deref(), clock::clock()?.as_ref())?;
    let attached = hexproof_sealer::attachments(&bytes)
        .with_context(|| format!("the attachments of `{}` cannot be read", path.display()))?;
    let file = attached.iter().find(|file| file.name == "assessment.json");
    let file =
        file.with_context(|| format!("`{}` has no assessment attached: it is no pack", path.display()))?;
    let assessment = serde_json::from_slice(&file.bytes)
        .with_context(|| format!("the assessment attached to `{}` cannot be read", path.display()))?;
    Ok(Side { assessment, checked: Some(checked) })
}
