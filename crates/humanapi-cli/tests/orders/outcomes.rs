//! What happens on the way: answers that are lost, refusals, a service that is too busy, and what nobody can tell.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

use humanapi_core::http::Method;
use humanapi_sandbox::{Assumption, Fault};

use super::{NAMES, PAPER, World, at_service, counts, fails, json, line};
use crate::support::run;

const USERS: &str = "/api/v1/users";

fn plan(world: &World, fault: Fault, times: u32) {
    let control = world.sandbox.control();
    control
        .plan_fault(fault.on_method(Method::POST).on_path(USERS).times(times))
        .expect("it is a fault");
}

#[test]
fn an_order_whose_answer_is_lost_is_found_and_not_sent_again() {
    let world = World::open();
    let file = world.applicants("new.csv", &["a"]);
    plan(&world, Fault::drop_after(), 1);
    let told = world.submit(&file, &[]);
    assert_eq!(
        (told.code, counts(&told).as_str()),
        (Some(0), "orders 1, placed 1"),
        "{told:?}"
    );
    assert_eq!(world.billed(), ["a"]);
    let told = world.submit(&file, &[]);
    assert_eq!(counts(&told), "already 1, orders 1");
    assert_eq!(world.billed(), ["a"]);
}

#[test]
fn an_order_that_nobody_can_tell_ends_with_a_code_of_its_own_and_is_decided_by_hand() {
    let world = World::open();
    // Without a name and a date of birth nothing tells whose order it is that is there.
    let file = world.file(
        "new.csv",
        "clientUserId,clientUserEmail\nu-1,u-1@example.test\n",
    );
    plan(&world, Fault::drop_after(), 1);
    let results = world.path("done.csv");
    let told = world.submit(&file, &["--results", &results]);
    fails(
        &told,
        8,
        "1 of 1 orders may be placed, and it is not known",
        "sends none of them again",
    );
    assert!(
        told.stderr
            .starts_with("warning: 1 orders have no name or no date of birth"),
        "{told:?}"
    );
    assert_eq!(counts(&told), "orders 1, unknown 1");
    let written = std::fs::read_to_string(&results).unwrap();
    assert!(
        written.contains("\n2,u-1,u-1,unknown,,it is not known whether the order is placed: "),
        "{written}"
    );
    // It is not sent again by itself, however often.
    let told = world.submit(&file, &["--send-absent"]);
    assert_eq!((told.code, world.billed().len()), (Some(8), 1), "{told:?}");
    let store = world.store();
    let reconcile =
        |more: &[&str]| world.run(&[&["orders", "reconcile"][..], more, &store.each()].concat());
    let told = reconcile(&[]);
    fails(
        &told,
        8,
        "1 of 1 open orders may be placed",
        "look in the vendor's portal",
    );
    assert_eq!(json(&told)["intent"], "u-1");
    let human_id = world.sandbox.control().ledger()[0].human_id.clone();
    // Nobody, somebody whom the service does not know, and the user of another order.
    let other = world.submit(&world.applicants("other.csv", &["b"]), &[]);
    assert_eq!(other.code, Some(0), "{other:?}");
    let ledger = world.sandbox.control().ledger();
    let other = ledger.iter().find(|entry| entry.client_user_id == "b");
    for id in ["", "5c2e", &other.unwrap().human_id] {
        let told = reconcile(&["u-1", "--exists", id]);
        fails(
            &told,
            2,
            "--exists names another user",
            "orders status --user ID",
        );
    }
    let told = reconcile(&["u-1", "--exists", &human_id]);
    assert_eq!(
        (told.code, json(&told)["result"].as_str()),
        (Some(0), Some("placed")),
        "{told:?}"
    );
    let told = reconcile(&["u-1", "--send-again", "2026-01-15T09:00:00.417Z"]);
    fails(
        &told,
        2,
        "nothing is to be decided of this order",
        "orders reconcile INTENT",
    );
    let told = reconcile(&["nobody"]);
    fails(
        &told,
        2,
        "there is no such intent",
        "that this is the store",
    );
    let told = world.submit(&file, &[]);
    assert_eq!((told.code, world.billed().len()), (Some(0), 2), "{told:?}");
    let told = reconcile(&[]);
    assert_eq!(
        (told.code, told.stderr.as_str()),
        (Some(0), "note: no order is open\n")
    );
}

/// A service that has two users of the one id, and says nothing else.
fn with_two_users() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has free ports");
    let url = format!("http://{}", listener.local_addr().expect("it is bound"));
    // Ends with the process.
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // Whoever asked may have gone.
            let _ = tell_of_two(stream);
        }
    });
    url
}

fn tell_of_two(mut stream: TcpStream) -> std::io::Result<()> {
    let (mut request, mut bytes) = (Vec::new(), [0; 4096]);
    while !(request.ends_with(b"}")
        || request.starts_with(b"GET ") && request.ends_with(b"\r\n\r\n"))
    {
        match stream.read(&mut bytes)? {
            0 => return Ok(()),
            count => request.extend_from_slice(&bytes[..count]),
        }
    }
    let (status, body) = if request.starts_with(b"POST ") {
        (
            "200 OK",
            r#"{"client_token":"canary-ct","expires_in":86400}"#,
        )
    } else if request.starts_with(b"GET /api/v1/users?") {
        (
            "200 OK",
            r#"[{"humanId":"one","clientUserId":"u-1"},{"humanId":"two","clientUserId":"u-1"}]"#,
        )
    } else {
        (
            "404 Not Found",
            r#"{"code":404,"error":"Not Found","message":"Not Found"}"#,
        )
    };
    let head = "Content-Type: application/json\r\nConnection: close\r\n";
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status}\r\n{head}Content-Length: {length}\r\n\r\n{body}"
    )
}

/// Where two users have the order's id nobody but somebody who looks can say which of them it was placed for.
#[test]
fn of_two_users_of_one_id_somebody_says_whose_order_is_there() {
    let world = World::open();
    let file = world.file(
        "new.csv",
        "clientUserId,clientUserEmail\nu-1,u-1@example.test\n",
    );
    plan(&world, Fault::drop_after(), 1);
    let told = world.submit(&file, &[]);
    assert_eq!(told.code, Some(8), "{told:?}");
    let (store, url) = (world.store(), with_two_users());
    let exists = |id: &str| {
        let words = [
            &["orders", "reconcile", "u-1", "--exists", id][..],
            &store.each(),
        ]
        .concat();
        run(&mut at_service(&words, &url, "app-1", "canary-secret"))
    };
    let nobody = exists("three");
    fails(
        &nobody,
        2,
        "--exists names another user",
        "the vendor's portal",
    );
    let told = exists("two");
    assert_eq!(told.code, Some(0), "{told:?}");
    assert_eq!(json(&told)["human_id"], "two");
}

#[test]
fn an_order_that_never_arrived_is_sent_once_more_where_that_was_decided_beforehand() {
    let world = World::open();
    let file = world.applicants("new.csv", &["a"]);
    let brief = ["--timeout", "2s", "--absent-after", "1s"];
    plan(&world, Fault::drop_before(), 1);
    let told = world.submit(&file, &brief);
    fails(
        &told,
        8,
        "1 of 1 orders may be placed",
        "run the same again",
    );
    assert!(world.billed().is_empty());
    // What is open may turn out to be absent, and is then sent once more: that is to be confirmed.
    let store = world.store();
    let looked = ["orders", "submit", file.as_str(), "--send-absent"];
    let told = world.run(&[&looked[..], &["--dry-run"], &store.each()].concat());
    assert_eq!(counts(&told), "new 1, open 1, orders 1");
    let told = world.run(&[&looked[..], &["--dry-run", "--table"], &store.each()].concat());
    assert!(
        told.stdout
            .contains("This would place up to 1 billable order;"),
        "{told:?}"
    );
    let told = world.run(&[&looked[..], &store.each()].concat());
    fails(
        &told,
        2,
        "this would place up to 1 billable order at",
        "then add --yes; nothing was sent",
    );
    // Until its claim is over it may still arrive.
    std::thread::sleep(std::time::Duration::from_secs(8));
    let told = world.submit(&file, &brief);
    assert_eq!(
        (told.code, counts(&told).as_str()),
        (Some(8), "absent 1, orders 1"),
        "{told:?}"
    );
    assert!(world.billed().is_empty());
    let told = world.submit(&file, &[&brief[..], &["--send-absent"]].concat());
    assert_eq!(
        (told.code, counts(&told).as_str()),
        (Some(0), "orders 1, placed 1"),
        "{told:?}"
    );
    assert_eq!(world.billed(), ["a"]);
}

#[test]
fn a_refusal_is_one_orders_own_and_a_busy_service_is_waited_for() {
    let world = World::open();
    let lines = line("a") + &line("b").replace(",full,", ",no-such-type,") + &line("c");
    let file = world.file("new.csv", format!("{NAMES}\n{lines}"));
    let told = world.submit(&file, &[]);
    fails(
        &told,
        4,
        "1 of 3 orders are not placed; the first: the service refused",
        "correct the fields",
    );
    assert!(told.stderr.contains("orderType"), "{told:?}");
    assert_eq!(counts(&told), "orders 3, placed 2, refused 1");
    assert_eq!(world.billed(), ["a", "c"]);

    plan(&world, Fault::status(429).retry_after("1"), 3);
    let ids: Vec<String> = (0..12).map(|at| format!("busy-{at}")).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let told = world.submit(&world.applicants("busy.csv", &ids), &[]);
    assert_eq!(
        (told.code, counts(&told).as_str()),
        (Some(0), "orders 12, placed 12"),
        "{told:?}"
    );
    assert_eq!(world.billed().len(), 14);
}

#[test]
fn a_service_that_refuses_everybody_is_not_asked_ten_thousand_times() {
    let world = World::open();
    let ids: Vec<String> = (0..100).map(|at| format!("r-{at}")).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let file = world.applicants("many.csv", &ids);
    plan(&world, Fault::status(403), 1_000);
    let told = world.submit(&file, &[]);
    fails(&told, 4, "no more orders are begun, ", "");
    let not_tried = json(&told)["not_tried"].as_u64().expect("a number");
    assert!((50..80).contains(&not_tried), "{told:?}");
    assert!(world.billed().is_empty());
    world.sandbox.control().clear_faults();
    let told = world.submit(&file, &[]);
    assert_eq!(counts(&told), "orders 100, placed 100", "{told:?}");
}

#[test]
fn nothing_of_anybody_is_told_however_much_is_asked_for() {
    let world = World::open();
    world.file("signed.pdf", PAPER);
    // The service has no such type as the last one's, and refuses it.
    let last = line("d").replace(",full,", ",nonesuch,");
    let lines: String = [line("a"), line("b"), line("c"), last]
        .map(|line| format!("{},signed.pdf\n", line.trim_end()))
        .concat();
    let file = world.file("new.csv", format!("{NAMES},attachments.0.path\n{lines}"));
    plan(&world, Fault::status(500), 1);
    plan(&world, Fault::garbage_body(), 1);
    let results = world.path("done.csv");
    // `run` looks for the canaries in what is told, and in all files that the command has written.
    let told = world.submit(
        &file,
        &[
            "-vvv",
            "--timeout",
            "2s",
            "--at-once",
            "1",
            "--progress-every",
            "100ms",
            "--results",
            &results,
        ],
    );
    assert!(told.stderr.contains("sending method=POST"), "{told:?}");
    assert!(told.stderr.contains("{\"progress\":"), "{told:?}");
    assert_eq!(
        (told.code, counts(&told).as_str()),
        (Some(8), "orders 4, placed 2, refused 1, unknown 1")
    );
    let app = world.sandbox.app(humanapi_sandbox::DemoApp::Hip);
    assert!(!told.stderr.contains(app.client_secret.as_str()));
    // The ids are there, as documented, for each of them.
    let results = std::fs::read_to_string(&results).unwrap();
    for id in [
        "a,a/full,",
        "b,b/full,",
        "c,c/full,",
        "d,d/nonesuch,refused,",
    ] {
        assert!(results.contains(id), "{id}: {results}");
    }
    for words in [
        &["orders", "reconcile", "-vvv"][..],
        &["orders", "list", "-vvv"],
    ] {
        let store = world.store();
        world.run(&[words, &store.each()].concat());
    }
}

/// The service answers a second order for a user as it does the first, and places none.
#[test]
fn a_second_order_for_a_user_that_is_not_placed_is_not_told_as_placed() {
    for second in ["once-over", "never"] {
        for at_once in ["1", "8"] {
            let world = World::open();
            let control = world.sandbox.control();
            control
                .set_assumption(Assumption::SecondOrder, second)
                .unwrap();
            let lines = [line("a"), line("a").replace(",full,", ",aps-only,")].concat();
            let file = world.file("new.csv", format!("{NAMES}\n{lines}"));
            // It is looked for no longer than a claim lasts.
            let told = world.submit(&file, &["--timeout", "2s", "--at-once", at_once]);
            assert_eq!(told.code, Some(8), "{told:?}");
            assert_eq!(counts(&told), "orders 2, placed 1, unknown 1");
            assert_eq!(world.billed(), ["a"]);
        }
    }
}

/// Two who saw the same have it sent once more, and not twice.
#[test]
fn an_order_is_sent_again_by_a_decision_on_the_time_that_was_shown() {
    let world = World::open();
    let file = world.applicants("new.csv", &["a"]);
    let brief = ["--timeout", "2s"];
    let store = world.store();
    let reconcile = |more: &[&str]| {
        world.run(&[&["orders", "reconcile", "a/full"], more, &store.each()].concat())
    };
    let lost = || {
        plan(&world, Fault::drop_before(), 1);
        let told = world.submit(&file, &brief);
        assert_eq!((told.code, world.billed().len()), (Some(8), 0), "{told:?}");
        let told = json(&reconcile(&brief));
        told["sent_at"].as_str().expect("it was sent").to_owned()
    };
    let seen = lost();
    let told = reconcile(&["--send-again", &seen]);
    assert_eq!(
        (told.code, json(&told)["result"].as_str()),
        (Some(0), Some("send_again"))
    );
    let late = reconcile(&["--send-again", &seen]);
    fails(
        &late,
        2,
        "nothing is to be decided",
        "orders reconcile INTENT",
    );
    // It is sent once more, and lost once more: what the other one saw is over.
    let again = lost();
    assert_ne!(again, seen);
    let late = reconcile(&["--send-again", &seen]);
    fails(&late, 2, "it was not sent at the time", "decide on that");
    let told = world.submit(&file, &brief);
    assert_eq!((told.code, world.billed().len()), (Some(8), 0), "{told:?}");
}

/// The search would see it.
#[test]
#[should_panic(expected = "912-84-7365 in ")]
fn what_lies_in_a_file_of_the_commands_is_noticed() {
    let world = World::open();
    std::fs::write(world.path("left-behind.csv"), line("a")).unwrap();
    world.no_canary_lies_here();
}
