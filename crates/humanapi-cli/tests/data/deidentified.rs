//! `data export --deidentify` from a service whose every field tells who somebody is: none of it is in the folder.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use humanapi_core::data::{Operation, ROUTES, Route};
use humanapi_testkit::marks::{MARKS, marked_all_over, marks};
use serde_json::Value;
use tempfile::TempDir;

use crate::support::{Run, humanapi, run};

/// The key that the test gives, as a file has it.
const KEY: &str = "0707070707070707070707070707070707070707070707070707070707070707";

/// What the service has: of each user and path, the records.
type Held = BTreeMap<(usize, &'static str), Vec<String>>;

/// Each user is called by a mark of one kind.
fn users() -> Vec<&'static str> {
    MARKS.iter().map(|(_, marks)| marks[0]).collect()
}

fn is_exported(route: &&Route) -> bool {
    matches!(route.operation, Operation::List | Operation::Single)
}

/// Records with marks in all their fields, given out to the users one after another.
fn held() -> Held {
    let mut held = Held::new();
    let users = users().len();
    for route in ROUTES.iter().filter(is_exported) {
        let all = marked_all_over(route.fields);
        for (number, json) in all.into_iter().enumerate() {
            let mut record: Value = serde_json::from_str(&json).unwrap();
            // No list has an id twice; this one tells somebody as well.
            if let Some(id) = record.get_mut("id") {
                let mark = marks().nth(number % marks().count()).unwrap();
                *id = format!("{mark} {number}").into();
            }
            let of_user = held.entry((number % users, route.path)).or_default();
            // What a user has one of, the first mark of it is in.
            if route.operation == Operation::List || of_user.is_empty() {
                of_user.push(record.to_string());
            }
        }
    }
    held
}

/// A service with these records, on loopback.
fn serve(held: Held) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let held = Arc::new(held);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let held = Arc::clone(&held);
            // Whoever asked may have gone.
            thread::spawn(move || answer_all(stream, &held).ok());
        }
    });
    url
}

/// Answers one request after another on one connection.
fn answer_all(stream: TcpStream, held: &Held) -> std::io::Result<()> {
    let mut writer = stream.try_clone()?;
    let mut reader = BufReader::new(stream);
    loop {
        let (mut first, mut length, mut user) = (String::new(), 0, 0);
        if reader.read_line(&mut first)? == 0 {
            return Ok(());
        }
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            let line = line.trim().to_lowercase();
            if let Some(told) = line.strip_prefix("content-length: ") {
                length = told.parse().unwrap();
            }
            if let Some(token) = line.strip_prefix("authorization: bearer token-") {
                user = token.parse().unwrap();
            }
            if line.is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let target = first.split(' ').nth(1).unwrap();
        let answer = match target {
            "/v1/connect/token" => {
                let asked: Value = serde_json::from_slice(&body).unwrap();
                let user = users()
                    .iter()
                    .position(|user| asked["client_user_id"] == *user);
                let token = format!("token-{}", user.unwrap());
                format!(r#"{{"access_token":"{token}","expires_in":86400,"token_type":"Bearer"}}"#)
            }
            target => page(held, user, target),
        };
        write!(
            writer,
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{answer}",
            answer.len()
        )?;
    }
}

fn page(held: &Held, user: usize, target: &str) -> String {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let route = Route::at("GET", path).unwrap();
    let none = Vec::new();
    let records = held.get(&(user, route.path)).unwrap_or(&none);
    if route.operation == Operation::Single {
        return records.first().cloned().unwrap_or_else(|| "{}".to_owned());
    }
    let number = |name: &str| -> Option<usize> {
        let mut parts = query.split('&').filter_map(|part| part.split_once('='));
        let (_, number) = parts.find(|(key, _)| *key == name)?;
        number.parse().ok()
    };
    let (offset, limit) = match route.on_pages {
        true => (number("offset").unwrap_or(0), number("limit").unwrap_or(50)),
        false => (0, usize::MAX),
    };
    let page: Vec<&str> = records
        .iter()
        .skip(offset)
        .take(limit)
        .map(String::as_str)
        .collect();
    format!("[{}]", page.join(","))
}

fn export(url: &str, given: &[&str]) -> Run {
    let mut command = humanapi([&["data", "export", "--base-url", url], given].concat());
    command
        .env("HUMANAPI_CLIENT_ID", "a-client")
        .env("HUMANAPI_CLIENT_SECRET", "a-secret");
    run(&mut command)
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => all.extend(files(&path)),
            false => all.push(path),
        }
    }
    all
}

/// What stands in a file, as text.
fn contents(path: &Path) -> String {
    #[cfg(feature = "parquet")]
    if path
        .extension()
        .is_some_and(|extension| extension == "parquet")
    {
        use parquet::file::reader::FileReader as _;

        let reader =
            parquet::file::reader::SerializedFileReader::new(fs::File::open(path).unwrap());
        let reader = reader.unwrap();
        let rows = reader.get_row_iter(None).unwrap();
        return rows.map(|row| format!("{}\n", row.unwrap())).collect();
    }
    String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned()
}

/// The mark that stands in a text, with what is around it. Digits within a code or a hash are none.
fn marked(text: &str) -> Option<String> {
    let text = text.to_ascii_lowercase();
    let is_of_code = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_hexdigit);
    for mark in marks() {
        let mark = mark.to_ascii_lowercase();
        let is_number = mark.bytes().all(|byte| byte.is_ascii_digit());
        for (start, _) in text.match_indices(&mark) {
            let (before, after) = (
                &text.as_bytes()[..start],
                &text.as_bytes()[start + mark.len()..],
            );
            if !is_number || !is_of_code(before.last()) && !is_of_code(after.first()) {
                let around = start.saturating_sub(80)..(start + 60).min(text.len());
                return Some(String::from_utf8_lossy(&text.as_bytes()[around]).into_owned());
            }
        }
    }
    None
}

#[test]
fn no_mark_of_anybody_in_any_field_of_any_resource_is_in_the_folder_in_any_format() {
    let (place, held) = (TempDir::new().unwrap(), held());
    let records: usize = held.values().map(Vec::len).sum();
    assert!(records > 5_000, "{records}");
    // The search finds what is sent.
    assert!(
        held.values()
            .flatten()
            .all(|record| marked(record).is_some())
    );
    let url = serve(held);
    let list = place.path().join("users.txt");
    fs::write(&list, users().join("\n")).unwrap();
    let key = place.path().join("key");
    fs::write(&key, KEY).unwrap();
    let [list, key] = [&list, &key].map(|path| path.to_str().unwrap());
    let formats: &[&str] = match cfg!(feature = "parquet") {
        true => &["ndjson", "ndjson-envelope", "csv", "parquet", "arrow"],
        false => &["ndjson", "ndjson-envelope", "csv"],
    };
    for format in formats {
        let out = place.path().join(format);
        let mut given = vec![
            "--users",
            list,
            "--out",
            out.to_str().unwrap(),
            "--format",
            format,
            "--deidentify",
            "safe-harbor",
            "--key-file",
            key,
            "-v",
        ];
        if !format.starts_with("ndjson") {
            given.push("--values");
        }
        let told = export(&url, &given);
        assert_eq!(told.code, Some(0), "{format}: {}", told.stderr);
        let summary: Value = serde_json::from_str(&told.stdout).unwrap();
        assert_eq!(summary["records"], records, "{format}: {summary}");
        for resource in ROUTES.iter().filter(is_exported) {
            let name = resource.name.trim_start_matches("data.");
            let counts = &summary["deidentified"][name];
            assert!(
                counts["dropped"].as_u64() > Some(0),
                "{format}: {name} {counts}"
            );
            assert!(
                counts["unknown"].as_u64() > Some(0),
                "{format}: {name} {counts}"
            );
        }
        for (what, text) in [("stdout", told.stdout), ("stderr", told.stderr)] {
            assert_eq!(marked(&text), None, "{format}: {what}");
        }
        let (mut length, files) = (0, files(&out));
        for path in files {
            let text = contents(&path);
            length += text.len();
            let path = path.strip_prefix(&out).unwrap().to_str().unwrap();
            assert_eq!(marked(path), None, "{format}: a path");
            assert_eq!(marked(&text), None, "{format}: {path}");
        }
        assert!(
            length > 500_000,
            "{format}: there is something to search: {length}"
        );
        let manifest = fs::read(out.join("_manifest/export.json")).unwrap();
        let manifest: Value = serde_json::from_slice(&manifest).unwrap();
        let by = &manifest["deidentified"];
        assert_eq!(
            (&by["policy"], &by["dates"], &by["ids"]),
            (&"safe-harbor".into(), &"years".into(), &"keyed".into())
        );
        assert_eq!(by["sha256"].as_str().map(str::len), Some(64));
        assert!(manifest["fields"]["dropped"].as_u64() > Some(0));
    }
}

#[test]
fn a_folder_by_a_policy_takes_that_policy_and_key_alone_and_documents_are_refused() {
    let (place, held) = (TempDir::new().unwrap(), held());
    let url = serve(held);
    let file = |name: &str, text: &str| {
        let path = place.path().join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (key, other_key) = (file("key", KEY), file("other", &KEY.replace("07", "08")));
    let own =
        humanapi_export::Policy::safe_harbor_text().replace("ids = \"keyed\"", "ids = \"drop\"");
    let (own, torn) = (
        file("trial.toml", &own),
        file("torn.toml", "[settings]\ndates = 1\n"),
    );
    let out = place.path().join("out");
    let base = [
        "--user",
        users()[0],
        "--resources",
        "vitals",
        "--out",
        out.to_str().unwrap(),
    ];
    let ask = |given: &[&str]| export(&url, &[&base, given].concat());
    let told = ask(&["--deidentify", &own, "--key-file", &key]);
    assert_eq!(told.code, Some(0), "{told:?}");
    let manifest = fs::read_to_string(out.join("_manifest/export.json")).unwrap();
    assert!(manifest.contains("\"policy\": \"trial\""), "{manifest}");
    assert!(
        !out.join("_manifest/key").exists(),
        "who has the folder has no key"
    );
    let safe = ["--deidentify", "safe-harbor", "--key-file", &key];
    let refused: [(&[&str], &str); 7] = [
        (&[], "with de-identification other than"),
        (&safe, "with a policy of de-identification other than"),
        (
            &["--deidentify", &own, "--key-file", &other_key],
            "with a key other than",
        ),
        (&["--deidentify", &own], "--key-file"),
        (
            &["--deidentify", &torn, "--key-file", &key],
            "the policy is no file",
        ),
        (
            &["--deidentify", "/nonexistent", "--key-file", &key],
            "the policy cannot be read",
        ),
        (
            &[
                "--documents",
                "pdf",
                "--deidentify",
                &own,
                "--key-file",
                &key,
            ],
            "cannot be used with",
        ),
    ];
    for (given, said) in refused {
        let told = ask(given);
        assert_eq!(told.code, Some(2), "{given:?} {told:?}");
        assert!(told.stderr.contains(said), "{given:?} {}", told.stderr);
    }
    assert!(
        !out.join("_manifest/key").exists(),
        "none is drawn for what is refused"
    );
    let again = ask(&["--deidentify", &own, "--key-file", &key]);
    let again: Value = serde_json::from_str(&again.stdout).unwrap();
    assert_eq!(
        (&again["records"], &again["whole"]),
        (&0.into(), &true.into())
    );
    let dry = ask(&["--deidentify", &own, "--key-file", &key, "--dry-run"]);
    assert!(
        dry.stdout.contains("de-identified by trial") && dry.stdout.contains("ids = drop"),
        "{dry:?}"
    );
    let told = export(&url, &["--user", "x", "--resources", "vitals", "--values"]);
    assert_eq!(told.code, Some(2));
    assert!(told.stderr.contains("ndjson has no columns"), "{told:?}");
}
