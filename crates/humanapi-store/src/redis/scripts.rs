//! What the server runs. All that concerns a row happens in one script on its key, so it is undivided.

use redis::Script;

/// A field that somebody else wrote may be of any length. One that is longer than any of ours stays where it is, and
/// comes as a text that is no number, no id and no token.
macro_rules! get {
    () => {
        "local function get(field, key)
            key = key or KEYS[1]
            local most = field == 'sealed' and 1048576 or 32
            if redis.call('HSTRLEN', key, field) > most then return string.rep('?', 33) end
            return redis.call('HGET', key, field)
        end
        "
    };
}

/// Stands in the error of a script that met a field which is none of ours.
macro_rules! unreadable {
    () => {
        "humanapi: unreadable"
    };
}

// A row is a hash of strings: fence, lease (its end), generation, expires, key, sealed. Lua counts in floating point,
// which is exact for the numbers here; they are written without an exponent.
macro_rules! script {
    ($($body:expr),+) => {
        concat!(
            "local time = redis.call('TIME')
            local micros = tonumber(time[1]) * 1000000 + tonumber(time[2])
            local now = math.floor(micros / 1000)
            local function whole(number) return string.format('%.0f', number) end
            ",
            get!(),
            "local function number(field)
                local value = tonumber(get(field) or '0')
                if not value then error('",
            unreadable!(),
            "') end
                return value
            end
            -- A row goes once no token in it lives, no lease on it runs, and a fence that is made anew
            -- is higher than its last.
            local function keep()
                local ends = math.floor(number('fence') / 1000) + 1
                ends = math.max(ends, number('lease'), number('expires'))
                redis.call('PEXPIREAT', KEYS[1], whole(ends))
            end
            ",
            $($body),+
        )
    };
}

pub(super) const UNREADABLE: &str = unreadable!();

const LOAD: &str = concat!(
    get!(),
    "return {get('generation'), get('expires'), get('key'), get('sealed')}"
);

const ACQUIRE: &str = script!(
    "local expires = number('expires')
    if get('sealed') and expires > now and number('generation') > tonumber(ARGV[2]) then
        return {'newer', get('generation'), get('expires'), get('key'), get('sealed')}
    end
    local lease = number('lease')
    if lease > now then
        return {'held', whole(lease - now)}
    end
    local fence = whole(math.max(number('fence') + 1, micros))
    redis.call('HSET', KEYS[1], 'fence', fence, 'lease', whole(now + tonumber(ARGV[1])))
    keep()
    return {'won', fence}"
);

const COMMIT: &str = script!(
    "if get('fence') ~= ARGV[1] or number('lease') <= now then
        return 0
    end
    redis.call('HSET', KEYS[1], 'lease', '0', 'generation', ARGV[1],
        'expires', ARGV[2], 'key', ARGV[3], 'sealed', ARGV[4])
    keep()
    return 1"
);

const RELEASE: &str = script!(
    "if get('fence') == ARGV[1] then
        redis.call('HSET', KEYS[1], 'lease', '0')
        keep()
    end
    return 0"
);

const INVALIDATE: &str = script!(
    "if get('fence') and number('fence') <= tonumber(ARGV[1]) then
        redis.call('HSET', KEYS[1], 'lease', '0')
        keep()
    end
    if get('sealed') and number('generation') <= tonumber(ARGV[1]) then
        redis.call('HDEL', KEYS[1], 'generation', 'expires', 'key', 'sealed')
        keep()
    end
    return 0"
);

const RESEAL: &str = script!(
    "if get('generation') ~= ARGV[1] or get('key') ~= ARGV[2] or get('sealed') ~= ARGV[3] then
        return 0
    end
    redis.call('HSET', KEYS[1], 'key', ARGV[4], 'sealed', ARGV[5])
    return 1"
);

/// What many rows say of themselves, without their tokens.
const LOOK: &str = concat!(
    get!(),
    "local rows = {}
    for i, key in ipairs(KEYS) do
        rows[i] = {get('fence', key), get('lease', key), get('expires', key), get('key', key)}
    end
    return rows"
);

/// Does each of `steps`, up to the first that it may not, and tells which that is.
macro_rules! each_step {
    () => {
        "
    for _, step in ipairs(steps) do
        local answer = redis.pcall(unpack(step))
        if type(answer) == 'table' and answer.err then
            return {step[1], answer.err}
        end
    end
    return {}"
    };
}

/// Does once what the scripts above do, on a key that goes by itself, and tells what it may not.
const PROBE: &str = concat!(
    "local time = redis.pcall('TIME')
    if time.err then
        return {'TIME', time.err}
    end
    local soon = string.format('%.0f', (tonumber(time[1]) + 1) * 1000)
    local steps = {
        {'HSET', KEYS[1], 'fence', '0'},
        {'HGET', KEYS[1], 'fence'},
        {'HSTRLEN', KEYS[1], 'fence'},
        {'PEXPIREAT', KEYS[1], soon},
        {'HDEL', KEYS[1], 'fence'},
    }",
    each_step!()
);

// A row of a journal is a hash of strings: version, open, key, sealed. No key of it ends. The names of rows that are open
// stand in a sorted set, which is changed so that a script that a missing permission ends in the middle leaves a name too
// many there and none too few. `KEYS` are the row, the set and the mark; without a mark the server is not set up for a
// journal, or lost its data, and each script answers with nothing.
macro_rules! order_script {
    ($($body:expr),+) => {
        concat!(
            get!(),
            "if redis.call('GETRANGE', KEYS[3], 0, 0) == '' then return {} end
            local row = KEYS[1]
            ",
            $($body),+
        )
    };
}

const LOAD_ORDER: &str = order_script!(
    "local time = redis.call('TIME')
    local now = string.format('%.0f', math.floor(tonumber(time[1]) * 1000 + tonumber(time[2]) / 1000))
    return {now, get('version'), get('open'), get('key'), get('sealed')}"
);

const KEEP_ORDER: &str = order_script!(
    "if (get('version') or '') ~= ARGV[1] then return {'0'} end
    if ARGV[3] == '1' then redis.call('ZADD', KEYS[2], '0', ARGV[6]) end
    redis.call('HSET', row, 'version', ARGV[2], 'open', ARGV[3], 'key', ARGV[4], 'sealed', ARGV[5])
    if ARGV[3] ~= '1' then redis.call('ZREM', KEYS[2], ARGV[6]) end
    return {'1'}"
);

const RESEAL_ORDER: &str = order_script!(
    "if get('version') ~= ARGV[1] or get('key') ~= ARGV[2] or get('sealed') ~= ARGV[3] then
        return {'0'}
    end
    redis.call('HSET', row, 'key', ARGV[4], 'sealed', ARGV[5])
    return {'1'}"
);

/// What many rows say of themselves, without what is sealed.
const LOOK_ORDERS: &str = concat!(
    get!(),
    "local rows = {}
    for i, key in ipairs(KEYS) do
        rows[i] = {get('version', key), get('open', key), get('key', key)}
    end
    return rows"
);

/// Does once what the scripts of a journal do beside what `PROBE` does, to a set that is empty afterwards.
const PROBE_ORDERS: &str = concat!(
    "local steps = {
        {'ZADD', KEYS[1], '0', 'probe'},
        {'ZRANGEBYLEX', KEYS[1], '-', '+', 'LIMIT', '0', '1'},
        {'ZREM', KEYS[1], 'probe'},
    }",
    each_step!()
);

pub(super) struct Scripts {
    pub(super) load: Script,
    pub(super) acquire: Script,
    pub(super) commit: Script,
    pub(super) release: Script,
    pub(super) invalidate: Script,
    pub(super) reseal: Script,
    pub(super) look: Script,
    pub(super) probe: Script,
    pub(super) load_order: Script,
    pub(super) keep_order: Script,
    pub(super) reseal_order: Script,
    pub(super) look_orders: Script,
    pub(super) probe_orders: Script,
}

impl Scripts {
    pub(super) fn new() -> Self {
        Self {
            load: Script::new(LOAD),
            acquire: Script::new(ACQUIRE),
            commit: Script::new(COMMIT),
            release: Script::new(RELEASE),
            invalidate: Script::new(INVALIDATE),
            reseal: Script::new(RESEAL),
            look: Script::new(LOOK),
            probe: Script::new(PROBE),
            load_order: Script::new(LOAD_ORDER),
            keep_order: Script::new(KEEP_ORDER),
            reseal_order: Script::new(RESEAL_ORDER),
            look_orders: Script::new(LOOK_ORDERS),
            probe_orders: Script::new(PROBE_ORDERS),
        }
    }
}
