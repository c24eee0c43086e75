//! What SQLite is asked.

// SQLite tells the length of bytes without reading them, so a value that somebody else wrote is fetched only where it can
// be ours. Of a longer one something comes that none of ours is. Outside of a condition, `IS NOT NULL` reads the bytes;
// the length does not.

/// The sealed bytes, or nothing where they are more than any token of ours.
macro_rules! sealed {
    () => {
        "CASE WHEN length(sealed) <= 1048576 THEN sealed END"
    };
}

/// The id of a sealing key, or a text that is none.
macro_rules! sealed_with {
    () => {
        "CASE WHEN octet_length(sealed_with) <= 32 THEN sealed_with ELSE printf('%.33c', '?') END"
    };
}

/// Whole milliseconds. SQLite reads its clock once a statement, after a writing one has its lock.
macro_rules! now {
    () => {
        "CAST(round(unixepoch('now', 'subsec') * 1000) AS INTEGER)"
    };
}

/// What cannot be of use any more, and what a row made anew would begin above.
macro_rules! spent {
    () => {
        concat!(
            "expires_at <= ",
            now!(),
            " AND lease_ends <= ",
            now!(),
            " AND fence < ",
            now!(),
            " * 1000"
        )
    };
}

pub(super) const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS humanapi_store (
        only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
        schema_version INTEGER NOT NULL,
        mark BLOB NOT NULL
    ) STRICT;
    -- Not WITHOUT ROWID: looking for a name would read whole rows, however long they are.
    -- Times are milliseconds since 1970, and 0 stands for none: no lease, no token.
    CREATE TABLE IF NOT EXISTS humanapi_rows (
        row_name BLOB PRIMARY KEY NOT NULL,
        fence INTEGER NOT NULL,
        lease_ends INTEGER NOT NULL DEFAULT 0,
        generation INTEGER NOT NULL DEFAULT 0,
        expires_at INTEGER NOT NULL DEFAULT 0,
        sealed_with TEXT NOT NULL DEFAULT '',
        sealed BLOB
    ) STRICT;
    CREATE INDEX IF NOT EXISTS humanapi_rows_by_end ON humanapi_rows (expires_at);
    -- The journal of orders. No row of it ever goes.
    CREATE TABLE IF NOT EXISTS humanapi_orders (
        row_name BLOB PRIMARY KEY NOT NULL,
        version INTEGER NOT NULL,
        is_open INTEGER NOT NULL,
        sealed_with TEXT NOT NULL,
        sealed BLOB NOT NULL
    ) STRICT;
    CREATE INDEX IF NOT EXISTS humanapi_orders_open ON humanapi_orders (row_name) WHERE is_open;
";

pub(super) const CHECK: &str = "
    SELECT schema_version, CASE WHEN length(mark) <= 33 THEN mark ELSE x'' END FROM humanapi_store LIMIT 1";

pub(super) const LOAD: &str = concat!(
    "SELECT generation, expires_at, ",
    sealed_with!(),
    ", ",
    sealed!(),
    " FROM humanapi_rows WHERE row_name = ?1 AND sealed IS NOT NULL"
);

pub(super) const LOOK: &str = concat!(
    "SELECT max(lease_ends - ",
    now!(),
    ", 0), expires_at > ",
    now!(),
    " AND generation > ?2,
        generation, expires_at, ",
    sealed_with!(),
    ", ",
    sealed!(),
    ", length(sealed) IS NOT NULL
    FROM humanapi_rows WHERE row_name = ?1"
);

pub(super) const ACQUIRE: &str = concat!(
    "INSERT INTO humanapi_rows (row_name, fence, lease_ends)
    VALUES (?1, ",
    now!(),
    " * 1000, ",
    now!(),
    " + ?3)
    ON CONFLICT (row_name) DO UPDATE
    SET fence = max(fence + 1, excluded.fence), lease_ends = excluded.lease_ends
    WHERE lease_ends <= ",
    now!(),
    "
        AND NOT (sealed IS NOT NULL AND expires_at > ",
    now!(),
    " AND generation > ?2)
    RETURNING fence"
);

pub(super) const COMMIT: &str = concat!(
    "UPDATE humanapi_rows
    SET lease_ends = 0, generation = fence, expires_at = ?3, sealed_with = ?4, sealed = ?5
    WHERE row_name = ?1 AND fence = ?2 AND lease_ends > ",
    now!()
);

pub(super) const RELEASE: &str =
    "UPDATE humanapi_rows SET lease_ends = 0 WHERE row_name = ?1 AND fence = ?2";

pub(super) const INVALIDATE: &str = "
    UPDATE humanapi_rows
    SET generation = 0, expires_at = 0, sealed_with = '', sealed = NULL,
        lease_ends = CASE WHEN fence <= ?2 THEN 0 ELSE lease_ends END
    WHERE row_name = ?1 AND generation <= ?2";

pub(super) const PURGE: &str = concat!(
    "DELETE FROM humanapi_rows WHERE row_name IN
        (SELECT row_name FROM humanapi_rows WHERE ",
    spent!(),
    " LIMIT ?1)"
);

// Sorting into groups takes along all columns that are counted by, and so not the rows' own.
pub(super) const SURVEY: &str = concat!(
    "WITH small AS MATERIALIZED (
        SELECT ",
    sealed_with!(),
    " AS key,
            length(sealed) IS NOT NULL AND expires_at > ",
    now!(),
    " AS lives,
            length(sealed) IS NOT NULL AND expires_at <= ",
    now!(),
    " AS ended,
            lease_ends > ",
    now!(),
    " AS leased
        FROM humanapi_rows
    )
    SELECT key, count(*), sum(lives), sum(ended), sum(leased) FROM small GROUP BY key LIMIT 1000"
);

pub(super) const SEALED_OTHERWISE: &str = "
    SELECT row_name FROM humanapi_rows
    WHERE row_name > ?2 AND length(row_name) = 32 AND sealed IS NOT NULL
        AND (octet_length(sealed_with) > 32 OR sealed_with <> ?1)
    ORDER BY row_name LIMIT ?3";

pub(super) const RESEAL: &str = "
    UPDATE humanapi_rows SET sealed_with = ?5, sealed = ?6
    WHERE row_name = ?1 AND generation = ?2 AND sealed_with = ?3 AND sealed = ?4";

/// The clock is there whether the row is or not.
pub(super) const LOAD_ORDER: &str = concat!(
    "SELECT ",
    now!(),
    ", version, is_open <> 0, ",
    sealed_with!(),
    ", ",
    sealed!(),
    " FROM (SELECT 1) LEFT JOIN humanapi_orders ON row_name = ?1"
);

pub(super) const ADD_ORDER: &str = "
    INSERT INTO humanapi_orders (row_name, version, is_open, sealed_with, sealed)
    VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING";

pub(super) const CHANGE_ORDER: &str = "
    UPDATE humanapi_orders SET version = ?2, is_open = ?3, sealed_with = ?4, sealed = ?5
    WHERE row_name = ?1 AND version = ?6";

pub(super) const OPEN_ORDERS: &str = "
    SELECT row_name FROM humanapi_orders
    WHERE is_open AND row_name > ?1 AND length(row_name) = 32
    ORDER BY row_name LIMIT ?2";

pub(super) const SURVEY_ORDERS: &str = concat!(
    "WITH small AS MATERIALIZED (SELECT ",
    sealed_with!(),
    " AS key, is_open <> 0 AS open FROM humanapi_orders)
    SELECT key, count(*), sum(open) FROM small GROUP BY key LIMIT 1000"
);

pub(super) const ORDERS_SEALED_OTHERWISE: &str = "
    SELECT row_name FROM humanapi_orders
    WHERE row_name > ?2 AND length(row_name) = 32
        AND (octet_length(sealed_with) > 32 OR sealed_with <> ?1)
    ORDER BY row_name LIMIT ?3";

pub(super) const RESEAL_ORDER: &str = "
    UPDATE humanapi_orders SET sealed_with = ?5, sealed = ?6
    WHERE row_name = ?1 AND version = ?2 AND sealed_with = ?3 AND sealed = ?4";
