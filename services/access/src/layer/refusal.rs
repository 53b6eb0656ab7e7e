//! How a refusal is answered: to gRPC clients as a status without a body, to others as an HTTP status.

use hexproof_api::status;
use http::header::{CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use tonic::{Code, Status};

use super::DEV_SUBJECT;

/// Why a request does not pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// No identity, or one that does not hold.
    Credentials(&'static str),
    /// A link that gives nothing.
    Link(&'static str),
    /// The caller has no role for this, or nobody has.
    Role,
    /// There is nothing at this address.
    Unknown,
    /// The page does not take this method.
    Method,
    /// A request from elsewhere to a service for one machine.
    Foreign(&'static str),
    /// Another person is named in a way that cannot be one.
    Subject,
    /// The headers are too large.
    TooLarge,
    /// Whether the caller may cannot be told now.
    Unavailable(&'static str),
}

impl Refusal {
    /// Whether it says something of the caller rather than of the state of the service.
    pub(crate) fn is_denial(self) -> bool {
        !matches!(self, Self::Unavailable(_))
    }

    pub(crate) fn status(self) -> Status {
        match self {
            Self::Credentials(reason) => status::unauthenticated(reason),
            Self::Link(reason) | Self::Foreign(reason) => status::denied(reason),
            // A call that nobody has a role for is told apart from none by the protocol, further on.
            Self::Role | Self::Unknown => status::denied("your roles do not allow this"),
            Self::Method => status::denied("this method is not served here"),
            Self::Subject => {
                status::invalid(DEV_SUBJECT, "1 to 64 printable ASCII characters without spaces")
            }
            Self::TooLarge => {
                status::status(Code::ResourceExhausted, "HEADERS_TOO_LARGE", "the headers exceed 32 KiB")
            }
            Self::Unavailable(reason) => status::unavailable(reason),
        }
    }

    pub(crate) fn http(self) -> StatusCode {
        match self {
            Self::Credentials(_) => StatusCode::UNAUTHORIZED,
            Self::Link(_) | Self::Role | Self::Foreign(_) => StatusCode::FORBIDDEN,
            Self::Unknown => StatusCode::NOT_FOUND,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Subject => StatusCode::BAD_REQUEST,
            Self::TooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// The answer to a request with these headers.
    pub(crate) fn response<B: Default>(self, request: &HeaderMap) -> Response<B> {
        let kind = request.get(CONTENT_TYPE).filter(|kind| kind.as_bytes().starts_with(b"application/grpc"));
        if let Some(kind) = kind {
            let mut response = self.status().into_http();
            // gRPC-Web clients take an answer of their own kind alone.
            response.headers_mut().insert(CONTENT_TYPE, kind.clone());
            return response;
        }
        let mut response = Response::new(B::default());
        *response.status_mut() = self.http();
        self.challenge(&mut response);
        response
    }

    /// Says how an identity is proved, where that was missing.
    pub(super) fn challenge<B>(self, response: &mut Response<B>) {
        if let Self::Credentials(_) = self {
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
    }

    /// What a page says of it.
    pub(super) fn sentence(self) -> &'static str {
        match self {
            Self::Credentials(_) => "Log in to see this page.",
            Self::Link(_) => "This link gives nothing any more. Ask for a new one.",
            Self::Role => "Your roles do not allow this.",
            Self::Unknown => "There is no such page.",
            Self::Method => "This page cannot be used in this way.",
            Self::Foreign(reason) => reason,
            Self::Unavailable(_) => {
                "Who you are cannot be told at the moment. Nothing is lost; try again in a minute."
            }
            Self::Subject => "The name in the request cannot be that of a person.",
            Self::TooLarge => "The request is larger than any of this portal.",
        }
    }
}
