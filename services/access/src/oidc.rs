//! Stub.
pub(crate) struct Oidc;
impl Oidc { pub(crate) fn new(_: &crate::OidcConfig, _: std::sync::Arc<dyn hexproof_core::port::Clock>) -> Result<Self, crate::AccessError> { Ok(Self) } }
