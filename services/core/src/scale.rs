//! The closed scales everything is expressed in: layers, goals, significance, outcomes, ratings.
//!
//! Two spellings exist, and both stand here: the word (`container`, used in measure files and texts) and
//! the enum name of `hexproof.v1` (`LAYER_CONTAINER`, used in the JSON of an assessment).

use serde::{Deserialize, Serialize};

/// A closed set of values with both of their spellings.
macro_rules! scale {
    ($(#[$meta:meta])* $name:ident { $($(#[$vmeta:meta])* $variant:ident = $word:literal / $wire:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name { $($(#[$vmeta])* #[serde(rename = $wire, alias = $word)] $variant),+ }

        impl $name {
            /// Every value, in the fixed order of all surfaces.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word used in measure files and texts.
            pub const fn word(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            /// The name of the value in `hexproof.v1`.
            pub const fn wire(self) -> &'static str {
                match self { $(Self::$variant => $wire),+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.word())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::scale::UnknownWord;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::ALL.iter().copied().find(|v| v.word() == text || v.wire() == text).ok_or_else(|| $crate::scale::UnknownWord {
                    word: text.chars().take(40).collect(),
                    known: Self::ALL.iter().map(|v| v.word()).collect::<Vec<_>>().join(", "),
                })
            }
        }
    };
}

pub(crate) use scale;

/// A word that is not on the scale.
#[derive(Debug, Clone, thiserror::Error)]
#[error("`{word}` is none of {known}")]
pub struct UnknownWord {
    pub(crate) word: String,
    pub(crate) known: String,
}

scale! {
    /// A security layer, outermost first: an outer layer can intercept a failure of an inner one.
    Layer {
        /// Data centre, cloud subscription, registries, people.
        Environment = "environment" / "LAYER_ENVIRONMENT",
        /// Control plane and cluster-wide policy.
        Cluster = "cluster" / "LAYER_CLUSTER",
        /// The machines and their kubelets.
        Node = "node" / "LAYER_NODE",
        /// What runs in the pods.
        Container = "container" / "LAYER_CONTAINER",
        /// Roles, network policies, services, secrets, claims.
        ApiResources = "api-resources" / "LAYER_API_RESOURCES",
    }
}

scale! {
    /// A goal of the Parkerian Hexad.
    Goal {
        /// Only those who may see it do.
        Confidentiality = "confidentiality" / "GOAL_CONFIDENTIALITY",
        /// It is whole and unchanged.
        Integrity = "integrity" / "GOAL_INTEGRITY",
        /// It is there when needed.
        Availability = "availability" / "GOAL_AVAILABILITY",
        /// It is what and from whom it claims to be.
        Authenticity = "authenticity" / "GOAL_AUTHENTICITY",
        /// It stays in the hands of its owner (possession or control).
        Possession = "possession" / "GOAL_POSSESSION",
        /// It can be used for its purpose.
        Utility = "utility" / "GOAL_UTILITY",
    }
}

scale! {
    /// How much a measure matters; the order is ascending, so that `max` picks the worse.
    Significance {
        /// Counts 1.
        Low = "low" / "SIGNIFICANCE_LOW",
        /// Counts 2.
        Medium = "medium" / "SIGNIFICANCE_MEDIUM",
        /// Counts 4.
        High = "high" / "SIGNIFICANCE_HIGH",
        /// Counts 8, and gates the rating.
        Critical = "critical" / "SIGNIFICANCE_CRITICAL",
    }
}

impl Significance {
    /// The factor `s` of the formula.
    pub const fn factor(self) -> u32 {
        match self {
            Self::Low => 1,
            Self::Medium => 2,
            Self::High => 4,
            Self::Critical => 8,
        }
    }
}

scale! {
    /// What a measure found on one subject.
    Outcome {
        /// The condition holds.
        Pass = "pass" / "OUTCOME_PASS",
        /// A fault was seen.
        Fail = "fail" / "OUTCOME_FAIL",
        /// Evidence is missing; the reason says which.
        Unknown = "unknown" / "OUTCOME_UNKNOWN",
        /// The measure does not concern this subject.
        NotApplicable = "not-applicable" / "OUTCOME_NOT_APPLICABLE",
    }
}

scale! {
    /// Letter of a score, best first.
    Rating {
        /// From 90.
        A = "A" / "RATING_A",
        /// From 75.
        B = "B" / "RATING_B",
        /// From 60.
        C = "C" / "RATING_C",
        /// From 40, or held there by a gate.
        D = "D" / "RATING_D",
        /// Below 40.
        E = "E" / "RATING_E",
        /// Less than half of the weight was seen, or no measure applies.
        NotAssessed = "not assessed" / "RATING_NOT_ASSESSED",
    }
}

scale! {
    /// Where a cluster runs; decides which measures apply.
    Platform {
        /// Azure Kubernetes Service.
        Aks = "aks" / "PLATFORM_AKS",
        /// Any cluster whose control plane its owner runs.
        OnPremise = "on-premise" / "PLATFORM_ON_PREMISE",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_stand_outermost_first_and_significance_ascends() {
        assert_eq!(Layer::ALL.first(), Some(&Layer::Environment));
        assert!(Layer::Cluster < Layer::Container);
        assert!(Significance::Critical > Significance::High);
    }

    #[test]
    fn both_spellings_are_read() {
        assert_eq!("api-resources".parse::<Layer>().unwrap(), Layer::ApiResources);
        assert_eq!("LAYER_API_RESOURCES".parse::<Layer>().unwrap(), Layer::ApiResources);
        let error = "pods".parse::<Layer>().unwrap_err().to_string();
        assert!(error.contains("`pods`") && error.contains("environment"), "{error}");
    }
}
