//! Orders as they go on: by the clock, by what they lack, and by actions.

use super::*;

#[test]
fn an_order_goes_on_by_the_clock_and_its_data_can_be_read() {
    let api = AdminApi::new();
    api.order("u");
    let access = || api.s.token(ADMIN, "access", "u").status().as_u16();
    assert_eq!((api.status("u"), access()), (json!("Created"), 403));
    api.advance(120);
    assert_eq!(api.status("u"), "In Progress");
    api.advance(3600);
    assert_eq!((api.status("u"), access()), (json!("Completed"), 200));
    let user = body(&api.get(&format!("{USERS}/{}", api.human_id("u"))));
    assert_eq!(user["orders"][0]["reportsAvailable"], true);
    assert_eq!(user["orders"][0]["dataAvailable"], true);
    assert_eq!(user["updatedAt"], "2026-01-15T10:02:00.000Z");
    assert_eq!(user["status"], Value::Null);
    assert_eq!(body(&api.get(USERS))[0]["status"], "Connected");
    let token = api.s.granted(ADMIN, "access", "u", "access_token");
    let sources = body(&api.s.read("/v1/human/sources", &token));
    assert_eq!(
        sources[0]["sourceName"], "Sample Valley Clinic",
        "{sources}"
    );
    let providers = body(&api.get("/api/v1/users/providers?clientUserId=u"));
    assert_eq!(providers[0]["name"], "Clinic Zero");
    assert_eq!(providers[1]["name"], "Sample Valley Clinic");
    for value in ["lower", "underscores"] {
        api.assume(Assumption::OrderStateCase, value);
        assert_eq!(api.status("u"), "completed");
    }
    api.assume(Assumption::UserDetails, "status");
    let user = body(&api.get(&format!("{USERS}/{}", api.human_id("u"))));
    assert_eq!(
        (&user["status"], &user["orders"]),
        (&json!("Connected"), &Value::Null)
    );
    api.assume(Assumption::OrderedUserStatus, "always-invited");
    assert_eq!(body(&api.get(USERS))[0]["status"], "Invited");
}

#[test]
fn an_order_waits_for_what_it_lacks() {
    let api = AdminApi::new();
    let control = api.s.sandbox.control();
    let least = json!({"clientUserId": "least", "orderType": "aps-only"});
    let made = body(&api.post(USERS, &least));
    assert!(
        made[0]["consumerLink"]
            .as_str()
            .unwrap()
            .contains("/tasks?clientId=")
    );
    let order = control.order("least").wait_for(OrderState::Pended).unwrap();
    let open: Vec<_> = order.tasks.iter().map(|task| task.kind).collect();
    assert_eq!(
        open,
        [
            TaskKind::Particulars,
            TaskKind::Authorization,
            TaskKind::Provider
        ]
    );
    assert_eq!(api.status("least"), "Pended");
    assert!(
        control
            .order("least")
            .wait_for(OrderState::Completed)
            .is_err()
    );
    assert_eq!(
        control.order("least").do_tasks().unwrap().state,
        OrderState::InProgress
    );
    control
        .order("least")
        .open_task(TaskKind::Question)
        .unwrap();
    assert_eq!(api.status("least"), "Pended");
    control.order("least").do_tasks().unwrap();
    control
        .order("least")
        .wait_for(OrderState::Completed)
        .unwrap();
    assert_eq!(api.status("least"), "Completed");

    let api = AdminApi::new();
    api.post(USERS, &json!({"clientUserId": "late"}));
    api.advance(31 * 86_400);
    let order = api.s.sandbox.control().order("late").snapshots().remove(0);
    assert_eq!(order.state, OrderState::Completed, "its time is over");
    let api = AdminApi {
        token: AdminApi::token(&api.s),
        s: api.s,
    };
    assert_eq!(
        body(&api.get("/api/v1/user/reports?clientUserId=late")),
        json!([])
    );
    assert_eq!(
        api.s.token(ADMIN, "access", "late").status(),
        403,
        "no record came"
    );
}

#[test]
fn an_order_that_was_made_to_wait_early_is_asked_for_what_it_lacks_all_the_same() {
    let api = AdminApi::new();
    api.post(USERS, &json!({"clientUserId": "u"}));
    let order = api.s.sandbox.control().order("u");
    order.wait_for(OrderState::InProgress).unwrap();
    order.open_task(TaskKind::Question).unwrap();
    order.open_task(TaskKind::Authorization).unwrap();
    assert_eq!(order.do_tasks().unwrap().state, OrderState::InProgress);
    let pended = order.wait_for(OrderState::Pended).unwrap();
    let open = pended.tasks.iter().filter(|task| task.is_open);
    let open: Vec<_> = open.map(|task| task.kind).collect();
    assert_eq!(open, [TaskKind::Particulars], "nothing is asked for twice");
    order.do_tasks().unwrap();
    let completed = order.wait_for(OrderState::Completed).unwrap();
    assert_eq!(completed.tasks.len(), 3);
}

#[test]
fn an_order_placed_in_a_state_is_in_it_whatever_is_known_of_the_user() {
    use OrderState::{Cancelled, Completed, Created, InProgress, Pended};
    let api = AdminApi::new();
    api.completed("u");
    api.assume(Assumption::SecondOrder, "always");
    api.order("u");
    let order = api.s.sandbox.control().order("u");
    for state in [Pended, Cancelled, InProgress, Created, Completed, Pended] {
        let placed = order.placed(state).unwrap();
        assert_eq!(placed.state, state);
        let open = placed.tasks.iter().map(|task| task.kind);
        let waits = (state == Pended).then_some(TaskKind::Authorization);
        assert_eq!(open.collect::<Vec<_>>(), Vec::from_iter(waits));
    }
    let all = order.snapshots();
    let states: Vec<_> = all.iter().map(|order| order.state).collect();
    let placed = [Pended, Cancelled, InProgress, Created, Completed, Pended];
    assert_eq!(states[..2], [Completed, Created], "others stay as they are");
    assert_eq!(states[2..], placed);
    order.do_tasks().unwrap();
    order.wait_for(Completed).unwrap();
}

#[test]
fn users_are_listed_by_when_they_were_made_and_not_by_when_they_came() {
    let api = AdminApi::new();
    api.order("a");
    let order = api.s.sandbox.control().order("b");
    order.placed(OrderState::Completed).unwrap();
    let listed = || {
        let users = body(&api.get(USERS));
        let users = users.as_array().unwrap().iter();
        users
            .map(|user| user["clientUserId"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(listed(), ["b", "a"]);
    api.assume(Assumption::ReadAfterWrite, "30-seconds");
    assert_eq!(listed(), ["b"]);
}

#[test]
fn an_order_can_bring_papers_along() {
    let api = AdminApi::new();
    let mut wish = whole("u");
    wish["attachments"][0]["content"] = json!("JVBERi0x".repeat(2 * 1024 * 1024 / 8));
    assert_eq!(api.post(USERS, &wish).status(), 201);
    // What is long by anything else takes many times the room of its text.
    wish["attachments"] = json!(vec![0; 1024 * 1024]);
    let answer = api.post(USERS, &wish);
    told(&answer, 413, "the body has more than a million parts");
    let longest = 32 * 1024 * 1024;
    let post = |path, length| api.ask(Method::POST, path, vec![b' '; length]).status();
    assert_eq!(post(USERS, longest), 400);
    assert_eq!(post(USERS, longest + 1), 413);
    assert_eq!(post(LINK, 1024 * 1024), 400);
    assert_eq!(post(LINK, 1024 * 1024 + 1), 413);
}

#[test]
fn orders_go_on_in_seconds_if_so_assumed() {
    let api = AdminApi::new();
    api.assume(Assumption::OrderPace, "seconds");
    api.order("u");
    api.advance(7);
    assert_eq!(api.status("u"), "Completed");
}

#[test]
fn an_order_is_aborted_once() {
    let api = AdminApi::new();
    let over = "The order is in a state where it can\u{2019}t be aborted";
    api.order("u");
    let subscription =
        json!({"clientUserId": "u", "subscriberEmail": "p@example.test", "role": "producer"});
    api.post(SUBSCRIPTIONS, &subscription);
    let both = json!({"clientUserId": "u", "humanId": api.human_id("u"), "action": "abort"});
    told(&api.post(ACTIONS, &both), 400, "Bad Request");
    told(
        &api.post(ACTIONS, &json!({"action": "abort"})),
        400,
        "Bad Request",
    );
    told(
        &api.post(ACTIONS, &json!({"clientUserId": "u", "action": "stop"})),
        400,
        "Bad Request",
    );
    told(
        &api.post(ACTIONS, &json!({"clientUserId": "x", "action": "abort"})),
        404,
        "Not Found",
    );
    let abort = json!({"humanId": api.human_id("u"), "action": "abort"});
    let answer = api.post(ACTIONS, &abort);
    assert_eq!((answer.status().as_u16(), answer.body().len()), (202, 0));
    assert_eq!(api.status("u"), "Cancelled");
    let list =
        format!("{SUBSCRIPTIONS}?clientUserId=u&subscriberEmail=p@example.test&role=producer");
    assert_eq!(body(&api.get(&list)), json!([]), "nobody is told any more");
    told(&api.post(ACTIONS, &abort), 409, over);
    api.advance(86_000);
    assert_eq!(api.status("u"), "Cancelled");
    api.s.sandbox.control().clear_faults();
    let limited = Fault::status(429).retry_after("2").on_path(ACTIONS);
    api.s.sandbox.control().plan_fault(limited).unwrap();
    let answer = api.post(ACTIONS, &abort);
    told(&answer, 429, "a planned fault");
    assert_eq!(header(&answer, "retry-after"), Some("2"));
}

#[test]
fn an_action_may_not_be_enabled_and_a_resync_may_show() {
    let api = AdminApi::new();
    api.completed("u");
    let resync = json!({"clientUserId": "u", "action": "resync"});
    assert_eq!(api.post(ACTIONS, &resync).status(), 202);
    assert_eq!(api.status("u"), "Completed");
    api.assume(Assumption::Resync, "retrieves-again");
    assert_eq!(api.post(ACTIONS, &resync).status(), 202);
    assert_eq!((api.status("u"), api.billed()), (json!("In Progress"), 1));
    api.assume(Assumption::ActionsEnabled, "abort");
    told(&api.post(ACTIONS, &resync), 404, "Not Found");
    api.assume(Assumption::ActionsEnabled, "none");
    told(
        &api.post(ACTIONS, &json!({"clientUserId": "u", "action": "abort"})),
        404,
        "Not Found",
    );
}
