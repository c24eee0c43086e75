//! The HTTP stacks to choose from.

use std::time::Duration;

use async_trait::async_trait;
use clap::ValueEnum;
use humanapi_client::Transport;
use humanapi_core::{Request, Response, SendFailure};
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
    #[cfg(feature = "demo")]
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Reqwest => "reqwest",
            Self::Hyper => "hyper",
        }
    }

    pub(crate) fn stack(self) -> Stack {
        Stack(match self {
            Self::Reqwest => Box::new(ReqwestTransport::new()),
            Self::Hyper => Box::new(HyperTransport::new()),
        })
    }
}

/// A transport over the stack that was chosen.
pub(crate) struct Stack(Box<dyn Transport>);

#[async_trait]
impl Transport for Stack {
    async fn send(&self, request: Request, timeout: Duration) -> Result<Response, SendFailure> {
        self.0.send(request, timeout).await
    }
}
