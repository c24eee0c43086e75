//! Orders as they come in: what is taken, what is refused and how, and the users that are listed then.

use super::*;

#[test]
fn an_order_is_taken_told_and_billed_once() {
    let api = AdminApi::new();
    let made = api.order("policy-1");
    assert_eq!(made.status(), 201);
    let users = body(&made);
    let user = &users[0];
    assert_eq!(user["clientUserId"], "policy-1");
    assert_eq!(user["dateOfBirth"], "1980-04-09T00:00:00.000Z");
    assert_eq!(user["createdAt"], "2026-01-15T09:00:00.000Z");
    assert_eq!(user["status"], "Invited");
    assert_eq!(user["suggestedSources"], json!(["Sample Valley Clinic"]));
    assert!(user["inviteLink"].as_str().unwrap().contains("/?pisId="));
    assert_eq!(user["consumerLink"], Value::Null, "nothing lacks");
    let ledger = api.s.sandbox.control().ledger();
    assert_eq!(ledger.len(), 1);
    assert_eq!(
        (
            ledger[0].client_user_id.as_str(),
            ledger[0].order_type.as_str()
        ),
        ("policy-1", "full")
    );
    assert_eq!(user["humanId"], ledger[0].human_id.as_str());
    assert_eq!(
        header(&made, "x-humanapi-request-id"),
        Some(ledger[0].request_id.as_str())
    );
    assert_eq!(body(&api.s.get("/sandbox/ledger", &[])), json!(ledger));

    let again = api.order("policy-1");
    assert_eq!(
        (again.status().as_u16(), api.billed()),
        (202, 1),
        "it is under way"
    );
    api.assume(Assumption::SecondOrder, "always");
    assert_eq!(
        (api.order("policy-1").status().as_u16(), api.billed()),
        (202, 2)
    );
    api.assume(Assumption::SecondOrder, "once-over");
    assert_eq!(
        api.post(
            ACTIONS,
            &json!({"clientUserId": "policy-1", "action": "abort"})
        )
        .status(),
        202
    );
    api.order("policy-1");
    assert_eq!(api.billed(), 3, "the others are over");
    api.assume(Assumption::SecondOrder, "never");
    api.order("policy-1");
    assert_eq!(api.billed(), 3);

    let mut other = whole("policy-1");
    other["clientUserEmail"] = json!("other@example.test");
    let conflict =
        "Unable to match the login of the new user to an existing user found for that user";
    told(&api.post(USERS, &other), 409, conflict);
    let mut same_mail = whole("policy-2");
    same_mail["clientUserEmail"] = json!("Policy-1@example.test");
    told(&api.post(USERS, &same_mail), 409, conflict);
    assert_eq!(api.billed(), 3);
    api.assume(Assumption::KnownEmail, "ignored");
    assert_eq!(api.post(USERS, &same_mail).status(), 201);
}

#[test]
fn the_form_and_status_of_an_answer_can_be_others() {
    let api = AdminApi::new();
    api.assume(Assumption::CreateForm, "object");
    api.assume(Assumption::CreateStatus, "202");
    let made = api.order("u");
    assert_eq!(
        (made.status().as_u16(), &body(&made)["clientUserId"]),
        (202, &json!("u"))
    );
    api.assume(Assumption::CreateStatus, "201");
    assert_eq!(api.order("u").status(), 201);
    api.assume(Assumption::UserExtras, "none");
    api.assume(Assumption::InviteLink, "absent");
    let told = body(&api.order("u"));
    assert_eq!(
        (&told["clientUserId"], &told["inviteLink"]),
        (&Value::Null, &Value::Null)
    );
}

#[test]
fn an_order_is_judged_field_by_field() {
    let api = AdminApi::new();
    type Change = fn(&mut Value);
    let cases: [(&[&str], Change); 31] = [
        (&["clientUserId"], |o| o["clientUserId"] = json!("")),
        (&["clientUserId"], |o| {
            drop(o.as_object_mut().unwrap().remove("clientUserId"))
        }),
        (&["clientUserId"], |o| o["clientUserId"] = json!(7)),
        (&["clientUserEmail"], |o| {
            o["clientUserEmail"] = json!("nobody")
        }),
        (&["gender"], |o| o["gender"] = json!("Female")),
        (&["dateOfBirth"], |o| o["dateOfBirth"] = json!("April 9")),
        (&["ssn"], |o| o["ssn"] = json!("123-456789")),
        (&["ssn"], |o| o["ssn"] = json!("000-12-3456")),
        (&["phone"], |o| o["phone"] = json!("+1 555 010 0199")),
        (&["autoInvite"], |o| o["autoInvite"] = json!("yes")),
        (&["orderType"], |o| o["orderType"] = json!("none-such")),
        (&["clientData.inner"], |o| {
            o["clientData"] = json!({"inner": {}})
        }),
        (&["clientData.none"], |o| {
            o["clientData"] = json!({"none": null})
        }),
        (&["clientData"], |o| {
            o["clientData"] = json!({"long": "x".repeat(2048)})
        }),
        (&["clientData"], |o| o["clientData"] = json!([1])),
        (&["suggestedSources.1"], |o| {
            o["suggestedSources"] = json!(["a", 1])
        }),
        (&["conditions"], |o| o["conditions"] = json!("asthma")),
        (&["address"], |o| o["address"] = json!("1 Fixture Way")),
        (&["address.zip"], |o| o["address"]["zip"] = json!(1.5)),
        (&["address.zip"], |o| {
            drop(o["address"].as_object_mut().unwrap().remove("zip"))
        }),
        (&["address.street1"], |o| {
            drop(o["address"].as_object_mut().unwrap().remove("street1"))
        }),
        (&["address.country"], |o| {
            o["address"]["country"] = json!("US")
        }),
        (&["providers.0"], |o| o["providers"] = json!(["x"])),
        (&["providers.0.name"], |o| {
            o["providers"] = json!([{"mrn": "1"}])
        }),
        (&["providers.0.fax"], |o| {
            o["providers"][0]["fax"] = json!("1")
        }),
        (&["providers.0.npi"], |o| {
            o["providers"][0]["npi"] = json!(true)
        }),
        (&["attachments.0.encoding"], |o| {
            drop(
                o["attachments"][0]
                    .as_object_mut()
                    .unwrap()
                    .remove("encoding"),
            )
        }),
        (&["attachments.0.content"], |o| {
            o["attachments"][0]["content"] = json!("no base64!")
        }),
        (&["attachments"], |o| o["attachments"] = json!({})),
        (&["nickname"], |o| o["nickname"] = json!("T")),
        (&["ssn", "nickname"], |o| {
            o["ssn"] = json!("12");
            o["nickname"] = json!("T");
        }),
    ];
    for (keys, change) in cases {
        assert_eq!(api.judge(change), (400, json!(keys)));
    }
    assert_eq!(api.billed(), 0);
    let fine: [Change; 10] = [
        |o| o["attachments"][0]["content"] = json!(""),
        |o| *o = json!({"clientUserId": "judged"}),
        |o| o["gender"] = json!("other"),
        |o| o["dateOfBirth"] = json!("4/9/80"),
        |o| o["dateOfBirth"] = json!("1980-04-09T08:30:05.000Z"),
        |o| o["address"]["zip"] = json!(97000),
        |o| o["providers"][0]["npi"] = json!(1_000_000_000),
        |o| o["providers"] = json!([{"organizationName": "Clinics", "address": {"state": "OR"}}]),
        |o| o["clientData"] = json!({"long": "x".repeat(2037)}),
        |o| o["ssn"] = json!("900123456"),
    ];
    for change in fine {
        let (status, keys) = api.judge(change);
        assert!([201, 202].contains(&status), "{status} {keys}");
    }
    for text in ["{", "[]", ""] {
        let refused = body(&api.ask(Method::POST, USERS, text));
        assert_eq!(
            refused["validation"],
            json!({"source": "payload", "keys": []})
        );
    }
    let headers = [("authorization", &*format!("Bearer {}", api.token))];
    let answer = api.s.send(request(Method::POST, USERS, &headers, "{}"));
    told(&answer, 415, "Unsupported Media Type");
}

#[test]
fn a_refused_order_names_its_fields_and_repeats_a_value_only_where_that_is_asked_for() {
    let api = AdminApi::new();
    let mut wish = whole("u");
    wish["ssn"] = json!("000-00-0000");
    let answer = api.post(USERS, &wish);
    let told = body(&answer);
    let fields: Vec<_> = told.as_object().unwrap().keys().collect();
    let expected = [
        "error",
        "message",
        "statusCode",
        "validation",
        "x-humanapi-request-id",
    ];
    assert_eq!(fields, expected);
    assert_eq!(told["statusCode"], 400);
    assert_eq!(
        told["message"],
        "\"ssn\" fails to match the required pattern"
    );
    assert_eq!(
        told["validation"],
        json!({"source": "payload", "keys": ["ssn"]})
    );
    api.assume(Assumption::ValidationMessage, "echoes-value");
    let told = body(&api.post(USERS, &wish));
    assert_eq!(
        told["message"],
        "\"ssn\" with value \"000-00-0000\" fails to match the required pattern"
    );
    let log = serde_json::to_string(&api.s.sandbox.control().requests()).unwrap();
    assert!(!log.contains("000-00-0000"));
}

#[test]
fn what_the_documents_disagree_on_can_be_either() {
    let api = AdminApi::new();
    let refused = |change: fn(&mut Value)| api.judge(change).1;
    api.assume(Assumption::OrderEmail, "required");
    let no_mail = |o: &mut Value| drop(o.as_object_mut().unwrap().remove("clientUserEmail"));
    assert_eq!(refused(no_mail), json!(["clientUserEmail"]));
    api.assume(Assumption::Genders, "two");
    assert_eq!(refused(|o| o["gender"] = json!("other")), json!(["gender"]));
    api.assume(Assumption::ZipType, "integer");
    assert_eq!(
        refused(|_| {}),
        json!(["address.zip"]),
        "that of the provider is a number"
    );
    api.assume(Assumption::ZipType, "string");
    assert_eq!(refused(|_| {}), json!(["providers.0.address.zip"]));
    api.assume(Assumption::ZipType, "any");
    api.assume(Assumption::ProviderFields, "as-schema");
    let bare = |o: &mut Value| o["providers"] = json!([{"organizationName": "Clinics"}]);
    assert_eq!(
        refused(bare),
        json!(["providers.0.name", "providers.0.address"])
    );
    api.assume(Assumption::UnknownOrderType, "404");
    assert_eq!(api.judge(|o| o["orderType"] = json!("none-such")).0, 404);
    assert_eq!(api.billed(), 0);

    let neither = json!({"action": "abort"});
    let keys = |answer: Response<Bytes>| body(&answer)["validation"]["keys"].clone();
    assert_eq!(keys(api.post(ACTIONS, &neither)), Value::Null);
    api.assume(Assumption::ValidationEnvelope, "all");
    assert_eq!(keys(api.post(ACTIONS, &neither)), json!(["humanId"]));
    for (value, code, status_code) in [
        ("both", json!(401), json!(401)),
        ("code", json!(401), Value::Null),
        ("status-code", Value::Null, json!(401)),
    ] {
        api.assume(Assumption::AdminErrorNumber, value);
        let told = body(&api.s.get(USERS, &[]));
        assert_eq!(
            (&told["code"], &told["statusCode"]),
            (&code, &status_code),
            "{value}"
        );
    }
}

#[test]
fn users_are_listed_in_pages_until_one_is_empty() {
    let api = AdminApi::new();
    for number in 0..120 {
        api.order(&format!("u{number}"));
        api.advance(1);
    }
    let page = |query: &str| -> Vec<String> {
        let users = body(&api.get(&format!("{USERS}{query}")));
        let ids = users.as_array().unwrap().iter();
        ids.map(|user| user["clientUserId"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(page("").len(), 50);
    assert_eq!(
        page("?offset=100").first().map(String::as_str),
        Some("u100")
    );
    assert_eq!(
        (page("?offset=100").len(), page("?offset=120").len()),
        (20, 0)
    );
    assert_eq!(page("?clientUserId=u7"), ["u7"]);
    assert_eq!(page(&format!("?humanId={}", api.human_id("u7"))), ["u7"]);
    assert_eq!(page("?clientUserId=u7&offset=1").len(), 0);
    assert_eq!(
        page(&format!("?clientUserId=u8&humanId={}", api.human_id("u7"))).len(),
        0
    );
    assert_eq!(page("?clientUserId=nobody").len(), 0);
    told(&api.get(&format!("{USERS}?offset=-1")), 400, "Bad Request");
    told(&api.get(&format!("{USERS}?offset=x")), 400, "Bad Request");
    api.assume(Assumption::NoSuchUsers, "404");
    told(
        &api.get(&format!("{USERS}?clientUserId=nobody")),
        404,
        "Not Found",
    );
    api.assume(Assumption::UsersPage, "20");
    assert_eq!(page("").len(), 20);
    api.assume(Assumption::UsersOrder, "newest-first");
    assert_eq!(page("").first().map(String::as_str), Some("u119"));
    // Others of the same sandbox are no application's but their own.
    api.s.session("started");
    assert_eq!(page("?offset=100").len(), 20);
}

#[test]
fn what_was_made_can_be_read_only_after_a_while_if_so_assumed() {
    let api = AdminApi::new();
    api.assume(Assumption::ReadAfterWrite, "30-seconds");
    let made = body(&api.order("u"));
    let details = format!("{USERS}/{}", made[0]["humanId"].as_str().unwrap());
    for path in [
        &*details,
        "/api/v1/users/providers?clientUserId=u",
        "/api/v1/user/reports?clientUserId=u",
    ] {
        assert_eq!(api.get(path).status(), 404, "{path}");
    }
    assert_eq!(body(&api.get(USERS)), json!([]));
    assert_eq!(api.order("u").status(), 202, "what writes knows it");
    api.advance(30);
    assert_eq!(body(&api.get(USERS))[0]["clientUserId"], "u");
    assert_eq!(api.get(&details).status(), 200);
}
