//! Random requests and random histories: nothing panics, and the rules hold in any order.

use std::collections::HashMap;

use http::Method;
use proptest::prelude::*;
use serde_json::json;

use crate::support::*;

const USERS: [&str; 3] = ["a", "A", "ä ✓"];
const SOURCES: [&str; 2] = ["strider", "sandbox_clinic"];

#[derive(Debug, Clone)]
enum Event {
    Ask { kind: &'static str, user: usize },
    Connect { user: usize, source: usize },
    Disconnect { user: usize, source: usize },
    Delete { user: usize },
}

fn event() -> impl Strategy<Value = Event> {
    let user = 0..USERS.len();
    let source = 0..SOURCES.len();
    prop_oneof![
        4 => (prop::sample::select(vec!["session", "id", "access"]), user.clone())
            .prop_map(|(kind, user)| Event::Ask { kind, user }),
        2 => (user.clone(), source.clone()).prop_map(|(user, source)| Event::Connect { user, source }),
        1 => (user.clone(), source).prop_map(|(user, source)| Event::Disconnect { user, source }),
        1 => user.prop_map(|user| Event::Delete { user }),
    ]
}

/// What a user is, by the plainest account.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Is {
    Started,
    Connected,
    Deleted,
}

fn predicted(kind: &str, is: Option<Is>) -> u16 {
    match (kind, is) {
        ("session", Some(Is::Connected)) => 403,
        ("session", _) => 200,
        (_, Some(Is::Connected)) => 200,
        ("id", _) | (_, None) => 404,
        _ => 403,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_rules_hold_in_any_order(events in prop::collection::vec(event(), 1..60)) {
        let s = Offline::new();
        let control = s.sandbox.control();
        let id = s.app.client_id.as_str();
        let mut model: HashMap<usize, Is> = HashMap::new();
        for event in events {
            match event {
                Event::Ask { kind, user } => {
                    let status = s.token(CONNECT, kind, USERS[user]).status().as_u16();
                    let is = model.get(&user).copied();
                    prop_assert_eq!(status, predicted(kind, is));
                    if kind == "session" && is != Some(Is::Connected) {
                        model.insert(user, Is::Started);
                    }
                }
                Event::Connect { user, source } => {
                    let done = control.connect_source(id, USERS[user], SOURCES[source]).is_ok();
                    let lives = matches!(model.get(&user), Some(Is::Started | Is::Connected));
                    prop_assert_eq!(done, lives);
                    if lives {
                        model.insert(user, Is::Connected);
                    }
                }
                Event::Disconnect { user, source } => {
                    let done = control.disconnect_source(id, USERS[user], SOURCES[source]).is_ok();
                    prop_assert_eq!(done, matches!(model.get(&user), Some(Is::Started | Is::Connected)));
                }
                Event::Delete { user } => {
                    let done = control.delete_user(id, USERS[user]).is_ok();
                    prop_assert_eq!(done, matches!(model.get(&user), Some(Is::Started | Is::Connected)));
                    if done {
                        model.insert(user, Is::Deleted);
                    }
                }
            }
        }
    }

    #[test]
    fn any_request_is_answered(
        method in prop::sample::select(vec![Method::GET, Method::POST, Method::HEAD, Method::DELETE, Method::OPTIONS]),
        path in prop::sample::select(vec![
            "/", "/connect", "/connect/done", "/connect/requests", "/connect/sources/strider",
            CONNECT, ADMIN, "/v1/human", "/v1/human/activities", "/sandbox/faults",
            "/sandbox/users/delete", "/sandbox/assumptions", "/sandbox/tokens/kind", "/x",
        ]),
        query in "([a-zA-Z_]{0,12}(=[%+a-zA-Z0-9é✓:.-]{0,12})?&?){0,4}",
        name in prop::sample::select(vec!["limit", "offset", "created_since", "start_date", "token", "callback"]),
        value in "\\PC{0,12}",
        content_type in prop::sample::select(vec!["application/json", "application/x-www-form-urlencoded", "text/plain", ""]),
        body in prop_oneof![
            any::<Vec<u8>>(),
            "[a-z_]{0,12}=[%+a-z0-9]{0,20}(&[a-z_]{0,9}=[%a-f0-9]{0,9}){0,4}".prop_map(String::into_bytes),
            ("[a-z_]{0,14}", any::<String>()).prop_map(|(name, value)| {
                json!({"client_id": value, "type": value, "client_user_id": value, "token": value, name: value})
                    .to_string()
                    .into_bytes()
            }),
        ],
        token in "[ -~]{0,60}",
    ) {
        let s = Offline::new();
        let encode = |text: &str| {
            percent_encoding::utf8_percent_encode(text, percent_encoding::CONTROLS).to_string()
        };
        let plain: String = query.chars().filter(char::is_ascii).collect();
        let value = percent_encoding::utf8_percent_encode(&value, percent_encoding::NON_ALPHANUMERIC);
        let target = encode(&format!("{path}?{plain}&{name}={value}"));
        let bearer = format!("Bearer {token}");
        let headers = [("content-type", content_type), ("authorization", bearer.as_str())];
        let response = s.send(request(method.clone(), &target, &headers, body));
        prop_assert!(response.status().as_u16() < 500, "{method} {target}: {}", response.status());
        let is_json = header(&response, "content-type").is_some_and(|kind| kind.starts_with("application/json"));
        if is_json && method != Method::HEAD {
            prop_assert!(serde_json::from_slice::<serde_json::Value>(response.body()).is_ok());
        }
    }

    #[test]
    fn any_user_id_is_kept_byte_for_byte(id in any::<String>()) {
        prop_assume!(!id.is_empty() && id.len() <= 1024);
        let s = Offline::new();
        prop_assert_eq!(s.token(CONNECT, "session", &id).status(), 200);
        let users = s.sandbox.control().users(&s.app.client_id).unwrap();
        prop_assert_eq!(&users[0].client_user_id, &id);
        let form: String = percent_encoding::utf8_percent_encode(&id, percent_encoding::NON_ALPHANUMERIC).collect();
        let form = format!("client_id={}&type=session&client_user_id={form}", s.app.client_id);
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        prop_assert_eq!(s.send(request(Method::POST, CONNECT, &headers, form)).status(), 200);
        prop_assert_eq!(s.sandbox.control().users(&s.app.client_id).unwrap().len(), 1);
    }
}
