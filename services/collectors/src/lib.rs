//! Sources of cluster state, projected to redacted records and a population.
