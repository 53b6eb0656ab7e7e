//! `hexproof collect`: the state of a cluster as a snapshot file.

use hexproof_core::snapshot::State;

use super::print;
use crate::cli::CollectArgs;
use crate::exit::Exit;
use crate::terminal::printable;
use crate::terminal::progress::Progress;
use crate::{clock, configuration, inputs, snapshot_file};

pub(super) fn run(args: &CollectArgs) -> anyhow::Result<Exit> {
    let clock = clock::clock()?;
    let settings = configuration::settings(args.input.settings.as_deref())?;
    let progress = Progress::new(args.input.quiet);
    progress.stage("collecting");
    let (snapshot, digest) = inputs::snapshot(&args.input, &settings, clock.as_ref())?;
    progress.stage("writing");
    let (bytes, _) = snapshot_file::pack(&snapshot)?;
    snapshot_file::write(&args.output, &bytes)?;
    progress.finish();

    let population = &snapshot.population;
    let mut lines = vec![
        format!("Cluster   {}", printable(&snapshot.header.cluster.name)),
        format!("Snapshot  {}", args.output.display()),
        format!("Digest    {digest}"),
        format!("Objects   {} listed, {} kept", population.listed(), snapshot.records.len()),
    ];
    for missing in &population.not_listed {
        lines.push(format!(
            "Not seen  {} {}: {}",
            missing.api_version,
            missing.kind,
            printable(&missing.reason)
        ));
    }
    for file in &population.unreadable_files {
        lines.push(format!("Not seen  {}:{}: {}", printable(&file.file), file.line, printable(&file.reason)));
    }
    print(&(lines.join("\n") + "\n"))?;
    let refused = snapshot.header.sources.iter().any(|s| matches!(s.state, State::Partial | State::Refused));
    Ok(if population.is_complete() && !refused { Exit::Done } else { Exit::Incomplete })
}
