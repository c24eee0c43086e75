//! Who may call: the host names that are answered, and what a change under `/sandbox/` must show.

use std::net::IpAddr;

use http::uri::Authority;
use http::{HeaderMap, Method, StatusCode, header};

use crate::body::{content_type, single};
use crate::reply::Problem;

/// The header that carries the control token.
pub(crate) const CONTROL_TOKEN: &str = "x-sandbox-token";

/// By which a browser says whose page has asked.
const SEC_FETCH_SITE: &str = "sec-fetch-site";

pub(crate) struct Guard {
    names: Vec<String>,
    control_token: Option<String>,
}

/// A request that was turned away.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TurnedAway {
    pub(crate) status: StatusCode,
    pub(crate) error: &'static str,
    pub(crate) message: &'static str,
}

impl From<TurnedAway> for Problem {
    fn from(refusal: TurnedAway) -> Self {
        Self::coded(refusal.status, refusal.error, refusal.message)
    }
}

impl TurnedAway {
    const fn forbidden(error: &'static str, message: &'static str) -> Self {
        Self {
            status: StatusCode::FORBIDDEN,
            error,
            message,
        }
    }
}

impl Guard {
    pub(crate) fn new(names: Vec<String>, control_token: Option<String>) -> Self {
        Self {
            names,
            control_token,
        }
    }

    pub(crate) fn control_token(&self) -> Option<&str> {
        self.control_token.as_deref()
    }

    /// Refuses a request for a host that is not this one.
    ///
    /// A page of another site can have its own name resolve to this machine and so call the
    /// sandbox as if it were same-origin; its name in `Host` gives it away.
    pub(crate) fn check_host(&self, host: Option<&str>) -> Result<(), TurnedAway> {
        let known = host.is_some_and(|host| {
            host.parse::<Authority>()
                .is_ok_and(|authority| !host.contains('@') && self.knows(authority.host()))
        });
        if known {
            return Ok(());
        }
        Err(TurnedAway {
            status: StatusCode::MISDIRECTED_REQUEST,
            error: "unknown-host",
            message: "the Host header names neither loopback nor a host given at start",
        })
    }

    /// Refuses a call of the control API that a page of another site may have made, or one from
    /// another machine without the control token.
    pub(crate) fn check_control(
        &self,
        method: &Method,
        headers: &HeaderMap,
        host: &str,
    ) -> Result<(), TurnedAway> {
        if let Some(expected) = &self.control_token {
            let given = single(headers, CONTROL_TOKEN).and_then(|given| given.to_str().ok());
            if given != Some(expected.as_str()) {
                return Err(TurnedAway::forbidden(
                    "control-token",
                    "beyond loopback, control calls need the control token in X-Sandbox-Token",
                ));
            }
        }
        if method.is_safe() {
            return Ok(());
        }
        Self::check_same_site(headers, host)?;
        if content_type(headers).as_deref() != Some("application/json") {
            return Err(TurnedAway {
                status: StatusCode::UNSUPPORTED_MEDIA_TYPE,
                error: "content-type",
                message: "changes need Content-Type: application/json",
            });
        }
        Ok(())
    }

    /// Refuses a request that a page of another site has made.
    pub(crate) fn check_same_site(headers: &HeaderMap, host: &str) -> Result<(), TurnedAway> {
        let same_origin = format!("http://{host}");
        // The second one may be the browser's own, behind what somebody put before it.
        let doubled = |name: &str| headers.get_all(name).iter().nth(1).is_some();
        if doubled(header::ORIGIN.as_str()) || doubled(SEC_FETCH_SITE) {
            return Err(TurnedAway::forbidden(
                "doubled-header",
                "this call is refused when Origin or Sec-Fetch-Site is given twice",
            ));
        }
        if let Some(origin) = headers.get(header::ORIGIN)
            && !origin
                .as_bytes()
                .eq_ignore_ascii_case(same_origin.as_bytes())
        {
            return Err(TurnedAway::forbidden(
                "cross-origin",
                "this call is refused to pages of another origin",
            ));
        }
        if headers
            .get(SEC_FETCH_SITE)
            .is_some_and(|site| site == "cross-site" || site == "same-site")
        {
            return Err(TurnedAway::forbidden(
                "cross-site",
                "this call is refused to pages of another site",
            ));
        }
        Ok(())
    }

    fn knows(&self, host: &str) -> bool {
        let bare = host
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
            .unwrap_or(host);
        let loopback = match bare.parse::<IpAddr>() {
            Ok(IpAddr::V4(address)) => address.is_loopback(),
            Ok(IpAddr::V6(address)) => address.is_loopback() && host.starts_with('['),
            Err(_) => bare.eq_ignore_ascii_case("localhost"),
        };
        loopback
            || self
                .names
                .iter()
                .any(|name| name.eq_ignore_ascii_case(bare))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_and_given_names_are_known() {
        let guard = Guard::new(vec!["sandbox.example.test".to_owned()], None);
        for (host, known) in [
            ("127.0.0.1:8080", true),
            ("127.9.9.9", true),
            ("[::1]:80", true),
            ("localhost", true),
            ("LOCALHOST:1", true),
            ("Sandbox.Example.Test:8080", true),
            ("evil.test", false),
            ("127.0.0.1.evil.test", false),
            ("localhost.evil.test", false),
            ("user@127.0.0.1", false),
            ("128.0.0.1", false),
            ("0.0.0.0", false),
            ("[::2]", false),
            ("2130706433", false),
            ("", false),
        ] {
            assert_eq!(guard.check_host(Some(host)).is_ok(), known, "{host:?}");
        }
        assert!(guard.check_host(None).is_err());
    }
}
