//! Answers that repeat what opens something: none of it is shown, unless it is asked for.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use humanapi_sandbox::DemoApp;

use crate::support::run;
use crate::{answer, sandbox, with};

/// A server that refuses the first token it sees, and from then on repeats in its head and its body every token that it
/// was sent and what it is told. It hands out the tokens.
fn echo(status: &'static str, also: String) -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has free ports");
    let url = format!("http://{}", listener.local_addr().expect("it is bound"));
    let (give, take) = channel();
    thread::spawn(move || {
        let mut seen: Vec<String> = Vec::new();
        while let Ok((mut stream, _)) = listener.accept() {
            let mut bytes = [0; 8192];
            let read = stream.read(&mut bytes).unwrap_or(0);
            let request = String::from_utf8_lossy(&bytes[..read]).into_owned();
            let token = request.lines().find_map(|line| {
                let (name, value) = line.split_once(": ")?;
                let is_it = name.eq_ignore_ascii_case("authorization");
                is_it.then(|| value.split_once(' ').map(|(_, token)| token.to_owned()))?
            });
            let token = token.unwrap_or_default();
            seen.push(token.clone());
            let said = if seen.len() == 1 {
                answer(
                    "401 Unauthorized",
                    "Content-Type: application/json\r\n",
                    r#"{"statusCode":401,"error":"Unauthorized","message":"expired"}"#,
                )
            } else {
                let all = format!("{} {also}", seen.join(" "));
                let fields = format!(
                    "Content-Type: text/plain\r\nX-Echo: {all}\r\nSet-Cookie: a=cookie\r\nLocation: /x?limit=5&token={}\r\n",
                    seen[0]
                );
                answer(status, &fields, &format!("[\"{all}\"]"))
            };
            let _ = stream.write_all(&said);
            let _ = give.send(token);
        }
    });
    (url, take)
}

#[test]
fn no_secret_that_a_server_repeats_is_shown_unless_that_is_asked_for() {
    let sandbox = sandbox();
    let app = sandbox.app(DemoApp::Connect);
    let folder = tempfile::tempdir().expect("there is room");
    let file = folder.path().join("answer");
    let file = file.to_str().expect("it has a plain name");
    for status in ["200 OK", "404 Not Found"] {
        for (more, is_shown) in [
            (&[][..], false),
            (&["--reveal"], true),
            (&["--output", file], false),
        ] {
            let (data, tokens) = echo(status, app.client_secret.clone());
            let words = [
                "GET",
                "/v1/human/moods",
                "--user",
                "ill",
                "--include",
                "-vv",
            ];
            let words = [&words[..], &["--data-url", &data], more].concat();
            let told = run(&mut with(&words, sandbox.url(), &app));
            let first = tokens.recv().expect("it was asked");
            let second = tokens.recv().expect("it was asked again");
            assert!(!first.is_empty() && first != second, "a token was renewed");
            let name = format!("{status} {more:?}: {told:?}");
            for secret in [&first, &second, &app.client_secret] {
                assert_eq!(told.stdout.contains(secret.as_str()), is_shown, "{name}");
                assert!(!told.stderr.contains(secret.as_str()), "{name}");
            }
            assert_eq!(told.stdout.contains("a=cookie"), is_shown, "{name}");
            assert!(
                told.stdout.contains("location: /x?limit=5&token="),
                "{name}"
            );
            // What is masked is masked in the head and in the body, whichever is shown.
            let masks = told.stdout.matches("…(masked)").count();
            let all = match more {
                ["--output", ..] if status == "200 OK" => 5,
                _ => 8,
            };
            assert_eq!(masks, if is_shown { 0 } else { all }, "{name}");
        }
    }
    // A file has the answer as it came.
    let kept = std::fs::read_to_string(file).expect("it is there");
    assert!(kept.contains(&app.client_secret), "{kept}");
}

#[test]
fn an_app_key_that_a_server_repeats_is_not_shown() {
    let sandbox = sandbox();
    let app = sandbox.app(DemoApp::Connect);
    for status in ["200 OK", "403 Forbidden"] {
        let (data, tokens) = echo(status, "canary-key".to_owned());
        let words = ["GET", "/v1/apps/a/users", "--include", "--data-url", &data];
        let asks = || {
            let mut command = with(&words, sandbox.url(), &app);
            run(command.env("HUMANAPI_APP_KEY", "canary-key"))
        };
        // Nothing is renewed here: the first refusal is the end.
        assert_ne!(asks().code, Some(0));
        let told = asks();
        let sent = tokens.recv().expect("it was asked");
        assert!(!sent.is_empty());
        assert!(told.stdout.contains("…(masked)"), "{told:?}");
        for secret in [sent.as_str(), "canary-key"] {
            assert!(
                !told.stdout.contains(secret) && !told.stderr.contains(secret),
                "{told:?}"
            );
        }
    }
}
