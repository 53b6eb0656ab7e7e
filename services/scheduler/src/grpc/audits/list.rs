//! Lists of audits.

use hexproof_api::request::{Mask, cursor, page_size, page_token};
use hexproof_api::status::{invalid, within};
use hexproof_api::v1;
use hexproof_core::access::{Caller, Clusters};
use hexproof_core::audit::{AuditRecord, Ending, Stage};
use tonic::Status;

use super::{AuditApi, FIELDS, cluster, storage, visible};

/// Reads of the store for one page at most. A page of few that match may be short, with a token that goes on.
const READS: usize = 20;

impl AuditApi {
    pub(super) async fn list(
        &self,
        caller: &Caller,
        request: &v1::ListAuditsRequest,
    ) -> Result<v1::ListAuditsResponse, Status> {
        let clusters = match request.cluster_id.as_str() {
            "" => caller.scope.clusters.clone(),
            id => {
                let cluster = cluster(id)?;
                within(caller, &cluster)?;
                Clusters::Only([cluster].into())
            }
        };
        let size = page_size(request.page_size)?;
        let mask = Mask::read("read_mask", request.read_mask.as_ref(), &FIELDS)?;
        let states = states(&request.states)?;
        let query = v1::ListAuditsRequest { page_size: 0, page_token: String::new(), ..request.clone() };
        let mut after = cursor(&request.page_token, &query)?;
        let mut audits = Vec::new();
        for _ in 0..READS {
            let page =
                self.runs.list(&clusters, after.as_ref(), size - audits.len()).await.map_err(storage)?;
            let wanted = page.items.iter().filter(|record| {
                visible(&caller.scope, record) && (states.is_empty() || states.contains(&self.state(record)))
            });
            audits.extend(wanted.map(|record| self.message(record, &mask)));
            after = page.next;
            if after.is_none() || audits.len() >= size {
                break;
            }
        }
        Ok(v1::ListAuditsResponse { audits, next_page_token: page_token(after.as_ref(), &query) })
    }

    fn state(&self, record: &AuditRecord) -> v1::AuditState {
        match &record.ended {
            Some((Ending::Succeeded { .. }, _)) => v1::AuditState::Succeeded,
            Some((Ending::Failed { .. }, _)) => v1::AuditState::Failed,
            Some((Ending::Cancelled { .. }, _)) => v1::AuditState::Cancelled,
            None => match self.live.progress(&record.order.key).map(|progress| progress.stage) {
                None | Some(Stage::Waiting) => v1::AuditState::Queued,
                Some(_) => v1::AuditState::Running,
            },
        }
    }
}

fn states(numbers: &[i32]) -> Result<Vec<v1::AuditState>, Status> {
    let state = |(at, number): (usize, &i32)| match v1::AuditState::try_from(*number) {
        Ok(v1::AuditState::Unspecified) | Err(_) => {
            Err(invalid(format!("states[{at}]"), "is none of the states of an audit"))
        }
        Ok(state) => Ok(state),
    };
    numbers.iter().enumerate().map(state).collect()
}
