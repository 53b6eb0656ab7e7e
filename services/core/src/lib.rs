//! Nouns of the domain, catalogue types, digests, canonical order and ports; no input or output.
