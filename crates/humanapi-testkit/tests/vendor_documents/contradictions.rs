//! Where the vendor's documents contradict themselves: all that the tests except, and why.

use serde_json::{Value, json};

/// A schema that is not taken as it stands, in whichever document it is.
pub(crate) struct Correction {
    /// Where it stands, as a JSON pointer below `components/schemas`.
    pub(crate) at: &'static str,
    /// What stands there.
    pub(crate) documented: fn() -> Value,
    /// What is taken in its place.
    pub(crate) taken: fn() -> Value,
}

/// What requests are checked against in place of what is written.
pub(crate) const CORRECTIONS: [Correction; 1] = [
    // A number has no leading zeros, and all examples are texts.
    Correction {
        at: "/address/properties/zip",
        documented: || json!({"type": "integer"}),
        taken: || json!({"type": "string"}),
    },
];

/// The examples that their own schemas forbid, by where they stand, and why. All others conform.
pub(crate) const EXAMPLES: [(&str, &str); 8] = [
    // Wherever an error is shown.
    (
        "*/responses/badRequest",
        "`error` requires `statusCode` and has `code`",
    ),
    (
        "*/responses/conflict",
        "`error` requires `statusCode` and has `code`",
    ),
    (
        "*/responses/notFound",
        "`error` requires `statusCode` and has `code`",
    ),
    (
        "*/responses/serverError",
        "`error` requires `statusCode` and has `code`",
    ),
    (
        "*/responses/unauthorized",
        "`error` requires `statusCode` and has `code`",
    ),
    (
        "performActionForUser/409",
        "`error` requires `statusCode` and has `code`",
    ),
    (
        "getUserDetails/200/nonT11mUser",
        "`user` forbids `clientUserId` and `t11mUser` forbids `status`",
    ),
    (
        "getUserReports/200/userReports",
        "`userReports` forbids every property that its parts have",
    ),
];

/// The collections for Postman that say something else of a request than the documents do, and why. All others agree.
pub(crate) const COLLECTIONS: [(&str, &str); 2] = [
    (
        "humanapi/humanapi-admin-api.postman_collection.json",
        "made of one document for both hosts: a client token is asked for at the host that takes it, and by one",
    ),
    (
        "humanapi/humanapi-connect-api.postman_collection.json",
        "as above",
    ),
];
