//! Assessment and report templates in, PDF bytes out; the sole user of typst.
