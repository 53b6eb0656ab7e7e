//! What the store holds, served by gRPC. Nothing here knows how it is stored: each service asks the ports of the core.

pub mod access_log;
mod answer;
pub mod clusters;
pub mod packs;
pub mod waivers;
