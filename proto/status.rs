//! Errors of the API: codes with the details of `google.rpc`, always made here.
//!
//! The message is for the caller and says what to do; causes belong into the log.

use std::collections::HashMap;
use std::time::Duration;

use hexproof_core::access::{Caller, Trail};
use hexproof_core::id::{ClusterId, InvalidId};
use hexproof_core::port::StorageError;
use tonic::{Code, Request, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

/// Domain of every `google.rpc.ErrorInfo`.
pub const DOMAIN: &str = "hexproof";

/// How long a client should wait before it repeats a call that found the store or the queue down.
pub const RETRY_AFTER: Duration = Duration::from_secs(5);

/// A status with `ErrorInfo`; `reason` is in UPPER_SNAKE_CASE and never changes.
pub fn status(code: Code, reason: &'static str, message: impl Into<String>) -> Status {
    Status::with_error_details(code, message, ErrorDetails::with_error_info(reason, DOMAIN, HashMap::new()))
}

/// INVALID_ARGUMENT with the field that is wrong, named as in the proto file, such as `schedule.cron`.
pub fn invalid(field: impl Into<String>, description: impl Into<String>) -> Status {
    let (field, description) = (field.into(), description.into());
    let message = format!("`{field}`: {description}");
    let mut details = ErrorDetails::with_bad_request_violation(field, description);
    details.set_error_info("INVALID_FIELD", DOMAIN, HashMap::new());
    Status::with_error_details(Code::InvalidArgument, message, details)
}

/// NOT_FOUND; also for what exists beyond the caller's reach, so that nobody learns that it does.
pub fn not_found(kind: &str, id: impl std::fmt::Display) -> Status {
    status(Code::NotFound, "NOT_FOUND", format!("there is no {kind} `{id}`"))
}

/// PERMISSION_DENIED.
pub fn denied(message: impl Into<String>) -> Status {
    status(Code::PermissionDenied, "DENIED", message)
}

/// UNAUTHENTICATED.
pub fn unauthenticated(message: impl Into<String>) -> Status {
    status(Code::Unauthenticated, "UNAUTHENTICATED", message)
}

/// UNAVAILABLE with a hint when to come back.
pub fn unavailable(message: impl Into<String>) -> Status {
    let mut details = ErrorDetails::with_error_info("UNAVAILABLE", DOMAIN, HashMap::new());
    details.set_retry_info(Some(RETRY_AFTER));
    Status::with_error_details(Code::Unavailable, message, details)
}

/// What a caller is told of a failure of the storage; the cause goes to the log, which is the caller's duty.
pub fn storage(error: &StorageError) -> Status {
    match error {
        StorageError::Unavailable(_) => unavailable("the store does not answer; try again"),
        StorageError::Conflict => {
            status(Code::Aborted, "CONFLICT", "somebody else changed it at the same time; read it again")
        }
        StorageError::Cursor => invalid("page_token", "is not that of an earlier page of the same query"),
        StorageError::TooLarge { .. } => status(Code::ResourceExhausted, "TOO_LARGE", error.to_string()),
        StorageError::Damaged(_) => status(
            Code::DataLoss,
            "DAMAGED",
            "the store holds something that cannot be right; the log says what",
        ),
        _ => status(Code::Internal, "INTERNAL", "the store failed; the log says how"),
    }
}

/// INVALID_ARGUMENT for an identifier.
pub fn invalid_id(field: impl Into<String>, error: &InvalidId) -> Status {
    invalid(field, error.to_string())
}

/// The caller of a request, as the access layer put it there.
///
/// # Errors
/// UNAUTHENTICATED if there is none: a service that is served without the access layer serves nobody.
pub fn caller<T>(request: &Request<T>) -> Result<&Caller, Status> {
    request.extensions().get::<Caller>().ok_or_else(|| unauthenticated("who is calling is not known"))
}

/// Where to say what a request touches, for the access log.
pub fn trail<T>(request: &Request<T>) -> Trail {
    request.extensions().get::<Trail>().cloned().unwrap_or_default()
}

/// Refuses a cluster that is beyond the caller's reach. Ask before anything is looked up, so that nobody learns what
/// there is.
///
/// # Errors
/// PERMISSION_DENIED.
pub fn within(caller: &Caller, cluster: &ClusterId) -> Result<(), Status> {
    match caller.scope.admits(cluster) {
        true => Ok(()),
        false => Err(denied(format!("cluster `{cluster}` is beyond your scope"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn details_say_which_field_and_when_to_come_back() {
        let wrong = invalid("schedule.cron", "has 4 fields");
        assert_eq!(wrong.code(), Code::InvalidArgument);
        let details = wrong.get_error_details();
        assert_eq!(details.bad_request().unwrap().field_violations[0].field, "schedule.cron");
        assert_eq!(details.error_info().unwrap().reason, "INVALID_FIELD");
        let down = unavailable("the store does not answer");
        assert_eq!(down.get_error_details().retry_info().unwrap().retry_delay, Some(RETRY_AFTER));
        assert_eq!(caller(&Request::new(())).unwrap_err().code(), Code::Unauthenticated);
    }
}
