//! An answer on its way: ends at the deadline or with the service, and tells how it ended.

use std::future::Future as _;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use bytes::Bytes;
use hexproof_api::status;
use http::HeaderMap;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, Sleep};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tonic::{Code, Status};

use super::{Measure, late};

/// The body of an answer.
pub(super) struct CallBody {
    /// `None` once the deadline has cut it off.
    inner: Option<Body>,
    deadline: Option<Pin<Box<Sleep>>>,
    /// Ends a stream that would not end by itself, when the service stops.
    stop: Option<Pin<Box<WaitForCancellationFutureOwned>>>,
    measure: Measure,
    _turn: OwnedSemaphorePermit,
}

impl CallBody {
    pub(super) fn new(
        inner: Body,
        headers: &HeaderMap,
        mut measure: Measure,
        deadline: Option<Instant>,
        stop: Option<CancellationToken>,
        turn: OwnedSemaphorePermit,
    ) -> Self {
        // An answer of trailers alone has its status in the head.
        if headers.contains_key("grpc-status") {
            measure.end(status_of(headers));
        }
        let deadline = deadline.map(|at| Box::pin(tokio::time::sleep_until(at)));
        let stop = stop.map(|stop| Box::pin(stop.cancelled_owned()));
        Self { inner: Some(inner), deadline, stop, measure, _turn: turn }
    }
}

fn status_of(headers: &HeaderMap) -> Code {
    headers.get("grpc-status").map_or(Code::Ok, |value| Code::from_bytes(value.as_bytes()))
}

impl HttpBody for CallBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = &mut *self;
        let Some(inner) = &mut this.inner else { return Poll::Ready(None) };
        let span = this.measure.span.clone();
        let _entered = span.enter();
        match Pin::new(inner).poll_frame(context) {
            Poll::Ready(Some(Ok(frame))) => {
                if let Some(trailers) = frame.trailers_ref() {
                    this.measure.end(status_of(trailers));
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(error))) => {
                this.measure.end(Code::Unknown);
                Poll::Ready(Some(Err(error)))
            }
            Poll::Ready(None) => {
                this.measure.end(Code::Ok);
                Poll::Ready(None)
            }
            Poll::Pending => {
                let over = this.deadline.as_mut().is_some_and(|at| at.as_mut().poll(context).is_ready());
                let stopped = this.stop.as_mut().is_some_and(|stop| stop.as_mut().poll(context).is_ready());
                let status = match (over, stopped) {
                    (true, _) => late(),
                    (false, true) => status::unavailable("the service stops; call again"),
                    (false, false) => return Poll::Pending,
                };
                // Dropping what makes the messages stops the work.
                this.inner = None;
                this.measure.end(status.code());
                Poll::Ready(trailers(&status).map(|trailers| Ok(Frame::trailers(trailers))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.as_ref().map_or_else(SizeHint::default, HttpBody::size_hint)
    }
}

fn trailers(status: &Status) -> Option<HeaderMap> {
    let mut trailers = HeaderMap::new();
    status.add_header(&mut trailers).ok().map(|()| trailers)
}
