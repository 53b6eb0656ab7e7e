//! Measures of the container layer, by subject.

mod capabilities;
mod claims;
mod common;
mod confinement;
mod credentials;
mod findings;
mod host;
mod host_path;
mod identity;
mod image;
mod lifecycle;
mod privilege;
mod probes;
mod registry;
pub(in crate::measures) mod resources;
mod scans;
mod state;
mod tokens;
mod volumes;

use super::Entry;

/// The functions of this layer.
pub(super) const ENTRIES: &[&[Entry]] = &[
    privilege::ENTRIES,
    host::ENTRIES,
    volumes::ENTRIES,
    capabilities::ENTRIES,
    identity::ENTRIES,
    confinement::ENTRIES,
    tokens::ENTRIES,
    image::ENTRIES,
    registry::ENTRIES,
    scans::ENTRIES,
    credentials::ENTRIES,
    resources::ENTRIES,
    probes::ENTRIES,
    lifecycle::ENTRIES,
    state::ENTRIES,
];
