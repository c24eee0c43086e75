//! What is told of calls and exchanges: log lines, and counters where the feature `metrics` is on.
//!
//! `docs/errors-and-logs.md` lists all of it, and a test holds the page to what is told. Nothing here holds a token, a user's
//! id or a line of a body.

use std::time::Duration;

use humanapi_core::rules::Purpose;
use humanapi_core::{FlowError, SendFailure, SendFailureKind};

use crate::broker::BrokerEvent;
use crate::error;
use crate::runtime::Timer;

/// Where log lines of calls stand.
pub(crate) const CALL: &str = "humanapi::call";
/// Where those of tokens, exchanges and their store stand.
pub(crate) const TOKEN: &str = "humanapi::token";
/// Where those of documents that are read while they arrive stand.
pub(crate) const DOWNLOAD: &str = "humanapi::download";

/// When something began, where anybody counts how long it takes.
pub(crate) struct Begun {
    #[cfg(feature = "metrics")]
    at: Duration,
}

impl Begun {
    pub(crate) fn now<R: Timer + ?Sized>(timer: &R) -> Self {
        #[cfg(not(feature = "metrics"))]
        let _ = timer;
        Self {
            #[cfg(feature = "metrics")]
            at: timer.now().monotonic(),
        }
    }

    #[cfg(feature = "metrics")]
    fn took<R: Timer + ?Sized>(&self, timer: &R) -> Duration {
        timer.now().monotonic().saturating_sub(self.at)
    }
}

/// The requests of one flow: how many went out, and how the last one ended.
#[derive(Default)]
pub(crate) struct Attempts {
    count: u32,
    last: Option<Ended>,
}

#[derive(Clone, Copy)]
enum Ended {
    Status(u16),
    Failure(SendFailureKind),
}

impl Attempts {
    pub(crate) fn ended<B>(&mut self, outcome: &Result<http::Response<B>, SendFailure>) {
        self.count = self.count.saturating_add(1);
        self.last = Some(match outcome {
            Ok(response) => {
                let status = response.status().as_u16();
                tracing::debug!(target: CALL, status, "answered");
                Ended::Status(status)
            }
            Err(failure) => {
                let kind = failure.kind();
                tracing::debug!(target: CALL, failure = kind.name(), "not answered");
                Ended::Failure(kind)
            }
        });
    }

    /// A flow is over of which nothing else tells: where its last request failed in a way that may pass, it gave up.
    pub(crate) fn over(&self) {
        match self.last {
            Some(Ended::Failure(kind)) if kind.is_transient() => {
                tracing::warn!(target: CALL, kind = kind.name(), "gave up");
            }
            Some(Ended::Status(status @ (429 | 500..))) => {
                tracing::warn!(target: CALL, status, "gave up");
            }
            _ => {}
        }
    }

    /// Another attempt is made after a wait.
    pub(crate) fn wait(&self, wait: Duration) {
        let (attempt, wait_ms) = (self.count, millis(wait));
        let (mut status, mut failure) = (None, None);
        match self.last {
            Some(Ended::Status(code)) => status = Some(code),
            Some(Ended::Failure(kind)) => failure = Some(kind.name()),
            None => {}
        }
        tracing::warn!(target: CALL, attempt, wait_ms, status, failure, "trying again");
        #[cfg(feature = "metrics")]
        {
            let cause = match (status, failure) {
                (Some(status), _) => status.to_string().into(),
                (_, failure) => std::borrow::Cow::from(failure.unwrap_or("none")),
            };
            metrics::counter!(RETRIES, "cause" => cause).increment(1);
        }
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// A call ended.
pub(crate) fn call_ended<R: Timer + ?Sized>(
    call: &'static str,
    begun: &Begun,
    timer: &R,
    error: Option<&FlowError>,
) {
    match error {
        Some(error) if is_given_up(error) => {
            let (kind, request_id) = (error::kind(error).name(), error.shown_request_id());
            tracing::warn!(target: CALL, kind, error = %error, request_id, "gave up");
            count_call(call, begun, timer, Some(error));
        }
        error => call_ended_by_token(call, begun, timer, error),
    }
}

/// A call ended, and if it failed, an exchange told why.
pub(crate) fn call_ended_by_token<R: Timer + ?Sized>(
    call: &'static str,
    begun: &Begun,
    timer: &R,
    error: Option<&FlowError>,
) {
    if let Some(error) = error {
        let (kind, request_id) = (error::kind(error).name(), error.shown_request_id());
        tracing::debug!(target: CALL, kind, error = %error, request_id, "failed");
    }
    count_call(call, begun, timer, error);
}

/// A caller's time passed before an exchange ended.
pub(crate) fn gave_up_waiting(purpose: Purpose) {
    tracing::warn!(target: TOKEN, purpose = purpose.name(), "gave up waiting");
}

fn count_call<R: Timer + ?Sized>(
    call: &'static str,
    begun: &Begun,
    timer: &R,
    error: Option<&FlowError>,
) {
    #[cfg(not(feature = "metrics"))]
    let _ = (call, begun, timer, error);
    #[cfg(feature = "metrics")]
    {
        let outcome = word(error);
        metrics::counter!(CALLS, "call" => call, "outcome" => outcome).increment(1);
        metrics::histogram!(CALL_SECONDS, "call" => call, "outcome" => outcome)
            .record(begun.took(timer));
    }
}

/// An exchange with the token service ended. A renewal took the place of a token that there was before.
pub(crate) fn exchange_ended<R: Timer + ?Sized>(
    purpose: Purpose,
    renewal: bool,
    begun: &Begun,
    timer: &R,
    error: Option<&FlowError>,
) {
    let purpose = purpose.name();
    match error {
        None if renewal => tracing::info!(target: TOKEN, purpose, "renewed"),
        None => tracing::debug!(target: TOKEN, purpose, "issued"),
        Some(error) => {
            let (kind, request_id) = (error::kind(error).name(), error.shown_request_id());
            if is_given_up(error) {
                tracing::warn!(target: TOKEN, purpose, kind, error = %error, request_id, "gave up");
            } else {
                tracing::debug!(target: TOKEN, purpose, kind, error = %error, request_id, "failed");
            }
        }
    }
    #[cfg(not(feature = "metrics"))]
    let _ = (begun, timer);
    #[cfg(feature = "metrics")]
    {
        let outcome = word(error);
        metrics::counter!(EXCHANGES, "purpose" => purpose, "outcome" => outcome).increment(1);
        metrics::histogram!(EXCHANGE_SECONDS, "purpose" => purpose, "outcome" => outcome)
            .record(begun.took(timer));
    }
}

/// Whether it ended for a reason that time may mend. One that a token was missing for was told by its exchange.
fn is_given_up(error: &FlowError) -> bool {
    match error {
        FlowError::Token(_) => false,
        FlowError::Exhausted { .. } | FlowError::OutOfTime { .. } => true,
        other => other.is_transient(),
    }
}

/// A broker did something.
pub(crate) fn broker_event(purpose: Purpose, event: &BrokerEvent<'_>) {
    if let BrokerEvent::StoreFailed(error) = event {
        let (purpose, kind) = (purpose.name(), error.kind().name());
        tracing::warn!(target: TOKEN, purpose, kind, error = %error, "the store failed");
    }
    tracing::trace!(target: TOKEN, event = event.name(), purpose = purpose.name(), "broker");
    #[cfg(feature = "metrics")]
    count(purpose, event);
}

#[cfg(feature = "metrics")]
use self::counted::{CALL_SECONDS, CALLS, EXCHANGE_SECONDS, EXCHANGES, RETRIES, count, word};

#[cfg(feature = "metrics")]
mod counted {
    use humanapi_core::FlowError;
    use humanapi_core::rules::Purpose;
    use metrics::{Key, Label, Level, Metadata};

    use crate::broker::BrokerEvent;
    use crate::error;

    pub(super) const CALLS: &str = "humanapi_calls_total";
    pub(super) const CALL_SECONDS: &str = "humanapi_call_duration_seconds";
    pub(super) const EXCHANGES: &str = "humanapi_exchanges_total";
    pub(super) const EXCHANGE_SECONDS: &str = "humanapi_exchange_duration_seconds";
    pub(super) const RETRIES: &str = "humanapi_retries_total";
    const EVENTS: &str = "humanapi_token_events_total";

    /// How something ended.
    pub(super) fn word(error: Option<&FlowError>) -> &'static str {
        error.map_or("ok", |error| error::kind(error).name())
    }

    /// The labels of a token that was at hand, which is served without an allocation.
    static HITS: [[Label; 2]; Purpose::ALL.len()] = [
        hit(Purpose::OpenConnect),
        hit(Purpose::ReadData),
        hit(Purpose::Administer),
    ];

    const fn hit(purpose: Purpose) -> [Label; 2] {
        [
            Label::from_static_parts("event", BrokerEvent::Hit.name()),
            Label::from_static_parts("purpose", purpose.name()),
        ]
    }

    pub(super) fn count(purpose: Purpose, event: &BrokerEvent<'_>) {
        let by = match event {
            BrokerEvent::Hit => {
                let key = Key::from_static_parts(EVENTS, &HITS[purpose as usize]);
                let place = Metadata::new(super::TOKEN, Level::INFO, Some(module_path!()));
                return metrics::with_recorder(|recorder| {
                    recorder.register_counter(&key, &place).increment(1);
                });
            }
            BrokerEvent::Evicted(tokens) => u64::try_from(*tokens).unwrap_or(u64::MAX),
            _ => 1,
        };
        let (event, purpose) = (event.name(), purpose.name());
        metrics::counter!(EVENTS, "event" => event, "purpose" => purpose).increment(by);
    }
}
