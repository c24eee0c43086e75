//! The HTTP stacks to choose from.

use clap::ValueEnum;
use humanapi_client::Transport;
use humanapi_hyper::HyperTransport;
use humanapi_reqwest::ReqwestTransport;

/// Which HTTP stack sends the requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Adapter {
    /// The reqwest adapter.
    #[default]
    Reqwest,
    /// The hyper adapter.
    Hyper,
}

impl Adapter {
    /// Its name on the command line.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Reqwest => "reqwest",
            Self::Hyper => "hyper",
        }
    }

    /// The one that this is not.
    #[cfg(feature = "demo")]
    pub(crate) const fn other(self) -> Self {
        match self {
            Self::Reqwest => Self::Hyper,
            Self::Hyper => Self::Reqwest,
        }
    }

    /// A transport over it.
    pub(crate) fn stack(self) -> Box<dyn Transport> {
        match self {
            Self::Reqwest => Box::new(ReqwestTransport::new()),
            Self::Hyper => Box::new(HyperTransport::new()),
        }
    }
}
