//! The demo applications and their credentials.

use std::fmt;

use serde::Serialize;

use crate::seed::{Numbers, keyed};

/// The applications that every sandbox has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum DemoApp {
    /// An ordinary Connect application: access tokens from the Connect token service, no Admin API.
    Connect,
    /// An application provisioned for HIP: Admin API on, access tokens from the admin token service.
    Hip,
    /// As [`Hip`](Self::Hip), but with the Admin API left off, as it is by default.
    NoAdmin,
}

impl DemoApp {
    /// All of them.
    pub const ALL: &[Self] = &[Self::Connect, Self::Hip, Self::NoAdmin];

    /// Its name in JSON.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Hip => "hip",
            Self::NoAdmin => "no-admin",
        }
    }

    /// The application's name on pages.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Connect => "Demo Connect app",
            Self::Hip => "Demo HIP app",
            Self::NoAdmin => "Demo HIP app without Admin API",
        }
    }
}

/// What an application proves itself with.
///
/// `Debug` leaves the secret and the key out.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct AppCredentials {
    /// Which demo application this is.
    pub app: DemoApp,
    /// The application's id: 40 hexadecimal digits.
    pub client_id: String,
    /// The application's secret.
    pub client_secret: String,
    /// The key that the application level takes as the user name of Basic authorization: 40
    /// hexadecimal digits.
    pub app_key: String,
    /// Whether access tokens come from the admin token service.
    pub hip: bool,
    /// Whether the Admin API is on.
    pub admin_api: bool,
    /// Where a hosted Connect link of this application may lead back to.
    pub callbacks: Vec<String>,
}

impl fmt::Debug for AppCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AppCredentials")
            .field("app", &self.app)
            .field("client_id", &self.client_id)
            .field("client_secret", &"[redacted]")
            .field("app_key", &"[redacted]")
            .field("hip", &self.hip)
            .field("admin_api", &self.admin_api)
            .field("callbacks", &self.callbacks)
            .finish()
    }
}

impl AppCredentials {
    pub(crate) fn demo(seed: u64, app: DemoApp, callbacks: &[String]) -> Self {
        let (number, hip, admin_api) = match app {
            DemoApp::Connect => (1_u32, false, false),
            DemoApp::Hip => (2, true, true),
            DemoApp::NoAdmin => (3, true, false),
        };
        let secret = keyed(seed, &[b"client secret", &number.to_be_bytes()]);
        let key = keyed(seed, &[b"app key", &number.to_be_bytes()]);
        Self {
            app,
            client_id: format!("5a9db0c5{number:08x}{:08x}{seed:016x}", 0),
            client_secret: format!("sbx-secret-{}", Numbers::new(secret).hex(32)),
            app_key: Numbers::new(key).hex(40),
            hip,
            admin_api,
            callbacks: callbacks.to_vec(),
        }
    }
}

/// Whether a hosted link may lead back to `callback`: a listed address, or one below a listed `…/*`,
/// with any query or fragment.
pub(crate) fn callback_allowed(listed: &[String], callback: &str) -> bool {
    let base = callback.split(['?', '#']).next().unwrap_or_default();
    listed.iter().any(|entry| match entry.strip_suffix('*') {
        // The slash before the star keeps it to the host and the port.
        Some(below) if below.ends_with('/') => {
            base.starts_with(below) || below.strip_suffix('/') == Some(base)
        }
        _ => entry == callback || entry.as_str() == base,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn client_ids_are_forty_hexadecimal_digits_and_differ() {
        let ids: std::collections::BTreeSet<_> = DemoApp::ALL
            .iter()
            .map(|app| AppCredentials::demo(u64::MAX, *app, &[]).client_id)
            .collect();
        assert_eq!(ids.len(), 3);
        for id in ids {
            assert_eq!(id.len(), 40);
            assert!(id.bytes().all(|byte| byte.is_ascii_hexdigit()));
        }
    }

    #[test]
    fn debug_text_has_no_secret() {
        let app = AppCredentials::demo(1, DemoApp::Hip, &[]);
        let text = format!("{app:?}");
        assert!(!text.contains(&app.client_secret) && !text.contains(&app.app_key));
    }

    #[test]
    fn a_callback_may_add_a_query_but_not_a_path() {
        let listed = ["https://app.example.test/connected".to_owned()];
        assert!(callback_allowed(
            &listed,
            "https://app.example.test/connected?state=1"
        ));
        assert!(!callback_allowed(
            &listed,
            "https://app.example.test/connected/on"
        ));
        assert!(!callback_allowed(
            &listed,
            "https://app.example.test/connected.evil.test"
        ));
        assert!(!callback_allowed(&listed, ""));
        let listed = ["http://127.0.0.1:3000/*".to_owned()];
        for (callback, allowed) in [
            ("http://127.0.0.1:3000", true),
            ("http://127.0.0.1:3000/", true),
            ("http://127.0.0.1:3000/any/path?state=1", true),
            ("http://127.0.0.1:3000?state=1", true),
            ("http://127.0.0.1:30001/", false),
            ("http://127.0.0.1:3000@evil.test/", false),
            ("http://127.0.0.1:3000.evil.test/", false),
            ("https://127.0.0.1:3000/", false),
            ("https://evil.test/?http://127.0.0.1:3000/", false),
        ] {
            assert_eq!(callback_allowed(&listed, callback), allowed, "{callback}");
        }
    }
}
