//! Where a page of the sandbox leads back to: the address that an application has listed.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::app::{AppCredentials, callback_allowed};

/// The longest one that is taken, in bytes.
pub(super) const LONGEST: usize = 2000;

/// Refuses an address that the application has not listed.
pub(super) fn check(app: &AppCredentials, callback: &str) -> Result<(), &'static str> {
    if callback.len() > LONGEST {
        return Err("This link leads back to an address that is too long.");
    }
    if !callback_allowed(&app.callbacks, callback) {
        return Err("This link leads back to an address that its application has not listed.");
    }
    Ok(())
}

/// The address with what is told there in its query, before its fragment.
pub(super) fn with(callback: &str, told: &[(impl AsRef<str>, String)]) -> String {
    let (base, fragment) = callback
        .split_once('#')
        .map_or((callback, None), |(base, at)| (base, Some(at)));
    let mut url = base.to_owned();
    let mut separator = if base.contains('?') { '&' } else { '?' };
    for (name, value) in told {
        url.push(separator);
        separator = '&';
        url.extend(utf8_percent_encode(name.as_ref(), VALUE));
        url.push('=');
        url.extend(utf8_percent_encode(value, VALUE));
    }
    if let Some(fragment) = fragment {
        url.push('#');
        url.push_str(fragment);
    }
    url
}

/// Everything but the characters that need no escaping anywhere.
const VALUE: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

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
