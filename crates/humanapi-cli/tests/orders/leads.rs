//! What orders lead to: where they stand, who keeps records, reports, the address of the Task Manager, subscriptions.

use std::process::Stdio;

use humanapi_sandbox::OrderState;
use humanapi_testkit::reports::LargeReports;
use serde_json::Value;

use super::crash::to_the_end;
use super::{World, fails, json, line};
use crate::support::humanapi;

/// A world at which one order is completed and another is under way.
fn world() -> World {
    let world = World::open();
    let header = format!(
        "{},gender,providers.0.name,providers.0.address.street1,providers.0.address.city,\
        providers.0.address.state,providers.0.address.zip,attachments.0.path\n",
        super::NAMES
    );
    world.file("signed.pdf", b"%PDF-1.7 made up");
    let more = ",female,Clinic Zero,2 Way,Testville,MA,02134,signed.pdf\n";
    let submit = |id: &str| {
        let text = header.clone() + &line(id).replace('\n', more);
        let told = world.submit(&world.file("new.csv", text), &[]);
        assert_eq!(told.code, Some(0), "{told:?}");
    };
    submit("done-1");
    let control = world.sandbox.control();
    let done = control.order("done-1").wait_for(OrderState::Completed);
    done.expect("nothing is lacking");
    submit("going-1");
    world
}

fn told(world: &World, words: &[&str]) -> Value {
    let told = world.run(words);
    assert_eq!(told.code, Some(0), "{told:?}");
    json(&told)
}

#[test]
fn an_order_is_followed_and_ended_by_either_id() {
    let world = world();
    let types = told(&world, &["orders", "types"]);
    assert_eq!(types[0]["order_type"], "full");
    let done = told(&world, &["orders", "status", "--user", "done-1"]);
    assert_eq!(
        (
            done["client_user_id"].as_str(),
            done["orders"][0]["state"].as_str()
        ),
        (Some("done-1"), Some("Completed"))
    );
    let human_id = done["human_id"].as_str().unwrap();
    assert_eq!(
        told(&world, &["orders", "status", "--human-id", human_id]),
        done
    );
    let watched = world.run(&["orders", "watch", "--user", "done-1"]);
    assert_eq!(json(&watched), done, "it is over, so that is all");
    let both = world.run(&["orders", "status", "--user", "a", "--human-id", "b"]);
    assert_eq!(both.code, Some(2), "{both:?}");
    let nobody = world.run(&["orders", "status", "--user", "nobody"]);
    fails(
        &nobody,
        4,
        "the service knows no such user",
        "humanapi orders list",
    );

    let all = world.run(&["orders", "list", "--all"]);
    assert_eq!(all.stdout.lines().count(), 2, "{all:?}");
    let first = world.run(&["orders", "list", "--limit", "1"]);
    assert_eq!(
        first.stderr,
        "note: these are the first 1 users; --all reads all, --limit NUMBER more\n"
    );

    assert_eq!(
        told(&world, &["orders", "resync", "--user", "done-1"])["accepted"],
        true
    );
    assert_eq!(
        told(&world, &["orders", "abort", "--user", "going-1"])["action"],
        "abort"
    );
    let again = world.run(&["orders", "abort", "--user", "going-1"]);
    fails(&again, 4, "the service refused", "look how it stands");
    let ended = told(&world, &["orders", "status", "--user", "going-1"]);
    assert_eq!(ended["orders"][0]["state"], "Cancelled");
    let nobody = world.run(&["orders", "abort", "--user", "nobody"]);
    fails(&nobody, 4, "status 404", "there is nothing of this id");
}

#[test]
fn providers_and_reports_are_listed_and_a_report_becomes_a_file() {
    let world = world();
    let providers = told(&world, &["providers", "--user", "done-1"]);
    assert!(
        providers.as_array().is_some_and(|all| !all.is_empty()),
        "{providers}"
    );
    let reports = told(&world, &["reports", "list", "--user", "done-1"]);
    let of = |format: &str| {
        let is_it = |report: &&Value| report["format"] == format;
        let found = reports.as_array().unwrap().iter().find(is_it);
        found.unwrap_or_else(|| panic!("{reports}"))["id"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let file = world.asked_for("report.pdf");
    let told = world.run(&["reports", "get", &of("pdf"), "--output", &file]);
    assert_eq!((told.code, told.stdout.as_str()), (Some(0), ""), "{told:?}");
    assert!(std::fs::read(&file).unwrap().starts_with(b"%PDF-"));
    let piped = crate::support::run(&mut world.command(&[
        "reports",
        "get",
        &of("json"),
        "--format",
        "json",
    ]));
    assert!(
        serde_json::from_str::<Value>(&piped.stdout).is_ok(),
        "{piped:?}"
    );
    let wrong = world.run(&[
        "reports",
        "get",
        "rep-0",
        "--output",
        &world.path("none.pdf"),
    ]);
    fails(&wrong, 4, "status 404", "there is nothing of this id");
    assert!(!std::path::Path::new(&world.path("none.pdf")).exists());
}

const MIB: u64 = 1024 * 1024;

/// So large that whoever keeps it as a whole is noticed.
fn size() -> u64 {
    match std::env::var_os("HUMANAPI_DEEP").is_some_and(|deep| deep == "1") {
        true => 200 * MIB,
        false => 64 * MIB,
    }
}

#[test]
fn a_large_report_becomes_a_file_in_little_memory_and_one_that_breaks_off_none() {
    let world = World::open();
    let path = world.path("report.pdf");
    let get = |reports: &LargeReports| {
        let words = ["reports", "get", "rep-1", "--output", &path];
        let words = [&words[..], &["--base-url", reports.url()]].concat();
        let mut command = humanapi(words);
        command.env("HUMANAPI_CLIENT_ID", "app-1");
        command.env("HUMANAPI_CLIENT_SECRET", "canary-secret");
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn();
        to_the_end(child.expect("the command was built for this test"))
    };
    let (told, little) = get(&LargeReports::start(4 * MIB, 0));
    assert_eq!(told.code, Some(0), "{told:?}");
    let (told, much) = get(&LargeReports::start(size(), 0));
    assert_eq!(told.code, Some(0), "{told:?}");
    assert_eq!(std::fs::metadata(&path).unwrap().len(), size());
    // In KiB, and none where the system does not tell.
    let growth = much.saturating_sub(little);
    assert!(growth < 16 * 1024, "{little} KiB, and {much} KiB");
    std::fs::remove_file(&path).unwrap();

    let files = || std::fs::read_dir(world.folder.path()).unwrap().count();
    let before = files();
    let (told, _) = get(&LargeReports::start(MIB, u64::MAX));
    fails(&told, 5, "", "");
    assert_eq!(files(), before, "a part of it is left");
}

#[test]
fn the_task_managers_address_is_masked_unless_it_is_asked_for() {
    let world = world();
    let masked = world.run(&["consumer-link", "--user", "going-1"]);
    assert_eq!(json(&masked)["url"], "…(masked)");
    assert!(
        !masked.stdout.contains("rq=") && masked.stderr.contains("--reveal shows it"),
        "{masked:?}"
    );
    let given = [
        "consumer-link",
        "--user",
        "going-1",
        "--reveal",
        "--callback",
        "https://app.example.test/back",
    ];
    let link = told(&world, &given);
    let url = link["url"].as_str().unwrap();
    assert!(
        url.contains("rq=") && url.ends_with("callback=https%3A%2F%2Fapp.example.test%2Fback"),
        "{url}"
    );
    assert_eq!(link["expires_in"], 8 * 3600);
}

#[test]
fn a_subscription_is_made_found_and_ended() {
    let world = world();
    let who = ["--user", "going-1", "--email", "producer-9@example.test"];
    let add = [
        &["subscriptions", "add"][..],
        &who,
        &["--first-name", "Proda", "--last-name", "Fixture"],
    ]
    .concat();
    let made = told(&world, &add);
    let id = made["id"].as_str().expect("the sandbox gives one");
    assert_eq!(made["subscriber_first_name"], "Proda");
    let again = world.run(&add);
    fails(&again, 4, "the service refused", "look how it stands");
    let listed = told(&world, &[&["subscriptions", "list"][..], &who].concat());
    assert_eq!(listed[0]["id"], id);
    assert_eq!(told(&world, &["subscriptions", "get", id])["id"], id);
    assert_eq!(
        told(&world, &["subscriptions", "remove", id])["removed"],
        true
    );
    let gone = world.run(&["subscriptions", "get", id]);
    fails(
        &gone,
        4,
        "there is no subscription of this id",
        "subscriptions list",
    );
    let odd = world.run(&[
        "subscriptions",
        "add",
        "--user",
        "going-1",
        "--email",
        "nobody",
    ]);
    fails(
        &odd,
        2,
        "`subscriberEmail` must be an e-mail address",
        "correct the value",
    );
}

#[test]
fn a_call_by_hand_goes_to_the_admin_api_alone() {
    let world = world();
    let call = |words: &[&str]| {
        crate::support::run(&mut world.command(&[&["admin", "call"], words].concat()))
    };
    let users = call(&["GET", "/api/v1/users", "--query", "clientUserId=done-1"]);
    assert_eq!(json(&users)[0]["clientUserId"], "done-1");
    let data = call(&["GET", "/v1/human/profile", "--user", "done-1"]);
    fails(&data, 2, "the path is not the Admin API's", "humanapi api");
}
