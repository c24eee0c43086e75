//! Planned faults: which requests they hit, how often, and what goes wrong.

mod intermediary;
mod wire;

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::Method;
use serde::Serialize;

use crate::lock;

pub use intermediary::IntermediaryBody;
pub(crate) use wire::FaultWire;

/// What goes wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum FaultKind {
    /// The request is answered with this status, and has no effect unless that is said.
    Status {
        /// The status, 200 to 599.
        status: u16,
        /// The text of the `Retry-After` header: seconds or an HTTP date.
        retry_after: Option<String>,
        /// The `errorCode` in the body.
        error_code: Option<String>,
        /// Whether the request takes effect all the same.
        takes_effect: bool,
    },
    /// Something between caller and service answers in the service's place, and the request has no effect unless that is
    /// said: a firewall, a gateway, a network's sign-in page. Nothing of the answer is the service's own.
    Intermediary {
        /// The status, 200 to 599.
        status: u16,
        /// What it says.
        body: IntermediaryBody,
        /// Whether the request takes effect all the same, as it does behind a gateway that does not wait for the answer.
        takes_effect: bool,
    },
    /// The request takes effect and its answer waits this long.
    Delay(Duration),
    /// The connection closes without an answer, and the request has no effect.
    DropBefore,
    /// The request takes effect, and the connection closes without an answer.
    DropAfter,
    /// The request takes effect, but its answer breaks off half-way through the body.
    TruncatedBody,
    /// The request takes effect, but the body of its answer is no JSON.
    GarbageBody,
}

impl FaultKind {
    /// The names of all kinds.
    pub(crate) const NAMES: [&str; 7] = [
        "status",
        "intermediary",
        "delay",
        "drop-before",
        "drop-after",
        "truncated-body",
        "garbage-body",
    ];

    /// Whether a request that it hits takes effect.
    #[must_use]
    pub const fn takes_effect(&self) -> bool {
        match self {
            Self::Status { takes_effect, .. } | Self::Intermediary { takes_effect, .. } => {
                *takes_effect
            }
            Self::DropBefore => false,
            Self::Delay(_) | Self::DropAfter | Self::TruncatedBody | Self::GarbageBody => true,
        }
    }

    /// The kind's name in the control API and the request log.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Status { .. } => "status",
            Self::Intermediary { .. } => "intermediary",
            Self::Delay(_) => "delay",
            Self::DropBefore => "drop-before",
            Self::DropAfter => "drop-after",
            Self::TruncatedBody => "truncated-body",
            Self::GarbageBody => "garbage-body",
        }
    }
}

/// A fault and the requests that it hits.
///
/// Without further calls it hits the next request, whatever its method and path.
/// Requests to the control API are never hit.
///
/// ```
/// # use humanapi_sandbox::Fault;
/// let fault = Fault::status(503).retry_after("1").on_path("/v1/connect/token").times(2);
/// assert_eq!(fault.kind().name(), "status");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Fault {
    kind: FaultKind,
    method: Option<Method>,
    path: Option<String>,
    times: u32,
}

impl Fault {
    /// A fault of any kind.
    pub fn new(kind: FaultKind) -> Self {
        Self {
            kind,
            method: None,
            path: None,
            times: 1,
        }
    }

    /// An answer of this status instead of the effect.
    pub fn status(status: u16) -> Self {
        Self::new(FaultKind::Status {
            status,
            retry_after: None,
            error_code: None,
            takes_effect: false,
        })
    }

    /// An answer of something in between instead of the effect.
    pub fn intermediary(status: u16, body: IntermediaryBody) -> Self {
        Self::new(FaultKind::Intermediary {
            status,
            body,
            takes_effect: false,
        })
    }

    /// An answer that comes late.
    pub fn delay(by: Duration) -> Self {
        Self::new(FaultKind::Delay(by))
    }

    /// A connection that closes before the effect.
    pub fn drop_before() -> Self {
        Self::new(FaultKind::DropBefore)
    }

    /// A connection that closes after the effect.
    pub fn drop_after() -> Self {
        Self::new(FaultKind::DropAfter)
    }

    /// An answer that breaks off.
    pub fn truncated_body() -> Self {
        Self::new(FaultKind::TruncatedBody)
    }

    /// An answer that is no JSON.
    pub fn garbage_body() -> Self {
        Self::new(FaultKind::GarbageBody)
    }

    /// Gives a status fault a `Retry-After` header; other kinds stay as they are.
    pub fn retry_after(mut self, text: impl Into<String>) -> Self {
        if let FaultKind::Status { retry_after, .. } = &mut self.kind {
            *retry_after = Some(text.into());
        }
        self
    }

    /// Gives a status fault an `errorCode`; other kinds stay as they are.
    pub fn error_code(mut self, code: impl Into<String>) -> Self {
        if let FaultKind::Status { error_code, .. } = &mut self.kind {
            *error_code = Some(code.into());
        }
        self
    }

    /// Lets the request of a status or an intermediary fault take effect all the same; other kinds stay as they are.
    pub fn after_effect(mut self) -> Self {
        if let FaultKind::Status { takes_effect, .. }
        | FaultKind::Intermediary { takes_effect, .. } = &mut self.kind
        {
            *takes_effect = true;
        }
        self
    }

    /// Hits only requests of this method.
    pub fn on_method(mut self, method: Method) -> Self {
        self.method = Some(method);
        self
    }

    /// Hits only requests whose path begins so.
    pub fn on_path(mut self, prefix: impl Into<String>) -> Self {
        self.path = Some(prefix.into());
        self
    }

    /// Hits this many requests.
    pub fn times(mut self, times: u32) -> Self {
        self.times = times;
        self
    }

    /// What goes wrong.
    #[must_use]
    pub fn kind(&self) -> &FaultKind {
        &self.kind
    }

    /// How many more requests it will hit.
    #[must_use]
    pub fn times_left(&self) -> u32 {
        self.times
    }

    pub(crate) fn method(&self) -> Option<&Method> {
        self.method.as_ref()
    }

    pub(crate) fn path(&self) -> Option<&str> {
        self.path.as_deref()
    }

    fn hits(&self, method: &Method, path: &str) -> bool {
        self.times > 0
            && self.method.as_ref().is_none_or(|own| own == method)
            && self.path.as_ref().is_none_or(|own| path.starts_with(own))
    }
}

impl Serialize for Fault {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        FaultWire::from(self).serialize(serializer)
    }
}

/// A fault that makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
#[non_exhaustive]
pub struct InvalidFault {
    problem: String,
}

impl InvalidFault {
    fn new(problem: impl Into<String>) -> Self {
        Self {
            problem: problem.into(),
        }
    }
}

/// What hits one request.
#[derive(Debug, Default)]
pub(crate) struct Hit {
    pub(crate) delay: Option<Duration>,
    pub(crate) kind: Option<FaultKind>,
}

/// The faults that are still to come.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    // Lets the common case, no fault at all, pass without the lock.
    count: AtomicUsize,
    planned: Mutex<Vec<Fault>>,
}

impl Faults {
    /// How many may be planned at once.
    pub(crate) const MOST: usize = 1000;

    pub(crate) fn plan(&self, fault: Fault) -> Result<(), InvalidFault> {
        check(&fault)?;
        let mut planned = lock(&self.planned);
        if planned.len() >= Self::MOST {
            return Err(InvalidFault::new(format!(
                "{} faults are planned already; clear them or let them hit",
                Self::MOST
            )));
        }
        planned.push(fault);
        self.count.store(planned.len(), Ordering::SeqCst);
        Ok(())
    }

    pub(crate) fn planned(&self) -> Vec<Fault> {
        lock(&self.planned).clone()
    }

    pub(crate) fn clear(&self) {
        let mut planned = lock(&self.planned);
        planned.clear();
        self.count.store(0, Ordering::SeqCst);
    }

    /// Takes the first delay and the first other fault that hit this request.
    pub(crate) fn hit(&self, method: &Method, path: &str) -> Hit {
        let mut hit = Hit::default();
        if self.count.load(Ordering::SeqCst) == 0 {
            return hit;
        }
        let mut planned = lock(&self.planned);
        for fault in planned.iter_mut().filter(|fault| fault.hits(method, path)) {
            match &fault.kind {
                FaultKind::Delay(by) if hit.delay.is_none() => hit.delay = Some(*by),
                FaultKind::Delay(_) => continue,
                kind if hit.kind.is_none() => hit.kind = Some(kind.clone()),
                _ => continue,
            }
            fault.times -= 1;
        }
        planned.retain(|fault| fault.times > 0);
        self.count.store(planned.len(), Ordering::SeqCst);
        hit
    }
}

/// The longest text of a fault, in bytes.
const TEXT: usize = 1024;

fn check(fault: &Fault) -> Result<(), InvalidFault> {
    let (retry_after, error_code) = match &fault.kind {
        FaultKind::Status {
            retry_after,
            error_code,
            ..
        } => (retry_after.as_deref(), error_code.as_deref()),
        _ => (None, None),
    };
    let method = fault.method.as_ref().map(Method::as_str);
    let texts = [fault.path(), method, retry_after, error_code];
    if texts.into_iter().flatten().any(|text| text.len() > TEXT) {
        return Err(InvalidFault::new(format!(
            "a fault's texts have at most {TEXT} bytes each"
        )));
    }
    if fault.times == 0 {
        return Err(InvalidFault::new("a fault must hit at least once"));
    }
    if let FaultKind::Status { status, .. } | FaultKind::Intermediary { status, .. } = &fault.kind
        && !(200..=599).contains(status)
    {
        return Err(InvalidFault::new(format!(
            "{status} is no final status between 200 and 599"
        )));
    }
    if let Some(text) = retry_after
        && http::HeaderValue::from_str(text).is_err()
    {
        return Err(InvalidFault::new("retry_after is no header text"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_hits_as_often_as_planned_and_only_its_requests() {
        let faults = Faults::default();
        let fault = Fault::drop_before()
            .on_method(Method::POST)
            .on_path("/v1/connect")
            .times(2);
        faults.plan(fault).unwrap();
        assert!(faults.hit(&Method::GET, "/v1/connect/token").kind.is_none());
        assert!(faults.hit(&Method::POST, "/v1/human").kind.is_none());
        for _ in 0..2 {
            let hit = faults.hit(&Method::POST, "/v1/connect/token");
            assert_eq!(hit.kind, Some(FaultKind::DropBefore));
        }
        assert!(
            faults
                .hit(&Method::POST, "/v1/connect/token")
                .kind
                .is_none()
        );
        assert!(faults.planned().is_empty());
    }

    #[test]
    fn a_delay_and_another_fault_hit_together() {
        let faults = Faults::default();
        faults.plan(Fault::delay(Duration::from_millis(5))).unwrap();
        faults.plan(Fault::status(500)).unwrap();
        faults.plan(Fault::status(501)).unwrap();
        let hit = faults.hit(&Method::GET, "/");
        assert!(hit.delay.is_some());
        assert!(matches!(
            hit.kind,
            Some(FaultKind::Status { status: 500, .. })
        ));
        assert_eq!(faults.planned().len(), 1);
    }

    #[test]
    fn a_fault_survives_its_json() {
        for fault in [
            Fault::status(429).retry_after("1").error_code("X").times(3),
            Fault::delay(Duration::from_millis(20)).on_method(Method::POST),
            Fault::drop_after().on_path("/v1"),
            Fault::intermediary(403, IntermediaryBody::Html),
            Fault::intermediary(502, IntermediaryBody::Json).times(u32::MAX),
            Fault::status(500).after_effect(),
            Fault::intermediary(504, IntermediaryBody::Html).after_effect(),
        ] {
            let text = serde_json::to_string(&fault).unwrap();
            let wire: FaultWire = serde_json::from_str(&text).unwrap();
            assert_eq!(Fault::try_from(wire).unwrap(), fault);
        }
    }

    #[test]
    fn nonsense_is_refused() {
        let long = format!(r#"{{"kind":"drop-before","path":"/{}"}}"#, "x".repeat(1024));
        for text in [
            r#"{}"#,
            r#"{"kind":"status"}"#,
            r#"{"kind":"status","status":99}"#,
            r#"{"kind":"status","status":600}"#,
            r#"{"kind":"status","status":500,"times":0}"#,
            r#"{"kind":"status","status":500,"delay_ms":1}"#,
            r#"{"kind":"delay"}"#,
            r#"{"kind":"intermediary"}"#,
            r#"{"kind":"intermediary","status":600}"#,
            r#"{"kind":"intermediary","status":403,"error_code":"X"}"#,
            r#"{"kind":"status","status":403,"body":"html"}"#,
            r#"{"kind":"drop-before","status":500}"#,
            r#"{"kind":"drop-before","takes_effect":true}"#,
            r#"{"kind":"drop-before","method":"P OST"}"#,
            r#"{"kind":"status","status":500,"retry_after":"a\nb"}"#,
            &long,
        ] {
            let wire: FaultWire = serde_json::from_str(text).unwrap();
            assert!(Fault::try_from(wire).is_err(), "{text}");
        }
    }

    #[test]
    fn only_so_many_faults_are_planned_at_once() {
        let faults = Faults::default();
        for _ in 0..Faults::MOST {
            faults.plan(Fault::drop_before()).unwrap();
        }
        assert!(faults.plan(Fault::drop_before()).is_err());
        faults.clear();
        assert!(faults.plan(Fault::drop_before()).is_ok());
    }
}
