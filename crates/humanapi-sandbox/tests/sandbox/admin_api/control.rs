//! Orders under control: faults, deletions, scenarios, room, and what is told of them.

use super::*;

#[test]
fn each_fault_strikes_an_order_before_its_effect_after_it_or_in_the_answer() {
    let api = AdminApi::new();
    let fault = |fault: Fault| fault.on_method(Method::POST).on_path(USERS);
    let html = IntermediaryBody::Html;
    let faults = [
        (Fault::status(500), 0),
        (Fault::status(500).after_effect(), 1),
        (Fault::intermediary(502, html), 0),
        (Fault::intermediary(504, html).after_effect(), 1),
        (Fault::drop_before(), 0),
        (Fault::drop_after(), 1),
        (Fault::truncated_body(), 1),
        (Fault::garbage_body(), 1),
        (Fault::delay(Duration::from_secs(60)), 1),
    ];
    let bearer = format!("Bearer {}", api.token);
    let headers = [
        ("authorization", bearer.as_str()),
        ("content-type", "application/json"),
    ];
    for (number, (planned, effect)) in faults.into_iter().enumerate() {
        let before = api.billed();
        let name = format!("{planned:?}");
        api.s.sandbox.control().plan_fault(fault(planned)).unwrap();
        let wish = whole(&format!("u{number}")).to_string();
        let answer = api.s.try_send(request(Method::POST, USERS, &headers, wish));
        assert_eq!(api.billed() - before, effect, "{name}");
        let whole = answer.ok().filter(|answer| answer.status().is_success());
        let is_read =
            whole.is_some_and(|answer| serde_json::from_slice::<Value>(answer.body()).is_ok());
        assert_eq!(is_read, name.contains("Delay"), "{name}");
    }
}

#[test]
fn a_deleted_user_is_forgotten_but_by_the_ledger() {
    let api = AdminApi::new();
    api.completed("u");
    let groups = body(&api.get("/api/v1/user/reports?clientUserId=u"));
    let report = groups[0]["reports"][0]["id"].as_str().unwrap().to_owned();
    let control = api.s.sandbox.control();
    control.delete_user(&api.s.app.client_id, "u").unwrap();
    assert_eq!(body(&api.get(USERS)), json!([]));
    told(
        &api.get(&format!("/api/v1/user/reports/{report}")),
        404,
        "Not Found",
    );
    assert!(control.orders(&api.s.app.client_id).unwrap().is_empty());
    assert_eq!(api.billed(), 1);
    let dashboard =
        |api: &AdminApi| String::from_utf8(api.s.get("/", &[]).body().to_vec()).unwrap();
    assert!(dashboard(&api).contains("Would have been billed: <strong>1</strong>"));
    assert_eq!(api.order("u").status(), 201, "the address is free again");
    // Whoever comes with the same id is somebody else.
    told(
        &api.get(&format!("/api/v1/user/reports/{report}")),
        404,
        "Not Found",
    );
    let orders = control.orders(&api.s.app.client_id).unwrap();
    let states: Vec<_> = orders.iter().map(|order| order.state).collect();
    assert_eq!(states, [OrderState::Created]);
    control.reset();
    assert!(!dashboard(&api).contains("Would have been billed"));
    assert_eq!(api.billed(), 0);
}

#[test]
fn orders_are_controlled_over_http_as_in_process() {
    let api = AdminApi::new();
    api.post(USERS, &json!({"clientUserId": "u"}));
    let id = &api.s.app.client_id;
    let post = |path: &str, more: Value| {
        let mut wish = json!({"client_id": id, "client_user_id": "u"});
        wish.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        api.s.post_json(path, &wish)
    };
    let pended = post("/sandbox/orders/await", json!({"state": "pended"}));
    assert_eq!(body(&pended)["state"], "pended");
    let stuck = post("/sandbox/orders/await", json!({"state": "completed"}));
    assert_eq!(
        (stuck.status().as_u16(), &body(&stuck)["error"]),
        (409, &json!("order-not-there"))
    );
    assert_eq!(
        body(&post("/sandbox/orders/tasks", json!({})))["state"],
        "in-progress"
    );
    let open = post("/sandbox/orders/tasks", json!({"open": "question"}));
    assert_eq!(
        body(&open)["tasks"][2],
        json!({"kind": "question", "is_open": true})
    );
    let listed = body(&api.s.get("/sandbox/orders", &[]));
    assert_eq!(listed, json!(api.s.sandbox.control().orders(id).unwrap()));
    let nobody = json!({"client_id": id, "client_user_id": "x", "state": "pended"});
    let nobody = api.s.post_json("/sandbox/orders/await", &nobody);
    assert_eq!(
        (nobody.status().as_u16(), &body(&nobody)["error"]),
        (404, &json!("nothing-ordered"))
    );
}

#[test]
fn a_story_can_begin_with_orders() {
    let story = br#"{"orders": [
        {"client_user_id": "a", "state": "pended", "order_type": "aps-only", "lacks": ["provider", "authorization"]},
        {"client_user_id": "b", "state": "completed", "first_name": "Ada", "birth_date": "2/7/1971", "email": "b@example.test"},
        {"client_user_id": "c", "state": "cancelled"},
        {"client_user_id": "d", "state": "in-progress", "lacks": ["particulars"]},
        {"client_user_id": "e"}
    ]}"#;
    let sandbox = Sandbox::builder()
        .scenario(Scenario::from_json(story).unwrap())
        .build_offline();
    let app = sandbox.app(DemoApp::Hip);
    let s = Offline { sandbox, app };
    let api = AdminApi {
        token: AdminApi::token(&s),
        s,
    };
    for _ in 0..2 {
        let control = api.s.sandbox.control();
        let orders = control.orders(&api.s.app.client_id).unwrap();
        let states: Vec<_> = orders.iter().map(|order| order.state).collect();
        use OrderState::{Cancelled, Completed, Created, InProgress, Pended};
        assert_eq!(states, [Pended, Completed, Cancelled, InProgress, Created]);
        let open: Vec<_> = orders[0].tasks.iter().map(|task| task.kind).collect();
        assert_eq!(open, [TaskKind::Authorization, TaskKind::Provider]);
        assert_eq!(api.billed(), 5);
        let told = control.order("d").wait_for(Pended).unwrap();
        assert_eq!(told.tasks[0].kind, TaskKind::Particulars);
        control.reset();
    }
    let api = AdminApi {
        token: AdminApi::token(&api.s),
        s: api.s,
    };
    let user = &body(&api.get(&format!("{USERS}?clientUserId=b")))[0];
    assert_eq!(
        (&user["firstName"], &user["lastName"]),
        (&json!("Ada"), &json!("Sandboxer"))
    );
    assert_eq!(user["dateOfBirth"], "1971-02-07T00:00:00.000Z");
    let reports = body(&api.get("/api/v1/user/reports?clientUserId=b"));
    assert_eq!(reports.as_array().unwrap().len(), 4);
    for (order, place) in [
        (r#"{"client_user_id": ""}"#, "orders[0].client_user_id"),
        (r#"{"client_user_id": "a", "app": "web"}"#, "orders[0].app"),
        (
            r#"{"client_user_id": "a", "state": "canary"}"#,
            "orders[0].state",
        ),
        (
            r#"{"client_user_id": "a", "order_type": "canary"}"#,
            "orders[0].order_type",
        ),
        (
            r#"{"client_user_id": "a", "lacks": ["question"]}"#,
            "orders[0].lacks[0]",
        ),
        (
            r#"{"client_user_id": "a", "lacks": ["provider"]}"#,
            "orders[0].lacks",
        ),
        (
            r#"{"client_user_id": "a", "state": "pended", "lacks": []}"#,
            "orders[0].lacks",
        ),
        (
            r#"{"client_user_id": "a", "state": "completed", "lacks": ["particulars"]}"#,
            "orders[0].lacks",
        ),
        (
            r#"{"client_user_id": "a", "birth_date": "canary"}"#,
            "orders[0].birth_date",
        ),
    ] {
        let story = format!(r#"{{"orders": [{order}]}}"#);
        let refused = Scenario::from_json(story.as_bytes()).unwrap_err();
        assert_eq!(refused.place, place);
        assert!(!refused.to_string().contains("canary"), "{refused}");
    }
}

#[test]
fn orders_are_held_until_there_is_no_room_and_deletion_makes_some() {
    let api = AdminApi::new();
    let control = api.s.sandbox.control();
    let order = |number: u32| {
        let wish = json!({"clientUserId": format!("u{number}"), "firstName": "x".repeat(900_000)});
        api.post(USERS, &wish).status().as_u16()
    };
    let taken = (0..100).take_while(|number| order(*number) == 201).count();
    assert!((60..75).contains(&taken), "{taken}");
    assert_eq!(order(100), 507);
    control.delete_user(&api.s.app.client_id, "u0").unwrap();
    assert_eq!(order(100), 201);
}

#[test]
fn an_abort_makes_room_as_it_ends_the_subscriptions() {
    let api = AdminApi::new();
    api.order("u");
    let subscribe = |number: u32| {
        let wish = json!({
            "clientUserId": "u", "subscriberEmail": format!("p{number}@example.test"),
            "role": "producer", "subscriberOffice": "x".repeat(900_000),
        });
        api.post(SUBSCRIPTIONS, &wish).status().as_u16()
    };
    let taken = (0..100)
        .take_while(|number| subscribe(*number) == 201)
        .count();
    assert!((60..75).contains(&taken), "{taken}");
    let abort = json!({"clientUserId": "u", "action": "abort"});
    assert_eq!(api.post(ACTIONS, &abort).status(), 202);
    assert_eq!(subscribe(100), 201);
}

#[test]
fn nothing_of_a_person_is_in_the_log_on_the_dashboard_or_in_what_is_told_of_orders() {
    let api = AdminApi::new();
    let mut wish = whole("u");
    for (field, canary) in [
        ("firstName", "canary-first"),
        ("lastName", "canary-last"),
        ("clientUserEmail", "canary@example.test"),
        ("ssn", "987-65-4321"),
        ("phone", "5550107777"),
        ("dateOfBirth", "1971-02-07"),
    ] {
        wish[field] = json!(canary);
    }
    wish["address"]["street1"] = json!("canary street");
    wish["attachments"][0]["content"] = json!("Y2FuYXJ5LXBhcGVy");
    assert_eq!(api.post(USERS, &wish).status(), 201);
    let control = api.s.sandbox.control();
    control.order("u").wait_for(OrderState::Completed).unwrap();
    let told = [
        serde_json::to_string(&control.requests()).unwrap(),
        serde_json::to_string(&control.ledger()).unwrap(),
        format!(
            "{:?} {:?}",
            control.order("u").snapshots(),
            control.order("u")
        ),
        format!("{:?}", api.s.sandbox),
        String::from_utf8(api.s.get("/", &[]).body().to_vec()).unwrap(),
        String::from_utf8(api.s.get("/sandbox/orders", &[]).body().to_vec()).unwrap(),
    ];
    for text in told {
        for canary in [
            "canary",
            "987-65",
            "-4321",
            "5550107777",
            "1971-02",
            "Y2FuYXJ5",
        ] {
            assert!(!text.contains(canary), "{canary}: {text}");
        }
    }
}
