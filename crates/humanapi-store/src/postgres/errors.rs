//! What a server's or a pooler's failures mean, in words of our own.

use humanapi_client::{StoreError, StoreErrorKind};

use crate::sql;

/// Whether another connection may do better.
pub(super) fn is_broken(error: &sqlx::Error) -> bool {
    match error {
        // The server ends, or is about to: the class of an operator's doing.
        sqlx::Error::Database(error) => error.code().is_some_and(|code| code.starts_with("57P")),
        sqlx::Error::Io(_) | sqlx::Error::Protocol(_) | sqlx::Error::Tls(_) => true,
        _ => false,
    }
}

pub(super) fn failed(error: sqlx::Error) -> StoreError {
    sql::error(&error, |error| {
        let code = error.code().unwrap_or_default();
        // A pooler says all it has to say under one code, and the words are its own.
        if code == "08P01" {
            return of_pooler(error.message());
        }
        // SQLSTATE: two characters of class, three of detail.
        let (kind, message) = match &*code {
            // No such table, function, column or schema.
            "42P01" | "42883" | "42703" | "3F000" => return sql::not_set_up(),
            "25006" => return read_only_server(),
            "3D000" => (
                StoreErrorKind::Misconfigured,
                "the PostgreSQL server has no such database",
            ),
            "42501" => (
                StoreErrorKind::Misconfigured,
                "the user of the PostgreSQL store lacks a privilege that it needs",
            ),
            // By the limit that each operation sets, or by an administrator.
            "57014" => (
                StoreErrorKind::Unavailable,
                "the PostgreSQL server broke off a statement that took too long",
            ),
            "53100" => (
                StoreErrorKind::Unavailable,
                "the disk of the PostgreSQL server is full",
            ),
            code if code.starts_with("28") => return refused(),
            code => {
                let message = format!("the PostgreSQL server failed with code {}", plain(code));
                return StoreError::new(StoreErrorKind::Unavailable, message);
            }
        };
        StoreError::new(kind, message)
    })
}

fn refused() -> StoreError {
    StoreError::new(
        StoreErrorKind::AuthenticationFailed,
        "the PostgreSQL server refused the user name or password",
    )
}

fn of_pooler(said: &str) -> StoreError {
    if said.starts_with("unsupported startup parameter") {
        let message = "the pooler before the PostgreSQL server refuses a setting of the store's address, such as `options`: take it out, or name it in the pooler's ignore_startup_parameters";
        return StoreError::new(StoreErrorKind::Misconfigured, message);
    }
    let login = [
        "password authentication failed",
        "SASL authentication failed",
        "no such user",
    ];
    if login.iter().any(|login| said.starts_with(login)) {
        return refused();
    }
    if said.starts_with("no such database") {
        let message = "the pooler before the PostgreSQL server has no such database";
        return StoreError::new(StoreErrorKind::Misconfigured, message);
    }
    let message = "the PostgreSQL server, or the pooler before it, does not serve this connection";
    StoreError::new(StoreErrorKind::Unavailable, message)
}

/// A SQLSTATE is five letters or digits; anything else is not repeated.
fn plain(code: &str) -> &str {
    let is_one = code.len() == 5 && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if is_one { code } else { "unknown" }
}

pub(super) fn read_only_server() -> StoreError {
    StoreError::new(
        StoreErrorKind::ReadOnly,
        "the PostgreSQL server is read-only: a replica, or set so",
    )
}
