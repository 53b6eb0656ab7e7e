//! The public API: the messages of `hexproof.v1` and how they are made from the types of the core.
//!
//! `v1` is generated from `proto/hexproof/v1/*.proto`, which is where the API is written and explained;
//! `convert` turns an assessment into its message. The JSON of an assessment is the JSON mapping of that
//! message: a test holds the core's own serialisation to it, field by field.
//!
//! `status` makes the errors of the API and `request` reads what many requests have in common; every service
//! answers through them.
//!
//! Assessment of the core → message → wire

pub mod convert;
pub mod request;
pub mod status;

/// Messages, clients and servers of the package `hexproof.v1`.
#[allow(
    missing_docs,
    unreachable_pub,
    clippy::all,
    reason = "generated; the comments stand in the proto files"
)]
pub mod v1 {
    include!(concat!(env!("OUT_DIR"), "/hexproof.v1.rs"));
}

/// The compiled proto files with all that they import and all comments (`google.protobuf.FileDescriptorSet`),
/// for reflection and for clients that read messages by name.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/hexproof.v1.bin"));
