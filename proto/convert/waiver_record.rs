//! Waivers with their way so far as messages.

use hexproof_core::register::{Version, WaiverEntry, WaiverEvent, WaiverStage};
use hexproof_core::waiver::lifecycle::{Standing, standing};
use jiff::civil::Date;

use super::all;
use crate::request::timestamp;
use crate::v1;

/// A waiver as it stands on `day`.
pub fn waiver_record(version: &Version<WaiverEntry>, day: Date) -> v1::WaiverRecord {
    let Version { number, changed_by: _, changed_at: _, request: _, value } = version;
    let WaiverEntry { cluster, waiver, history } = value;
    v1::WaiverRecord {
        cluster_id: cluster.to_string(),
        waiver: Some(waiver.into()),
        stage: v1::WaiverStage::from(standing(value, day)).into(),
        version: *number,
        history: all(history),
    }
}

impl From<&WaiverEvent> for v1::WaiverEvent {
    fn from(event: &WaiverEvent) -> Self {
        let WaiverEvent { stage, subject, at, comment } = event;
        let stage = match stage {
            WaiverStage::Proposed => v1::WaiverStage::Proposed,
            WaiverStage::Approved => v1::WaiverStage::Approved,
            WaiverStage::Revoked => v1::WaiverStage::Revoked,
        };
        Self {
            stage: stage.into(),
            subject: subject.clone(),
            at: Some(timestamp(*at)),
            comment: comment.clone(),
        }
    }
}

impl From<Standing> for v1::WaiverStage {
    fn from(standing: Standing) -> Self {
        match standing {
            Standing::Proposed => Self::Proposed,
            Standing::Approved => Self::Approved,
            Standing::Revoked => Self::Revoked,
            Standing::Expired => Self::Expired,
        }
    }
}
