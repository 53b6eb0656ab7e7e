//! Takes snapshots from agents that dial out.
//!
//! [`grpc`] is the service; [`Board`] knows which audits wait for an agent, asked of the store by one poller for all.

pub mod board;
pub mod grpc;

pub use board::Board;
pub use grpc::{Intake, IntakeParts};
