//! The sealer behind the port `CheckPack`.

use std::sync::Arc;

use hexproof_core::port::{CheckPack, CheckState, Clock, PackCheck};
use hexproof_sealer::{TrustStore, Verdict};

/// Checks packs against the authorities that the service trusts, its own among them.
pub(crate) struct Checker {
    pub(crate) trust: TrustStore,
    pub(crate) clock: Arc<dyn Clock>,
}

impl CheckPack for Checker {
    fn check(&self, pdf: &[u8]) -> PackCheck {
        let verification = hexproof_sealer::verify(pdf, &self.trust, self.clock.now());
        let steps = verification.steps.iter();
        PackCheck {
            state: state(verification.verdict()),
            steps: steps
                .map(|step| (step.name.as_str().to_owned(), state(step.verdict), step.sentence.clone()))
                .collect(),
        }
    }
}

fn state(verdict: Verdict) -> CheckState {
    match verdict {
        Verdict::Valid => CheckState::Valid,
        Verdict::Unknown => CheckState::Unknown,
        Verdict::Invalid => CheckState::Invalid,
    }
}
