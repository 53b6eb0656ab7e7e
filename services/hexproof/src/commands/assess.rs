//! `hexproof assess`: rate, and print.

use super::{ending, print};
use crate::cli::{AssessArgs, Format};
use crate::exit::Exit;
use crate::terminal::progress::Progress;
use crate::terminal::{report, style};
use crate::{clock, configuration, inputs, pipeline};

pub(super) fn run(args: &AssessArgs) -> anyhow::Result<Exit> {
    let clock = clock::clock()?;
    let settings = configuration::settings(args.input.settings.as_deref())?;
    let waivers = configuration::waivers(args.judge.waivers.as_deref())?;
    let catalogue = configuration::catalogue(args.judge.measures.as_deref())?;
    let progress = Progress::new(args.input.quiet);
    progress.stage("collecting");
    let (snapshot, digest) = inputs::snapshot(&args.input, &settings, clock.as_ref())?;
    progress.stage("rating");
    let job = pipeline::Job { snapshot: &snapshot, digest, settings: &settings, waivers: &waivers };
    let assessment = pipeline::assess(&job, &catalogue);
    progress.finish();
    let (exit, reason) = ending(&assessment, &args.judge);
    match args.judge.format {
        Format::Json => print(&(serde_json::to_string(&assessment)? + "\n"))?,
        Format::Text => {
            let footer = vec![("Exit", reason)];
            print(&report::text(
                &assessment,
                &catalogue,
                style::Palette::detect(),
                style::columns(),
                &footer,
            ))?;
        }
    }
    Ok(exit)
}
