//! Counters of token requests.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

use crate::token::TokenKind;

/// How many token requests were handled, by the type asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ExchangeCounts {
    /// Requests for a session token, granted or refused.
    pub session: u64,
    /// Requests for an id token, granted or refused.
    pub id: u64,
    /// Requests for an access token, granted or refused.
    pub access: u64,
    /// Requests for a client token, granted or refused.
    pub client: u64,
    /// Requests whose type was missing, unknown or unreadable; all of them refused.
    pub other: u64,
    /// How many of all these were refused.
    pub refused: u64,
}

impl ExchangeCounts {
    /// All token requests.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.session + self.id + self.access + self.client + self.other
    }
}

#[derive(Debug, Default)]
pub(crate) struct Exchanges {
    by_kind: [AtomicU64; 4],
    other: AtomicU64,
    refused: AtomicU64,
}

impl Exchanges {
    pub(crate) fn count(&self, kind: Option<TokenKind>, refused: bool) {
        kind.map_or(&self.other, |kind| &self.by_kind[kind as usize])
            .fetch_add(1, Ordering::SeqCst);
        if refused {
            self.refused.fetch_add(1, Ordering::SeqCst);
        }
    }

    pub(crate) fn read(&self) -> ExchangeCounts {
        let of = |kind: TokenKind| self.by_kind[kind as usize].load(Ordering::SeqCst);
        ExchangeCounts {
            session: of(TokenKind::Session),
            id: of(TokenKind::Id),
            access: of(TokenKind::Access),
            client: of(TokenKind::Client),
            other: self.other.load(Ordering::SeqCst),
            refused: self.refused.load(Ordering::SeqCst),
        }
    }

    pub(crate) fn reset(&self) {
        for counter in self.by_kind.iter().chain([&self.other, &self.refused]) {
            counter.store(0, Ordering::SeqCst);
        }
    }
}
