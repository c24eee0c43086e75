//! Where requests that change something may come from.

use http::HeaderMap;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue, ORIGIN};
use humanapi_core::BaseUrl;

use crate::problem::Problem;
use crate::setup_error::SetupError;

/// An origin as browsers write it: `https://app.example.test`, `http://127.0.0.1:3000`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Origin(Box<str>);

impl Origin {
    /// Takes an origin: https, or http on this machine, in the one spelling in which browsers send it.
    pub(crate) fn parse(text: &str) -> Result<Self, SetupError> {
        let base = BaseUrl::parse(text)?;
        if base.origin() != text {
            return Err(SetupError::Origin);
        }
        Ok(Self(text.into()))
    }

    pub(crate) fn is_https(&self) -> bool {
        self.0.starts_with("https://")
    }
}

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Refuses what another site's page could have sent, and what no page of ours sends.
///
/// A form or a plain link of another site can post, but neither JSON nor with our `Origin`; and no
/// script can set `Origin` or `Sec-Fetch-Site`, because browsers keep both for themselves.
pub(crate) fn check_posted(headers: &HeaderMap, allowed: &[Origin]) -> Result<(), Problem> {
    let site = only(headers, &SEC_FETCH_SITE).ok_or(Problem::CrossSite)?;
    let origin = only(headers, &ORIGIN).ok_or(Problem::CrossSite)?;
    let is_same = site == Some(b"same-origin");
    let is_allowed =
        origin.is_some_and(|origin| allowed.iter().any(|known| known.0.as_bytes() == origin));
    if !is_same && !is_allowed {
        return Err(Problem::CrossSite);
    }
    let is_json = only(headers, &CONTENT_TYPE).flatten().is_some_and(|kind| {
        let essence = kind.split(|byte| *byte == b';').next().unwrap_or_default();
        (essence.trim_ascii()).eq_ignore_ascii_case(b"application/json")
    });
    if is_json {
        Ok(())
    } else {
        Err(Problem::NotJson)
    }
}

/// The value of a header that stands there at most once. Two values are two opinions, of which somebody on the way may
/// have read the other one: no browser sends them, so whoever does is refused.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<Option<&'a [u8]>> {
    let mut values = headers.get_all(name).iter();
    let value = values.next();
    values
        .next()
        .is_none()
        .then(|| value.map(HeaderValue::as_bytes))
}

/// Whether this is a user who comes to a page, and not an image, a frame or a browser that looks ahead.
/// Browsers that do not say are believed.
pub(crate) fn is_visit(headers: &HeaderMap) -> bool {
    let is = |name: &'static str, value: &[u8]| {
        only(headers, &HeaderName::from_static(name))
            .is_some_and(|said| said.is_none_or(|said| said == value))
    };
    is("sec-fetch-dest", b"document")
        && is("sec-fetch-mode", b"navigate")
        && !headers.contains_key("sec-purpose")
        && !headers.contains_key("purpose")
}

#[cfg(test)]
mod tests {
    use humanapi_core::HostError;

    use super::*;

    #[track_caller]
    fn check(headers: &[(&'static str, &'static str)], verdict: Result<(), Problem>) {
        let allowed = [Origin::parse("https://app.example.test").unwrap()];
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_static(value));
        }
        assert_eq!(check_posted(&map, &allowed), verdict, "{headers:?}");
    }

    #[test]
    fn only_our_own_pages_post() {
        let json = ("content-type", "application/json");
        let ours = ("origin", "https://app.example.test");
        let refused = Err(Problem::CrossSite);
        check(&[json, ours], Ok(()));
        check(&[json, ("sec-fetch-site", "same-origin")], Ok(()));
        check(&[json, ours, ("sec-fetch-site", "cross-site")], Ok(()));
        check(&[json], refused.clone());
        check(&[], refused.clone());
        for site in ["cross-site", "same-site", "none", "Same-Origin", ""] {
            check(&[json, ("sec-fetch-site", site)], refused.clone());
        }
        for origin in [
            "null",
            "https://evil.example",
            "https://app.example.test.evil.example",
            "https://app.example.test:8443",
            "http://app.example.test",
            "https://app.example.test/",
            "https://APP.example.test",
        ] {
            check(&[json, ("origin", origin)], refused.clone());
        }
        check(&[json, ours, ("origin", "https://evil.example")], refused);
    }

    #[test]
    fn what_is_said_twice_is_refused_whatever_else_is_right() {
        let json = ("content-type", "application/json");
        let ours = ("origin", "https://app.example.test");
        let same = ("sec-fetch-site", "same-origin");
        check(&[json, ours, same], Ok(()));
        for twice in [
            [json, ours, ours, same],
            [json, ours, same, same],
            [json, ours, same, ("sec-fetch-site", "cross-site")],
            [json, ours, ("sec-fetch-site", "cross-site"), same],
            [json, same, ours, ("origin", "https://evil.example")],
            [json, same, ("origin", "https://evil.example"), ours],
        ] {
            check(&twice, Err(Problem::CrossSite));
        }
        check(&[json, ours, same, json], Err(Problem::NotJson));
    }

    #[test]
    fn only_json_is_posted() {
        let ours = ("origin", "https://app.example.test");
        for kind in [
            "application/json",
            "Application/JSON; charset=utf-8",
            "application/json;",
        ] {
            check(&[ours, ("content-type", kind)], Ok(()));
        }
        check(&[ours], Err(Problem::NotJson));
        for kind in [
            "text/plain",
            "application/x-www-form-urlencoded",
            "multipart/form-data",
            "text/plain; application/json",
            "application/json-seq",
            "application/jsonx",
            "",
        ] {
            check(&[ours, ("content-type", kind)], Err(Problem::NotJson));
        }
        let json = ("content-type", "application/json");
        check(
            &[ours, json, ("content-type", "text/plain")],
            Err(Problem::NotJson),
        );
    }

    #[test]
    fn an_origin_is_written_as_browsers_write_it() {
        for good in [
            "https://app.example.test",
            "https://a.test:8443",
            "http://127.0.0.1:3000",
            "http://localhost",
            "http://[::1]:1",
        ] {
            assert!(Origin::parse(good).is_ok(), "{good}");
        }
        for other_spelling in [
            "https://app.example.test/",
            "https://app.example.test/x",
            "https://App.example.test",
            "HTTPS://app.example.test",
            "https://app.example.test:443",
            "http://127.0.0.1:80",
            "http://[0::1]:1",
        ] {
            assert_eq!(
                Origin::parse(other_spelling),
                Err(SetupError::Origin),
                "{other_spelling}"
            );
        }
        for (bad, why) in [
            ("", HostError::NotAUrl),
            ("app.example.test", HostError::NotAUrl),
            ("http://app.example.test", HostError::PlainHttp),
            ("https://u@app.example.test", HostError::UserInfo),
            ("https://app.example.test:65536", HostError::Port),
            ("https://app.example.test:", HostError::Port),
            ("http://127.1:3000", HostError::IpAddress),
            ("https://app.example.test.", HostError::HostName),
            ("null", HostError::NotAUrl),
            ("*", HostError::NotAUrl),
        ] {
            assert_eq!(Origin::parse(bad), Err(SetupError::Address(why)), "{bad}");
        }
    }

    #[test]
    fn a_visit_is_a_page_that_somebody_opened() {
        let visit = |headers: &[(&'static str, &'static str)]| {
            let mut map = HeaderMap::new();
            for (name, value) in headers {
                map.append(*name, HeaderValue::from_static(value));
            }
            is_visit(&map)
        };
        assert!(visit(&[]));
        assert!(visit(&[
            ("sec-fetch-dest", "document"),
            ("sec-fetch-mode", "navigate"),
            ("sec-fetch-site", "cross-site")
        ]));
        assert!(!visit(&[("sec-fetch-dest", "image")]));
        let document = ("sec-fetch-dest", "document");
        assert!(!visit(&[document, document]));
        assert!(!visit(&[document, ("sec-fetch-dest", "image")]));
        assert!(!visit(&[
            ("sec-fetch-dest", "iframe"),
            ("sec-fetch-mode", "navigate")
        ]));
        assert!(!visit(&[("sec-fetch-mode", "cors")]));
        assert!(!visit(&[("sec-purpose", "prefetch")]));
        assert!(!visit(&[("purpose", "prefetch")]));
    }
}
