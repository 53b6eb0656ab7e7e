//! Stub.
use std::path::PathBuf;
use std::sync::Arc;
/// P
#[derive(Clone)] pub struct Peer;
/// S
pub struct ServerTls;
/// C
pub struct ClientTls;
/// E
#[derive(Debug, thiserror::Error)] #[error("x")] pub struct TlsError;
pub(crate) struct PeerCertificates { pub ca: PathBuf, pub rules: crate::spiffe::Rules, pub required: bool }
impl ServerTls { pub(crate) fn new(_: PathBuf, _: PathBuf, _: Option<PeerCertificates>, _: Arc<dyn hexproof_core::port::Clock>) -> Result<Self, crate::AccessError> { Ok(Self) } }
impl ClientTls { pub(crate) fn new(_: PathBuf, _: PathBuf, _: PathBuf, _: crate::spiffe::Rules, _: Arc<dyn hexproof_core::port::Clock>) -> Result<Self, crate::AccessError> { Ok(Self) } }
