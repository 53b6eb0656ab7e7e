//! Evidence packs of Kubernetes clusters.
fn main() {}
