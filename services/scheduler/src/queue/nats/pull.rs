//! Asks the server for one audit.
//!
//! By hand rather than with the client's batches: a worker must take one audit and no more, and one that is on its way
//! when the worker stops must not be lost, as the server would count that as a death.

use std::time::Duration;

use async_nats::jetstream::{Context, Message};
use async_nats::{StatusCode, Subscriber};
use futures::StreamExt as _;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::stream::Place;
use super::{QueueError, unavailable, within};

/// How long the server keeps a request. After a break of the connection it may be forgotten for that long.
const EXPIRES: Duration = Duration::from_secs(5);

#[derive(Serialize)]
struct Request {
    batch: u32,
    /// In nanoseconds.
    expires: u128,
}

/// Waits some seconds for one audit.
pub(super) async fn one(
    context: &Context,
    place: &Place,
    stop: &CancellationToken,
    timeout: Duration,
) -> Result<Option<Message>, QueueError> {
    let client = context.client();
    let inbox = client.new_inbox();
    let request =
        serde_json::to_vec(&Request { batch: 1, expires: EXPIRES.as_nanos() }).map_err(unavailable)?;
    let (stream, consumer) = {
        let info = place.consumer.cached_info();
        (&info.stream_name, &info.name)
    };
    let subject = format!("$JS.API.CONSUMER.MSG.NEXT.{stream}.{consumer}");
    let mut answers = within(timeout, client.subscribe(inbox.clone())).await?.map_err(unavailable)?;
    within(timeout, client.publish_with_reply(subject, inbox, request.into())).await?.map_err(unavailable)?;
    let answer = tokio::select! {
        answer = tokio::time::timeout(EXPIRES + timeout, answers.next()) => answer.ok().flatten(),
        () = stop.cancelled() => within(timeout, last_answer(&mut answers)).await?,
    };
    let Some(message) = answer else { return Ok(None) };
    match message.status {
        None | Some(StatusCode::OK) => Ok(Some(Message { message, context: context.clone() })),
        // Nothing came in time.
        Some(StatusCode::TIMEOUT | StatusCode::NOT_FOUND) => Ok(None),
        Some(status) => {
            let text = message.description.unwrap_or_default();
            Err(unavailable(std::io::Error::other(format!("server answers {status}: {text}"))))
        }
    }
}

/// Takes the request back, and what had been sent before the server heard of that.
async fn last_answer(answers: &mut Subscriber) -> Option<async_nats::Message> {
    answers.drain().await.ok()?;
    answers.next().await
}
