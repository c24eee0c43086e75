//! What each rendering of a launch says, and what none of them leaves out.

use std::time::SystemTime;

use serde_json::Value;

use super::open_call::as_fraction;
use super::*;
use crate::connect::callback::Callback;
use crate::hosts::Hosts;
use crate::token::{Expiry, IdToken, Issued, SessionToken};

fn token() -> ConnectToken {
    Issued::new(IdToken::new("id+1/="), Expiry::at(SystemTime::UNIX_EPOCH)).into()
}

#[test]
fn parameters_stand_in_the_widgets_order() {
    let token = token();
    let launch = Launch::new(&token)
        .with_pinned_providers("p")
        .with_segment("s")
        .with_config("c")
        .with_preseed()
        .with_invite_session_id("i")
        .with_mode(Mode::Select {
            client_id: ClientId::new("app").unwrap(),
            preseeded_sources: vec![],
        });
    assert_eq!(
        launch.iframe_url(&Hosts::production()).expose_secret(),
        "https://hapi-connect.humanapi.co/?token=id%2B1%2F%3D&pisId=i&mode=select&clientId=app&preseededSources=W10%3D&preseed=true&config=c&segment=s&pinnedProviders=p"
    );
}

#[test]
fn a_hosted_link_names_application_and_callback() {
    let token = token();
    let callback = Callback::parse("exampleapp://connected?a=b").unwrap();
    let link = Launch::new(&token).with_mode(Mode::Auth).hosted_link(
        &Hosts::production(),
        &ClientId::new("app").unwrap(),
        &callback,
    );
    assert_eq!(
        link.expose_secret(),
        "https://hapi-link.humanapi.co/connect?clientId=app&token=id%2B1%2F%3D&callback=exampleapp%3A%2F%2Fconnected%3Fa%3Db&mode=auth"
    );
}

#[test]
fn attributes_point_the_widget_at_another_host() {
    let token = token();
    let launch = Launch::new(&token).with_focus_trap(true);
    let on = |hosts: &Hosts| {
        launch
            .data_attributes(hosts)
            .expose_secret()
            .map(|(name, value)| format!("{name}={value}"))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        on(&Hosts::production()),
        ["data-hapi-token=id+1/=", "data-hapi-focus-trap=true"]
    );
    assert_eq!(
        on(&Hosts::single("http://127.0.0.1:9").unwrap())[2],
        "data-hapi-base-url=http://127.0.0.1:9"
    );
}

#[test]
fn whatever_holds_the_token_hides_it() {
    let token = token();
    let launch = Launch::new(&token);
    let hosts = Hosts::production();
    let shown = format!(
        "{launch:?} {:?} {:?}",
        launch.iframe_url(&hosts),
        launch.data_attributes(&hosts)
    );
    assert!(!shown.contains("id+1"), "{shown}");
}

fn start() -> Now {
    Now::new(Duration::from_secs(7), SystemTime::UNIX_EPOCH)
}

#[track_caller]
fn check_time(life: u64, elapsed: u64, margin: Leeway, verdict: Result<(), u64>) {
    let expiry = Expiry::after(start(), Duration::from_secs(life));
    let token = ConnectToken::from(Issued::new(SessionToken::new("st"), expiry));
    let now = start().after(Duration::from_secs(elapsed));
    let got = Launch::new(&token).check(LaunchForm::Button, now, margin);
    let left = got.map_err(|error| match error {
        LaunchError::EndsTooSoon { kind, left } => {
            assert_eq!(kind, TokenKind::Session);
            assert!(error.remedy().contains("new connect token"));
            left.as_secs()
        }
        other => panic!("{other}"),
    });
    assert_eq!(left, verdict);
}

#[test]
fn a_token_that_ends_within_the_margin_opens_nothing() {
    check_time(3_600, 0, LAUNCH_MARGIN, Ok(()));
    check_time(3_600, 3_534, LAUNCH_MARGIN, Ok(()));
    check_time(3_600, 3_535, LAUNCH_MARGIN, Err(65));
    check_time(3_600, 3_600, LAUNCH_MARGIN, Err(0));
    check_time(3_600, 9_999, LAUNCH_MARGIN, Err(0));
    let none = Leeway::at_least(Duration::ZERO).with_skew(Duration::ZERO);
    check_time(3_600, 3_599, none, Ok(()));
    check_time(3_600, 3_600, none, Err(0));
    check_time(3_600, 0, Leeway::at_least(Duration::MAX), Err(3_600));
}

#[test]
fn a_clock_set_back_brings_no_token_back() {
    let expiry = Expiry::after(start(), Duration::from_secs(3_600));
    let token = ConnectToken::from(Issued::new(SessionToken::new("st"), expiry));
    let set_back = Now::new(Duration::from_secs(9_999), SystemTime::UNIX_EPOCH);
    let got = Launch::new(&token).check(LaunchForm::WebView, set_back, LAUNCH_MARGIN);
    assert!(
        matches!(got, Err(LaunchError::EndsTooSoon { .. })),
        "{got:?}"
    );
}

/// In which forms each option can be said, one letter for each: b, o, w, h.
#[track_caller]
fn check_forms(launch: &Launch<'_>, option: &str, forms: &str) {
    let all = [
        (LaunchForm::Button, 'b'),
        (LaunchForm::OpenCall, 'o'),
        (LaunchForm::WebView, 'w'),
        (LaunchForm::HostedLink, 'h'),
    ];
    for (form, letter) in all {
        let expected = if forms.contains(letter) {
            Ok(())
        } else {
            let option_name = option;
            match launch.not_said_by(form) {
                Some(option) if option == option_name => Err(LaunchError::NotSaid { option, form }),
                other => panic!("{option_name} in {form}: {other:?}"),
            }
        };
        let margin = Leeway::at_least(Duration::ZERO);
        assert_eq!(launch.check(form, start(), margin), expected, "{option}");
    }
}

#[test]
fn no_option_is_left_out_silently() {
    let expiry = Expiry::after(start(), Duration::from_secs(60));
    let token = ConnectToken::from(Issued::new(SessionToken::new("st"), expiry));
    let launch = || Launch::new(&token);
    let app = || ClientId::new("app").unwrap();
    let select = |sources: &[&str]| Mode::Select {
        client_id: app(),
        preseeded_sources: sources.iter().map(|&one| one.to_owned()).collect(),
    };
    check_forms(&launch(), "", "bowh");
    check_forms(&launch().with_mode(Mode::Auth), "mode", "bowh");
    check_forms(&launch().with_segment("s"), "segment", "bowh");
    check_forms(
        &launch().with_pinned_providers("p"),
        "pinnedProviders",
        "bowh",
    );
    check_forms(&launch().with_focus_trap(true), "enableFocusTrap", "bowh");
    check_forms(
        &launch().with_sentinel_trap(true),
        "useSentinelTrap",
        "bowh",
    );
    check_forms(&launch().with_preseed(), "preseed", "bow");
    check_forms(&launch().with_config("c"), "config", "ow");
    check_forms(
        &launch().with_invite_session_id("i"),
        "inviteSessionId",
        "ow",
    );
    check_forms(&launch().with_overlay_opacity(30), "overlayOpacity", "owh");
    check_forms(&launch().with_client_id(app()), "clientId", "oh");
    let user = ClientUserId::new("u").unwrap();
    check_forms(&launch().with_client_user_id(user), "clientUserId", "o");
    check_forms(&launch().with_mode(select(&[])), "clientId", "owh");
    let preseeded = launch().with_mode(select(&["a"]));
    assert_eq!(
        preseeded.not_said_by(LaunchForm::HostedLink),
        Some("preseededSources")
    );
    assert_eq!(preseeded.not_said_by(LaunchForm::WebView), None);
}

#[test]
fn an_open_call_says_every_option_by_the_widgets_name() {
    let token = token();
    let named = |name| Some(FunctionName::parse(name).unwrap());
    let functions = PageFunctions {
        on_close: named("a.closed"),
        on_connect_source: named("a.$in"),
        on_disconnect_source: named("_out"),
        logger: named("console.log"),
    };
    let launch = Launch::new(&token)
        .with_mode(Mode::Select {
            client_id: ClientId::new("app").unwrap(),
            preseeded_sources: vec!["one".to_owned()],
        })
        .with_preseed()
        .with_focus_trap(false)
        .with_sentinel_trap(true)
        .with_overlay_opacity(45)
        .with_client_user_id(ClientUserId::new("u-1").unwrap())
        .with_config("c")
        .with_segment("s")
        .with_pinned_providers("p")
        .with_invite_session_id("i");
    let hosts = Hosts::single("http://127.0.0.1:9").unwrap();
    let options = launch.open_options(&hosts, &functions);
    let (json, tail) = options.expose_secret().split_once(",\"onClose\"").unwrap();
    assert_eq!(
        tail,
        r#":a.closed,"onConnectSource":a.$in,"onDisconnectSource":_out,"logger":console.log}"#
    );
    let said: Value = serde_json::from_str(&format!("{json}}}")).unwrap();
    assert_eq!(
        said,
        serde_json::json!({
            "token": "id+1/=", "baseURL": "http://127.0.0.1:9", "mode": "select",
            "preseed": true, "clientId": "app", "clientUserId": "u-1",
            "preseededSources": ["one"], "segment": "s", "pinnedProviders": "p",
            "config": "c", "inviteSessionId": "i", "overlayOpacity": "0.45",
            "enableFocusTrap": false, "useSentinelTrap": true,
        })
    );
}

#[test]
fn no_option_ends_the_script_that_it_stands_in() {
    let issued = Issued::new(
        SessionToken::new("</script><!--<script>&\u{2028}\u{2029}\"\\'"),
        Expiry::at(SystemTime::UNIX_EPOCH),
    );
    let token = ConnectToken::from(issued);
    let launch = Launch::new(&token).with_segment("]]></ScRiPt >\n");
    let options = launch.open_options(&Hosts::production(), &PageFunctions::default());
    let text = options.expose_secret();
    for banned in ['<', '>', '&', '\u{2028}', '\u{2029}', '\n'] {
        assert!(!text.contains(banned), "{banned:?} in {text}");
    }
    let said: Value = serde_json::from_str(text).unwrap();
    assert_eq!(said["token"], token.expose_secret());
    assert_eq!(said["segment"], "]]></ScRiPt >\n");
}

#[test]
fn opacity_is_a_fraction() {
    let fractions = [0, 5, 10, 60, 65, 100].map(as_fraction);
    assert_eq!(fractions, ["0", "0.05", "0.1", "0.6", "0.65", "1"]);
    let token = token();
    let most = Launch::new(&token).with_overlay_opacity(200);
    assert_eq!(most.overlay_opacity, Some(100));
}

#[test]
fn a_function_is_named_and_never_written_out() {
    for name in ["f", "a.b.c", "$", "_x1", "window.app.on$Closed"] {
        assert!(FunctionName::parse(name).is_ok(), "{name}");
    }
    for other in [
        "",
        ".",
        "a.",
        ".a",
        "a..b",
        "1a",
        "a b",
        "a()",
        "a;b",
        "a[0]",
        "a\n",
        "caf\u{e9}",
        "</script>",
    ] {
        assert_eq!(
            FunctionName::parse(other),
            Err(NotAFunctionName),
            "{other:?}"
        );
    }
}

#[test]
fn an_open_call_hides_its_token() {
    let token = token();
    let launch = Launch::new(&token);
    let options = launch.open_options(&Hosts::production(), &PageFunctions::default());
    assert_eq!(format!("{options:?}"), "OpenOptions(…)");
}
