//! What stands in the access log, in words. The log itself keeps the words of machines; both are shown.

use hexproof_access::policy::pages::Page;

/// How a caller was known.
pub(crate) fn authentication(word: &str) -> &str {
    match word {
        "" => "nobody proved an identity",
        "mtls" => "by certificate",
        "service-account" => "by service account",
        "oidc" => "by login or token",
        "link" => "by download link",
        "dev" => "without proof, --dev",
        other => other,
    }
}

/// What was done; `None` for words that this version does not know.
pub(crate) fn action(word: &str) -> Option<&'static str> {
    RPCS.iter().find(|(name, _)| *name == word).map(|(_, words)| *words).or_else(|| page(word))
}

/// RPCs and routes.
const RPCS: &[(&str, &str)] = &[
    ("AccessLogService.ListAccessEntries", "read the access log"),
    ("AuditService.StartAudit", "started an audit"),
    ("AuditService.GetAudit", "looked at an audit"),
    ("AuditService.ListAudits", "listed audits"),
    ("AuditService.WatchAudit", "followed an audit"),
    ("AuditService.CancelAudit", "stopped an audit"),
    ("ClusterService.RegisterCluster", "registered a cluster"),
    ("ClusterService.GetCluster", "looked at a registration"),
    ("ClusterService.ListClusters", "listed clusters"),
    ("ClusterService.UpdateCluster", "changed a registration"),
    ("ClusterService.RetireCluster", "ended a registration"),
    ("CollectorService.Collect", "collected from an agent"),
    ("IntakeService.AwaitCollections", "waited for collections"),
    ("IntakeService.SubmitSnapshot", "delivered a snapshot"),
    ("MeasureService.ListMeasures", "listed measures"),
    ("MeasureService.GetMeasure", "looked at a measure"),
    ("PackService.ListPacks", "listed packs"),
    ("PackService.GetPack", "read a pack"),
    ("PackService.DownloadPack", "downloaded a file of a pack"),
    ("PackService.CreateDownloadLink", "made a download link"),
    ("PackService.RevokeDownloadLink", "ended a download link"),
    ("PackService.VerifyPack", "checked a pack"),
    ("PackService.ComparePacks", "compared two packs"),
    ("ScheduleService.CreateSchedule", "created a schedule"),
    ("ScheduleService.GetSchedule", "looked at a schedule"),
    ("ScheduleService.ListSchedules", "listed schedules"),
    ("ScheduleService.UpdateSchedule", "changed a schedule"),
    ("ScheduleService.DeleteSchedule", "ended a schedule"),
    ("ScheduleService.ListSlots", "listed slots"),
    ("WaiverService.ProposeWaiver", "proposed a waiver"),
    ("WaiverService.ApproveWaiver", "approved a waiver"),
    ("WaiverService.RevokeWaiver", "revoked or refused a waiver"),
    ("WaiverService.GetWaiver", "looked at a waiver"),
    ("WaiverService.ListWaivers", "listed waivers"),
    ("Link.Download", "downloaded by a link"),
    ("Metrics.Read", "read the metrics"),
    ("Health.Live", "asked whether the service lives"),
    ("Health.Ready", "asked whether the service can work"),
    ("unknown", "called what there is not"),
];

fn page(word: &str) -> Option<&'static str> {
    let page = hexproof_access::policy::pages::PAGES
        .iter()
        .map(|rule| rule.page)
        .find(|page| page.action() == word)?;
    Some(match page {
        Page::StartAudit => "started an audit",
        Page::CancelAudit => "stopped an audit",
        Page::CreateSchedule => "created a schedule",
        Page::UpdateSchedule => "changed a schedule",
        Page::DeleteSchedule => "ended a schedule",
        Page::ProposeWaiver => "proposed a waiver",
        Page::ApproveWaiver => "approved a waiver",
        Page::RevokeWaiver => "revoked or refused a waiver",
        Page::File => "downloaded a file of a pack",
        Page::Verify | Page::VerifyUpload => "checked a file",
        Page::Login | Page::LoginReturn => "logged in",
        Page::Logout => "logged out",
        Page::AccessLog => "read the access log",
        _ => "opened a page",
    })
}

#[cfg(test)]
mod tests {
    use hexproof_access::policy::pages::PAGES;
    use hexproof_access::policy::{RULES, Route, Target};
    use http::Method;

    use super::*;

    #[test]
    fn everything_that_can_stand_in_the_log_has_words() {
        for rule in RULES.iter().filter(|rule| rule.path.starts_with("/hexproof.v1.")) {
            let name = Target::of(&Method::POST, rule.path).unwrap().action();
            assert!(action(&name).is_some(), "{name}");
        }
        for route in Route::ALL {
            assert!(action(route.action()).is_some(), "{route:?}");
        }
        for rule in PAGES {
            let name = rule.page.action();
            let words = action(&name).unwrap();
            // What changes something is told by what it changes.
            assert!(!rule.logged || words != "opened a page", "{name}");
        }
        assert_eq!(action("Never.Heard"), None);
    }
}
