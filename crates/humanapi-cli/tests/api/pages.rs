//! `--paginate`: every list that comes on pages, whoever may read it, and nothing that is no list.

use humanapi_core::data::{Operation, ROUTES, Route};
use humanapi_sandbox::DemoApp;
use serde_json::Value;

use crate::support::run;
use crate::{answer, api, sandbox, serve, told, with};

/// A path of a route, with something in each of its gaps.
fn path(route: &Route, app: &str) -> String {
    (route.path)
        .replace("{id}", "none")
        .replace("{day}", "2026-01-15")
        .replace("{clientId}", app)
        .replace("{humanId}", "none")
}

#[test]
fn every_route_that_gives_a_list_is_read_to_its_end_and_no_other_is_asked() {
    let sandbox = sandbox();
    let app = sandbox.app(DemoApp::Connect);
    let (mut lists, mut records, mut others) = (0, 0, 0);
    for route in ROUTES.iter().filter(|route| route.method == "GET") {
        let path = path(route, &app.client_id);
        let user: &[&str] = match path.starts_with("/v1/apps") {
            true => &[],
            false => &["--user", "ill"],
        };
        let words = [&["GET", &path, "--paginate"], user].concat();
        let mut command = with(&words, sandbox.url(), &app);
        let asked = sandbox.control().requests().len();
        let told = run(command.env("HUMANAPI_APP_KEY", &app.app_key));
        if route.is_list() {
            assert_eq!(
                (told.code, told.stderr.as_str()),
                (Some(0), ""),
                "{path}: {told:?}"
            );
            let all: Vec<Value> = serde_json::from_str(&told.stdout).expect("an array");
            lists += 1;
            records += all.len();
        } else {
            assert_eq!(
                (told.code, told.stdout.as_str()),
                (Some(2), ""),
                "{path}: {told:?}"
            );
            assert!(told.stderr.contains("--paginate"), "{path}: {told:?}");
            assert_eq!(sandbox.control().requests().len(), asked, "{path}");
            others += 1;
        }
    }
    let all = ROUTES.iter().filter(|route| route.method == "GET").count();
    assert_eq!(lists + others, all);
    let batches = |route: &&Route| route.operation == Operation::Batch;
    assert!(
        lists > 35 + ROUTES.iter().filter(batches).count(),
        "{lists} lists"
    );
    assert!(records > 500, "{records} records");
}

#[test]
fn what_is_about_all_users_takes_the_app_key_and_nothing_else() {
    let sandbox = sandbox();
    let app = sandbox.app(DemoApp::Connect);
    let path = format!("/v1/apps/{}/users/activities", app.client_id);
    let words = ["GET", &path, "--paginate"];
    let mut command = with(&words, sandbox.url(), &app);
    let told = run(command.env_remove("HUMANAPI_CLIENT_SECRET"));
    assert_eq!(told.code, Some(3), "{told:?}");
    assert!(told.stderr.contains("there is no app key"), "{told:?}");
    assert_eq!(sandbox.control().requests().len(), 0);
    // No client id and no secret are needed.
    let mut command = with(&words, sandbox.url(), &app);
    command.env_remove("HUMANAPI_CLIENT_SECRET");
    let told = run(command.env("HUMANAPI_APP_KEY", &app.app_key));
    assert_eq!(told.code, Some(0), "{told:?}");
    let all: Vec<Value> = serde_json::from_str(&told.stdout).expect("an array");
    assert!(!all.is_empty());
    let folder = tempfile::tempdir().expect("there is room");
    let file = folder.path().join("key");
    std::fs::write(&file, format!("{}\n", app.app_key)).expect("there is room");
    let small = [
        &words[..],
        &[
            "--query",
            "limit=7",
            "--app-key-file",
            file.to_str().expect("it has a plain name"),
        ],
    ]
    .concat();
    let mut command = with(&small, sandbox.url(), &app);
    let by_file = run(command.env_remove("HUMANAPI_CLIENT_SECRET"));
    assert_eq!(by_file.stdout, told.stdout, "{by_file:?}");
    let mut command = with(&words, sandbox.url(), &app);
    let told = run(command.env("HUMANAPI_APP_KEY", "canary"));
    assert_eq!((told.code, told.stdout.as_str()), (Some(3), ""), "{told:?}");
    assert!(told.stderr.contains("the app key"), "{told:?}");
    assert!(!told.stderr.contains("canary"), "{told:?}");
}

#[test]
fn lists_of_the_admin_api_are_read_until_a_page_is_empty() {
    let sandbox = sandbox();
    let app = sandbox.app(DemoApp::Hip);
    let pages = |bodies: &[&str]| {
        serve(
            bodies
                .iter()
                .map(|body| answer("200 OK", "", body))
                .collect(),
        )
    };
    let (admin, requests) = pages(&[
        r#"[{"humanId":"a"}, {"humanId": "b"}]"#,
        r#"[{"humanId":"c"}]"#,
        "[]",
    ]);
    let words = |path| ["GET", path, "--paginate", "--admin-url"];
    let told = run(&mut with(
        &[&words("/api/v1/users?offset=1&x=y")[..], &[&admin]].concat(),
        sandbox.url(),
        &app,
    ));
    assert_eq!(told.code, Some(0), "{told:?}");
    assert_eq!(
        told.stdout,
        "[{\"humanId\":\"a\"},\n{\"humanId\": \"b\"},\n{\"humanId\":\"c\"}]\n"
    );
    for offset in [1, 3, 4] {
        let request = requests.recv().expect("it was asked");
        let line = format!("GET /api/v1/users?x=y&offset={offset} HTTP/1.1\r\n");
        assert!(request.starts_with(&line), "{request}");
        assert!(
            request.to_lowercase().contains("authorization: bearer "),
            "{request}"
        );
    }
    // A page that comes again, for ever, and what is no list.
    let again = r#"[{"id":"a"}]"#;
    for (bodies, said) in [
        (&[again, again, again][..], "the list goes round"),
        (&[r#"{"id":"a"}"#], "is no list"),
    ] {
        let (admin, _requests) = pages(bodies);
        let words = words("/api/v1/subscriptions");
        let told = run(&mut with(
            &[&words[..], &[&admin]].concat(),
            sandbox.url(),
            &app,
        ));
        assert_eq!(told.code, Some(6), "{told:?}");
        assert!(told.stderr.contains(said), "{told:?}");
    }
    for path in [
        "/api/v1/order-types",
        "/api/v1/users/providers?humanId=a",
        "/api/v1/user/reports",
        "/api/v1/user/reports/r-1",
        "/api/v1/users/a",
        "/api/v1/subscriptions/s-1",
    ] {
        let told = api(&sandbox, &["GET", path, "--paginate"]);
        assert_eq!(
            (told.code, told.stdout.as_str()),
            (Some(2), ""),
            "{path}: {told:?}"
        );
    }
}

/// Part of a list is not taken for all of it.
#[test]
fn a_list_of_the_admin_api_that_is_gone_before_its_end_is_an_error() {
    let sandbox = sandbox();
    let app = sandbox.app(DemoApp::Hip);
    let folder = tempfile::tempdir().expect("there is room");
    let file = folder.path().join("users.json");
    std::fs::write(&file, "before").expect("there is room");
    let name = file.to_str().expect("it has a plain name");
    let gone = || {
        answer(
            "404 Not Found",
            "Content-Type: application/json\r\n",
            r#"{"statusCode":404,"error":"Not Found","message":"Not Found"}"#,
        )
    };
    let page = || answer("200 OK", "", r#"[{"humanId":"a"}]"#);
    for answers in [vec![gone()], vec![page(), gone()]] {
        let (admin, _requests) = serve(answers);
        let words = ["GET", "/api/v1/users", "--paginate", "--output", name];
        let words = [&words[..], &["--admin-url", &admin]].concat();
        let told = run(&mut with(&words, sandbox.url(), &app));
        assert_eq!(told.code, Some(4), "{told:?}");
        let kept = std::fs::read_to_string(&file).expect("it is there");
        assert_eq!(kept, "before");
    }
}

#[test]
fn a_file_gets_all_pages_or_none() {
    let sandbox = sandbox();
    let folder = tempfile::tempdir().expect("there is room");
    let file = folder.path().join("vitals.json");
    let file = file.to_str().expect("it has a plain name");
    let words = [
        "GET",
        "/v1/human/medical/vitals",
        "--user",
        "ill",
        "--paginate",
    ];
    let to_file = [&words[..], &["--output", file, "--query", "limit=3"]].concat();
    assert_eq!(told(&sandbox, &to_file), "");
    let written = std::fs::read_to_string(file).expect("it is there");
    assert_eq!(written, told(&sandbox, &words));
}
