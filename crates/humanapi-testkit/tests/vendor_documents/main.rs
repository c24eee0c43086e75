//! The vendor's own OpenAPI documents: every request that the SDK builds is one that they describe, and every example in
//! them is read.
//!
//! The documents are not part of this repository. They lie beside it, in `../shared/openapi/per-operation`, or where
//! `HUMANAPI_VENDOR_DOCUMENTS` says; where they are missing, the tests skip themselves.
#![expect(
    clippy::unwrap_used,
    reason = "a test fails by panicking, helpers included"
)]

mod contradictions;
mod documents;
mod examples;
mod orders;
mod requests;
