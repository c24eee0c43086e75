//! A call of any kind that notes the head of its answer.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use humanapi_core::http::header::{
    AUTHORIZATION, COOKIE, HeaderName, LOCATION, PROXY_AUTHORIZATION, SET_COOKIE,
};
use humanapi_core::{
    Authorization, BuildError, Endpoint, Head, Hosts, Now, RawCall, Replay, Request, Response,
    ResponseError, Streamed, StreamedCall,
};

use crate::output::mask;

/// Any call. Its answer is handed over as it arrives, and its head is noted.
pub(super) struct Raw {
    call: StreamedCall,
    noted: Noted,
    reveal: bool,
}

/// The head of the last answer, and what a refusal held, as text.
#[derive(Clone, Default)]
pub(super) struct Noted(Arc<Mutex<Option<String>>>);

impl Raw {
    /// Unless all is to be revealed, values that open something by what their header is are not noted.
    pub(super) fn new(call: RawCall, reveal: bool) -> (Self, Noted) {
        let noted = Noted::default();
        let raw = Self {
            call: call.streamed(),
            noted: noted.clone(),
            reveal,
        };
        (raw, noted)
    }
}

impl Noted {
    fn note(&self, answer: &Response, reveal: bool) {
        let status = answer.status();
        let reason = status.canonical_reason().unwrap_or_default();
        let mut text = format!("{:?} {} {reason}", answer.version(), status.as_u16());
        text.truncate(text.trim_end().len());
        text.push('\n');
        for (name, value) in answer.headers() {
            let value = String::from_utf8_lossy(value.as_bytes());
            let value = match reveal {
                true => value,
                false => masked(name, value),
            };
            let _ = writeln!(text, "{name}: {value}");
        }
        text.push('\n');
        if !status.is_success() {
            let body = String::from_utf8_lossy(answer.body().as_bytes());
            text.push_str(&body);
            if !body.is_empty() && !body.ends_with('\n') {
                text.push('\n');
            }
        }
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(text);
    }

    pub(super) fn text(&self) -> Option<String> {
        let noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        noted.clone()
    }
}

/// The value of a header, without what opens something by what the header is.
fn masked<'a>(name: &HeaderName, value: Cow<'a, str>) -> Cow<'a, str> {
    match *name {
        AUTHORIZATION | COOKIE | PROXY_AUTHORIZATION | SET_COOKIE => mask::HIDDEN.into(),
        LOCATION => location(&value).into(),
        _ => value,
    }
}

/// An address without what its parameters say, and without what stands behind `#`, where tokens are handed over too.
fn location(address: &str) -> String {
    let (address, fragment) = match address.split_once('#') {
        Some((address, _)) => (address, Some(mask::HIDDEN)),
        None => (address, None),
    };
    let mut shown = match address.split_once('?') {
        Some((before, query)) => format!("{before}{}", mask::query(query)),
        None => address.to_owned(),
    };
    if let Some(fragment) = fragment {
        shown.push('#');
        shown.push_str(fragment);
    }
    shown
}

impl Endpoint for Raw {
    type Output = Streamed;

    fn name(&self) -> &'static str {
        self.call.name()
    }

    fn replay(&self) -> Replay {
        self.call.replay()
    }

    fn authorization(&self) -> Authorization {
        self.call.authorization()
    }

    fn request(&self, hosts: &Hosts) -> Result<Request, BuildError> {
        self.call.request(hosts)
    }

    fn streams(&self) -> bool {
        self.call.streams()
    }

    fn peek(&self, head: &Head) -> usize {
        self.call.peek(head)
    }

    fn parse(&self, response: Response, sent_at: Now) -> Result<Streamed, ResponseError> {
        self.noted.note(&response, self.reveal);
        self.call.parse(response, sent_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_address_hands_over_is_masked_wherever_it_stands_in_it() {
        for (address, shown) in [
            ("/x?limit=5&token=canary", "/x?limit=5&token=…(masked)"),
            ("/x#access_token=canary", "/x#…(masked)"),
            ("/x?limit=5#canary?limit=canary", "/x?limit=5#…(masked)"),
            ("/x?a=canary#", "/x?a=…(masked)#…(masked)"),
            ("http://127.0.0.1/x", "http://127.0.0.1/x"),
        ] {
            assert_eq!(masked(&LOCATION, address.into()), shown);
        }
    }
}
