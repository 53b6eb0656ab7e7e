//! Every address of the portal, made from typed parts: no page writes one by hand.

use hexproof_core::access::Artifact;
use hexproof_core::audit::AuditKey;
use hexproof_core::id::{ClusterId, RecordId};
use hexproof_core::measure::MeasureId;
use hexproof_core::{Goal, Layer};
use url::form_urlencoded::Serializer;

/// The overview.
pub(crate) const CLUSTERS: &str = "/clusters";
/// The packs of all clusters.
pub(crate) const PACKS: &str = "/packs";
/// The schedules.
pub(crate) const SCHEDULES: &str = "/schedules";
/// The form of a new schedule.
pub(crate) const NEW_SCHEDULE: &str = "/schedules/new";
/// The waivers.
pub(crate) const WAIVERS: &str = "/waivers";
/// The form of a new waiver.
pub(crate) const NEW_WAIVER: &str = "/waivers/new";
/// The catalogue.
pub(crate) const MEASURES: &str = "/measures";
/// The access log.
pub(crate) const ACCESS_LOG: &str = "/access-log";
/// The form that checks a file.
pub(crate) const VERIFY: &str = "/verify";
/// Begins a login.
pub(crate) const LOGIN: &str = "/login";
/// Ends a session.
pub(crate) const LOGOUT: &str = "/logout";

/// One cluster.
pub(crate) fn cluster(id: &ClusterId) -> String {
    format!("{CLUSTERS}/{id}")
}

/// Starts an audit.
pub(crate) fn start_audit(id: &ClusterId) -> String {
    format!("{CLUSTERS}/{id}/audits")
}

/// One audit.
pub(crate) fn audit(key: &AuditKey) -> String {
    format!("{CLUSTERS}/{}/audits/{}", key.cluster, key.run)
}

/// Stops an audit.
pub(crate) fn cancel_audit(key: &AuditKey) -> String {
    format!("{}/cancel", audit(key))
}

/// One pack.
pub(crate) fn pack(key: &AuditKey) -> String {
    format!("{CLUSTERS}/{}/packs/{}", key.cluster, key.run)
}

/// The observations of a pack.
pub(crate) fn observations(key: &AuditKey) -> String {
    format!("{}/observations", pack(key))
}

/// The observations of a cell of the matrix: of a layer, a goal, both, or all.
pub(crate) fn observations_of(key: &AuditKey, layer: Option<Layer>, goal: Option<Goal>) -> String {
    let layer = layer.map(|layer| ("layer", layer.word()));
    let goal = goal.map(|goal| ("goal", goal.word()));
    with(&observations(key), layer.into_iter().chain(goal))
}

/// The observations of a measure.
pub(crate) fn observations_by(key: &AuditKey, measure: &MeasureId) -> String {
    with(&observations(key), [("measure", measure.as_str())])
}

/// One observation.
pub(crate) fn observation(key: &AuditKey, place: u32) -> String {
    format!("{}/{place}", observations(key))
}

/// The population of a pack.
pub(crate) fn population(key: &AuditKey) -> String {
    format!("{}/population", pack(key))
}

/// What changed since another pack of the cluster.
pub(crate) fn changes(key: &AuditKey) -> String {
    format!("{}/changes", pack(key))
}

/// The check of a pack.
pub(crate) fn verification(key: &AuditKey) -> String {
    format!("{}/verification", pack(key))
}

/// A file of a pack.
pub(crate) fn file(key: &AuditKey, artifact: Artifact) -> String {
    let word = match artifact {
        Artifact::Pack => "pack",
        Artifact::Assessment => "assessment",
        Artifact::Snapshot => "snapshot",
        Artifact::Population => "population",
    };
    format!("{}/files/{word}", pack(key))
}

/// One measure.
pub(crate) fn measure(id: &MeasureId) -> String {
    format!("{MEASURES}/{id}")
}

/// One schedule.
pub(crate) fn schedule(id: &RecordId) -> String {
    format!("{SCHEDULES}/{id}")
}

/// Ends a schedule.
pub(crate) fn delete_schedule(id: &RecordId) -> String {
    format!("{SCHEDULES}/{id}/delete")
}

/// One waiver.
pub(crate) fn waiver(cluster: &ClusterId, id: &RecordId) -> String {
    format!("{CLUSTERS}/{cluster}/waivers/{id}")
}

/// Approves a waiver.
pub(crate) fn approve_waiver(cluster: &ClusterId, id: &RecordId) -> String {
    format!("{}/approve", waiver(cluster, id))
}

/// Ends or refuses a waiver.
pub(crate) fn revoke_waiver(cluster: &ClusterId, id: &RecordId) -> String {
    format!("{}/revoke", waiver(cluster, id))
}

/// An address with a query; pairs without a value are left out.
pub(crate) fn with<K, V>(path: &str, pairs: impl IntoIterator<Item = (K, V)>) -> String
where
    K: AsRef<str>,
    V: AsRef<str>,
{
    let mut query = Serializer::new(String::new());
    for (name, value) in pairs {
        if !value.as_ref().is_empty() {
            query.append_pair(name.as_ref(), value.as_ref());
        }
    }
    match query.finish() {
        query if query.is_empty() => path.to_owned(),
        query => format!("{path}?{query}"),
    }
}

#[cfg(test)]
mod tests {
    use hexproof_access::policy::pages::{Page, page_of};
    use http::Method;

    use super::*;

    #[test]
    fn every_address_leads_to_its_page() {
        let id: ClusterId = "shop".parse().unwrap();
        let run = "0b7c9a52-1f04-5e1b-8c3d-9a0f6e5d4c3b".parse().unwrap();
        let key = AuditKey { cluster: id.clone(), run };
        let record: RecordId = "nightly".parse().unwrap();
        let rule: MeasureId = "host-pid".parse().unwrap();
        let read = |path: &str| page_of(&Method::GET, path.split('?').next().unwrap()).map(|rule| rule.page);
        let sent = |path: &str| page_of(&Method::POST, path).map(|rule| rule.page);
        for (path, page) in [
            (CLUSTERS.to_owned(), Page::Clusters),
            (PACKS.to_owned(), Page::Packs),
            (SCHEDULES.to_owned(), Page::Schedules),
            (NEW_SCHEDULE.to_owned(), Page::NewSchedule),
            (WAIVERS.to_owned(), Page::Waivers),
            (NEW_WAIVER.to_owned(), Page::NewWaiver),
            (MEASURES.to_owned(), Page::Measures),
            (ACCESS_LOG.to_owned(), Page::AccessLog),
            (VERIFY.to_owned(), Page::Verify),
            (LOGIN.to_owned(), Page::Login),
            (cluster(&id), Page::Cluster),
            (audit(&key), Page::Audit),
            (pack(&key), Page::Pack),
            (observations_of(&key, Some(Layer::Node), None), Page::Observations),
            (observations_by(&key, &rule), Page::Observations),
            (observation(&key, 7), Page::Observation),
            (population(&key), Page::Population),
            (changes(&key), Page::Changes),
            (verification(&key), Page::Verification),
            (file(&key, Artifact::Snapshot), Page::File),
            (measure(&rule), Page::Measure),
            (schedule(&record), Page::Schedule),
            (waiver(&id, &record), Page::Waiver),
        ] {
            assert_eq!(read(&path), Some(page), "{path}");
        }
        for (path, page) in [
            (LOGOUT.to_owned(), Page::Logout),
            (start_audit(&id), Page::StartAudit),
            (cancel_audit(&key), Page::CancelAudit),
            (delete_schedule(&record), Page::DeleteSchedule),
            (approve_waiver(&id, &record), Page::ApproveWaiver),
            (revoke_waiver(&id, &record), Page::RevokeWaiver),
        ] {
            assert_eq!(sent(&path), Some(page), "{path}");
        }
    }

    #[test]
    fn a_query_is_escaped_and_leaves_out_what_is_empty() {
        assert_eq!(with("/a", [("q", "x&y=<z>"), ("n", "")]), "/a?q=x%26y%3D%3Cz%3E");
        assert_eq!(with("/a", [("n", "")]), "/a");
    }
}
