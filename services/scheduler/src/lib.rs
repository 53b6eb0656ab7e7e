//! When audits are due, the queue they wait in, and the workers that run them.
//!
//! `cron` reads when a schedule is due, `plan` decides what becomes of its slots, and the `engine` starts what is due.
//! `dispatch` records an audit and puts it into the `queue`; the `worker`s take it from there and carry it to its end;
//! over the `bus` they say how far it is, and hear when it shall stop. `grpc` serves all that.
//!
//! Trigger → order in the store → queue → worker → ending in the store

pub mod bus;
pub mod cron;
pub mod dispatch;
pub mod engine;
#[cfg(test)]
mod fakes;
pub mod grpc;
pub mod plan;
pub mod queue;
pub mod worker;
