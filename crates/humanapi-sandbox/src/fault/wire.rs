//! A fault as JSON.

use std::time::Duration;

use http::Method;
use serde::Serialize;

use super::{Fault, FaultKind, IntermediaryBody, InvalidFault, check};

/// A fault as the control API writes and reads it.
#[derive(Debug, Default, Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct FaultWire {
    kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    times: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<RetryAfter>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<IntermediaryBody>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delay_ms: Option<u64>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    takes_effect: bool,
}

#[derive(Debug, Serialize, serde::Deserialize)]
#[serde(untagged)]
enum RetryAfter {
    Seconds(u64),
    Text(String),
}

impl From<&Fault> for FaultWire {
    fn from(fault: &Fault) -> Self {
        let mut wire = Self {
            kind: fault.kind.name().to_owned(),
            method: fault.method.as_ref().map(ToString::to_string),
            path: fault.path.clone(),
            times: Some(fault.times),
            ..Self::default()
        };
        match &fault.kind {
            FaultKind::Status {
                status,
                retry_after,
                error_code,
                takes_effect,
            } => {
                wire.status = Some(*status);
                wire.takes_effect = *takes_effect;
                wire.retry_after = retry_after.clone().map(RetryAfter::Text);
                wire.error_code.clone_from(error_code);
            }
            FaultKind::Intermediary {
                status,
                body,
                takes_effect,
            } => {
                wire.status = Some(*status);
                wire.takes_effect = *takes_effect;
                wire.body = Some(*body);
            }
            FaultKind::Delay(by) => {
                wire.delay_ms = Some(u64::try_from(by.as_millis()).unwrap_or(u64::MAX));
            }
            FaultKind::DropBefore
            | FaultKind::DropAfter
            | FaultKind::TruncatedBody
            | FaultKind::GarbageBody => {}
        }
        wire
    }
}

impl TryFrom<FaultWire> for Fault {
    type Error = InvalidFault;

    fn try_from(wire: FaultWire) -> Result<Self, InvalidFault> {
        let foreign = |name: &str| {
            InvalidFault::new(format!("{name} has no meaning for a {:?} fault", wire.kind))
        };
        if !matches!(wire.kind.as_str(), "status" | "intermediary") && wire.status.is_some() {
            return Err(foreign("status"));
        }
        if !matches!(wire.kind.as_str(), "status" | "intermediary") && wire.takes_effect {
            return Err(foreign("takes_effect"));
        }
        if wire.kind != "intermediary" && wire.body.is_some() {
            return Err(foreign("body"));
        }
        if wire.kind != "status" {
            if wire.retry_after.is_some() {
                return Err(foreign("retry_after"));
            }
            if wire.error_code.is_some() {
                return Err(foreign("error_code"));
            }
        }
        if wire.kind != "delay" && wire.delay_ms.is_some() {
            return Err(foreign("delay_ms"));
        }
        let kind = match wire.kind.as_str() {
            "status" => FaultKind::Status {
                status: wire
                    .status
                    .ok_or_else(|| InvalidFault::new("a status fault needs a status"))?,
                retry_after: wire.retry_after.map(|after| match after {
                    RetryAfter::Seconds(seconds) => seconds.to_string(),
                    RetryAfter::Text(text) => text,
                }),
                error_code: wire.error_code,
                takes_effect: wire.takes_effect,
            },
            "intermediary" => FaultKind::Intermediary {
                status: wire
                    .status
                    .ok_or_else(|| InvalidFault::new("an intermediary fault needs a status"))?,
                body: wire.body.unwrap_or(IntermediaryBody::Html),
                takes_effect: wire.takes_effect,
            },
            "delay" => FaultKind::Delay(Duration::from_millis(
                wire.delay_ms
                    .ok_or_else(|| InvalidFault::new("a delay fault needs delay_ms"))?,
            )),
            "drop-before" => FaultKind::DropBefore,
            "drop-after" => FaultKind::DropAfter,
            "truncated-body" => FaultKind::TruncatedBody,
            "garbage-body" => FaultKind::GarbageBody,
            other => {
                return Err(InvalidFault::new(format!(
                    "no fault is of kind {other:?}; the kinds are status, intermediary, delay, \
                     drop-before, drop-after, truncated-body and garbage-body"
                )));
            }
        };
        let method = match wire.method {
            None => None,
            Some(name) => Some(
                Method::from_bytes(name.as_bytes())
                    .map_err(|_| InvalidFault::new(format!("{name:?} is no method")))?,
            ),
        };
        let fault = Self {
            kind,
            method,
            path: wire.path,
            times: wire.times.unwrap_or(1),
        };
        check(&fault)?;
        Ok(fault)
    }
}
