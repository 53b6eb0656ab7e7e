//! The sealer behind the port `CheckPack`.

use std::sync::Arc;

use hexproof_core::assessment::{ClusterFacts, SnapshotRef};
use hexproof_core::port::{CheckPack, CheckState, Clock, PackCheck, PackClaims};
use hexproof_sealer::{TrustStore, Verdict};
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};

/// Bytes of an assessment at the beginning of which cluster and snapshot stand.
const HEAD: u64 = 256 << 10;

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

    fn claims(&self, pdf: &[u8]) -> Option<PackClaims> {
        let head = hexproof_sealer::attachment_head(pdf, "assessment.json", HEAD).ok()??;
        let (cluster, snapshot) = read_head(&head);
        let cluster = cluster?;
        Some(PackClaims {
            cluster: cluster.id.parse().ok()?,
            name: cluster.name,
            collected: snapshot?.collected_at,
        })
    }
}

/// Cluster and snapshot of an assessment of which only the beginning is there.
fn read_head(json: &[u8]) -> (Option<ClusterFacts>, Option<SnapshotRef>) {
    let mut head = Head::default();
    // The end is missing, which is an error by the time that everything wanted was read.
    let _ = (&mut head).deserialize(&mut serde_json::Deserializer::from_slice(json));
    (head.cluster, head.snapshot)
}

#[derive(Default)]
struct Head {
    cluster: Option<ClusterFacts>,
    snapshot: Option<SnapshotRef>,
}

impl<'de> DeserializeSeed<'de> for &mut Head {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for &mut Head {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an assessment")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "cluster" => self.cluster = Some(map.next_value()?),
                "snapshot" => self.snapshot = Some(map.next_value()?),
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}

fn state(verdict: Verdict) -> CheckState {
    match verdict {
        Verdict::Valid => CheckState::Valid,
        Verdict::Unknown => CheckState::Unknown,
        Verdict::Invalid => CheckState::Invalid,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_of_an_assessment_is_read_without_its_end() {
        let json = br#"{"cluster":{"name":"Shop","id":"shop"},"snapshot":{"digest":
            "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            "collectedFrom":"2026-11-23T05:59:00Z","collectedAt":"2026-11-23T06:00:00Z","collector":"x",
            "origin":"manifests","records":1},"catalogue":{"digest":"sha"#;
        let (cluster, snapshot) = read_head(json);
        assert_eq!(cluster.unwrap().id, "shop");
        assert_eq!(snapshot.unwrap().collected_at.to_string(), "2026-11-23T06:00:00Z");
        for broken in [&b""[..], b"{", b"[1]", b"{\"cluster\":7}", b"\xff", &b"[".repeat(100_000)] {
            assert_eq!(read_head(broken), (None, None));
        }
    }
}
