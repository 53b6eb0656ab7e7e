//! When audits are due, the queue they wait in, and the workers that run them.
//!
//! `dispatch` records an audit and puts it into the `queue`; the `worker`s take it from there and carry it to its end;
//! over the `bus` they say how far it is, and hear when it shall stop. `grpc` serves all that.
//!
//! Trigger → order in the store → queue → worker → ending in the store

pub mod bus;
pub mod dispatch;
pub mod grpc;
pub mod queue;
pub mod worker;
