//! Setting a report in type: here, or in a process of its own.
//!
//! Reports are as large as clusters are, and their text comes from strangers. The service therefore draws each in a
//! child process (`child`) with a limit on memory and time, whose death fails one audit and nothing else. `worker` is
//! the other end of it, the hidden command `render-worker`; `frames` is how the two talk. The commands of the terminal
//! draw in the process itself.

mod child;
mod frames;
mod worker;

use async_trait::async_trait;
use hexproof_renderer::{Attachment, RenderError, Report};

pub(crate) use child::{ChildLimits, ChildRenderer};
pub(crate) use worker::run as render_worker;

/// A report with the files that travel in it.
pub(crate) struct Document {
    /// What the pages print.
    pub(crate) report: Report,
    /// The files.
    pub(crate) attachments: Vec<Attachment>,
}

/// Draws documents.
#[async_trait]
pub(crate) trait Render: Send + Sync {
    /// The PDF of a document. Dropping the future ends the work.
    async fn render(&self, document: Document) -> Result<Vec<u8>, RenderFault>;
}

/// Why a document was not drawn.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RenderFault {
    /// The templates and the report do not fit, or an attachment has no proper name.
    #[error("the report cannot be drawn")]
    Document(#[from] RenderError),
    /// The child found that the document cannot be drawn, and says why.
    #[error("the report cannot be drawn: {0}")]
    Refused(String),
    /// The child wanted more memory than it is given.
    #[error("drawing the report takes more than the {mebibytes} MiB of memory that it is given")]
    Memory {
        /// The limit.
        mebibytes: u64,
    },
    /// The child took too long.
    #[error("drawing the report takes more than the {seconds} seconds that it is given")]
    Time {
        /// The limit.
        seconds: u64,
    },
    /// The child died, more than once.
    #[error("the process that draws the report died: {status}")]
    Died {
        /// How, in words.
        status: String,
        /// The end of what it said, for the log.
        said: String,
    },
    /// The child cannot be started, or not be talked to.
    #[error("the process that draws the report cannot be used")]
    Process(#[source] std::io::Error),
    /// The thread that draws ended without an answer.
    #[error("drawing the report ended without an answer")]
    Stopped,
}

/// Draws in this process.
pub(crate) struct InProcess;

#[async_trait]
impl Render for InProcess {
    async fn render(&self, document: Document) -> Result<Vec<u8>, RenderFault> {
        let drawn = tokio::task::spawn_blocking(move || {
            hexproof_renderer::render(&document.report, &document.attachments)
        });
        Ok(drawn.await.map_err(|_| RenderFault::Stopped)??)
    }
}
