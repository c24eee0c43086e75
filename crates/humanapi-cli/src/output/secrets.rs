//! What this command was given and got that opens something, so that none of it is shown where others repeat it.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError};

#[cfg(feature = "data")]
use memchr::memmem;
#[cfg(feature = "data")]
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use zeroize::Zeroizing;

#[cfg(feature = "data")]
use super::mask::HIDDEN;

/// The client secret, the app key, and each token that went out. Cheap to clone; all clones are one.
#[derive(Clone, Default)]
pub(crate) struct Secrets(Arc<Mutex<Vec<Zeroizing<String>>>>);

impl Secrets {
    /// From now on this is not shown, nor as a part of JSON or of an address.
    pub(crate) fn add(&self, secret: &str) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for form in forms(secret) {
            if !form.is_empty() && !known.iter().any(|known| **known == *form) {
                known.push(Zeroizing::new(form.into_owned()));
            }
        }
        // Of two that begin alike the longer one is the one that stands there.
        known.sort_by_key(|known| std::cmp::Reverse(known.len()));
    }

    #[cfg(feature = "data")]
    fn with<T>(&self, look: impl FnOnce(&[Zeroizing<String>]) -> T) -> T {
        look(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What most writers of addresses leave as it is beside letters and digits.
#[cfg(feature = "data")]
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// A secret as it is, in a text of JSON, and in an address: with all escaped that may be, and as is usual.
fn forms(secret: &str) -> [Cow<'_, str>; 4] {
    let json = serde_json::Value::from(secret).to_string();
    let quoted = json[1..json.len() - 1].to_owned();
    #[cfg(feature = "data")]
    let [strict, usual] =
        [NON_ALPHANUMERIC, RESERVED].map(|set| utf8_percent_encode(secret, set).to_string());
    #[cfg(not(feature = "data"))]
    let [strict, usual] = [const { String::new() }; 2];
    [secret.into(), quoted.into(), strict.into(), usual.into()]
}

/// What of a text is shown: all of it, or all but the secrets.
#[cfg(feature = "data")]
pub(crate) struct Shown {
    hidden: Option<Secrets>,
}

#[cfg(feature = "data")]
impl Shown {
    pub(crate) fn new(secrets: &Secrets, reveal: bool) -> Self {
        let hidden = (!reveal).then(|| secrets.clone());
        Self { hidden }
    }

    /// A text that is whole.
    pub(crate) fn whole(&self, text: &[u8]) -> Vec<u8> {
        let mut pieces = self.in_pieces();
        let mut shown = pieces.piece(text);
        shown.extend(pieces.end());
        shown
    }

    /// A text that comes in pieces.
    pub(crate) fn in_pieces(&self) -> Pieces {
        let secrets = self.hidden.clone().unwrap_or_default();
        let begun = Zeroizing::default();
        Pieces { secrets, begun }
    }
}

/// Masks secrets in what comes in pieces, where two pieces meet too.
#[cfg(feature = "data")]
pub(crate) struct Pieces {
    secrets: Secrets,
    /// What may be the beginning of a secret whose end is to come.
    begun: Zeroizing<Vec<u8>>,
}

#[cfg(feature = "data")]
impl Pieces {
    /// What can be shown once this has come.
    pub(crate) fn piece(&mut self, piece: &[u8]) -> Vec<u8> {
        self.begun.extend_from_slice(piece);
        self.take(false)
    }

    /// What is left when nothing more comes.
    pub(crate) fn end(&mut self) -> Vec<u8> {
        self.take(true)
    }

    fn take(&mut self, is_last: bool) -> Vec<u8> {
        let text = std::mem::take(&mut self.begun);
        let mut shown = Vec::with_capacity(text.len());
        let mut rest = text.as_slice();
        self.secrets.with(|secrets| {
            loop {
                // What ends like one secret may go on as a longer one.
                let begun = if is_last {
                    0
                } else {
                    unfinished(secrets, rest)
                };
                let whole = rest.len() - begun;
                match first(secrets, rest).filter(|(at, _)| *at < whole) {
                    Some((at, length)) => {
                        shown.extend_from_slice(&rest[..at]);
                        shown.extend_from_slice(HIDDEN.as_bytes());
                        rest = &rest[at + length..];
                    }
                    None => {
                        shown.extend_from_slice(&rest[..whole]);
                        rest = &rest[whole..];
                        break;
                    }
                }
            }
        });
        self.begun = Zeroizing::new(rest.to_vec());
        shown
    }
}

/// Where the first secret stands, and how long it is.
#[cfg(feature = "data")]
fn first(secrets: &[Zeroizing<String>], text: &[u8]) -> Option<(usize, usize)> {
    let found = secrets.iter().filter_map(|secret| {
        let at = memmem::find(text, secret.as_bytes())?;
        Some((at, secret.len()))
    });
    // The longest come first, and of equals the first is taken.
    found.min_by_key(|(at, _)| *at)
}

/// How many bytes at the end begin a secret.
#[cfg(feature = "data")]
fn unfinished(secrets: &[Zeroizing<String>], text: &[u8]) -> usize {
    let begun = secrets.iter().filter_map(|secret| {
        let most = text.len().min(secret.len().saturating_sub(1));
        (1..=most)
            .rev()
            .find(|length| text.ends_with(&secret.as_bytes()[..*length]))
    });
    begun.max().unwrap_or_default()
}

#[cfg(all(test, feature = "data"))]
mod tests {
    use super::*;

    #[test]
    fn no_secret_is_shown_wherever_pieces_meet_and_the_rest_is_as_it_came() {
        let secrets = Secrets::default();
        for secret in [
            "canary",
            "canary-long",
            "of\"quotes\"",
            "a b&c",
            "d-e.f_g~h+",
            "",
        ] {
            secrets.add(secret);
        }
        let text = r#"{"a":"canary","b":"canary-long","c":"of\"quotes\"","d":"?x=a%20b%26c","e":"canarcanary","f":"can","g":"?x=d-e.f_g~h%2B&y=d%2De%2Ef%5Fg%7Eh%2B"}"#;
        let masked = format!(
            r#"{{"a":"{HIDDEN}","b":"{HIDDEN}","c":"{HIDDEN}","d":"?x={HIDDEN}","e":"canar{HIDDEN}","f":"can","g":"?x={HIDDEN}&y={HIDDEN}"}}"#
        );
        for size in 1..=text.len() {
            let mut pieces = Shown::new(&secrets, false).in_pieces();
            let mut shown = Vec::new();
            for piece in text.as_bytes().chunks(size) {
                shown.extend(pieces.piece(piece));
            }
            shown.extend(pieces.end());
            assert_eq!(String::from_utf8(shown).unwrap(), masked, "{size}");
        }
        assert_eq!(
            Shown::new(&secrets, true).whole(text.as_bytes()),
            text.as_bytes()
        );
    }

    #[test]
    fn what_begins_no_secret_is_shown_at_once() {
        let secrets = Secrets::default();
        secrets.add("canary");
        let mut pieces = Shown::new(&secrets, false).in_pieces();
        assert_eq!(pieces.piece(b"[1, 2"), b"[1, 2");
        assert_eq!(pieces.piece(b"ca"), b"");
        assert_eq!(pieces.piece(b"ke"), b"cake");
    }
}
