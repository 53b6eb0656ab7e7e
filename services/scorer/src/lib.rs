//! Catalogue and snapshot in, assessment out; pure.
