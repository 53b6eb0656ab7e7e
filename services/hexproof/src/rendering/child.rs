//! Draws in child processes of this program.

use std::io;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use async_trait::async_trait;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::{Child, Command};

use super::{Document, Render, RenderFault, frames};

/// Bytes of what a child says that are kept: its end matters.
const SAID: usize = 4 << 10;
/// What the allocator's failure says on its way out.
const OUT_OF_MEMORY: &str = "memory allocation of";
/// A child that was killed from outside is tried this often.
const TRIES: u32 = 2;

/// What a child may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ChildLimits {
    /// Address space, in MiB.
    pub(crate) mebibytes: u64,
    /// Time on the wall; the time on processors has the same bound.
    pub(crate) time: Duration,
}

/// Draws each document in a child of its own.
pub(crate) struct ChildRenderer {
    program: PathBuf,
    limits: ChildLimits,
}

/// How one child ended.
enum Ended {
    Answer(u8, Vec<u8>),
    Dead { status: ExitStatus, said: String },
}

impl ChildRenderer {
    /// Children of the running program.
    pub(crate) fn new(limits: ChildLimits) -> io::Result<Self> {
        // Linux finds the running program by this name even after its file was replaced by a newer release, whose
        // templates and frames may be others.
        let this = PathBuf::from("/proc/self/exe");
        let program = if this.exists() { this } else { std::env::current_exe()? };
        Ok(Self { program, limits })
    }

    fn start(&self) -> io::Result<Child> {
        let mut command = Command::new(&self.program);
        #[cfg(unix)]
        command.arg0("hexproof");
        command
            .arg("render-worker")
            .args(["--memory", &(self.limits.mebibytes << 20).to_string()])
            .args(["--seconds", &self.limits.time.as_secs().max(1).to_string()])
            // Neither credentials of the store nor anything else of the service's surroundings is its business.
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command.spawn()
    }

    async fn try_once(&self, description: &[u8], document: &Document) -> Result<Ended, RenderFault> {
        let mut child = self.start().map_err(RenderFault::Process)?;
        let taken = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(mut input), Some(mut output), Some(mut errors)) = taken else {
            return Err(RenderFault::Process(io::ErrorKind::BrokenPipe.into()));
        };
        let talk = async {
            let send = async {
                frames::send(&mut input, description).await?;
                for attachment in &document.attachments {
                    frames::send(&mut input, &attachment.bytes).await?;
                }
                drop(input);
                io::Result::Ok(())
            };
            // All at once: a child that does not read must not keep its last words from being heard.
            let (sent, answer, said) =
                tokio::join!(send, frames::receive(&mut output), last_words(&mut errors));
            let status = child.wait().await?;
            match answer {
                // Whether all was read does not matter to a refusal that came before.
                Ok((kind, bytes)) if status.success() && (sent.is_ok() || kind == frames::REFUSED) => {
                    Ok(Ended::Answer(kind, bytes))
                }
                Ok(_) | Err(_) => Ok(Ended::Dead { status, said }),
            }
        };
        // The child goes when its handle does, here or with the future.
        match tokio::time::timeout(self.limits.time, talk).await {
            Ok(ended) => ended.map_err(RenderFault::Process),
            Err(_) => Err(RenderFault::Time { seconds: self.limits.time.as_secs() }),
        }
    }
}

#[async_trait]
impl Render for ChildRenderer {
    async fn render(&self, document: Document) -> Result<Vec<u8>, RenderFault> {
        let (described, document) =
            tokio::task::spawn_blocking(move || (frames::describe(&document), document))
                .await
                .map_err(|_| RenderFault::Stopped)?;
        let description = described.map_err(|error| RenderFault::Process(error.into()))?;
        let mut tries = 1;
        loop {
            match self.try_once(&description, &document).await? {
                Ended::Answer(frames::DRAWN, pdf) => return Ok(pdf),
                Ended::Answer(_, reason) => {
                    return Err(RenderFault::Refused(String::from_utf8_lossy(&reason).into_owned()));
                }
                Ended::Dead { said, .. } if said.contains(OUT_OF_MEMORY) => {
                    return Err(RenderFault::Memory { mebibytes: self.limits.mebibytes });
                }
                Ended::Dead { status, .. } if out_of_time(status) => {
                    return Err(RenderFault::Time { seconds: self.limits.time.as_secs() });
                }
                Ended::Dead { status, said } if tries < TRIES && was_killed(status) => {
                    tracing::warn!(%status, said, "the process that draws was killed; another one is started");
                    tries += 1;
                }
                Ended::Dead { status, said } => {
                    tracing::warn!(%status, said, "the process that draws died");
                    return Err(RenderFault::Died { status: status.to_string(), said });
                }
            }
        }
    }
}

/// The end of what comes, however much it is.
async fn last_words(input: &mut (impl AsyncRead + Unpin)) -> String {
    let mut said = Vec::new();
    let mut piece = [0; SAID];
    while let Ok(read @ 1..) = input.read(&mut piece).await {
        said.extend_from_slice(&piece[..read]);
        said.drain(..said.len().saturating_sub(SAID));
    }
    String::from_utf8_lossy(&said).trim().to_owned()
}

/// SIGKILL: by the system in need of memory, or by somebody. Neither says that the report is at fault.
#[cfg(unix)]
fn was_killed(status: ExitStatus) -> bool {
    use std::os::unix::process::ExitStatusExt as _;
    status.signal() == Some(rustix::process::Signal::KILL.as_raw())
}

#[cfg(unix)]
fn out_of_time(status: ExitStatus) -> bool {
    use std::os::unix::process::ExitStatusExt as _;
    status.signal() == Some(rustix::process::Signal::XCPU.as_raw())
}

#[cfg(not(unix))]
fn was_killed(_: ExitStatus) -> bool {
    false
}

#[cfg(not(unix))]
fn out_of_time(_: ExitStatus) -> bool {
    false
}
