//! The launcher for browsers: its size, its hash, and that it reads as core reads.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use humanapi_client::connect::{CONNECT_JS, CONNECT_JS_INTEGRITY, CONNECT_JS_TYPE};
use humanapi_core::connect::{
    ConnectEvent, ConnectOutcome, ConnectReport, ConnectStatus, ConnectedSource, ProviderRequest,
};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

const LARGEST: usize = 4096;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("connect-js")
}

#[test]
fn it_takes_at_most_4_kib_on_the_wire() {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(CONNECT_JS.as_bytes()).unwrap();
    let size = gzip.finish().unwrap().len();
    assert!(
        size <= LARGEST,
        "{size} bytes compressed, {LARGEST} at most"
    );
}

#[test]
fn its_hash_is_that_of_its_bytes() {
    let hash = STANDARD.encode(Sha256::digest(CONNECT_JS));
    assert_eq!(CONNECT_JS_INTEGRITY, format!("sha256-{hash}"));
    assert!(CONNECT_JS_TYPE.starts_with("text/javascript"));
}

#[test]
fn it_writes_no_markup_and_no_style_into_the_page() {
    for banned in [
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
        "new Function",
        "\"style\"",
        "cssText",
        "<!--",
        "</script",
        "console.",
        "localStorage",
    ] {
        assert!(!CONNECT_JS.contains(banned), "{banned}");
    }
}

/// All that a report says, in an order of its own.
fn all_of(report: &ConnectReport) -> Value {
    let sources = |sources: &[ConnectedSource]| {
        let told = sources.iter().map(|one| (&one.name, &one.id));
        serde_json::to_value(told.collect::<Vec<_>>()).expect("texts are JSON")
    };
    let providers = |providers: &[ProviderRequest]| {
        let told = providers.iter().map(|one| {
            let place = one.location.map(|place| (place.latitude, place.longitude));
            (
                (&one.address, &one.health_system),
                (&one.physician, &one.website, place),
            )
        });
        serde_json::to_value(told.collect::<Vec<_>>()).expect("texts are JSON")
    };
    serde_json::json!({
        "event": format!("{:?}", report.event),
        "status": format!("{:?}", report.status),
        "connected": sources(&report.connected),
        "disconnected": sources(&report.disconnected),
        "requested": providers(&report.requested),
        "current": sources(&report.current_connections),
        "requested so far": providers(&report.requested_providers),
        "code": report.auth_code.as_ref().map(|code| (code.expose_secret(), code.expires_at_millis)),
        "tells": report.tells_sources,
        "dismissed": report.dismissed,
        "extra": report.extra,
    })
}

#[test]
fn core_reads_what_is_posted_as_it_reads_what_connect_sent() {
    for form in forms() {
        let what = &form["what"];
        let data = match &form["data"] {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let read = |data: &str| ConnectReport::from_json(data.as_bytes()).unwrap();
        let sent = read(&data);
        let posted = serde_json::json!({ "message": form["data"], "dismissed": false });
        let posted = read(&posted.to_string());
        assert_eq!(all_of(&sent), all_of(&posted), "{what}");
        // A page that posts the whole report loses nothing either.
        let whole = read(&form["normal"].to_string());
        assert_eq!(all_of(&sent), all_of(&whole), "{what}");
        let next = |report: ConnectReport| ConnectOutcome::from(report).next_step();
        assert_eq!(next(sent), next(posted), "{what}");
    }
}

#[test]
fn the_page_is_told_what_core_reads() {
    for form in forms() {
        let report = ConnectReport::from_json(form["normal"].to_string().as_bytes()).unwrap();
        let mut normal = form["normal"].clone();
        let fields = normal.as_object_mut().unwrap();
        assert_eq!(fields.remove("message").as_ref(), Some(&form["data"]));
        let event = report.event.as_ref().map(|event| match event {
            ConnectEvent::Connect => "connect",
            ConnectEvent::Disconnect => "disconnect",
            ConnectEvent::Close => "close",
            other => panic!("{other:?}"),
        });
        let status = report.status.as_ref().map(|status| match status {
            ConnectStatus::Success => "SUCCESS",
            ConnectStatus::ConnectedSource => "CONNECTED_SOURCE",
            ConnectStatus::SessionTokenExpired => "SESSION_TOKEN_EXPIRED",
            other => panic!("{other:?}"),
        });
        let sources = |sources: &[ConnectedSource]| -> Vec<Value> {
            let told = sources.iter();
            told.map(|one| serde_json::json!({ "name": one.name, "id": one.id }))
                .collect()
        };
        let providers = |providers: &[ProviderRequest]| -> Vec<Value> {
            let told = providers.iter().map(|one| {
                let location = one.location.map(
                    |place| serde_json::json!({ "latitude": place.latitude, "longitude": place.longitude }),
                );
                serde_json::json!({
                    "address": one.address, "healthSystem": one.health_system, "location": location,
                    "physician": one.physician, "website": one.website,
                })
            });
            told.collect()
        };
        let read = serde_json::json!({
            "event": event,
            "status": status,
            "tellsSources": report.tells_sources,
            "connected": sources(&report.connected),
            "disconnected": sources(&report.disconnected),
            "requested": providers(&report.requested),
            "currentConnections": sources(&report.current_connections),
            "requestedProviders": providers(&report.requested_providers),
            "dismissed": report.dismissed,
        });
        assert_eq!(normal, read, "{}", form["what"]);
    }
}

fn forms() -> Vec<Value> {
    let forms =
        std::fs::read_to_string(folder().join("test/forms.json")).expect("the forms are there");
    let forms: Vec<Value> = serde_json::from_str(&forms).expect("the forms are JSON");
    assert!(forms.len() >= 10);
    forms
}

#[test]
fn its_own_tests_pass() {
    let Ok(found) = Command::new("node").arg("--version").output() else {
        return skip("its_own_tests_pass", "node");
    };
    let version = String::from_utf8_lossy(&found.stdout).into_owned();
    let major = version.trim().trim_start_matches('v').split('.').next();
    let major = major.and_then(|text| text.parse::<u32>().ok());
    if major.is_none_or(|major| major < 20) {
        return skip("its_own_tests_pass", "node 20 or later");
    }
    let run = Command::new("node")
        .args(["--test", "test/connect.test.js"])
        .current_dir(folder())
        .output()
        .unwrap();
    assert!(
        run.status.success(),
        "{}{}",
        String::from_utf8_lossy(&run.stdout),
        String::from_utf8_lossy(&run.stderr)
    );
}

/// Adds a line to the list of what was skipped, or fails where nothing may be.
fn skip(test: &str, program: &str) {
    let line = format!("{test}: {program} is missing\n");
    let all_required = std::env::var_os("HUMANAPI_REQUIRE_ALL").is_some_and(|value| value == "1");
    assert!(!all_required, "{line}");
    if let Some(path) = std::env::var_os("HUMANAPI_SKIPPED") {
        // One write to a file opened for appending: tests run side by side.
        let mut file = std::fs::File::options()
            .create(true)
            .append(true)
            .open(path)
            .expect("xtask made the file");
        file.write_all(line.as_bytes())
            .expect("the file takes one more line");
    }
}
