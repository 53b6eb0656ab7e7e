//! Calls: which are repeated, how long is waited, and how a refusal is told.

use std::error::Error as _;
use std::fmt;
use std::time::Duration;

use tonic::{Code, Request, Response, Status};
use tonic_types::StatusExt as _;

/// How long an answer to a single question may take.
const ANSWER: Duration = Duration::from_secs(60);
/// Attempts at a call whose server asks to come back later.
const HINTED: u32 = 8;
/// Attempts at a call whose server cannot be reached, which is often a wrong address.
const UNHINTED: u32 = 4;
/// The longest wait, whatever a server asks for.
const LONGEST: Duration = Duration::from_secs(30);
/// The first wait without a hint.
const FIRST: Duration = Duration::from_millis(250);

/// What a server answered instead of an answer.
#[derive(Debug)]
pub(super) struct Refused {
    /// Its code.
    pub(super) code: Code,
    text: String,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Refused {}

impl Refused {
    /// Tells a status with the details of `google.rpc`: fields, reason, when to come back.
    pub(super) fn new(status: &Status) -> Self {
        let mut text = format!("{}: {}", code_name(status.code()), status.message());
        if let Some(cause) = status.source() {
            // The transport says `transport error`; its causes say what that was.
            let mut cause = Some(cause);
            while let Some(error) = cause {
                let said = error.to_string();
                if !text.contains(&said) {
                    text.push_str(&format!(": {said}"));
                }
                cause = error.source();
            }
        }
        let details = status.get_error_details();
        for violation in details.bad_request().map(|bad| bad.field_violations.as_slice()).unwrap_or_default()
        {
            if !text.contains(&violation.description) || !text.contains(&violation.field) {
                text.push_str(&format!("; `{}`: {}", violation.field, violation.description));
            }
        }
        if let Some(info) = details.error_info() {
            text.push_str(&format!(" ({})", info.reason));
        }
        if let Some(delay) = hint(status) {
            text.push_str(&format!("; come back in {} s", delay.as_secs_f32().ceil()));
        }
        Self { code: status.code(), text }
    }
}

/// The code of a refusal, if an error is one.
pub(super) fn code(error: &anyhow::Error) -> Option<Code> {
    error.downcast_ref::<Refused>().map(|refused| refused.code)
}

/// A question with its deadline.
pub(super) fn ask<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(ANSWER);
    request
}

/// Asks until there is an answer or a refusal that stands. What is asked must be fit to be asked twice.
pub(super) async fn answered<T, F: Future<Output = Result<Response<T>, Status>>>(
    mut call: impl FnMut() -> F,
) -> anyhow::Result<T> {
    let mut patience = Patience::default();
    loop {
        match call().await {
            Ok(answer) => return Ok(answer.into_inner()),
            Err(status) if is_unavailable(&status) => patience.wait(&status).await?,
            Err(status) => return Err(Refused::new(&status).into()),
        }
    }
}

/// Counts failed attempts and waits between them.
#[derive(Debug, Default)]
pub(super) struct Patience {
    failed: u32,
}

impl Patience {
    /// Begins to count anew: something has come.
    pub(super) fn renew(&mut self) {
        self.failed = 0;
    }

    /// Waits as long as the server asks for, or longer each time.
    ///
    /// # Errors
    /// The refusal, once there were enough attempts.
    pub(super) async fn wait(&mut self, status: &Status) -> anyhow::Result<()> {
        self.failed += 1;
        let hint = hint(status);
        let most = if hint.is_some() { HINTED } else { UNHINTED };
        if self.failed >= most {
            return Err(Refused::new(status).into());
        }
        let longer = FIRST.saturating_mul(1 << self.failed.min(8));
        tokio::time::sleep(hint.unwrap_or(longer).min(LONGEST)).await;
        Ok(())
    }
}

/// Whether the same call may do better later.
fn is_unavailable(status: &Status) -> bool {
    status.code() == Code::Unavailable || is_transport(status)
}

/// Whether a stream broke, rather than that the server had something against it.
pub(super) fn is_broken(status: &Status) -> bool {
    is_unavailable(status)
        || matches!(status.code(), Code::Unknown | Code::Internal | Code::Cancelled | Code::DeadlineExceeded)
}

fn is_transport(status: &Status) -> bool {
    status.source().is_some_and(|source| source.is::<tonic::transport::Error>())
}

fn hint(status: &Status) -> Option<Duration> {
    status.get_details_retry_info().and_then(|info| info.retry_delay)
}

/// The name of a code as its specification spells it.
fn code_name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

/// Walks the pages of a list up to `limit` items; says whether there are more. `page` is given a size and a token, and
/// returns the items with the next token.
pub(super) async fn pages<T>(
    limit: usize,
    mut page: impl AsyncFnMut(i32, String) -> anyhow::Result<(Vec<T>, String)>,
) -> anyhow::Result<(Vec<T>, bool)> {
    let mut all = Vec::new();
    let mut token = String::new();
    loop {
        let size = i32::try_from((limit - all.len()).min(500)).unwrap_or(500).max(1);
        let (items, next) = page(size, token.clone()).await?;
        all.extend(items);
        if next.is_empty() {
            return Ok((all, false));
        }
        if all.len() >= limit {
            all.truncate(limit);
            return Ok((all, true));
        }
        anyhow::ensure!(next != token, "the server gives the same page again and again");
        token = next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_fields_reason_and_time() {
        let told = Refused::new(&hexproof_api::status::invalid("cluster.labels", "too many")).to_string();
        assert_eq!(told, "INVALID_ARGUMENT: `cluster.labels`: too many (INVALID_FIELD)");
        let told = Refused::new(&hexproof_api::status::unavailable("the store is down")).to_string();
        assert!(told.contains("(UNAVAILABLE); come back in 5 s"), "{told}");
    }

    #[tokio::test]
    async fn a_list_is_walked_to_its_end_or_to_the_limit() {
        let list = async |size: i32, token: String| {
            let from: usize = token.parse().unwrap_or(0);
            let to = (from + usize::try_from(size).unwrap().min(3)).min(8);
            Ok(((from..to).collect(), if to < 8 { to.to_string() } else { String::new() }))
        };
        assert_eq!(pages(100, list).await.unwrap(), ((0..8).collect(), false));
        assert_eq!(pages(5, list).await.unwrap(), ((0..5).collect(), true));
        assert_eq!(pages(8, list).await.unwrap(), ((0..8).collect(), false));
        let stuck = async |_, _| Ok((Vec::<u8>::new(), "x".to_owned()));
        assert!(pages(5, stuck).await.is_err());
    }
}
