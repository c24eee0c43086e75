//! The vendor's own OpenAPI documents: every request that the SDK builds is one that they describe, and every example in
//! them is read.
//!
//! The documents are not part of this repository. They lie beside it, in `../shared/openapi`, or where
//! `HUMANAPI_VENDOR_DOCUMENTS` says; where they are missing, the tests skip themselves. There are three sets of them: one
//! document for each operation, two that have all of them, and collections for Postman that somebody made of them.
#![expect(
    clippy::unwrap_used,
    reason = "a test fails by panicking, helpers included"
)]

mod collections;
mod contradictions;
mod documents;
mod examples;
mod orders;
mod requests;
