//! Where the Connect page leads to: its own screens, and the callback.

use crate::pages::screen::{Authority, News};

/// Where a screen of a sitting is loaded from.
pub(super) fn page_address(
    authority: &Authority<'_>,
    show: Option<&str>,
    told: Option<News>,
) -> String {
    let mut parameters = vec![("token", authority.token)];
    let path = match &authority.hosted {
        Some(hosted) => {
            parameters.push(("clientId", &hosted.client_id));
            parameters.push(("callback", &hosted.callback));
            "/connect"
        }
        None => "/",
    };
    parameters.extend(show.map(|show| ("show", show)));
    let told = told.map(News::parameter);
    parameters.extend(told.as_deref().map(|told| ("told", told)));
    let mut text = path.to_owned();
    for (at, (name, value)) in parameters.into_iter().enumerate() {
        text.push(if at == 0 { '?' } else { '&' });
        text.push_str(name);
        text.push('=');
        text.extend(percent_encoding::utf8_percent_encode(
            value,
            percent_encoding::NON_ALPHANUMERIC,
        ));
    }
    text
}

/// The callback's origin, or its scheme where it has none, as a source of a content policy.
///
/// The policy of a page covers the redirect that follows its form as well.
pub(super) fn form_source(callback: &str) -> Option<String> {
    let (scheme, rest) = callback.split_once(':')?;
    let source = match (scheme, rest.strip_prefix("//")) {
        ("http" | "https", Some(rest)) => {
            let host = rest.split(['/', '?', '#']).next()?;
            format!("{scheme}://{host}")
        }
        _ => format!("{scheme}:"),
    };
    let plain = source
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"+-.:/[]".contains(&byte));
    plain.then_some(source)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_may_lead_to_the_callback_and_nowhere_else() {
        for (callback, source) in [
            (
                "https://app.example.test/connected",
                Some("https://app.example.test"),
            ),
            (
                "http://127.0.0.1:3000/back?a=1",
                Some("http://127.0.0.1:3000"),
            ),
            ("exampleapp://connected", Some("exampleapp:")),
            ("https://a.test; script-src *", None),
            ("nothing", None),
        ] {
            assert_eq!(form_source(callback).as_deref(), source, "{callback}");
        }
    }
}
