-- Tables and functions of a PostgreSQL store, version 1. Harmless where they are there already.

CREATE TABLE IF NOT EXISTS humanapi_store (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    schema_version bigint NOT NULL,
    mark bytea NOT NULL
);

-- Times are milliseconds since 1970, and 0 stands for none: no lease, no token.
CREATE TABLE IF NOT EXISTS humanapi_rows (
    row_name bytea PRIMARY KEY,
    fence bigint NOT NULL DEFAULT 0,
    lease_ends bigint NOT NULL DEFAULT 0,
    generation bigint NOT NULL DEFAULT 0,
    expires_at bigint NOT NULL DEFAULT 0,
    sealed_with text NOT NULL DEFAULT '',
    sealed bytea
);

CREATE INDEX IF NOT EXISTS humanapi_rows_by_end ON humanapi_rows (expires_at);

-- The journal of orders. No row of it ever goes.
CREATE TABLE IF NOT EXISTS humanapi_orders (
    row_name bytea PRIMARY KEY,
    version bigint NOT NULL,
    is_open boolean NOT NULL,
    sealed_with text NOT NULL,
    sealed bytea NOT NULL
);

CREATE INDEX IF NOT EXISTS humanapi_orders_open ON humanapi_orders (row_name) WHERE is_open;

-- Whole microseconds since 1970, read anew with each call.
CREATE OR REPLACE FUNCTION humanapi_clock() RETURNS bigint
LANGUAGE sql VOLATILE AS
$$ SELECT floor(extract(epoch FROM clock_timestamp()) * 1000000)::bigint $$;

-- Takes the lease on a row: the answer holds a fence, or how long another still has it, or a token newer
-- than the caller knows.
CREATE OR REPLACE FUNCTION humanapi_acquire(
    wanted bytea,
    known bigint,
    ttl bigint,
    OUT fence bigint,
    OUT remaining bigint,
    OUT generation bigint,
    OUT expires_at bigint,
    OUT sealed_with text,
    OUT sealed bytea
)
LANGUAGE plpgsql VOLATILE AS
$$
DECLARE
    seen humanapi_rows%ROWTYPE;
    now bigint;
BEGIN
    LOOP
        -- Looking takes no lock, so those who only learn that they have to wait do not wait here.
        SELECT * INTO seen FROM humanapi_rows AS r WHERE r.row_name = wanted;
        IF NOT FOUND THEN
            -- The clock is read once the row is there: then a fence is higher than any that an earlier row
            -- of this name gave out before it was purged.
            INSERT INTO humanapi_rows (row_name) VALUES (wanted) ON CONFLICT DO NOTHING;
            CONTINUE;
        END IF;
        now := humanapi_clock() / 1000;
        IF seen.sealed IS NOT NULL AND seen.expires_at > now AND seen.generation > known THEN
            generation := seen.generation;
            expires_at := seen.expires_at;
            sealed_with := seen.sealed_with;
            sealed := seen.sealed;
            RETURN;
        END IF;
        IF seen.lease_ends > now THEN
            remaining := seen.lease_ends - now;
            RETURN;
        END IF;
        UPDATE humanapi_rows AS r
        SET fence = greatest(r.fence + 1, humanapi_clock()), lease_ends = humanapi_clock() / 1000 + ttl
        WHERE r.row_name = wanted AND r.fence = seen.fence AND r.lease_ends = seen.lease_ends
            AND r.generation = seen.generation
        RETURNING r.fence INTO fence;
        EXIT WHEN FOUND;
        -- Somebody was faster: look again.
    END LOOP;
END
$$;
