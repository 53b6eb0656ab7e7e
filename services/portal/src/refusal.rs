//! What stands there instead of a page. No sentence here holds a path, a key or a cause: those go to the log.

use axum::response::{IntoResponse, Response};
use hexproof_core::audit::AuditKey;
use hexproof_core::id::ClusterId;
use hexproof_core::port::StorageError;
use http::StatusCode;

use crate::dress::Said;

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    /// Nobody is logged in.
    #[error("Log in to see this page.")]
    Login,
    /// There is nothing, or nothing that the caller may see; a sentence.
    #[error("{0}")]
    NotFound(String),
    /// The caller may not; a sentence.
    #[error("{0}")]
    Denied(String),
    /// What was sent cannot be used; a sentence.
    #[error("{0}")]
    Invalid(String),
    /// The store or another part does not answer.
    #[error("The evidence store does not answer. Nothing is lost; try again in a minute.")]
    Unavailable,
    /// What the store holds cannot be what was written: shown as broken, first of all.
    #[error(
        "What the store holds for this page is not what was written. The log of the service says which object."
    )]
    Damaged,
    /// Something that must not happen did.
    #[error("The page could not be made. The log of the service says why.")]
    Internal,
}

impl Refusal {
    pub(crate) fn no_cluster(cluster: &ClusterId) -> Self {
        Self::NotFound(format!("There is no cluster `{cluster}` that you may see."))
    }

    pub(crate) fn no_pack(audit: &AuditKey) -> Self {
        Self::NotFound(format!("There is no pack {} of `{}` that you may see.", audit.run, audit.cluster))
    }

    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::Login => StatusCode::UNAUTHORIZED,
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::Denied(_) => StatusCode::FORBIDDEN,
            Self::Invalid(_) => StatusCode::BAD_REQUEST,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::Damaged | Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl From<StorageError> for Refusal {
    fn from(error: StorageError) -> Self {
        let causes = std::iter::successors(std::error::Error::source(&error), |error| error.source());
        let chain = causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"));
        match error {
            StorageError::Unavailable(_) => {
                tracing::warn!(error = chain, "a page waits for the store");
                Self::Unavailable
            }
            StorageError::Damaged(_) => {
                tracing::error!(error = chain, "the store is damaged");
                Self::Damaged
            }
            StorageError::Cursor => {
                Self::Invalid("This address does not name a page of the list.".to_owned())
            }
            other => {
                tracing::error!(error = %other, "a page could not be made");
                Self::Internal
            }
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let sentence = self.to_string();
        let mut response = (self.status(), format!("{sentence}\n")).into_response();
        // People get it as a page.
        response.extensions_mut().insert(Said(sentence));
        response
    }
}
