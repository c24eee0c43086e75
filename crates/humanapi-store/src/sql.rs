//! What the SQL stores share: columns, and errors in words of our own.

use humanapi_client::{StoreError, StoreErrorKind};
use humanapi_core::Generation;
use humanapi_core::broker::RowToken;

use crate::journal_rows::{JournalRow, JournalSurvey};
use crate::rows::{Batch, Mark, RowName, Sealed, Survey, unreadable};

/// The version of the tables that this version of the crate makes and uses.
pub(crate) const SCHEMA_VERSION: i64 = 1;

/// The columns of a token: generation, end, id of the sealing key, sealed bytes.
pub(crate) type TokenColumns = (i64, i64, String, Vec<u8>);

/// Tokens, leases and ends of the rows that were sealed with one key: its id, rows, living tokens,
/// ended tokens, running leases.
pub(crate) type SurveyColumns = (String, i64, i64, i64, i64);

/// What the clock shows, and the columns of an order's row: version, whether it is open, id of the sealing key, sealed
/// bytes. Without a row there is no version.
pub(crate) type OrderColumns = (
    i64,
    Option<i64>,
    Option<bool>,
    Option<String>,
    Option<Vec<u8>>,
);

/// Rows of orders that were sealed with one key: its id, rows, open rows.
pub(crate) type OrderSurveyColumns = (String, i64, i64);

pub(crate) fn order(
    (now, version, is_open, key_id, bytes): OrderColumns,
) -> Result<(u64, Option<JournalRow>), StoreError> {
    let Some(version) = version else {
        return Ok((unsigned(now), None));
    };
    let (Some(is_open), Some(key_id), Some(bytes)) = (is_open, key_id, bytes) else {
        return Err(unreadable());
    };
    let row = JournalRow {
        version: unsigned(version),
        is_open,
        sealed: Sealed::read(key_id, bytes)?,
    };
    Ok((unsigned(now), Some(row)))
}

pub(crate) fn names(found: Vec<(Vec<u8>,)>) -> Result<Vec<RowName>, StoreError> {
    let names = found.into_iter().map(|(name,)| {
        let name = name.as_slice().try_into().map_err(|_| unreadable())?;
        Ok(RowName::new(name))
    });
    names.collect()
}

pub(crate) fn order_survey(counted: Vec<OrderSurveyColumns>) -> JournalSurvey {
    let mut survey = JournalSurvey::default();
    for (key, rows, open) in counted {
        survey.count(&key, unsigned(rows), unsigned(open));
    }
    survey
}

pub(crate) fn token(
    (generation, expires_at, key_id, bytes): TokenColumns,
) -> Result<RowToken<Sealed>, StoreError> {
    Ok(RowToken {
        generation: Generation::new(unsigned(generation)),
        expires_at: unsigned(expires_at),
        payload: Sealed::read(key_id, bytes)?,
    })
}

/// Some names of rows, in their order, and where the next ones begin. A statement gives names of 32 bytes alone.
pub(crate) fn batch(found: Vec<(Vec<u8>,)>, limit: u32) -> Result<Batch, StoreError> {
    let names = names(found)?;
    let full = names.len() >= limit as usize;
    let next = names.last().filter(|_| full);
    Ok(Batch {
        next: next.map(|name| name.as_bytes().to_vec()),
        names,
    })
}

/// Adds up what was counted for each key. Rows without a token have an empty key.
pub(crate) fn survey(counted: Vec<SurveyColumns>) -> Survey {
    let mut survey = Survey {
        schema_version: SCHEMA_VERSION as u32,
        ..Survey::default()
    };
    for (key, rows, live, ended, leases) in counted {
        let add = |sum: &mut u64, more| *sum = sum.saturating_add(unsigned(more));
        add(&mut survey.rows, rows);
        add(&mut survey.live_tokens, live);
        add(&mut survey.ended_tokens, ended);
        add(&mut survey.running_leases, leases);
        if !key.is_empty() {
            survey.count_tokens(&key, unsigned(rows));
        }
    }
    survey
}

/// Whether what was set up there is ours.
pub(crate) fn check(found: Option<(i64, Vec<u8>)>, mark: &Mark) -> Result<(), StoreError> {
    let (version, kept) = found.ok_or_else(not_set_up)?;
    if version != SCHEMA_VERSION {
        let message = format!(
            "the store was set up by another version: its tables are version {version}, not {SCHEMA_VERSION}"
        );
        return Err(StoreError::new(StoreErrorKind::NotSetUp, message));
    }
    mark.compare(&kept)
}

pub(crate) fn not_set_up() -> StoreError {
    StoreError::new(StoreErrorKind::NotSetUp, "the store was never set up")
}

/// As SQL holds it. No number that means something is so large.
pub(crate) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// As we hold it. A store that was written by us holds nothing negative.
pub(crate) fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}

/// The newest token that a caller knows, or less than any.
pub(crate) fn known(known: Option<Generation>) -> i64 {
    known.map_or(-1, |known| signed(known.number()))
}

/// A failure in words of our own: those of a database may repeat what it was told, and so may those of
/// its driver. `database` says what its own errors mean.
pub(crate) fn error(
    error: &sqlx::Error,
    database: impl FnOnce(&dyn sqlx::error::DatabaseError) -> StoreError,
) -> StoreError {
    let unavailable = |message: String| StoreError::new(StoreErrorKind::Unavailable, message);
    match error {
        sqlx::Error::Database(error) => database(&**error),
        sqlx::Error::Configuration(_) | sqlx::Error::InvalidArgument(_) => StoreError::new(
            StoreErrorKind::Misconfigured,
            "the address of the store cannot be used",
        ),
        sqlx::Error::Io(error) => {
            unavailable(format!("the store cannot be reached: {}", error.kind()))
        }
        sqlx::Error::Tls(_) => unavailable("no secure connection to the store can be made".into()),
        sqlx::Error::ColumnDecode { .. }
        | sqlx::Error::Decode(_)
        | sqlx::Error::ColumnNotFound(_)
        | sqlx::Error::ColumnIndexOutOfBounds { .. } => unreadable(),
        _ => unavailable("the connection to the store broke".into()),
    }
}
