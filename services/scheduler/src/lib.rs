//! When audits are due, the queue they wait in, and the workers that run them.

pub mod cron;
pub mod engine;
pub mod grpc;
pub mod plan;
