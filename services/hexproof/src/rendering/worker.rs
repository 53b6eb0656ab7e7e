//! The child that draws: one document from standard input, one PDF to standard output, and it is gone.

use std::io;

use super::frames;
use crate::cli::RenderWorkerArgs;
use crate::exit::Exit;

/// `hexproof render-worker`.
pub(crate) fn run(args: &RenderWorkerArgs) -> anyhow::Result<Exit> {
    limit(args)?;
    let document = frames::read_document(&mut io::stdin().lock())?;
    let drawn = hexproof_renderer::render(&document.report, &document.attachments);
    let mut output = io::stdout().lock();
    match drawn {
        Ok(pdf) => frames::answer(&mut output, frames::DRAWN, &pdf)?,
        Err(error) => frames::answer(&mut output, frames::REFUSED, error.to_string().as_bytes())?,
    }
    Ok(Exit::Done)
}

/// Takes the limits upon itself, before it reads anything: memory it may map, time on a processor, and no core dump,
/// which would hold what is in the report.
#[cfg(unix)]
fn limit(args: &RenderWorkerArgs) -> io::Result<()> {
    use rustix::process::{Resource, Rlimit, setrlimit};
    let both = |limit: u64| Rlimit { current: Some(limit), maximum: Some(limit) };
    // Whose parent is gone has nobody to draw for; one that went before this line shows by the end of the input.
    #[cfg(target_os = "linux")]
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
    setrlimit(Resource::Core, both(0))?;
    setrlimit(Resource::As, both(args.memory))?;
    setrlimit(Resource::Cpu, both(args.seconds))?;
    Ok(())
}

#[cfg(not(unix))]
fn limit(_: &RenderWorkerArgs) -> io::Result<()> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "this system knows no limits of a process"))
}
