//! Requests as the bytes that go out, each compared with a file in `golden/` that is reviewed like code.

use std::fmt::Write as _;

use humanapi_core::{Endpoint, Hosts, Request};

/// Method, URL, headers by name, an empty line, and the body, as they go out.
fn rendered(request: &Request) -> String {
    let mut text = format!("{} {}\n", request.method(), request.uri());
    let mut headers: Vec<(&str, &str)> = request
        .headers()
        .iter()
        .map(|(name, value)| (name.as_str(), value.to_str().unwrap()))
        .collect();
    headers.sort_unstable();
    for (name, value) in headers {
        // The version changes with each release, and the file should not.
        let value = value.replace(env!("CARGO_PKG_VERSION"), "(version)");
        writeln!(text, "{name}: {value}").unwrap();
    }
    text.push('\n');
    text.push_str(std::str::from_utf8(request.body().as_bytes()).unwrap());
    text
}

/// Compares a request on the production hosts with its file, and checks that it comes out the same
/// each time and moves along with its host.
pub(crate) fn check_request<E: Endpoint>(name: &str, endpoint: &E) {
    let request = endpoint.request(&Hosts::production()).unwrap();
    assert!(request.headers().get("authorization").is_none());
    let text = rendered(&request);
    let again = endpoint.request(&Hosts::production()).unwrap();
    assert_eq!(text, rendered(&again));

    let sandbox = Hosts::single("http://127.0.0.1:8080/prefix/").unwrap();
    let moved = rendered(&endpoint.request(&sandbox).unwrap());
    let origin = format!("https://{}", request.uri().authority().unwrap());
    assert_eq!(
        moved,
        text.replacen(&origin, "http://127.0.0.1:8080/prefix", 1)
    );

    let mut settings = insta::Settings::new();
    settings.set_snapshot_path("../golden");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}
