//! The id that makes a form count once, however often its button is pressed.

use ring::rand::{SecureRandom as _, SystemRandom};

use crate::refusal::Refusal;

/// A new id for a form: 128 random bits. The RPC that takes it answers a second use with what the first one made.
pub(crate) fn request_id() -> Result<String, Refusal> {
    let mut bytes = [0; 16];
    SystemRandom::new().fill(&mut bytes).map_err(|_| {
        tracing::error!("the system gives no random bytes");
        Refusal::Internal
    })?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
