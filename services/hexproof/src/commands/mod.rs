//! One module a command.

mod assess;
mod audit;
mod collect;
mod diff;
mod measures;
mod verify;

use clap::CommandFactory as _;
use hexproof_core::Rating;
use hexproof_core::assessment::Assessment;

use crate::cli::{Cli, Command, Letter};
use crate::client::{self, Remote};
use crate::exit::Exit;
use crate::pipeline;

/// Runs the command that was asked for.
pub(crate) fn run(cli: Cli) -> anyhow::Result<Exit> {
    match cli.command {
        Command::Audit(args) if cli.server.audits(&args.input)? => client::audit::run(&args, &cli.server),
        Command::Audit(args) => audit::run(&args),
        Command::Collect(args) => collect::run(&args),
        Command::Assess(args) => assess::run(&args),
        Command::Verify(args) => verify::run(&args),
        Command::Diff(args) if args.of_server(&cli.server)? => client::diff::run(&args, &cli.server),
        Command::Diff(args) => diff::run(&args),
        Command::Measures(command) => measures::run(&command),
        Command::Serve(args) => crate::serve::run(&args),
        Command::Agent(args) => crate::agent::run(&args, &cli.server),
        Command::RenderWorker(args) => crate::rendering::render_worker(&args),
        Command::Audits(args) => client::run(Remote::Audits(args), &cli.server),
        Command::Packs(args) => client::run(Remote::Packs(args), &cli.server),
        Command::Clusters(args) => client::run(Remote::Clusters(args), &cli.server),
        Command::Schedules(args) => client::run(Remote::Schedules(args), &cli.server),
        Command::Waivers(args) => client::run(Remote::Waivers(args), &cli.server),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "hexproof", &mut script);
            print(&String::from_utf8_lossy(&script))?;
            Ok(Exit::Done)
        }
    }
}

/// Prints a result. A reader that stops reading (`| head`) is no error.
pub(crate) fn print(text: &str) -> anyhow::Result<()> {
    use std::io::Write as _;
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// How a judged cluster ends the program: a rating that was asked for goes before what could not be seen.
pub(crate) fn ending(assessment: &Assessment, fail_below: Option<Letter>) -> (Exit, String) {
    ending_of(assessment.overall.rating, pipeline::is_complete(assessment), fail_below)
}

/// As [`ending`], of a cluster whose rating alone is known.
pub(crate) fn ending_of(rating: Rating, complete: bool, fail_below: Option<Letter>) -> (Exit, String) {
    if let Some(letter) = fail_below.map(letter)
        && pipeline::is_below(rating, letter)
    {
        let reason = match rating {
            Rating::NotAssessed => format!("1: not assessed, and --fail-below {letter} was asked for"),
            _ => format!("1: rated {rating}, below {letter}"),
        };
        return (Exit::Failed, reason);
    }
    if complete {
        (Exit::Done, "0: done".into())
    } else {
        (Exit::Incomplete, "3: incomplete, what was not seen is listed above and in the pack".into())
    }
}

fn letter(letter: Letter) -> Rating {
    match letter {
        Letter::A => Rating::A,
        Letter::B => Rating::B,
        Letter::C => Rating::C,
        Letter::D => Rating::D,
        Letter::E => Rating::E,
    }
}
