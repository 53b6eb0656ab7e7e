//! What the portal is made of, and its routes.

use std::sync::Arc;

use axum::Extension;
use axum::Router;
use axum::middleware::from_fn;
use axum::routing::{MethodRouter, get, post};
use hexproof_access::policy::pages::Page;
use hexproof_core::measure::Catalogue;
use hexproof_core::port::evidence::Evidence;
use hexproof_core::port::{CheckPack, Clock, Compare};

use crate::comparisons::Comparisons;
use crate::refusal::Refusal;
use crate::seals::Seals;
use crate::{assets, dress, pages};

/// What the portal is made of. Cheap to clone.
#[derive(Clone)]
pub struct PortalParts {
    /// What is shown.
    pub evidence: Arc<dyn Evidence>,
    /// Checks packs.
    pub check: Arc<dyn CheckPack>,
    /// Compares packs.
    pub compare: Arc<dyn Compare>,
    /// The measures.
    pub catalogue: Arc<Catalogue>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The RPCs of this process, without the access layer: the portal hands on caller and trail of the request that it
    /// serves.
    pub api: Router,
}

/// The pages, to be put behind the access layer.
pub fn router(parts: PortalParts) -> Router {
    let seals = Seals::new(parts.evidence.clone(), parts.check.clone(), parts.clock.clone());
    let comparisons = Comparisons::new(parts.evidence.clone(), parts.compare.clone());
    // The table says where a page is found: pages of the same pattern are one route with two methods.
    routes()
        .into_iter()
        .filter_map(|(page, method)| Some((page.rule()?.pattern, method)))
        .fold(Router::new(), |router, (pattern, method)| router.route(pattern, method))
        .layer(Extension(seals))
        .layer(Extension(comparisons))
        .layer(from_fn(dress::remember))
        .with_state(parts)
}

/// Every page with its handler.
fn routes() -> Vec<(Page, MethodRouter<PortalParts>)> {
    vec![
        (Page::Asset, get(assets::get)),
        (Page::Home, get(pages::home::get)),
        (Page::Login, get(beyond)),
        (Page::LoginReturn, get(beyond)),
        (Page::Logout, post(beyond)),
        (Page::Clusters, get(pages::clusters::get)),
        (Page::Packs, get(pages::packs::get)),
        (Page::Pack, get(pages::pack::get)),
        (Page::Observations, get(pages::observations::get)),
        (Page::Observation, get(pages::observation::get)),
        (Page::Population, get(pages::population::get)),
        (Page::Changes, get(pages::changes::get)),
        (Page::Verification, get(pages::verification::get)),
        (Page::File, get(pages::file::get)),
        (Page::Measures, get(pages::measures::get)),
        (Page::Measure, get(pages::measure::get)),
        (Page::Cluster, get(pages::cluster::get)),
        (Page::StartAudit, post(pages::audit::start)),
        (Page::Audit, get(pages::audit::get)),
        (Page::CancelAudit, post(pages::audit::cancel)),
        (Page::Schedules, get(pages::schedules::get)),
        (Page::NewSchedule, get(pages::new_schedule::get)),
        (Page::CreateSchedule, post(pages::new_schedule::post)),
        (Page::Schedule, get(pages::schedule::get)),
        (Page::UpdateSchedule, post(pages::schedule::post)),
        (Page::DeleteSchedule, post(pages::schedule::delete)),
        (Page::Waivers, get(pages::waivers::get)),
        (Page::NewWaiver, get(pages::new_waiver::get)),
        (Page::ProposeWaiver, post(pages::new_waiver::post)),
        (Page::Waiver, get(pages::waiver::get)),
        (Page::ApproveWaiver, post(pages::waiver::approve)),
        (Page::RevokeWaiver, post(pages::waiver::revoke)),
        (Page::AccessLog, get(pages::access_log::get)),
        (Page::Verify, get(pages::verify::get)),
        (Page::VerifyUpload, post(pages::verify::post)),
    ]
}

/// What the access layer answers by itself gets no further than there.
async fn beyond() -> Refusal {
    Refusal::Login
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use hexproof_access::policy::pages::PAGES;

    use super::*;

    #[test]
    fn every_page_of_the_table_has_a_route() {
        let wanted: BTreeSet<Page> = PAGES.iter().map(|rule| rule.page).collect();
        let routed: Vec<Page> = routes().into_iter().map(|(page, _)| page).collect();
        assert_eq!(routed.iter().copied().collect::<BTreeSet<_>>(), wanted);
        assert_eq!(routed.len(), wanted.len(), "no page twice");
    }
}
