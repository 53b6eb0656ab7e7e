//! Which fields of a pack are returned.

use hexproof_api::request::Mask;
use hexproof_api::v1;
use prost_types::FieldMask;
use tonic::Status;

/// A read mask of a pack. Observations, most of the bytes of an assessment, come only if they are named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PackMask {
    mask: Mask,
    observations: bool,
}

/// The fields of a pack, and those of its assessment.
macro_rules! fields {
    ($($pack:ident)+; $($assessment:ident)+) => {
        /// Every path that may be named.
        const KNOWN: &[&str] =
            &[$(stringify!($pack),)+ "assessment", $(concat!("assessment.", stringify!($assessment)),)+];

        impl PackMask {
            /// The pack without what was not asked for.
            pub(super) fn apply(&self, mut pack: v1::Pack) -> v1::Pack {
                $(if !self.mask.has(stringify!($pack)) {
                    pack.$pack = Default::default();
                })+
                if !self.mask.has("assessment") {
                    pack.assessment = None;
                }
                if let Some(assessment) = &mut pack.assessment {
                    $(if !self.mask.has(concat!("assessment.", stringify!($assessment))) {
                        assessment.$assessment = Default::default();
                    })+
                    if !self.observations {
                        assessment.observations.clear();
                    }
                }
                pack
            }
        }
    };
}

fields! {
    digest cluster_id audit_id create_time rating complete size;
    cluster snapshot catalogue settings_digest matrix goals layers overall gates measures observations population
    not_listed unreadable_files skipped_files sources redaction work_list waivers permissions
}

impl PackMask {
    pub(super) fn read(mask: Option<&FieldMask>) -> Result<Self, Status> {
        let paths = mask.map_or(&[][..], |mask| &mask.paths);
        // Below a field of the assessment nothing can be picked: what is named there would come whole or not at all.
        let observations =
            paths.iter().any(|path| path == "*" || path.starts_with("assessment.observations"));
        Ok(Self { mask: Mask::read("read_mask", mask, KNOWN)?, observations })
    }

    pub(super) fn wants_assessment(&self) -> bool {
        self.mask.has("assessment")
    }

    pub(super) fn wants_observations(&self) -> bool {
        self.observations
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mask(paths: &[&str]) -> PackMask {
        let paths = paths.iter().map(|path| (*path).to_owned()).collect();
        PackMask::read(Some(&FieldMask { paths })).unwrap()
    }

    fn pack() -> v1::Pack {
        let assessment = v1::Assessment {
            settings_digest: "x".into(),
            observations: vec![v1::Observation::default()],
            ..v1::Assessment::default()
        };
        v1::Pack {
            digest: "d".into(),
            size: 7,
            rating: 2,
            assessment: Some(assessment),
            ..v1::Pack::default()
        }
    }

    #[test]
    fn observations_come_only_if_named() {
        let seen = |mask: PackMask| mask.apply(pack()).assessment.unwrap().observations.len();
        assert_eq!(seen(PackMask::read(None).unwrap()), 0);
        assert_eq!(seen(mask(&["assessment"])), 0);
        assert_eq!(seen(mask(&["assessment.observations"])), 1);
        assert_eq!(seen(mask(&["*"])), 1);
    }

    #[test]
    fn what_is_not_named_is_left_out() {
        let some = mask(&["size", "assessment.settings_digest"]).apply(pack());
        assert_eq!((some.digest.as_str(), some.size, some.rating), ("", 7, 0));
        assert_eq!(some.assessment.unwrap().settings_digest, "x");
        assert!(!mask(&["digest"]).wants_assessment());
        assert_eq!(mask(&["digest"]).apply(pack()).assessment, None);
        assert!(mask(&["assessment.matrix"]).apply(pack()).assessment.unwrap().settings_digest.is_empty());
        let unknown = PackMask::read(Some(&FieldMask { paths: vec!["pages".into()] })).unwrap_err();
        assert_eq!(unknown.code(), tonic::Code::InvalidArgument);
    }
}
