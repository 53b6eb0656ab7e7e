//! Entries of the access log as messages.

use hexproof_core::access::{AccessEntry, AccessOutcome};

use crate::request::timestamp;
use crate::v1;

impl From<&AccessEntry> for v1::AccessEntry {
    fn from(entry: &AccessEntry) -> Self {
        let AccessEntry { at, subject, authentication, action, cluster, object, outcome } = entry;
        Self {
            at: Some(timestamp(*at)),
            subject: subject.clone(),
            authentication: authentication.map(|how| how.word().to_owned()).unwrap_or_default(),
            action: action.clone(),
            cluster_id: cluster.as_ref().map(ToString::to_string).unwrap_or_default(),
            object: object.clone(),
            outcome: v1::AccessOutcome::from(*outcome).into(),
        }
    }
}

impl From<AccessOutcome> for v1::AccessOutcome {
    fn from(outcome: AccessOutcome) -> Self {
        match outcome {
            AccessOutcome::Done => Self::Done,
            AccessOutcome::Refused => Self::Refused,
            AccessOutcome::Failed => Self::Failed,
        }
    }
}
