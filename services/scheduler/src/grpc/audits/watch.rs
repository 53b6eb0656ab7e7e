//! Follows one audit: a stream that is driven by its reader alone, without a task or a queue of its own. A slow reader
//! gets the newest state and skips those between.

use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use hexproof_api::convert::audit::audit as message;
use hexproof_api::request::timestamp;
use hexproof_api::status::{invalid, not_found, unavailable};
use hexproof_api::v1;
use hexproof_core::access::Scope;
use hexproof_core::audit::Stage;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tonic::Status;

use super::visible;
use crate::bus::Seen;

const INTERVAL: Duration = Duration::from_millis(200);
const LONGEST_INTERVAL: Duration = Duration::from_secs(3600);

/// The least time between two messages of one stage.
pub(super) fn interval(asked: Option<&prost_types::Duration>) -> Result<Duration, Status> {
    let Some(asked) = asked else { return Ok(INTERVAL) };
    match Duration::try_from(*asked) {
        Ok(interval) if interval <= LONGEST_INTERVAL => Ok(interval),
        _ => Err(invalid("min_interval", "from 0 to 3600 seconds")),
    }
}

struct Watch {
    seen: watch::Receiver<Seen>,
    interval: Duration,
    scope: Scope,
    stop: CancellationToken,
    /// What was sent last, and when.
    sent: Option<(Seen, Instant)>,
    over: bool,
}

/// The present state, then each change, up to the ending.
pub(super) fn stream(
    seen: watch::Receiver<Seen>,
    interval: Duration,
    scope: Scope,
    stop: CancellationToken,
) -> BoxStream<'static, Result<v1::WatchAuditResponse, Status>> {
    let watch = Watch { seen, interval, scope, stop, sent: None, over: false };
    stream::unfold(watch, |mut watch| async move {
        if watch.over {
            return None;
        }
        let next = watch.next().await;
        watch.over |= next.is_err();
        Some((next, watch))
    })
    .boxed()
}

impl Watch {
    async fn next(&mut self) -> Result<v1::WatchAuditResponse, Status> {
        loop {
            let now = self.seen.borrow_and_update().clone();
            let due = match &self.sent {
                Some((sent, _)) if *sent == now => None,
                Some((sent, at)) if stage(sent) == stage(&now) && !now.ended() => Some(*at + self.interval),
                _ => return self.send(now),
            };
            let time = async {
                match due {
                    Some(due) => tokio::time::sleep_until(due).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                () = self.stop.cancelled() => {
                    return Err(unavailable("this server stops; follow the audit again"));
                }
                // At its time, the newest is sent; what changes before decides anew.
                () = time => {
                    let newest = self.seen.borrow_and_update().clone();
                    return self.send(newest);
                }
                changed = self.seen.changed() => {
                    if changed.is_err() {
                        return Err(unavailable("the audit is not followed any more; follow it again"));
                    }
                }
            }
        }
    }

    fn send(&mut self, now: Seen) -> Result<v1::WatchAuditResponse, Status> {
        if !visible(&self.scope, &now.record) {
            return Err(not_found("audit", now.record.order.key.run));
        }
        self.over = now.ended();
        let response = v1::WatchAuditResponse {
            audit: Some(message(&now.record, now.progress)),
            at: Some(timestamp(now.at)),
        };
        self.sent = Some((now, Instant::now()));
        Ok(response)
    }
}

fn stage(seen: &Seen) -> Option<Stage> {
    seen.progress.map(|progress| progress.stage)
}
