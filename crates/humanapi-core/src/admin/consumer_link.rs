//! The address at which a user does what an order lacks.

use std::fmt::Write as _;
use std::time::Duration;

use percent_encoding::utf8_percent_encode;

use crate::admin::fields::{Fields, Model};
use crate::admin::personal_url::PersonalUrl;
use crate::admin::user_ref::{OfUser, UserRef};
use crate::admin::wire::{self, operation};
use crate::connect::Callback;
use crate::endpoint::Endpoint;
use crate::error::{BuildError, DecodeError, ResponseError};
use crate::hidden::hidden_debug;
use crate::hosts::Hosts;
use crate::message::{Request, Response};
use crate::now::Now;
use crate::query_string::ESCAPED;
use crate::secret_buffer::SecretBuffer;
use crate::token::Expiry;

/// How long a link opens the Task Manager.
const LIFE: Duration = Duration::from_secs(8 * 60 * 60);

/// Makes an address that opens the Task Manager for one user. A second one does no harm, so it is repeated.
#[derive(Clone, PartialEq, Eq)]
pub struct MakeConsumerLink {
    user: UserRef,
}

impl MakeConsumerLink {
    /// For this user.
    #[must_use]
    pub fn new(user: impl Into<UserRef>) -> Self {
        Self { user: user.into() }
    }
}

/// An address that opens the Task Manager for one user, for 8 hours. `Debug` does not show it.
#[derive(Clone)]
#[non_exhaustive]
pub struct ConsumerLink {
    /// The address.
    pub url: PersonalUrl,
    /// The application whose user it is.
    pub client_id: Option<String>,
    /// When it ends.
    pub expiry: Expiry,
}

impl ConsumerLink {
    /// The address with where the Task Manager leads back to, which the vendor must have put on the application's list.
    ///
    /// What it tells there, [`TaskReport::from_callback`](crate::admin::TaskReport::from_callback) reads.
    #[must_use]
    pub fn url_with_callback(&self, callback: &Callback) -> PersonalUrl {
        let (address, fragment) = match self.url.expose_secret().split_once('#') {
            Some((address, fragment)) => (address, Some(fragment)),
            None => (self.url.expose_secret(), None),
        };
        let separator = if address.contains('?') { '&' } else { '?' };
        let callback = utf8_percent_encode(callback.as_str(), ESCAPED);
        let mut url = SecretBuffer::new();
        let mut written = write!(url, "{address}{separator}callback={callback}");
        if let Some(fragment) = fragment {
            written = written.and_then(|()| write!(url, "#{fragment}"));
        }
        written.expect("a buffer can be written to");
        PersonalUrl::new(url.into_text().expect("it was made of texts"))
    }
}

struct Link {
    url: Option<PersonalUrl>,
    client_id: Option<String>,
}

impl Model for Link {
    fn read(mut fields: Fields) -> Result<Self, &'static str> {
        let url = fields.id("consumerLink").ok_or("consumerLink")?;
        Ok(Self {
            url: PersonalUrl::parse(&url),
            client_id: fields.id("clientId"),
        })
    }
}

impl Endpoint for MakeConsumerLink {
    type Output = ConsumerLink;

    operation!("admin.consumer_link", Safe);

    fn request(&self, hosts: &Hosts) -> Result<Request, BuildError> {
        self.user.checked()?;
        wire::post(
            hosts,
            "/api/v1/resources/consumer-link",
            &OfUser(&self.user),
        )
    }

    fn parse(&self, response: Response, sent_at: Now) -> Result<Self::Output, ResponseError> {
        let link: Link = wire::one(&response)?;
        let is_none = || DecodeError::new("consumerLink", "it is no address to lead a browser to");
        Ok(ConsumerLink {
            url: link.url.ok_or_else(is_none)?,
            client_id: link.client_id,
            expiry: Expiry::after(sent_at, LIFE),
        })
    }
}

hidden_debug!(ConsumerLink, MakeConsumerLink);
