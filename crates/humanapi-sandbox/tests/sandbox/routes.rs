//! Every route of the table, as the sandbox's own OpenAPI document tells it.

use http::Method;
use humanapi_sandbox::{Assumption, Persona};
use serde_json::{Value, json};

use crate::support::*;

/// The document that the sandbox makes of its table.
fn document(s: &Offline) -> Value {
    body(&s.get("/sandbox/openapi.json", &[]))
}

/// The paths of an area that are read, as they are written in the document.
fn patterns(s: &Offline, area: &str) -> Vec<String> {
    document(s)["paths"]
        .as_object()
        .unwrap()
        .iter()
        .filter(|(_, methods)| methods["get"]["tags"][0] == area)
        .map(|(path, _)| path.clone())
        .collect()
}

/// A path with what its parameters may be: the first id of the list above, or one that nobody has.
fn filled(s: &Offline, pattern: &str) -> String {
    let above = pattern.split("/{").next().unwrap();
    let list = s.read(above, "demo");
    let first = if list.status() == 200 {
        body(&list)[0]["id"].as_str().map(str::to_owned)
    } else {
        None
    };
    let id = first.unwrap_or_else(|| "0".repeat(24));
    let path = pattern
        .replace("{id_or_day}", &id)
        .replace("{id}", &id)
        .replace("{day}", "2026-01-14");
    match pattern {
        "/v1/human/genetic/genotypes" => format!("{path}?locations=rs4988235"),
        _ => path,
    }
}

#[test]
fn every_route_of_health_data_answers_as_documented() {
    let s = Offline::new();
    let patterns = patterns(&s, "data");
    assert!(patterns.len() > 100, "{}", patterns.len());
    for pattern in patterns {
        let path = filled(&s, &pattern);
        let get = s.read(&path, "demo");
        let names_one = pattern.contains('{') || pattern.ends_with("/summary");
        match get.status().as_u16() {
            200 => {}
            // The demo user has no such record.
            404 if names_one || pattern == "/v1/human/medical/profile" => {}
            status => panic!("{path}: {status}"),
        }
        if get.status() == 200 && !pattern.ends_with("/raw") {
            let read = body(&get);
            assert!(read.is_array() || read.is_object(), "{path}: {read}");
        }
        for name in ["access-control-allow-origin", "access-control-max-age"] {
            assert!(header(&get, name).is_some(), "{path}: {name}");
        }

        let bare = s.get(&path, &[]);
        assert_eq!(bare.status(), 401, "{path}");
        assert_eq!(header(&bare, "www-authenticate"), Some("Bearer"), "{path}");

        let bearer = ("authorization", "Bearer demo");
        for method in [Method::POST, Method::PUT, Method::DELETE, Method::PATCH] {
            let refused = s.send(request(method, &path, &[bearer], ""));
            assert_eq!(refused.status(), 405, "{path}");
            assert_eq!(header(&refused, "allow"), Some("OPTIONS, GET, HEAD"));
        }
        let options = s.send(request(Method::OPTIONS, &path, &[], ""));
        assert_eq!(options.status(), 204, "{path}");

        let head = s.send(request(Method::HEAD, &path, &[bearer], ""));
        assert_eq!(head.status(), get.status(), "{path}");
        assert!(head.body().is_empty(), "{path}");
        for name in ["etag", "link", "x-total-count", "content-type"] {
            assert_eq!(header(&head, name), header(&get, name), "{path}: {name}");
        }
        if let Some(etag) = header(&get, "etag") {
            let again = s.get(&path, &[bearer, ("if-none-match", etag)]);
            assert_eq!(
                (again.status().as_u16(), again.body().len()),
                (304, 0),
                "{path}"
            );
        }

        let slashed = format!("{}/", path.split('?').next().unwrap());
        let query = path
            .split_once('?')
            .map_or_else(String::new, |(_, query)| format!("?{query}"));
        let slashed = s.read(&format!("{slashed}{query}"), "demo");
        assert_eq!(slashed.status(), get.status(), "{path} with a slash");
        let shouted = s.read(&path.replace("human", "HUMAN"), "demo");
        assert_eq!(shouted.status(), get.status(), "{path} in capitals");
        if get.status() == 200 {
            assert_eq!(shouted.body(), get.body(), "{path} in capitals");
        }
    }
}

#[test]
fn a_user_of_whom_nothing_is_known_has_the_documented_empty_forms() {
    let s = Offline::new();
    let token = s.access("u", &["strider", "pulseband", "sandbox_clinic"]);
    s.persona("u", Persona::Empty);
    for pattern in patterns(&s, "data") {
        let path = pattern
            .replace("{id_or_day}", "2026-01-14")
            .replace("{id}", &"0".repeat(24))
            .replace("{day}", "2026-01-14");
        let path = path.replace("genotypes", "genotypes?locations=rs1+rs2");
        let response = s.read(&path, &token);
        let last = pattern.rsplit('/').next().unwrap();
        let is_measurement = [
            "glucose", "oxygen", "pressure", "bmi", "fat", "rate", "height", "weight",
        ]
        .iter()
        .any(|end| last.ends_with(end));
        if ["/v1/human", "/v1/human/profile", "/v1/human/sources"].contains(&pattern.as_str()) {
            assert_eq!(response.status(), 200, "{path}");
        } else if is_measurement || last == "summary" {
            assert_eq!(
                (response.status().as_u16(), body(&response)),
                (200, json!({})),
                "{path}"
            );
        } else if pattern.contains("daily/")
            || pattern.contains("readings/{id_or_day}")
            || !pattern.contains('{') && last != "profile"
        {
            // Organizations are those that are connected, whatever they know.
            if last != "organizations" {
                assert_eq!(
                    (response.status().as_u16(), body(&response)),
                    (200, json!([])),
                    "{path}"
                );
            }
        } else {
            assert_eq!(response.status(), 404, "{path}");
        }
    }
}

#[test]
fn every_place_that_the_service_is_known_to_have_is_there() {
    let s = Offline::new();
    let patterns = patterns(&s, "data");
    let mut expected = Vec::new();
    let mut expect = |path: &str| expected.push(format!("/v1/human{path}"));
    for path in [
        "",
        "/profile",
        "/sources",
        "/food/meals",
        "/food/meals/{id}",
        "/genetic/traits",
        "/genetic/genotypes",
    ] {
        expect(path);
    }
    for path in ["activities", "sleeps", "locations"] {
        for rest in ["", "/{id}", "/daily/{day}"] {
            expect(&format!("/{path}{rest}"));
        }
    }
    for path in ["activities", "sleeps", "heart_rate"] {
        expect(&format!("/{path}/summaries"));
        expect(&format!("/{path}/summaries/{{id_or_day}}"));
        if path != "heart_rate" {
            expect(&format!("/{path}/summary"));
            expect(&format!("/{path}/summary/{{day}}"));
        }
    }
    for path in [
        "blood_glucose",
        "blood_oxygen",
        "blood_pressure",
        "bmi",
        "body_fat",
        "heart_rate",
        "height",
        "weight",
    ] {
        for rest in [
            "",
            "/readings",
            "/readings/{id_or_day}",
            "/{id}",
            "/readings/daily/{day}",
        ] {
            expect(&format!("/{path}{rest}"));
        }
    }
    for path in [
        "allergies",
        "encounters",
        "functional_statuses",
        "immunizations",
        "instructions",
        "issues",
        "medications",
        "narratives",
        "organizations",
        "plans_of_care",
        "procedures",
        "test_results",
        "vitals",
        "demographics",
        "social_history",
        "ccds",
    ] {
        expect(&format!("/medical/{path}"));
        expect(&format!("/medical/{path}/{{id}}"));
    }
    for path in [
        "profile",
        "timeline",
        "ccds/{id}/raw",
        "reports",
        "reports/{id}/raw",
    ] {
        expect(&format!("/medical/{path}"));
    }
    expected.sort();
    let mut found = patterns;
    found.sort();
    assert_eq!(found, expected);
}

#[test]
fn dead_spellings_lead_nowhere_unless_told_otherwise() {
    let s = Offline::new();
    let dead = [
        "activity",
        "sleep",
        "location",
        "activity/series/2013-05-01",
        "sleep/series/2013-05-01",
        "location/series/2013-05-01",
        "test_results",
        "meals",
        "genetic_traits",
        "food/meals/daily/2026-01-14",
        "medical/documents",
        "medical/family_history",
        "medical/vitals/1/raw",
        "weight/daily/2026-01-14",
        "medical/reports/1",
        "medical/timeline/1",
        "medical/ccds/1/raw/2",
    ];
    for path in dead {
        let path = format!("/v1/human/{path}");
        assert_eq!(s.read(&path, "demo").status(), 404, "{path}");
        assert_eq!(
            s.get(&path, &[]).status(),
            401,
            "{path} tells strangers nothing"
        );
    }
    s.assume(Assumption::UnknownPaths, "empty-list");
    for path in dead {
        let found = s.read(&format!("/v1/human/{path}"), "demo");
        let exists = ["medical/vitals/1/raw", "medical/documents"].contains(&path);
        if exists || !path.contains('/') {
            assert_eq!(body(&found), json!([]), "{path}");
        }
    }
    assert_eq!(
        s.read("/v1/human/activities/none", "demo").status(),
        404,
        "a record is no path"
    );
}

#[test]
fn the_document_is_valid_openapi() {
    let s = Offline::new();
    let text = s.get("/sandbox/openapi.json", &[]).into_body();
    assert_eq!(document(&s)["openapi"], "3.1.0");
    let program = "openapi-spec-validator";
    let child = std::process::Command::new(program)
        .arg("-")
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn();
    let Ok(mut child) = child else {
        humanapi_testkit::skip("the_document_is_valid_openapi", program);
        return;
    };
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), &text).unwrap();
    let output = child.wait_with_output().unwrap();
    let complaint = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{complaint}");
}

/// Every route honours the end of a token, whichever way it ended.
#[test]
fn tokens_that_have_ended_open_no_route() {
    let s = Offline::new();
    let control = s.sandbox.control();
    let expired = s.access("u", &["strider"]);
    control
        .advance_clock(std::time::Duration::from_secs(86_400))
        .unwrap();
    let revoked = s.access("v", &["strider"]);
    control.revoke_token(&revoked).unwrap();
    let valid = s.access("w", &["strider"]);
    for pattern in patterns(&s, "data") {
        let path = filled(&s, &pattern);
        for token in [&expired, &revoked] {
            assert_eq!(s.read(&path, token).status(), 401, "{path}");
        }
        assert_ne!(s.read(&path, &valid).status(), 401, "{path}");
        let sign = if path.contains('?') { '&' } else { '?' };
        for (token, is_open) in [("demo", true), (revoked.as_str(), false)] {
            let in_query = s.get(&format!("{path}{sign}access_token={token}"), &[]);
            assert_eq!(in_query.status() != 401, is_open, "{path}");
        }
    }
}

#[test]
fn the_list_of_assumptions_and_the_switches_are_the_same() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/assumptions.md");
    let text = std::fs::read_to_string(path).unwrap();
    let switches: std::collections::BTreeSet<_> = text
        .lines()
        .filter(|line| line.starts_with('|'))
        .filter_map(|line| line.trim_end_matches('|').rsplit('|').next())
        .flat_map(|cell| cell.split('`').skip(1).step_by(2))
        .filter(|switch| !switch.starts_with("POST "))
        .collect();
    let names: std::collections::BTreeSet<_> = Assumption::ALL
        .iter()
        .map(|assumption| assumption.name())
        .collect();
    assert_eq!(switches, names);
}
