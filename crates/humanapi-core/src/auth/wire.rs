//! The token service's JSON: what we write exactly, and what we read leniently.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use serde_core::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};

use crate::body::Body;
use crate::credentials::Credentials;
use crate::json;
use crate::lenient::{self, Scalar};
use crate::secret_buffer::SecretBuffer;
use crate::token::TokenKind;

/// What goes into a token request besides credentials and type.
#[derive(Clone, Copy, Default)]
pub(super) struct Fields<'a> {
    pub(super) user: Option<&'a str>,
    pub(super) email: Option<&'a str>,
    pub(super) extra_scopes: &'a [String],
}

/// Writes a token request.
pub(super) fn write(credentials: &Credentials, kind: TokenKind, fields: Fields<'_>) -> Body {
    // Large enough where nothing has to be escaped. Extra scopes are rare, and make it grow.
    let size = credentials.json_prefix().len()
        + fields.user.map_or(0, str::len)
        + fields.email.map_or(0, str::len)
        + 96;
    let mut body = SecretBuffer::with_capacity(size);
    body.push(credentials.json_prefix());
    if let Some(user) = fields.user {
        body.push(b",\"client_user_id\":");
        json::push_string(&mut body, user);
    }
    if let Some(email) = fields.email {
        body.push(b",\"client_user_email\":");
        json::push_string(&mut body, email);
    }
    body.push(b",\"type\":\"");
    body.push(kind.name().as_bytes());
    if fields.extra_scopes.is_empty() {
        body.push(b"\"}");
    } else {
        body.push(b"\",\"extra_scopes\":");
        for (index, scope) in fields.extra_scopes.iter().enumerate() {
            body.push(if index == 0 { b"[" } else { b"," });
            json::push_string(&mut body, scope);
        }
        body.push(b"]}");
    }
    body.into()
}

/// Everything that an answer with a token may hold. Borrowed from the body where it can be.
#[derive(Default)]
pub(super) struct TokenResponse<'a> {
    pub(super) session_token: Option<Cow<'a, str>>,
    pub(super) id_token: Option<Cow<'a, str>>,
    pub(super) access_token: Option<Cow<'a, str>>,
    pub(super) client_token: Option<Cow<'a, str>>,
    pub(super) refresh_token: Option<Cow<'a, str>>,
    pub(super) id_refresh_token: Option<Cow<'a, str>>,
    pub(super) human_id: Option<Cow<'a, str>>,
    pub(super) expires_in: Option<Seconds>,
    pub(super) id_token_expires_in: Option<Seconds>,
}

impl<'de> Deserialize<'de> for TokenResponse<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(TokenResponseVisitor)
    }
}

struct TokenResponseVisitor;

impl<'de> Visitor<'de> for TokenResponseVisitor {
    type Value = TokenResponse<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut answer = TokenResponse::default();
        while let Some(key) = map.next_key::<Key>()? {
            match key {
                Key::SessionToken => read(&mut map, &mut answer.session_token)?,
                Key::IdToken => read(&mut map, &mut answer.id_token)?,
                Key::AccessToken => read(&mut map, &mut answer.access_token)?,
                Key::ClientToken => read(&mut map, &mut answer.client_token)?,
                Key::RefreshToken => read(&mut map, &mut answer.refresh_token)?,
                Key::IdRefreshToken => read(&mut map, &mut answer.id_refresh_token)?,
                Key::HumanId => read(&mut map, &mut answer.human_id)?,
                Key::ExpiresIn => read(&mut map, &mut answer.expires_in)?,
                Key::IdTokenExpiresIn => read(&mut map, &mut answer.id_token_expires_in)?,
                Key::Other => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(answer)
    }
}

fn read<'de, A: MapAccess<'de>, T: Scalar<'de>>(
    map: &mut A,
    field: &mut Option<T>,
) -> Result<(), A::Error> {
    let Lenient(value) = map.next_value()?;
    if value.is_some() {
        *field = value;
    }
    Ok(())
}

struct Lenient<T>(Option<T>);

impl<'de, T: Scalar<'de>> Deserialize<'de> for Lenient<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        lenient::scalar(deserializer).map(Self)
    }
}

enum Key {
    SessionToken,
    IdToken,
    AccessToken,
    ClientToken,
    RefreshToken,
    IdRefreshToken,
    HumanId,
    ExpiresIn,
    IdTokenExpiresIn,
    Other,
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KeyVisitor;

        impl Visitor<'_> for KeyVisitor {
            type Value = Key;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name")
            }

            fn visit_str<E>(self, name: &str) -> Result<Key, E> {
                Ok(match name {
                    "session_token" => Key::SessionToken,
                    "id_token" => Key::IdToken,
                    "access_token" => Key::AccessToken,
                    "client_token" => Key::ClientToken,
                    "refresh_token" => Key::RefreshToken,
                    "id_refresh_token" => Key::IdRefreshToken,
                    "human_id" => Key::HumanId,
                    "expires_in" => Key::ExpiresIn,
                    "id_token_expires_in" => Key::IdTokenExpiresIn,
                    _ => Key::Other,
                })
            }
        }

        deserializer.deserialize_identifier(KeyVisitor)
    }
}

/// A lifetime: whole seconds, as a number or as text. A negative one has ended already.
#[derive(Clone, Copy)]
pub(super) struct Seconds(pub(super) Duration);

impl Scalar<'_> for Seconds {
    fn from_text(text: &str) -> Option<Self> {
        text.trim().parse().ok().and_then(Self::from_float)
    }

    fn from_integer(number: i64) -> Option<Self> {
        Some(Self(Duration::from_secs(
            u64::try_from(number).unwrap_or_default(),
        )))
    }

    fn from_unsigned(number: u64) -> Option<Self> {
        Some(Self(Duration::from_secs(number)))
    }

    fn from_float(number: f64) -> Option<Self> {
        if number.is_nan() {
            return None;
        }
        Some(Self(
            Duration::try_from_secs_f64(number.max(0.0)).unwrap_or(Duration::MAX),
        ))
    }
}
