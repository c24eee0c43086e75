//! What a failure of the stack says about the request: may it have arrived?

use std::error::Error;

use humanapi_client::adapter::wants_proxy_login;
use humanapi_core::{SendFailure, SendFailureKind};

/// Reads a failure that came before the answer's head.
pub(crate) fn before_head(error: reqwest::Error) -> SendFailure {
    let kind = if wants_proxy_login(&error) {
        SendFailureKind::ProxyAuthentication
    } else if error.is_connect() || error.is_builder() || find(&error).is_some_and(never_left) {
        SendFailureKind::NotSent
    } else {
        SendFailureKind::Lost
    };
    caused_by(SendFailure::new(kind), error)
}

/// Reads a failure that came after the answer's head.
pub(crate) fn after_head(error: reqwest::Error) -> SendFailure {
    caused_by(SendFailure::new(SendFailureKind::CutShort), error)
}

/// The first error of this type behind another.
fn find<E: Error + 'static>(error: &reqwest::Error) -> Option<&E> {
    let mut link = error.source();
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
fn never_left(error: &hyper::Error) -> bool {
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

/// Adds the stack's own error without the address, unless it quotes the peer.
fn caused_by(failure: SendFailure, error: reqwest::Error) -> SendFailure {
    match find::<h2::Error>(&error) {
        Some(error) if error.is_go_away() => failure.caused_by(ended(error)),
        _ => failure.caused_by(error.without_url()),
    }
}

/// The end of an HTTP/2 connection, without the peer's own text, which may repeat anything it was sent.
fn ended(error: &h2::Error) -> String {
    let reason = error.reason().unwrap_or(h2::Reason::NO_ERROR);
    format!("http/2 connection ended: {reason}")
}
