//! The cookie by which a browser that comes back shows that it had gone out.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use cookie::{Cookie, SameSite};
use http::HeaderMap;
use http::header::{COOKIE, HeaderValue};

use crate::LOG;
use crate::problem::Problem;

/// A number that is used once, for one launch of Connect.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct LaunchNonce([u8; 32]);

impl LaunchNonce {
    /// Draws one.
    pub(crate) fn draw() -> Result<Self, Problem> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).map_err(|error| {
            tracing::error!(target: LOG, error = %error, "the operating system gives no random bytes");
            Problem::Internal
        })?;
        Ok(Self(bytes))
    }

    pub(crate) const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    fn parse(text: &str) -> Option<Self> {
        let bytes = BASE64.decode(text).ok()?;
        bytes.try_into().ok().map(Self)
    }
}

impl fmt::Debug for LaunchNonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LaunchNonce(…)")
    }
}

/// A browser carries so many launches at a time, one for each tab.
pub(crate) const MOST_CARRIED: usize = 4;

/// How the cookie is called and kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LaunchCookie {
    /// Over https. A browser takes a `__Host-` cookie from nobody but this very host.
    pub(crate) secure: bool,
}

impl LaunchCookie {
    pub(crate) const fn name(self) -> &'static str {
        if self.secure {
            "__Host-humanapi-launch"
        } else {
            "humanapi-launch"
        }
    }

    /// The nonces that the request carries, oldest first.
    pub(crate) fn read(self, headers: &HeaderMap) -> Vec<LaunchNonce> {
        headers
            .get_all(COOKIE)
            .iter()
            .filter_map(|header| header.to_str().ok())
            .flat_map(Cookie::split_parse)
            .flatten()
            .filter(|cookie| cookie.name() == self.name())
            .flat_map(|cookie| {
                let parts = cookie.value().split('.').take(MOST_CARRIED);
                parts.filter_map(LaunchNonce::parse).collect::<Vec<_>>()
            })
            .take(MOST_CARRIED)
            .collect()
    }

    /// Has the browser carry the newest of these, or none, for at most `seconds`.
    pub(crate) fn write(self, nonces: &[LaunchNonce], seconds: u64) -> Option<HeaderValue> {
        let newest = &nonces[nonces.len().saturating_sub(MOST_CARRIED)..];
        let value: Vec<String> = newest.iter().map(|nonce| BASE64.encode(nonce.0)).collect();
        let seconds = if value.is_empty() { 0 } else { seconds };
        let cookie = Cookie::build((self.name(), value.join(".")))
            .path("/")
            .http_only(true)
            .secure(self.secure)
            // Coming back from hosted Connect is a link from another site.
            .same_site(SameSite::Lax)
            .max_age(cookie::time::Duration::seconds(
                seconds.try_into().unwrap_or(i64::MAX),
            ))
            .build();
        let mut value = HeaderValue::try_from(cookie.to_string()).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn carried(header: &str) -> Vec<LaunchNonce> {
        let mut headers = HeaderMap::new();
        headers.insert(COOKIE, HeaderValue::try_from(header).unwrap());
        LaunchCookie { secure: false }.read(&headers)
    }

    #[test]
    fn what_is_written_is_read_again() {
        let nonces: Vec<_> = (0..6).map(|_| LaunchNonce::draw().unwrap()).collect();
        let cookie = LaunchCookie { secure: false };
        let set = cookie.write(&nonces, 60).unwrap();
        let pair = set.to_str().unwrap().split(';').next().unwrap();
        assert_eq!(carried(&format!("a=b; {pair}; c=d")), nonces[2..]);
        assert_eq!(carried("humanapi-launch=x.y.z; humanapi-launch"), []);
        assert_eq!(carried(""), []);
        assert_eq!(carried(&pair.replace("humanapi-launch", "other")), []);
    }

    #[test]
    fn the_cookie_is_for_this_host_alone() {
        let nonces = [LaunchNonce::draw().unwrap()];
        let set = LaunchCookie { secure: true }.write(&nonces, 60).unwrap();
        let text = set.to_str().unwrap();
        assert!(text.starts_with("__Host-humanapi-launch="), "{text}");
        for attribute in [
            "; HttpOnly",
            "; Secure",
            "; SameSite=Lax",
            "; Path=/",
            "; Max-Age=60",
        ] {
            assert!(text.contains(attribute), "{text}");
        }
        assert!(!text.contains("Domain"), "{text}");
        let plain = LaunchCookie { secure: false }.write(&nonces, 60).unwrap();
        assert!(!plain.to_str().unwrap().contains("Secure"));
        let gone = LaunchCookie { secure: true }.write(&[], 60).unwrap();
        assert!(gone.to_str().unwrap().contains("Max-Age=0"));
    }
}
