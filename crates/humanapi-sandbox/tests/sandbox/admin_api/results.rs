//! What comes of an order: subscriptions, reports, and links for the user.

use super::*;

#[test]
fn a_subscription_is_made_found_and_ended() {
    let api = AdminApi::new();
    let wish = json!({
        "clientUserId": "u", "subscriberEmail": "p@example.test", "role": "producer",
        "subscriberFirstName": "Proda", "subscriberLastName": "Fixture", "subscriberOffice": "office-7",
    });
    told(&api.post(SUBSCRIPTIONS, &wish), 404, "Not Found");
    api.order("u");
    let made = api.post(SUBSCRIPTIONS, &wish);
    assert_eq!(made.status(), 201);
    let one = body(&made)[0].clone();
    assert_eq!(one["subscriberOffice"], "office-7");
    assert_eq!(one["createdAt"], "2026-01-15T09:00:00.000Z");
    assert_eq!(api.post(SUBSCRIPTIONS, &wish).status(), 409);
    let mut wrong = wish.clone();
    wrong["role"] = json!("friend");
    told(&api.post(SUBSCRIPTIONS, &wrong), 400, "Bad Request");
    let list =
        format!("{SUBSCRIPTIONS}?clientUserId=u&subscriberEmail=p%40example.test&role=producer");
    assert_eq!(
        body(&api.get(&format!("{list}&query=x&sort=y"))),
        json!([one])
    );
    assert_eq!(body(&api.get(&format!("{list}&offset=1"))), json!([]));
    assert_eq!(body(&api.get(&list.replace("=u&", "=nobody&"))), json!([]));
    told(
        &api.get(&format!("{SUBSCRIPTIONS}?clientUserId=u&role=producer")),
        400,
        "Bad Request",
    );
    api.assume(Assumption::SubscriptionQuery, "refused");
    told(&api.get(&format!("{list}&sort=y")), 400, "Bad Request");
    let path = format!("{SUBSCRIPTIONS}/{}", one["id"].as_str().unwrap());
    assert_eq!(body(&api.get(&path)), one);
    let gone = api.ask(Method::DELETE, &path, "");
    assert_eq!((gone.status().as_u16(), gone.body().len()), (200, 0));
    told(&api.get(&path), 404, "Not Found");
    told(&api.ask(Method::DELETE, &path, ""), 404, "Not Found");
    let log = serde_json::to_string(&api.s.sandbox.control().requests()).unwrap();
    assert!(!log.contains("example.test"), "no address is kept");
}

#[test]
fn reports_come_in_groups_and_each_as_what_it_says() {
    let api = AdminApi::new();
    api.completed("u");
    told(&api.get("/api/v1/user/reports"), 400, "Bad Request");
    told(
        &api.get("/api/v1/user/reports?createdByOrderId=x"),
        400,
        "Bad Request",
    );
    told(
        &api.get("/api/v1/user/reports?clientUserId=nobody"),
        404,
        "Not Found",
    );
    let groups = body(&api.get("/api/v1/user/reports?clientUserId=u"));
    let names: Vec<_> = groups
        .as_array()
        .unwrap()
        .iter()
        .map(|group| &group["name"])
        .collect();
    assert_eq!(names, ["highlights", "ccdraw", "apidata", "combined"]);
    let order_id = api.s.sandbox.control().ledger()[0].order_id.clone();
    for group in groups.as_array().unwrap() {
        for report in group["reports"].as_array().unwrap() {
            let uri = report["uri"].as_str().unwrap();
            let path = uri.strip_prefix("http://127.0.0.1").unwrap();
            let answer = api.get(path);
            assert_eq!(answer.status(), 200);
            let content = answer.body();
            let declared = header(&answer, "content-type").unwrap();
            match report["fileExtension"].as_str().unwrap() {
                "pdf" => {
                    assert_eq!(declared, "application/pdf");
                    assert!(content.starts_with(b"%PDF-1.4") && content.ends_with(b"%%EOF\n"));
                }
                "html" => {
                    assert!(declared.starts_with("text/html"));
                    let text = std::str::from_utf8(content).unwrap();
                    assert!(text.contains("Testina Sandboxer") && text.contains("<table>"));
                }
                _ => {
                    assert!(declared.starts_with("application/json"));
                    assert_eq!(body(&answer)["demographics"]["name"], "Testina Sandboxer");
                }
            }
            if group["name"] == "combined" {
                assert_eq!(group["baseReportNames"], json!(["highlights", "ccdraw"]));
                assert_eq!(
                    (&report["createdByOrderId"], &report["groupBy"]),
                    (&Value::Null, &json!("user_id"))
                );
            } else {
                assert_eq!(report["createdByOrderId"], order_id);
                assert_eq!(report["clientProviderIds"], json!(["prov-1"]));
            }
        }
    }
    let of_order = body(&api.get(&format!(
        "/api/v1/user/reports?clientUserId=u&createdByOrderId={order_id}"
    )));
    assert_eq!(
        of_order.as_array().unwrap().len(),
        3,
        "a combined one is of no order"
    );
    assert_eq!(
        body(&api.get("/api/v1/user/reports?clientUserId=u&createdByOrderId=x")),
        json!([])
    );
    told(&api.get("/api/v1/user/reports/rep-1"), 404, "Not Found");
    api.assume(Assumption::ReportsOfNobody, "empty-list");
    assert_eq!(body(&api.get("/api/v1/user/reports")), json!([]));
    let id = groups[0]["reports"][0]["id"].as_str().unwrap();
    api.assume(Assumption::ReportExpiry, "1-day");
    assert_eq!(api.get(&format!("/api/v1/user/reports/{id}")).status(), 200);
    api.advance(86_400);
    let api = AdminApi {
        token: AdminApi::token(&api.s),
        s: api.s,
    };
    told(
        &api.get(&format!("/api/v1/user/reports/{id}")),
        404,
        "Not Found",
    );
    assert_eq!(
        body(&api.get("/api/v1/user/reports?clientUserId=u")),
        json!([])
    );
}

#[test]
fn a_consumer_link_is_for_one_user_by_either_id() {
    let api = AdminApi::new();
    api.order("u");
    for wish in [
        json!({"clientUserId": "u"}),
        json!({"humanId": api.human_id("u")}),
    ] {
        let made = body(&api.post(LINK, &wish));
        assert_eq!(made["clientId"], api.s.app.client_id.as_str());
        let link = made["consumerLink"].as_str().unwrap();
        let start = format!(
            "http://127.0.0.1/tasks?clientId={}&rq=sbx-rq-",
            api.s.app.client_id
        );
        assert!(link.starts_with(&start), "{link}");
    }
    told(&api.post(LINK, &json!({})), 400, "Bad Request");
    api.order("v");
    let both = |id: &str| json!({"clientUserId": id, "humanId": api.human_id("u")});
    assert_eq!(api.post(LINK, &both("u")).status(), 200);
    told(&api.post(LINK, &both("v")), 404, "Not Found");
    told(
        &api.post(LINK, &json!({"clientUserId": "x"})),
        404,
        "Not Found",
    );
}

#[test]
fn paths_of_their_own_are_no_ids_of_users() {
    let api = AdminApi::new();
    told(&api.get("/api/v1/users/providers"), 400, "Bad Request");
    told(&api.get("/api/v1/users/nobody"), 404, "Not Found");
    told(&api.get("/api/v1/users/a%2Fb"), 404, "Not Found");
    assert_eq!(api.get(ACTIONS).status(), 405);
    assert_eq!(header(&api.get(ACTIONS), "allow"), Some("POST"));
    assert_eq!(api.get("/api/v1/nothing").status(), 404);
    api.order("a/b ü");
    let users = body(&api.get("/api/v1/users?clientUserId=a%2Fb%20%C3%BC"));
    assert_eq!(users[0]["clientUserId"], "a/b ü");
}
