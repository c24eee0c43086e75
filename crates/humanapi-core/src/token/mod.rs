//! The four kinds of token, who may see them, and when they end.

mod expiry;
mod issued;
mod key;
mod kind;
mod secret;

pub use expiry::{Expiry, Leeway};
pub use issued::{ConnectToken, Issued};
pub use key::{Generation, Rejected, TokenKey};
pub use kind::{Purpose, TokenKind};
pub use secret::{AccessToken, ClientToken, IdToken, RefreshToken, SessionToken};
