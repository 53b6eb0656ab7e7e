//! The service: configuration, wiring, connections, shutdown.
//!
//! `listen` takes connections, `calls` surrounds each call, `readiness` asks whether store and queue answer, `grpc`
//! is the service of the catalogue, `check` the sealer behind its port.

mod calls;
mod check;
mod grpc;
mod listen;
mod readiness;
