//! What the operations of the Admin API take and give.

use serde_json::{Value, json};

use crate::routes::Route;

/// One operation, by its method and what stands behind `/api/v1/` of its path.
struct Operation {
    of: &'static str,
    query: &'static [&'static str],
    /// What of the query has to be there.
    needed: &'static [&'static str],
    body: &'static [&'static str],
    good: &'static [&'static str],
    refusals: &'static [&'static str],
}

#[rustfmt::skip] // One row, few lines.
const OPERATIONS: &[Operation] = &[
    Operation { of: "GET order-types", query: &[], needed: &[], body: &[], good: &["200"], refusals: &["401"] },
    Operation { of: "GET users", query: &["offset", "humanId", "clientUserId"], needed: &[], body: &[], good: &["200"], refusals: &["400", "401", "404"] },
    Operation { of: "POST users", query: &[], needed: &[], body: &["clientUserId"], good: &["201", "202"], refusals: &["400", "401", "404", "409"] },
    Operation { of: "POST users/actions", query: &[], needed: &[], body: &["action"], good: &["202"], refusals: &["400", "401", "404", "409"] },
    Operation { of: "GET users/providers", query: &["humanId", "clientUserId"], needed: &[], body: &[], good: &["200"], refusals: &["400", "401", "404"] },
    Operation { of: "GET users/{human_id}", query: &[], needed: &[], body: &[], good: &["200"], refusals: &["401", "404"] },
    Operation { of: "GET subscriptions", query: &["clientUserId", "subscriberEmail", "role", "offset", "limit", "query", "sort"], needed: &["clientUserId", "subscriberEmail", "role"], body: &[], good: &["200"], refusals: &["400", "401", "404"] },
    Operation { of: "POST subscriptions", query: &[], needed: &[], body: &["clientUserId", "subscriberEmail", "role"], good: &["201"], refusals: &["400", "401", "404", "409"] },
    Operation { of: "GET subscriptions/{subscription_id}", query: &[], needed: &[], body: &[], good: &["200"], refusals: &["401", "404"] },
    Operation { of: "DELETE subscriptions/{subscription_id}", query: &[], needed: &[], body: &[], good: &["200"], refusals: &["401", "404"] },
    Operation { of: "GET user/reports", query: &["humanId", "clientUserId", "createdByOrderId"], needed: &[], body: &[], good: &["200"], refusals: &["400", "401", "404"] },
    Operation { of: "GET user/reports/{report_id}", query: &[], needed: &[], body: &[], good: &["200"], refusals: &["401", "404"] },
    Operation { of: "POST resources/consumer-link", query: &[], needed: &[], body: &[], good: &["200"], refusals: &["400", "401", "404"] },
];

fn find(route: &Route) -> Option<&'static Operation> {
    let path = route.pattern.strip_prefix("/api/v1/")?;
    let of = format!("{} {path}", route.method);
    OPERATIONS.iter().find(|operation| operation.of == of)
}

/// The statuses of its successes, and of its refusals.
pub(super) fn statuses(
    route: &Route,
) -> Option<(&'static [&'static str], &'static [&'static str])> {
    find(route).map(|operation| (operation.good, operation.refusals))
}

/// The parameters of its query.
pub(super) fn query(route: &Route) -> Vec<Value> {
    let Some(operation) = find(route) else {
        return Vec::new();
    };
    let told = operation.query.iter().map(|name| {
        let schema = match *name {
            "offset" => json!({"type": "integer", "minimum": 0}),
            "limit" => json!({"type": "integer", "minimum": 1}),
            "role" => json!({"enum": ["producer"]}),
            _ => json!({"type": "string"}),
        };
        let required = operation.needed.contains(name);
        json!({"name": name, "in": "query", "required": required, "schema": schema})
    });
    told.collect()
}

/// Its body.
pub(super) fn body(route: &Route) -> Value {
    let needed = find(route).map_or(&[][..], |operation| operation.body);
    let schema = json!({"type": "object", "required": needed});
    json!({"required": true, "content": {"application/json": {"schema": schema}}})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::area::Area;
    use crate::routes::table;

    #[test]
    fn each_operation_is_told_and_none_that_there_is_not() {
        let table = table();
        let routes: Vec<_> = (table.iter())
            .filter(|route| route.handler.area() == Area::Admin)
            .collect();
        assert_eq!(routes.len(), OPERATIONS.len());
        for route in routes {
            assert!(find(route).is_some(), "{} {}", route.method, route.pattern);
        }
    }
}
