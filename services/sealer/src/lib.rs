//! PAdES seals of PDF packs and their verifier.
