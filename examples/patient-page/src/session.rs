//! Who is signed in: sessions in memory, and forms that no other site can post.

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::http::header::{COOKIE, HeaderName, HeaderValue, ORIGIN, SET_COOKIE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{AppendHeaders, IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use cookie::{Cookie, SameSite};
use humanapi::ClientUserId;
use lru::LruCache;
use subtle::ConstantTimeEq as _;

/// One who can sign in. A real app asks for more than a click.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Person {
    /// By this id the app knows the person, and Human API is told.
    pub id: ClientUserId,
    /// As the person writes it.
    pub name: String,
    /// Goes to Human API with a session.
    pub email: String,
}

impl Person {
    /// A person.
    ///
    /// # Panics
    ///
    /// When the id is empty: the list of people is wrong then.
    #[must_use]
    pub fn new(id: &str, name: &str, email: &str) -> Self {
        Self {
            id: ClientUserId::new(id).expect("a person has an id"),
            name: name.to_owned(),
            email: email.to_owned(),
        }
    }

    /// Three who do not exist.
    #[must_use]
    pub fn synthetic() -> Vec<Self> {
        vec![
            Self::new("patient-1001", "Ada Lindqvist", "ada@example.test"),
            Self::new("patient-1002", "Ben Okafor", "ben@example.test"),
            Self::new("patient-1003", "Chloé O’Hara", "chloe@example.test"),
        ]
    }
}

/// A cookie beside a response.
pub(crate) type SetCookie = AppendHeaders<Option<(HeaderName, HeaderValue)>>;

/// A form was not ours.
pub(crate) struct Refused;

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let text = "This form has expired or is not ours. Go back, load the page again and retry.";
        (StatusCode::FORBIDDEN, text).into_response()
    }
}

/// Sessions of this process. Cheap to clone.
#[derive(Clone)]
pub struct Sessions {
    open: Arc<Mutex<LruCache<String, Session>>>,
    people: Arc<[Person]>,
    origin: Arc<str>,
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions")
            .field("people", &self.people.len())
            .finish_non_exhaustive()
    }
}

struct Session {
    person: usize,
    ends: Instant,
}

const LIFE: Duration = Duration::from_secs(12 * 3600);
const MOST: NonZeroUsize = NonZeroUsize::new(10_000).expect("it is more than none");

impl Sessions {
    /// Sessions for these people, at this origin.
    #[must_use]
    pub fn new(people: Vec<Person>, origin: &str) -> Self {
        Self {
            open: Arc::new(Mutex::new(LruCache::new(MOST))),
            people: people.into(),
            origin: origin.into(),
        }
    }

    /// All who can sign in.
    #[must_use]
    pub fn people(&self) -> &[Person] {
        &self.people
    }

    /// Who sent these headers.
    #[must_use]
    pub fn person(&self, headers: &HeaderMap) -> Option<Person> {
        let id = self.carried(headers, "session")?;
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let session = open.get(&id)?;
        if session.ends <= Instant::now() {
            open.pop(&id);
            return None;
        }
        self.people.get(session.person).cloned()
    }

    /// Begins a session with an id of its own, and ends the one that the browser carried before.
    pub(crate) fn begin(&self, headers: &HeaderMap, person: &str) -> Option<SetCookie> {
        let person = self
            .people
            .iter()
            .position(|known| known.id.as_str() == person)?;
        let id = random()?;
        let ends = Instant::now() + LIFE;
        let before = self.carried(headers, "session");
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(before) = before {
            open.pop(&before);
        }
        open.put(id.clone(), Session { person, ends });
        Some(self.set("session", id, LIFE))
    }

    /// Ends the session.
    pub(crate) fn end(&self, headers: &HeaderMap) -> SetCookie {
        if let Some(id) = self.carried(headers, "session") {
            let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
            open.pop(&id);
        }
        self.set("session", String::new(), Duration::ZERO)
    }

    /// What a form carries beside its fields, and the cookie that has to fit it.
    pub(crate) fn form(&self, headers: &HeaderMap) -> Option<(String, SetCookie)> {
        let token = match self.carried(headers, "form") {
            Some(token) if token.len() == 43 => token,
            _ => random()?,
        };
        Some((token.clone(), self.set("form", token, LIFE)))
    }

    /// Refuses a form that a page of ours did not make for this very browser.
    pub(crate) fn check_form(&self, headers: &HeaderMap, token: &str) -> Result<(), Refused> {
        const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
        let same = match (only(headers, &SEC_FETCH_SITE), only(headers, &ORIGIN)) {
            (Ok(Some(site)), Ok(_)) => site == "same-origin",
            (Ok(None), Ok(origin)) => origin.is_none_or(|origin| origin == &*self.origin),
            _ => false,
        };
        let fits = self.carried(headers, "form").is_some_and(|carried| {
            carried.len() == 43 && bool::from(carried.as_bytes().ct_eq(token.as_bytes()))
        });
        if same && fits {
            return Ok(());
        }
        Err(Refused)
    }

    fn is_https(&self) -> bool {
        self.origin.starts_with("https://")
    }

    /// A browser takes a `__Host-` cookie over https alone, and from nobody but this very host.
    fn name(&self, what: &str) -> String {
        let prefix = if self.is_https() { "__Host-" } else { "" };
        format!("{prefix}patient-page-{what}")
    }

    fn carried(&self, headers: &HeaderMap, what: &str) -> Option<String> {
        let name = self.name(what);
        headers
            .get_all(COOKIE)
            .iter()
            .filter_map(|header| header.to_str().ok())
            .flat_map(Cookie::split_parse)
            .flatten()
            .find(|cookie| cookie.name() == name)
            .map(|cookie| cookie.value().to_owned())
    }

    fn set(&self, what: &str, value: String, life: Duration) -> SetCookie {
        let seconds = life.as_secs().try_into().unwrap_or(i64::MAX);
        let cookie = Cookie::build((self.name(what), value))
            .path("/")
            .http_only(true)
            .secure(self.is_https())
            // Lax, not strict: who comes back from hosted Connect follows a link of another site.
            .same_site(SameSite::Lax)
            .max_age(cookie::time::Duration::seconds(seconds));
        let value = HeaderValue::try_from(cookie.to_string()).ok();
        AppendHeaders(value.map(|value| (SET_COOKIE, value)))
    }
}

/// A header that stands there at most once. No browser sends these twice.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a HeaderValue>, Refused> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (value, None) => Ok(value),
        _ => Err(Refused),
    }
}

fn random() -> Option<String> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).ok()?;
    Some(BASE64.encode(bytes))
}
