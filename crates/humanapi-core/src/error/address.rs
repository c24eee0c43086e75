//! Why nothing may be sent to an address.

use thiserror::Error;

/// An address that nothing may be sent to.
///
/// The address itself is not repeated, because it may hold a password.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum HostError {
    /// It is not an absolute URL.
    #[error("the address is not an absolute URL")]
    NotAUrl,
    /// It holds what no URL can.
    #[error("the address holds a space, a backslash, a control character or a letter beyond ASCII")]
    Characters,
    /// It has a name or password before the host.
    #[error("the address has user information before the host")]
    UserInfo,
    /// The host is no name.
    #[error(
        "the address names no host: a name is letters, digits, - and _, with single dots between"
    )]
    HostName,
    /// The host is an IP address in a spelling that not everybody reads alike.
    #[error("the address holds an IP address in an unusual spelling")]
    IpAddress,
    /// The port is none.
    #[error("the address has a port that is no number from 1 to 65535")]
    Port,
    /// The path is none, or leads to another one.
    #[error("the address has a path with an empty segment, one of dots, or letters to be escaped")]
    Path,
    /// It has a query or a fragment.
    #[error("the address has a query or a fragment")]
    QueryOrFragment,
    /// Plain http to another machine.
    #[error("plain http is accepted for this machine alone (127.0.0.0/8, [::1], localhost)")]
    PlainHttp,
    /// Neither http nor https.
    #[error("the address is neither http nor https")]
    OtherScheme,
}

impl HostError {
    /// What to do next, in one sentence.
    #[must_use]
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::NotAUrl | Self::OtherScheme => {
                "write it like https://host.example.test, or http://127.0.0.1:8080 for a sandbox"
            }
            Self::Characters => "write the host in its xn-- form and escape the path by %",
            Self::UserInfo => "remove everything up to the @",
            Self::HostName => "write the host like host.example.test, without a dot at its end",
            Self::IpAddress => {
                "write four decimal numbers like 127.0.0.1, or brackets like [::1] without a zone"
            }
            Self::Port => "write the port like :8080, or leave it out with its colon",
            Self::Path => "write the path like /gateway/health",
            Self::QueryOrFragment => "end it after the path",
            Self::PlainHttp => "use https",
        }
    }
}
