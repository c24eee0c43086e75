//! Files of orders: what is right with them, what is wrong, and how often the same one is placed.

use super::{NAMES, PAPER, World, counts, fails, json, line, no_canary, run};
use crate::support::humanapi;

#[test]
fn a_dry_run_counts_the_orders_and_asks_for_nothing() {
    let world = World::open();
    let file = world.applicants("new.csv", &["a", "b", "c"]);
    // Without an application's id, secret, store or service.
    let told = run(&mut humanapi(["orders", "submit", &file, "--dry-run"]));
    assert_eq!(
        (told.code, counts(&told).as_str()),
        (Some(0), "new 3, orders 3"),
        "{told:?}"
    );
    let text = run(&mut humanapi([
        "orders",
        "submit",
        &file,
        "--dry-run",
        "--table",
    ]));
    assert_eq!(
        text.stdout,
        "3 orders checked. This would place 3 billable orders; nothing was sent.\n"
    );
    assert!(world.sandbox.control().requests().is_empty());
    world.submit(&world.applicants("some.csv", &["b"]), &[]);
    let store = world.store();
    let words = [
        &["orders", "submit", file.as_str(), "--dry-run"][..],
        &store.each(),
    ]
    .concat();
    let told = world.run(&words);
    assert_eq!(counts(&told), "new 2, orders 3, placed 1");
}

#[test]
fn every_order_is_checked_before_the_first_is_sent() {
    let world = World::open();
    let lines = line("a") + &line("b").replace("02134", "2134") + &line("c") + &line("a") + "d\n";
    let file = world.file("wrong.csv", format!("{NAMES}\n{lines}"));
    let told = world.submit(&file, &[]);
    fails(
        &told,
        2,
        "3 of 5 orders cannot be placed; nothing was sent",
        "correct what is told above",
    );
    for mistake in [
        "warning: line 3: `address.zip` must be five digits",
        "warning: line 5: an order before it has the same intent",
        "warning: line 6: 1 cells where there are 11 columns",
    ] {
        assert!(told.stderr.contains(mistake), "{told:?}");
    }
    assert!(world.sandbox.control().requests().is_empty() && told.stdout.is_empty());
}

#[test]
fn nothing_is_placed_that_nobody_confirmed_or_that_nothing_would_remember() {
    let world = World::open();
    let file = world.applicants("new.csv", &["a", "b"]);
    let store = world.store();
    let told = world.run(&[&["orders", "submit", file.as_str()][..], &store.each()].concat());
    fails(
        &told,
        2,
        "this would place 2 billable orders at http://127.0.0.1:",
        "add --yes; nothing was sent",
    );
    let told = world.run(&["orders", "submit", &file, "--yes"]);
    fails(&told, 2, "--store is missing", "humanapi store init");
    let told = world.run(&["orders", "submit", "/nowhere/at/all.csv", "--dry-run"]);
    fails(
        &told,
        2,
        "cannot read the file of orders: no such file",
        "check the path",
    );
    let results = world.path("no/such/folder.csv");
    let told = world.submit(&file, &["--results", &results]);
    fails(&told, 70, "cannot write the results", "--results names");
    let told = world.submit(&file, &["--results", &file]);
    fails(
        &told,
        2,
        "--results names the file of orders",
        "name another file; nothing was sent",
    );
    assert!(world.billed().is_empty());
}

#[test]
fn a_file_is_placed_once_however_often_it_is_given_and_however_it_is_sorted_or_corrected() {
    let world = World::open();
    let results = world.path("done.csv");
    let file = world.applicants("new.csv", &["p-1", "p-2", "p-3"]);
    let told = world.submit(&file, &["--results", &results]);
    assert_eq!(
        (told.code, counts(&told).as_str()),
        (Some(0), "orders 3, placed 3"),
        "{told:?}"
    );
    assert_eq!(world.billed(), ["p-1", "p-2", "p-3"]);
    let written = std::fs::read_to_string(&results).unwrap();
    let rows: Vec<&str> = written.lines().collect();
    assert_eq!(
        rows[0],
        "place,client_user_id,intent,result,human_id,reason"
    );
    for (at, id) in [(1, "p-1"), (2, "p-2"), (3, "p-3")] {
        let begin = format!("{},{id},{id}/full,placed,", at + 1);
        let human_id = rows[at]
            .strip_prefix(&begin)
            .and_then(|rest| rest.strip_suffix(','));
        assert!(human_id.is_some_and(|id| id.len() == 32), "{written}");
    }
    // Sorted otherwise, with another telephone number, and one more.
    let corrected: String = ["p-3", "p-4", "p-1", "p-2"].map(line).concat();
    let corrected = format!(
        "{NAMES},phone\n{}",
        corrected.replace('\n', ",555-010-0199\n")
    );
    let file = world.file("corrected.csv", corrected);
    let told = world.submit(&file, &["--results", &results]);
    assert_eq!(counts(&told), "already 3, orders 4, placed 1");
    assert_eq!(world.billed(), ["p-1", "p-2", "p-3", "p-4"]);
    assert!(
        std::fs::read_to_string(&results)
            .unwrap()
            .contains("2,p-3,p-3/full,already,")
    );
    // The same as JSON, the first of which is an order of its own by its intent.
    let json_file = r#"[{"clientUserId":"p-1","clientUserEmail":"p-1@example.test","firstName":"Quillona",
        "lastName":"Vexworthington","dateOfBirth":"11/26/1931","orderType":"full"}]"#;
    let told = world.submit(&world.file("same.json", json_file), &[]);
    assert_eq!(counts(&told), "already 1, orders 1");
    // Another name under the same key is another order's.
    let other = format!("{NAMES}\n{}", line("p-1").replace("Quillona", "Quillon"));
    let told = world.submit(&world.file("other.csv", other), &[]);
    fails(
        &told,
        2,
        "1 of 1 orders cannot be placed",
        "correct what is told above",
    );
    assert!(
        told.stderr
            .contains("line 2: its intent was written for an order with another user")
    );
    assert_eq!(world.billed().len(), 4);
}

#[test]
fn orders_come_on_standard_input_too_and_papers_from_beside_the_file() {
    use std::io::Write as _;
    use std::process::Stdio;

    let world = World::open();
    let store = world.store();
    let words = [&["orders", "submit", "-", "--yes"][..], &store.each()].concat();
    let mut command = world.command(&words);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let text = format!("{NAMES}\n{}", line("s-1"));
    child
        .stdin
        .take()
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
    let told = crate::support::ended(child);
    assert_eq!(counts(&told), "orders 1, placed 1", "{told:?}");
    no_canary(&told);

    world.file("signed.pdf", PAPER);
    world.file("picture.gif", b"GIF89a");
    let with = |paper: &str| {
        let text = format!(
            "{NAMES},attachments.0.path\n{},{paper}\n",
            line("s-2").trim_end()
        );
        world.submit(&world.file("papers.csv", text), &[])
    };
    let told = with("picture.gif");
    assert!(
        told.stderr
            .contains("line 2: `attachments` must be files of PDF or TIFF"),
        "{told:?}"
    );
    let told = with("nowhere.pdf");
    assert!(
        told.stderr
            .contains("line 2: `attachments`: cannot read a file"),
        "{told:?}"
    );
    let told = with("signed.pdf");
    assert_eq!(counts(&told), "orders 1, placed 1", "{told:?}");
    assert_eq!(world.billed(), ["s-1", "s-2"]);
    assert_eq!(json(&told)["placed"], 1);
    // What is placed is not read any more.
    std::fs::remove_file(world.path("signed.pdf")).unwrap();
    let told = with("signed.pdf");
    assert_eq!(counts(&told), "already 1, orders 1", "{told:?}");
}
