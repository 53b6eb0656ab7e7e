//! Why a pack could not be drawn.

/// Why a pack could not be drawn.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RenderError {
    /// A font of `reports/fonts` is no font.
    #[error("the built-in font `{0}` cannot be read")]
    Font(&'static str),
    /// The report is not representable as JSON.
    #[error("the report cannot be handed to the templates")]
    Data(#[source] serde_json::Error),
    /// An attachment has a name that readers would not store safely.
    #[error(
        "`{0}` is no name for an attachment: 1 to 100 of A-Z a-z 0-9 . _ -, not starting with a dot, each once"
    )]
    AttachmentName(String),
    /// The media type of an attachment is malformed.
    #[error("`{mime}` is no media type (attachment `{name}`)")]
    MediaType {
        /// Name of the attachment.
        name: String,
        /// The type as given.
        mime: String,
    },
    /// The time of the state lies outside of what a PDF can say.
    #[error("`{0}` is no time a document can carry")]
    Time(jiff::Timestamp),
    /// The templates do not fit the report, or the document breaks PDF/A-3a or PDF/UA-1.
    #[error("the document cannot be drawn: {}", .0.join("; "))]
    Typst(Vec<String>),
}
