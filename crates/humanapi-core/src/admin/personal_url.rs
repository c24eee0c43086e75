//! Addresses that open something of one person.

use secrecy::{ExposeSecret as _, SecretString};

use crate::base_url::BaseUrl;
use crate::hidden::hidden_debug;

/// An address that opens something of one person to whoever has it, and hides itself. Keep it out of logs, and send
/// `Referrer-Policy: no-referrer` and `Cache-Control: no-store` with a page that carries it.
#[derive(Clone)]
pub struct PersonalUrl(SecretString);

impl PersonalUrl {
    /// An address of the service, if it is one that a browser may be led to: https, or plain on this machine.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let without_tail = text.split(['?', '#']).next()?;
        let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic());
        (is_plain && BaseUrl::parse(without_tail).is_ok()).then(|| Self(text.into()))
    }

    pub(super) fn new(text: SecretString) -> Self {
        Self(text)
    }

    /// The address in clear.
    #[must_use]
    pub fn expose_secret(&self) -> &str {
        self.0.expose_secret()
    }
}

hidden_debug!(PersonalUrl);
