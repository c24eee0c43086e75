//! What a server's failures mean, in words of our own.

use humanapi_client::{StoreError, StoreErrorKind};
use redis::{ErrorKind, RedisError};

use super::scripts::UNREADABLE;
use crate::rows::unreadable;

/// Whether the connection is of no use any more. One that does not answer may be to a machine that is gone, and one
/// whose server cannot serve now may be to one that another took the place of.
pub(super) fn is_of_no_use(error: &RedisError) -> bool {
    let is_broken = error.is_io_error() || error.is_unrecoverable_error();
    is_broken || error.kind() == ErrorKind::Parse || is_misplaced(error)
}

/// Whether the server says that it is not the one to ask now. It then did nothing.
pub(super) fn is_misplaced(error: &RedisError) -> bool {
    matches!(
        code(error),
        "READONLY" | "LOADING" | "CLUSTERDOWN" | "MASTERDOWN"
    )
}

/// Words with which a server begins an answer that is a failure, and which may stand behind a dash in one that a script
/// passes on.
const CODES: [&str; 16] = [
    "READONLY",
    "LOADING",
    "CLUSTERDOWN",
    "MASTERDOWN",
    "NOPERM",
    "NOAUTH",
    "WRONGPASS",
    "WRONGTYPE",
    "MOVED",
    "ASK",
    "CROSSSLOT",
    "OOM",
    "MISCONF",
    "NOREPLICAS",
    "BUSY",
    "ERR",
];

/// Commands that the store uses. No other word of a server's is repeated.
const COMMANDS: [&str; 24] = [
    "AUTH",
    "SELECT",
    "PING",
    "SET",
    "GETRANGE",
    "PEXPIRE",
    "HGET",
    "HSTRLEN",
    "HSET",
    "HDEL",
    "PEXPIREAT",
    "TIME",
    "SCAN",
    "EVALSHA",
    "SCRIPT",
    "SCRIPT|LOAD",
    "HELLO",
    "CONFIG",
    "CONFIG|GET",
    "INFO",
    "WAIT",
    "ZADD",
    "ZRANGEBYLEX",
    "ZREM",
];

/// What a failure is called.
fn code(error: &RedisError) -> &'static str {
    known(
        error.code().unwrap_or_default(),
        error.detail().unwrap_or_default(),
    )
}

pub(super) fn known(code: &str, detail: &str) -> &'static str {
    let is = |known: &&&str| **known == code;
    let code = CODES.iter().find(is).copied().unwrap_or_default();
    if !matches!(code, "" | "ERR") {
        return code;
    }
    // A script of an older server says so in the middle.
    let within = |known: &&&str| detail.contains(&format!("-{known} "));
    if let Some(inner) = CODES.iter().find(within) {
        return inner;
    }
    let ours = ["ACL failure", "can't run this command or subcommand"];
    if ours.iter().any(|said| detail.contains(said)) {
        return "NOPERM";
    }
    code
}

/// The command that this word is, if it is one of ours.
pub(super) fn command(word: &str) -> Option<&'static str> {
    let mut ours = COMMANDS.iter().copied();
    ours.find(|ours| ours.eq_ignore_ascii_case(word))
}

/// A failure in words of our own: those of the server and of its client may repeat what they were told.
pub(super) fn failed(error: RedisError) -> StoreError {
    let detail = error.detail().unwrap_or_default();
    let unavailable = |message| StoreError::new(StoreErrorKind::Unavailable, message);
    match error.kind() {
        ErrorKind::AuthenticationFailed => said("WRONGPASS", "", None),
        ErrorKind::InvalidClientConfig | ErrorKind::RESP3NotSupported => StoreError::new(
            StoreErrorKind::Misconfigured,
            "the address or the version of the Redis server cannot be used",
        ),
        ErrorKind::UnexpectedReturnType | ErrorKind::Parse => {
            unavailable("the Redis server answered what is no answer to the question")
        }
        ErrorKind::Io if error.is_timeout() => {
            unavailable("the Redis server did not answer in time")
        }
        ErrorKind::Io if error.is_connection_refusal() => {
            unavailable("the Redis server cannot be reached: connection refused")
        }
        ErrorKind::Io => unavailable("the connection to the Redis server broke, or cannot be made"),
        _ if detail.contains(UNREADABLE) => unreadable(),
        _ => {
            // The name of a command stands in quotes.
            let named = detail.split('\'').nth(1).and_then(command);
            said(code(&error), detail, named)
        }
    }
}

/// What the server's answer means. `named` is the command that it is about.
pub(super) fn said(code: &str, detail: &str, named: Option<&'static str>) -> StoreError {
    let misconfigured = StoreErrorKind::Misconfigured;
    let unavailable = StoreErrorKind::Unavailable;
    let (kind, message) = match code {
        "NOAUTH" | "WRONGPASS" => (
            StoreErrorKind::AuthenticationFailed,
            "the Redis server refused the user name or password",
        ),
        "NOPERM" => {
            let message = match named {
                Some(named) => format!(
                    "the user of the Redis store lacks the permission to run {named}"
                ),
                None if detail.contains("key") => {
                    "the user of the Redis store lacks the permission for keys that begin with `humanapi:`".to_owned()
                }
                None => "the user of the Redis store lacks a permission that it needs".to_owned(),
            };
            return StoreError::new(misconfigured, message);
        }
        "WRONGTYPE" => (
            misconfigured,
            "the Redis server holds something else under a key of the store: another application uses keys that begin with `humanapi:`",
        ),
        "MOVED" | "ASK" | "CROSSSLOT" => (
            misconfigured,
            "the Redis server belongs to a Cluster, which the store does not support",
        ),
        "ERR"
            if detail.starts_with("unknown command")
                || detail.contains("Unknown Redis command") =>
        {
            (
                misconfigured,
                "the Redis server does not know a command that the store needs: it is too old, or a Sentinel",
            )
        }
        "READONLY" => (
            StoreErrorKind::ReadOnly,
            "the Redis server is a read-only replica",
        ),
        "MASTERDOWN" => (
            unavailable,
            "the Redis server is a replica that lost its primary",
        ),
        "LOADING" => (unavailable, "the Redis server is still loading its data"),
        "CLUSTERDOWN" => (unavailable, "the Redis Cluster is down"),
        "OOM" => (unavailable, "the memory of the Redis server is full"),
        "MISCONF" => (
            unavailable,
            "the Redis server takes no writes because it cannot write to its disk",
        ),
        "NOREPLICAS" => (
            unavailable,
            "the Redis server takes no writes because it lacks replicas",
        ),
        "BUSY" => (
            unavailable,
            "the Redis server is busy with somebody's script",
        ),
        _ => (unavailable, "the Redis server failed"),
    };
    StoreError::new(kind, message)
}
