//! The token service's JSON: what we write exactly, and what we read leniently.

use std::ops::Range;
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};

use crate::body::Body;
use crate::credentials::Credentials;
use crate::error::DecodeError;
use crate::json;
use crate::json::name::unescape_into;
use crate::json::tokens::{Form, LONGEST, Scanner, Span};
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

/// Text of an answer. Each of them may be a secret, whether it is asked for or not.
pub(super) enum Text<'a> {
    /// Borrowed from the body, which is wiped.
    Plain(&'a str),
    /// A copy, which is wiped.
    Unescaped(SecretString),
}

impl Text<'_> {
    pub(super) fn as_str(&self) -> &str {
        match self {
            Self::Plain(text) => text,
            Self::Unescaped(text) => text.expose_secret(),
        }
    }

    pub(super) fn into_secret(self) -> SecretString {
        match self {
            Self::Plain(text) => SecretString::from(text),
            Self::Unescaped(text) => text,
        }
    }
}

/// Everything that an answer with a token may hold.
#[derive(Default)]
pub(super) struct TokenResponse<'a> {
    pub(super) session_token: Option<Text<'a>>,
    pub(super) id_token: Option<Text<'a>>,
    pub(super) access_token: Option<Text<'a>>,
    pub(super) client_token: Option<Text<'a>>,
    pub(super) refresh_token: Option<Text<'a>>,
    pub(super) id_refresh_token: Option<Text<'a>>,
    pub(super) human_id: Option<Text<'a>>,
    pub(super) expires_in: Option<Duration>,
    pub(super) id_token_expires_in: Option<Duration>,
}

impl<'a> TokenResponse<'a> {
    /// Reads an answer as records are read: by where its values stand, so that none spoils another. One that cannot be
    /// read, or is of another type than documented, is none.
    ///
    /// # Errors
    ///
    /// When it is no object, or its fields cannot be told from each other.
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        if bytes.len() > LONGEST {
            return Err(DecodeError::new(".", DecodeError::TOO_LONG));
        }
        let values = Values {
            bytes,
            text: std::str::from_utf8(bytes).ok(),
        };
        let mut found = Self::default();
        let scanner = Scanner::new(bytes);
        let read = scanner.each_field(|name, span| {
            let text = match &*name.unescaped() {
                b"session_token" => &mut found.session_token,
                b"id_token" => &mut found.id_token,
                b"access_token" => &mut found.access_token,
                b"client_token" => &mut found.client_token,
                b"refresh_token" => &mut found.refresh_token,
                b"id_refresh_token" => &mut found.id_refresh_token,
                b"human_id" => &mut found.human_id,
                b"expires_in" => return keep(&mut found.expires_in, values.lifetime(span)),
                b"id_token_expires_in" => {
                    return keep(&mut found.id_token_expires_in, values.lifetime(span));
                }
                _ => return,
            };
            keep(text, values.text(span));
        });
        read.and_then(|end| scanner.nothing_behind(end))
            .map_err(|fault| DecodeError::of_fault(".", fault))?;
        Ok(found)
    }
}

/// The last of several equal names counts, and nothing is no value.
fn keep<T>(field: &mut Option<T>, value: Option<T>) {
    if value.is_some() {
        *field = value;
    }
}

/// The values of a body, read where they stand.
#[derive(Clone, Copy)]
struct Values<'a> {
    bytes: &'a [u8],
    /// The same, where all of it is text: that is asked once and not of each value.
    text: Option<&'a str>,
}

impl<'a> Values<'a> {
    fn sent(self, range: Range<usize>) -> Option<&'a str> {
        match self.text {
            Some(text) => text.get(range),
            None => std::str::from_utf8(&self.bytes[range]).ok(),
        }
    }

    fn text(self, span: Span) -> Option<Text<'a>> {
        let Range { start, end } = span.range();
        match span.form {
            Form::Text => self.sent(start + 1..end - 1).map(Text::Plain),
            Form::Escaped => unescaped(self.sent(start + 1..end - 1)?).map(Text::Unescaped),
            Form::Object | Form::List | Form::Bare => None,
        }
    }

    /// A lifetime: seconds, as a number or as text. A negative one has ended already.
    fn lifetime(self, span: Span) -> Option<Duration> {
        if span.form == Form::Bare {
            return seconds(self.sent(span.range())?);
        }
        seconds(self.text(span)?.as_str().trim())
    }
}

/// The documented tokens have no escapes, so this is kept out of their way.
#[cold]
#[inline(never)]
fn unescaped(inner: &str) -> Option<SecretString> {
    let mut text = SecretBuffer::with_capacity(inner.len());
    unescape_into(inner, &mut text)?;
    text.into_text().ok()
}

fn seconds(text: &str) -> Option<Duration> {
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let seconds: f64 = text
        .parse()
        .ok()
        .filter(|seconds: &f64| !seconds.is_nan())?;
    Some(Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(Duration::MAX))
}
