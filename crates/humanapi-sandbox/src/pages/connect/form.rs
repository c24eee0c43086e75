//! The body of an action.

use http::HeaderMap;

use crate::body::Fields;
use crate::pages::callback;
use crate::reply::Problem;
use crate::user::{Location, RequestedProvider};

/// The longest texts that an action takes, in characters; for those that people type, what the page
/// lets them type.
const NAME: usize = 200;
const PLACE: usize = 300;
const TOKEN: usize = 4096;

/// What a request says of a health system that it does not name.
pub(super) const NO_SYSTEM: &str = "N/A";

/// The body of an action.
pub(super) struct ActionForm {
    pub(super) token: Option<String>,
    pub(super) client_id: Option<String>,
    pub(super) callback: Option<String>,
    pub(super) disconnects: bool,
    /// The directory was looked at without a user.
    pub(super) only_looked: bool,
    pub(super) username: String,
    pub(super) password: String,
    pub(super) code: String,
    pub(super) provider: RequestedProvider,
}

impl ActionForm {
    pub(super) fn read(headers: &HeaderMap, body: &[u8]) -> Result<Self, Problem> {
        let mut fields = Fields::read(headers, body)?;
        let disconnects = match fields.optional("action").as_deref() {
            None | Some("connect") => false,
            Some("disconnect") => true,
            Some(_) => {
                fields.reject("action", "must be connect or disconnect");
                false
            }
        };
        let mut text = |name, longest| {
            let text = fields.bounded(name, longest)?;
            (!text.trim().is_empty()).then_some(text)
        };
        let token = text("token", TOKEN);
        let form = Self {
            only_looked: token.is_none() && text("mode", NAME).as_deref() == Some("select"),
            token,
            client_id: text("clientId", NAME),
            callback: text("callback", callback::LONGEST),
            disconnects,
            // People's phones put a blank behind what they complete.
            username: text("username", NAME).unwrap_or_default().trim().to_owned(),
            password: text("password", NAME).unwrap_or_default(),
            code: text("code", NAME).unwrap_or_default().trim().to_owned(),
            provider: RequestedProvider {
                address: text("address", PLACE).unwrap_or_default(),
                health_system: text("healthSystem", NAME).unwrap_or_else(|| NO_SYSTEM.to_owned()),
                location: Location {
                    latitude: 0.0,
                    longitude: 0.0,
                },
                physician: text("physician", NAME).unwrap_or_default(),
                website: text("website", PLACE).unwrap_or_default(),
            },
        };
        fields.finish()?;
        Ok(form)
    }
}
