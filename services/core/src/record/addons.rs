//! Results of scanners that run in the cluster.

use jiff::Timestamp;

use super::allow_list;

allow_list! {
    /// aquasecurity.github.io/v1alpha1 VulnerabilityReport (Trivy operator): digest, time and counts.
    struct VulnerabilityReport { report: VulnerabilityReportBody }
    struct VulnerabilityReportBody {
        update_timestamp: Option<Timestamp>,
        artifact: Artifact,
        summary: SeverityCounts,
        /// Derived: counts of findings that have a fixed version, from `report.vulnerabilities`.
        fixable: Option<SeverityCounts>,
    }
    struct Artifact { repository: Option<String>, tag: Option<String>, digest: Option<String> }
    struct SeverityCounts { critical_count: Option<i64>, high_count: Option<i64>, medium_count: Option<i64>, low_count: Option<i64> }

    /// spdx.softwarecomposition.kubescape.io VulnerabilityManifest (Kubescape): digest, time and counts.
    struct VulnerabilityManifest {
        /// Derived from metadata and payload: the image digest.
        digest: Option<String>,
        /// Derived: when the scan ran.
        scanned: Option<Timestamp>,
        summary: SeverityCounts,
        fixable: Option<SeverityCounts>,
    }
}
