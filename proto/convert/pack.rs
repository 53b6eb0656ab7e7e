//! Packs and what a check of one found, as messages.

use hexproof_core::access::Artifact;
use hexproof_core::port::{CheckState, PackCheck};
use tonic::Status;

use crate::status::invalid;
use crate::v1;

/// The file that a request names; the pack if it names none.
///
/// # Errors
/// INVALID_ARGUMENT that names the field.
pub fn artifact(field: &'static str, number: i32) -> Result<Artifact, Status> {
    match v1::Artifact::try_from(number) {
        Ok(v1::Artifact::Unspecified | v1::Artifact::Pack) => Ok(Artifact::Pack),
        Ok(v1::Artifact::Assessment) => Ok(Artifact::Assessment),
        Ok(v1::Artifact::Snapshot) => Ok(Artifact::Snapshot),
        Ok(v1::Artifact::Population) => Ok(Artifact::Population),
        Err(_) => Err(invalid(field, format!("{number} is no value of this enum"))),
    }
}

/// What a check found of the bytes of this digest.
pub fn check(check: &PackCheck, digest: String) -> v1::VerifyPackResponse {
    let PackCheck { state, steps } = check;
    let steps = steps.iter().map(|(name, state, detail)| v1::VerificationStep {
        name: name.clone(),
        state: v1::CheckState::from(*state).into(),
        detail: detail.clone(),
    });
    v1::VerifyPackResponse { state: v1::CheckState::from(*state).into(), steps: steps.collect(), digest }
}

impl From<CheckState> for v1::CheckState {
    fn from(state: CheckState) -> Self {
        match state {
            CheckState::Valid => Self::Valid,
            CheckState::Invalid => Self::Invalid,
            CheckState::Unknown => Self::Unknown,
            CheckState::NotApplicable => Self::NotApplicable,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_file_named_means_the_pack_and_an_unknown_one_is_refused() {
        assert_eq!(artifact("artifact", 0).unwrap(), Artifact::Pack);
        assert_eq!(artifact("artifact", 3).unwrap(), Artifact::Snapshot);
        assert_eq!(artifact("artifact", 9).unwrap_err().code(), tonic::Code::InvalidArgument);
    }
}
