//! `--verbose`: what is sent and waited for, on standard error. Bodies and headers are not told, so no secret, token or
//! record is.

use std::io::{self, Write};
use std::time::Duration;

use async_trait::async_trait;
use humanapi_client::{StreamedResponse, Transport};
use humanapi_core::http::Uri;
use humanapi_core::http::header::AUTHORIZATION;
use humanapi_core::{Request, Response, SendFailure};
use tracing::Level;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::{self, MakeWriter, time};
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::output::secrets::Secrets;
use crate::output::{self, mask};

/// Has the events of this project told, from now on: once for what goes over the network, twice for what leads there.
pub(crate) fn begin(times: u8) {
    let level = match times {
        0 => return,
        1 => Level::DEBUG,
        _ => Level::TRACE,
    };
    let lines = fmt::layer()
        .with_ansi(false)
        .with_target(false)
        .with_timer(time::uptime())
        .with_writer(Lines)
        // Others tell headers, and with them tokens.
        .with_filter(Targets::new().with_target("humanapi", level));
    // A second call changes nothing, and there is none.
    let _ = tracing_subscriber::registry().with(lines).try_init();
}

/// Writes to standard error what can steer no terminal.
struct Lines;

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        Self
    }
}

impl Write for Lines {
    /// Takes a whole event at a time.
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(event);
        writeln!(anstream::stderr(), "{}", output::plain(text.trim_end()))?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A transport that tells what it sends, before it does, and notes what opens something of it.
pub(crate) struct Told {
    stack: Box<dyn Transport>,
    secrets: Secrets,
}

impl Told {
    pub(crate) fn new(stack: Box<dyn Transport>, secrets: &Secrets) -> Self {
        let secrets = secrets.clone();
        Self { stack, secrets }
    }

    fn tell(&self, request: &Request, timeout: Duration) {
        tracing::debug!(
            method = %request.method(),
            url = %address(request.uri()),
            timeout_millis = timeout.as_millis(),
            "sending"
        );
        let sent = request.headers().get(AUTHORIZATION);
        if let Some((_, token)) = sent.and_then(|sent| sent.to_str().ok()?.split_once(' ')) {
            self.secrets.add(token);
        }
    }
}

/// An address with only those parts and values that are known to be harmless.
fn address(uri: &Uri) -> String {
    let origin = |(scheme, host)| format!("{scheme}://{host}");
    let origin = uri.scheme_str().zip(uri.authority()).map(origin);
    format!("{}{}", origin.unwrap_or_default(), mask::logged(uri))
}

#[async_trait]
impl Transport for Told {
    async fn send(&self, request: Request, timeout: Duration) -> Result<Response, SendFailure> {
        self.tell(&request, timeout);
        self.stack.send(request, timeout).await
    }

    fn keeps_time(&self) -> bool {
        self.stack.keeps_time()
    }

    async fn open(
        &self,
        request: Request,
        timeout: Duration,
    ) -> Result<StreamedResponse, SendFailure> {
        self.tell(&request, timeout);
        self.stack.open(request, timeout).await
    }
}
