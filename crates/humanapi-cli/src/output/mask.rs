//! Tokens that may be seen: a word for the kind, and nothing of the token itself.

use humanapi_core::TokenKind;

/// What stands in place of anything that is not known to be harmless.
#[cfg(feature = "demo")]
pub(crate) const HIDDEN: &str = "…(masked)";

/// What stands in place of a token of this kind.
pub(crate) const fn token(kind: TokenKind) -> &'static str {
    match kind {
        TokenKind::Session => "st-…(masked)",
        TokenKind::Id => "id-…(masked)",
        TokenKind::Access => "at-…(masked)",
        TokenKind::Client => "ct-…(masked)",
    }
}
