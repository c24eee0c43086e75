//! Whatever a browser sends: read or refused, never a panic, and no name in what is shown.

use humanapi_core::connect::{
    AllowedCallbacks, Callback, CallbackError, ConnectEnd, ConnectOutcome, ConnectReport,
    LaunchError, LaunchForm, MAX_REPORT_SIZE, NextStep, NotAFunctionName, OpenOptions,
    PageFunctions, ReportError,
};
use proptest::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use static_assertions::{assert_impl_all, assert_not_impl_any};

// What opens Connect and what is told of a user's health are not written anywhere by chance.
assert_not_impl_any!(
    OpenOptions: Serialize, Deserialize<'static>, std::fmt::Display, ToString, AsRef<str>,
    std::ops::Deref, Into<String>, PartialEq, Default,
);
assert_not_impl_any!(ConnectOutcome: Serialize, std::fmt::Display);
assert_not_impl_any!(ConnectEnd: Serialize, std::fmt::Display);

// All of it crosses threads and outlives its maker.
assert_impl_all!(OpenOptions: Send, Sync, std::fmt::Debug);
assert_impl_all!(ConnectOutcome: Send, Sync, std::fmt::Debug);
assert_impl_all!(AllowedCallbacks: Send, Sync, std::fmt::Debug);
assert_impl_all!(PageFunctions: Send, Sync, std::fmt::Debug);
assert_impl_all!(LaunchForm: Send, Sync, std::fmt::Debug);
assert_impl_all!(LaunchError: Send, Sync, std::error::Error);
assert_impl_all!(CallbackError: Send, Sync, std::error::Error);
assert_impl_all!(NotAFunctionName: Send, Sync, std::error::Error);

/// Every form that is known, with a name in each place.
fn seeds() -> Vec<Vec<u8>> {
    let sources = json!([{"name": "canary", "id": "a1"}, {"name": "canary"}]);
    let requested = json!([{"address": "canary", "healthSystem": "N/A", "physician": "canary",
        "website": "canary", "location": {"latitude": 0.5, "longitude": -1}}]);
    let newest = json!({"type": "hapi-connect-close", "status": "SUCCESS",
        "sessionResults": {"connectedSources": sources, "disconnectedSources": sources,
            "requestedSources": requested},
        "currentConnections": sources, "requestedProviders": requested});
    let oldest = json!({"authCode": {"code": "canary", "expiresAt": 1_500_000_000_000_i64},
        "sessionResults": {"connected": sources, "disconnected": []}, "connections": sources});
    let posted = json!({"message": newest, "dismissed": true});
    let texts = [newest.to_string(), oldest.to_string(), posted.to_string()];
    let mut seeds: Vec<Vec<u8>> = texts.iter().map(|text| text.clone().into_bytes()).collect();
    seeds.push(Value::String(texts[0].clone()).to_string().into_bytes());
    seeds.push(b"hapi-connect-connect-source".to_vec());
    seeds.push(
        b"exampleapp://done?status=canary&sessionResults[connected]=[{\"name\":\"canary\"}]"
            .to_vec(),
    );
    seeds
}

/// Nothing shown has a name in it, and what is said to be done next fits what was read.
fn check(outcome: Result<ConnectOutcome, ReportError>, size: usize) -> Result<(), TestCaseError> {
    match outcome {
        Ok(outcome) => {
            prop_assert!(size <= MAX_REPORT_SIZE);
            let shown = format!("{outcome:?} {:?}", outcome.end);
            prop_assert!(!shown.contains("canary"), "{shown}");
            let changed = !outcome.connected.is_empty() || !outcome.disconnected.is_empty();
            let next = outcome.next_step();
            if changed {
                prop_assert_eq!(next, NextStep::AskForAccessToken);
                prop_assert!(outcome.user_event().is_some());
            }
            if next == NextStep::RenewLaunchToken {
                let ends = [
                    Some(ConnectEnd::TokenExpired),
                    Some(ConnectEnd::TokenInvalid),
                ];
                prop_assert!(ends.contains(&outcome.end));
            }
            // The same once more changes nothing.
            let mut twice = outcome.clone();
            twice.join(outcome.clone());
            prop_assert_eq!(twice.connected.len(), outcome.connected.len());
            prop_assert_eq!(twice.requested.len(), outcome.requested.len());
            prop_assert_eq!(
                (twice.end, next),
                (outcome.end.clone(), outcome.next_step())
            );
        }
        Err(error) => prop_assert_eq!(error == ReportError::TooLarge, size > MAX_REPORT_SIZE),
    }
    Ok(())
}

/// One seed with some bytes changed, a piece cut out, or a piece doubled.
fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let edits = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..4_u8), 0..8);
    (prop::sample::select(seeds()), edits).prop_map(|(mut bytes, edits)| {
        for (at, byte, kind) in edits {
            if bytes.is_empty() {
                break;
            }
            let at = at.index(bytes.len());
            match kind {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                2 => drop(bytes.drain(at..(at + usize::from(byte) % 16).min(bytes.len()))),
                _ => bytes.extend_from_within(at..),
            }
        }
        bytes
    })
}

/// JSON of any shape, often under the names that mean something.
fn any_json() -> impl Strategy<Value = Value> {
    let names = prop::sample::select(vec![
        "type",
        "status",
        "sessionResults",
        "connectedSources",
        "connected",
        "disconnected",
        "requestedSources",
        "currentConnections",
        "connections",
        "authCode",
        "code",
        "message",
        "dismissed",
        "name",
        "id",
        "location",
        "latitude",
        "__proto__",
        "constructor",
        "",
        " dismissed",
        "a.b[c]",
    ])
    .prop_map(str::to_owned);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        prop::sample::select(vec![
            "canary",
            "close",
            "connect",
            "hapi-connect-close",
            "SUCCESS",
            "SESSION_TOKEN_EXPIRED",
            "CONNECTED_SOURCE",
            "",
        ])
        .prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 64, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(names.clone(), inner, 0..6)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..512)) {
        check(ConnectOutcome::from_message(&bytes), bytes.len())?;
        let text = String::from_utf8_lossy(&bytes);
        check(ConnectOutcome::from_callback(&text), text.len())?;
    }

    #[test]
    fn spoilt_reports_are_read_or_refused(bytes in mutated()) {
        check(ConnectOutcome::from_message(&bytes), bytes.len())?;
        let text = String::from_utf8_lossy(&bytes);
        check(ConnectOutcome::from_callback(&text), text.len())?;
    }

    #[test]
    fn json_of_any_shape_is_read_and_nothing_of_it_is_lost(value in any_json()) {
        let text = value.to_string();
        check(ConnectOutcome::from_message(text.as_bytes()), text.len())?;
        check(ConnectOutcome::from_message(Value::String(text.clone()).to_string().as_bytes()), text.len())?;
        let callback = format!("https://a.example.test/?sessionResults={text}#currentConnections={text}");
        check(ConnectOutcome::from_callback(&callback), callback.len())?;
        // What no field of a report could take is still there under its own name.
        if let (Some(fields), Ok(report)) = (value.as_object(), ConnectReport::from_json(text.as_bytes()))
            && !(fields.contains_key("message") && fields.get("dismissed").is_some_and(Value::is_boolean))
        {
            for (name, value) in fields {
                let known = ["type", "status", "authCode", "sessionResults", "currentConnections", "connections", "requestedProviders"];
                if !known.contains(&name.as_str()) {
                    prop_assert_eq!(report.extra.get(name), Some(value), "{}", name);
                }
            }
        }
    }

    #[test]
    fn what_is_larger_than_64_kib_is_refused(more in 1..70_000_usize, byte in any::<u8>(), seed in prop::sample::select(seeds())) {
        let mut bytes = seed;
        bytes.resize(MAX_REPORT_SIZE + more, byte);
        prop_assert_eq!(ConnectOutcome::from_message(&bytes).err(), Some(ReportError::TooLarge));
        // A byte that is no UTF-8 becomes three.
        let text = String::from_utf8_lossy(&bytes);
        prop_assert_eq!(ConnectOutcome::from_callback(&text).err(), Some(ReportError::TooLarge));
    }

    #[test]
    fn any_text_is_an_allowed_callback_only_if_it_is_listed(text in ".*", listed in "[a-z]{2,8}://[a-z]{1,8}") {
        // Two letters and more, so that no listed scheme is one that opens no app.
        prop_assume!(Callback::parse(&listed).is_ok());
        let allowed = AllowedCallbacks::parse([&listed]).unwrap();
        prop_assert_eq!(allowed.find(&text).is_ok(), text == listed);
        let _ = Callback::parse(&text);
    }
}

#[test]
fn deep_nesting_is_refused_and_no_stack_runs_out() {
    for open in ["[", r#"{"a":"#, r#"{"sessionResults":"#] {
        let deep = open.repeat(MAX_REPORT_SIZE / open.len());
        assert_eq!(
            ConnectOutcome::from_message(deep.as_bytes()).err(),
            Some(ReportError::NotAReport)
        );
    }
}
