//! What a failure of hyper says about the request: may it have arrived?
//!
//! Stacks are made of hyper more often than not, and hand its errors on among the sources of their own. Repeating an order
//! is decided by what is read here, so it is read once for all of them.

use std::error::Error;

use humanapi_core::{SendFailure, SendFailureKind};

use super::wants_proxy_login;

/// Reads a failure that came before the answer's head, from an error among whose sources hyper's stands.
///
/// `never_left` is what the stack itself knows: that there was no connection, for example. Strip addresses from the error
/// first.
#[must_use]
pub fn before_head(error: impl Error + Send + Sync + 'static, never_left: bool) -> SendFailure {
    let kind = if wants_proxy_login(&error) {
        SendFailureKind::ProxyAuthentication
    } else if never_left || find(&error).is_some_and(was_given_back) {
        SendFailureKind::NotSent
    } else {
        SendFailureKind::Lost
    };
    caused_by(SendFailure::new(kind), error)
}

/// Reads a failure that came after the answer's head. Strip addresses from the error first.
#[must_use]
pub fn after_head(error: impl Error + Send + Sync + 'static) -> SendFailure {
    caused_by(SendFailure::new(SendFailureKind::CutShort), error)
}

/// The first error of this type in a chain.
fn find<'e, E: Error + 'static>(error: &'e (dyn Error + 'static)) -> Option<&'e E> {
    let mut link = Some(error);
    while let Some(this) = link {
        if let Some(found) = this.downcast_ref() {
            return Some(found);
        }
        link = this.source();
    }
    None
}

/// Whether the stack gave the request back before a byte of it was written, or the service said that it did not and
/// will not look at it.
fn was_given_back(error: &hyper::Error) -> bool {
    error.is_canceled()
        || error
            .source()
            .and_then(|source| source.downcast_ref::<h2::Error>())
            .is_some_and(|error| {
                error.is_remote()
                    && (error.is_reset() && error.reason() == Some(h2::Reason::REFUSED_STREAM)
                        || error.is_go_away() && error.reason() == Some(h2::Reason::NO_ERROR))
            })
}

/// Adds the stack's own error, unless it quotes the peer.
fn caused_by(failure: SendFailure, error: impl Error + Send + Sync + 'static) -> SendFailure {
    match find::<h2::Error>(&error) {
        Some(error) if error.is_go_away() => failure.with_source(ended(error)),
        _ => failure.with_source(error),
    }
}

/// The end of an HTTP/2 connection, without the peer's own text, which may repeat anything it was sent.
fn ended(error: &h2::Error) -> String {
    let reason = error.reason().unwrap_or(h2::Reason::NO_ERROR);
    format!("http/2 connection ended: {reason}")
}
