//! How the Admin API is asked, and how its answers are read.

use http::Method;
use serde::Serialize;
use serde_json::Value;

use crate::admin::fields::{Fields, Model};
use crate::answer::{self, Expected};
use crate::error::{ApiErrorKind, Asked, BuildError, DecodeError, ResponseError};
use crate::hosts::{Host, Hosts};
use crate::message::{self, Request, Response};
use crate::secret_buffer::SecretBuffer;

/// What each operation says of itself: its name, whether it may be repeated, and what authorizes it.
macro_rules! operation {
    ($name:literal, $replay:ident) => {
        fn name(&self) -> &'static str {
            $name
        }

        fn replay(&self) -> $crate::retry::Replay {
            $crate::retry::Replay::$replay
        }

        fn authorization(&self) -> $crate::rules::Authorization {
            $crate::rules::Authorization::ClientToken
        }
    };
}
pub(super) use operation;

pub(super) fn get(hosts: &Hosts, path_and_query: &str) -> Result<Request, BuildError> {
    without_body(Method::GET, hosts, path_and_query)
}

pub(super) fn without_body(
    method: Method,
    hosts: &Hosts,
    path_and_query: &str,
) -> Result<Request, BuildError> {
    let uri = hosts.base(Host::Admin).join(path_and_query)?;
    Ok(message::build(method, uri, None))
}

pub(super) fn post(
    hosts: &Hosts,
    path: &str,
    body: &impl Serialize,
) -> Result<Request, BuildError> {
    let uri = hosts.base(Host::Admin).join(path)?;
    let mut bytes = SecretBuffer::new();
    serde_json::to_writer(&mut bytes, body).map_err(|_| BuildError::Body)?;
    Ok(message::build(Method::POST, uri, Some(bytes.into())))
}

/// A success of which nothing is read.
pub(super) fn accepted(response: &Response) -> Result<(), ResponseError> {
    answer::accept(Asked::WithToken, Expected::Anything, response)
}

/// All objects of a success, which is a list of them or one alone.
pub(super) fn all<T: Model>(response: &Response) -> Result<Vec<T>, ResponseError> {
    answer::accept(Asked::WithToken, Expected::List, response)?;
    match response.body().json()? {
        Value::Array(items) => (items.into_iter().enumerate())
            .map(|(index, item)| Ok(read(item, &format!("[{index}]"))?))
            .collect(),
        item => Ok(vec![read(item, "")?]),
    }
}

/// The same, where there being nothing is told by a 404 as well as by an empty list.
pub(super) fn all_found<T: Model>(response: &Response) -> Result<Vec<T>, ResponseError> {
    Ok(found(all(response))?.unwrap_or_default())
}

/// One object, where a 404 and an empty list tell that there is none.
pub(super) fn one_found<T: Model>(response: &Response) -> Result<Option<T>, ResponseError> {
    Ok(all_found(response)?.into_iter().next())
}

/// One object, which has to be there.
pub(super) fn one<T: Model>(response: &Response) -> Result<T, ResponseError> {
    let first = all(response)?.into_iter().next();
    first.ok_or_else(|| missing(".").into())
}

pub(super) fn missing(path: impl Into<String>) -> DecodeError {
    DecodeError::new(path, "nothing is there")
}

/// Nothing for the service's own word that there is nothing. A gateway's is an error.
fn found<T>(read: Result<T, ResponseError>) -> Result<Option<T>, ResponseError> {
    match read {
        Ok(read) => Ok(Some(read)),
        Err(ResponseError::Api(error)) if error.kind() == ApiErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn read<T: Model>(value: Value, path: &str) -> Result<T, DecodeError> {
    let Value::Object(fields) = value else {
        let path = if path.is_empty() { "." } else { path };
        return Err(DecodeError::new(path, DecodeError::OTHER_TYPE));
    };
    let dot = if path.is_empty() { "" } else { "." };
    T::read(Fields::new(fields)).map_err(|field| missing(format!("{path}{dot}{field}")))
}
