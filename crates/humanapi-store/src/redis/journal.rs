//! Rows of a journal of orders in the same server, where it is durable enough for one.

use std::collections::BTreeMap;

use async_trait::async_trait;
use humanapi_client::{StoreError, StoreErrorKind};
use redis::{Cmd, RedisResult, ScriptInvocation, Value};

use super::connection::{Question, Using};
use super::errors::{is_misplaced, said};
use super::{
    Counted, Fields, MARK_LENGTH, RedisRows, STEP, begins_at, compare, cursor, marked, number,
    of_digits, probed,
};
use crate::journal_rows::{JournalRow, JournalRows, JournalSurvey};
use crate::rows::{Batch, Mark, RowName, Sealed, unreadable};
use crate::seal::millis;

/// What the key of an order's row begins with.
const ORDER: &str = "humanapi:order:";
/// The sorted set of the names of rows that are open.
const OPEN: &str = "humanapi:orders:open";
/// The mark of the naming key. It has no end, because rows have none: what is not there was lost.
const ORDERS_MARK: &str = "humanapi:orders:mark";
const PROBE_KEY: &str = "humanapi:orders:probe";

/// What decides whether a write outlives the server, and how a journal needs it.
const SETTINGS: [&str; 6] = [
    "appendonly",
    "appendfsync",
    "no-appendfsync-on-rewrite",
    "maxmemory-policy",
    "min-replicas-to-write",
    "min-replicas-max-lag",
];

fn key(name: &RowName) -> String {
    format!("{ORDER}{{{name}}}")
}

/// How many replicas have to confirm a write to a server of these settings that tells this of its replication.
fn durable(settings: &BTreeMap<String, String>, replication: &str) -> Result<u64, StoreError> {
    let told = |name: &str| {
        let mut lines = replication.lines().filter_map(|line| line.split_once(':'));
        lines.find_map(|(field, value)| (field == name).then(|| value.trim()))
    };
    if told("role") != Some("master") {
        let message = "the Redis server is a read-only replica";
        return Err(StoreError::new(StoreErrorKind::ReadOnly, message));
    }
    let replicas = told("connected_slaves").and_then(|count| count.parse().ok());
    let replicas: u64 = replicas.ok_or_else(unreadable)?;
    let is = |name: &str, accepts: &dyn Fn(&str) -> bool| {
        settings.get(name).is_some_and(|value| accepts(value))
    };
    let mut missing = Vec::new();
    if !is("appendonly", &|value| value == "yes") {
        missing.push("appendonly yes");
    }
    if !is("appendfsync", &|value| value == "always") {
        missing.push("appendfsync always");
    }
    if !is("no-appendfsync-on-rewrite", &|value| value == "no") {
        missing.push("no-appendfsync-on-rewrite no");
    }
    // The others take keys alone that have an end.
    if !is("maxmemory-policy", &|value| !value.starts_with("allkeys-")) {
        missing.push("maxmemory-policy noeviction");
    }
    // A server that a network cut off from all its replicas would go on alone, and lose that once it finds them again.
    let enough = |value: &str| value.parse().is_ok_and(|least: u64| least > 0);
    if replicas > 0 && !is("min-replicas-to-write", &enough) {
        missing.push("min-replicas-to-write 1");
    }
    // Without a lag that is too long it counts no replicas at all.
    if replicas > 0 && !is("min-replicas-max-lag", &enough) {
        missing.push("min-replicas-max-lag 10");
    }
    if missing.is_empty() {
        // It tells how many are near enough where it needs any. One that is cut off may have been replaced, and what it
        // would answer may be over.
        let near = told("min_slaves_good_slaves").and_then(|count| count.parse().ok());
        let needed = settings.get("min-replicas-to-write");
        let needed = needed.and_then(|count| count.parse().ok()).unwrap_or(0);
        if near.is_some_and(|near: u64| near < needed) {
            return Err(said("NOREPLICAS", "", None));
        }
        return Ok(replicas);
    }
    let message = format!(
        "the Redis server could lose an order that was sent: set `{}` for a journal of orders",
        missing.join("`, `")
    );
    Err(StoreError::new(StoreErrorKind::Misconfigured, message))
}

/// What a script answered, unless the server is not set up for a journal.
fn set_up(answer: Fields) -> Result<Fields, StoreError> {
    if answer.is_empty() {
        let message = "the Redis server was never set up for a journal of orders, or lost its data";
        return Err(StoreError::new(StoreErrorKind::NotSetUp, message));
    }
    Ok(answer)
}

impl RedisRows {
    /// Leaves the mark of a journal, or makes sure of the one that is there.
    pub(super) async fn mark_orders(&self, mark: &Mark) -> Result<(), StoreError> {
        let answers = self
            .each(
                redis::pipe()
                    .cmd("SET")
                    .arg(ORDERS_MARK)
                    .arg(marked(mark))
                    .arg("NX")
                    .cmd("GETRANGE")
                    .arg(ORDERS_MARK)
                    .arg(0)
                    .arg(MARK_LENGTH),
            )
            .await?;
        compare(answers.get(1), mark)
    }

    /// A connection to a server that is durable enough at this moment, and how many replicas have to confirm a write.
    ///
    /// It is asked before each reading and each write: another server may have taken the place of the one before, and
    /// settings change. One that became a replica is left for whichever the address leads to now: nothing was written.
    async fn durable(&self) -> Result<(Using<'_>, u64), StoreError> {
        let (using, replicas) = self.asked().await?;
        let is_replica = |error: &StoreError| error.kind() == StoreErrorKind::ReadOnly;
        let (using, replicas) = if replicas.as_ref().is_err_and(is_replica) {
            using.give_up();
            self.asked().await?
        } else {
            (using, replicas)
        };
        match replicas {
            Ok(replicas) => Ok((using, replicas)),
            Err(error) => {
                // The connection is as good as before.
                using.settle(Ok(()))?;
                Err(error)
            }
        }
    }

    /// The connection, and what its server says of how careful it is.
    async fn asked(&self) -> Result<(Using<'_>, Result<u64, StoreError>), StoreError> {
        let mut ask = redis::pipe();
        ask.ignore_errors();
        for setting in SETTINGS {
            ask.cmd("CONFIG").arg("GET").arg(setting);
        }
        ask.cmd("INFO").arg("replication");
        // Nothing is changed by it, so it tells as well whether the connection is one that still works.
        let (using, answers) = self.journal.ask(Question::Each(&ask)).await?;
        let mut answers: Vec<Value> = match answers {
            Ok(answers) => answers,
            Err(error) => return Err(using.fail(error)),
        };
        let replication = answers.pop().unwrap_or(Value::Nil);
        let read = || -> Result<_, redis::ParsingError> {
            let mut settings = BTreeMap::new();
            for answer in answers {
                settings.extend(redis::from_redis_value::<BTreeMap<String, String>>(answer)?);
            }
            let replication: String = redis::from_redis_value(replication)?;
            Ok(durable(&settings, &replication))
        };
        let replicas = read()
            .map_err(|_| unreadable())
            .and_then(|replicas| replicas);
        Ok((using, replicas))
    }

    /// Runs a script that changes a row, and tells whether it did; then every replica has it too.
    async fn write(&self, script: &ScriptInvocation<'_>) -> Result<bool, StoreError> {
        let (mut using, mut replicas) = self.durable().await?;
        let mut answer: RedisResult<Fields> = script.invoke_async(&mut using.open).await;
        if answer.as_ref().is_err_and(is_misplaced) {
            // Another took its place just now, and it did nothing.
            using.give_up();
            (using, replicas) = self.durable().await?;
            answer = script.invoke_async(&mut using.open).await;
        }
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => return Err(using.fail(error)),
        };
        let changed = match set_up(answer) {
            Ok(answer) => matches!(&answer[..], [Some(done)] if done == b"1"),
            Err(error) => {
                using.settle(Ok(()))?;
                return Err(error);
            }
        };
        if !changed || replicas == 0 {
            using.settle(Ok(()))?;
            return Ok(changed);
        }
        let confirmed: RedisResult<u64> = Cmd::new()
            .arg("WAIT")
            .arg(replicas)
            .arg(millis(self.limits.row))
            .query_async(&mut using.open)
            .await;
        if using.settle(confirmed)? < replicas {
            let message = "a replica of the Redis server did not confirm what a journal of orders was told to keep";
            return Err(StoreError::new(StoreErrorKind::Unavailable, message));
        }
        Ok(true)
    }

    /// What these rows say of themselves: whether they are open and which key sealed them. One that is not there is not
    /// among them.
    async fn look_at_orders(&self, names: &[&RowName]) -> Result<Vec<Looks>, StoreError> {
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let mut look = self.scripts.look_orders.prepare_invoke();
        for name in names {
            look.key(key(name));
        }
        let rows: Vec<Fields> = self.server.read(Question::Script(&look)).await?;
        if rows.len() != names.len() {
            return Err(unreadable());
        }
        let mut found = Vec::new();
        for (name, row) in names.iter().zip(rows) {
            let [version, open, key_id] = row.try_into().map_err(|_| unreadable())?;
            if version.is_some() {
                found.push(Looks {
                    name: **name,
                    is_open: open.is_some_and(|open| open == b"1"),
                    // Without one it is none of ours, and cannot be opened.
                    key_id: String::from_utf8_lossy(&key_id.unwrap_or_default()).into_owned(),
                });
            }
        }
        Ok(found)
    }
}

/// A row without what is sealed.
struct Looks {
    name: RowName,
    is_open: bool,
    key_id: String,
}

#[async_trait]
impl JournalRows for RedisRows {
    async fn check_orders(&self, mark: &Mark) -> Result<(), StoreError> {
        let mut ask = redis::cmd("GETRANGE");
        ask.arg(ORDERS_MARK).arg(0).arg(MARK_LENGTH);
        let kept: Vec<u8> = self.journal.read(Question::Command(&ask)).await?;
        let kept = Some(kept).filter(|kept| !kept.is_empty());
        let fields = set_up(kept.map(Some).into_iter().collect())?;
        let kept = fields.into_iter().flatten().next();
        compare(kept.map(Value::BulkString).as_ref(), mark)?;
        let (using, _) = self.durable().await?;
        using.settle(Ok(()))?;
        let mut probe = self.scripts.probe_orders.prepare_invoke();
        let refused: Vec<Vec<u8>> = self.journal.invoke(probe.key(PROBE_KEY)).await?;
        probed(&refused)
    }

    async fn load_order(&self, name: &RowName) -> Result<(u64, Option<JournalRow>), StoreError> {
        let mut load = self.scripts.load_order.prepare_invoke();
        load.key(key(name)).key(OPEN).key(ORDERS_MARK);
        // What is not changed is answered from this alone, and a server that was replaced would answer what is over.
        let (mut using, _) = self.durable().await?;
        let answer = load.invoke_async(&mut using.open).await;
        let answer: Fields = using.settle(answer)?;
        let [now, version, open, key_id, sealed] =
            set_up(answer)?.try_into().map_err(|_| unreadable())?;
        let now = number(&now.ok_or_else(unreadable)?)?;
        if [&version, &open, &key_id, &sealed]
            .iter()
            .all(|field| field.is_none())
        {
            return Ok((now, None));
        }
        // A row that lacks a part is not one that is not there.
        let (Some(version), Some(open), Some(key_id), Some(sealed)) =
            (version, open, key_id, sealed)
        else {
            return Err(unreadable());
        };
        let is_open = match &open[..] {
            b"1" => true,
            b"0" => false,
            _ => return Err(unreadable()),
        };
        let key_id = String::from_utf8(key_id).map_err(|_| unreadable())?;
        let row = JournalRow {
            version: number(&version)?,
            is_open,
            sealed: Sealed::read(key_id, sealed)?,
        };
        Ok((now, Some(row)))
    }

    async fn keep_order(
        &self,
        name: &RowName,
        read: Option<u64>,
        row: &JournalRow,
    ) -> Result<bool, StoreError> {
        let mut keep = self.scripts.keep_order.prepare_invoke();
        keep.key(key(name)).key(OPEN).key(ORDERS_MARK);
        keep.arg(read.map(|read| read.to_string()).unwrap_or_default())
            .arg(row.version)
            .arg(u8::from(row.is_open))
            .arg(&*row.sealed.key_id)
            .arg(&row.sealed.bytes[..])
            .arg(name.to_string());
        self.write(&keep).await
    }

    async fn open_orders(
        &self,
        after: Option<&RowName>,
        limit: u32,
    ) -> Result<Vec<RowName>, StoreError> {
        let after = after.map_or_else(|| "-".to_owned(), |after| format!("({after}"));
        let mut list = redis::cmd("ZRANGEBYLEX");
        list.arg(OPEN).arg(after).arg("+");
        list.arg("LIMIT").arg(0).arg(limit);
        let names: Vec<String> = self.journal.read(Question::Command(&list)).await?;
        // What is no name of ours stands in the way of those behind it, and is not passed over.
        let names = names
            .iter()
            .map(|name| of_digits(name).ok_or_else(unreadable));
        names.collect()
    }

    async fn survey_orders(&self) -> Result<JournalSurvey, StoreError> {
        let mut survey = JournalSurvey::default();
        let mut counted = Counted::default();
        let mut cursor = 0;
        loop {
            let (next, names) = self.scan(ORDER, cursor, STEP).await?;
            let new: Vec<&RowName> = names.iter().filter(|name| counted.is_new(name)).collect();
            for row in self.look_at_orders(&new).await? {
                survey.count(&row.key_id, 1, u64::from(row.is_open));
            }
            cursor = next;
            if cursor == 0 {
                return Ok(survey);
            }
        }
    }

    async fn orders_sealed_otherwise(
        &self,
        key_id: &str,
        from: Option<&[u8]>,
        limit: u32,
    ) -> Result<Batch, StoreError> {
        let from = cursor(from)?;
        let (next, names) = self.scan(ORDER, from, limit).await?;
        let names: Vec<&RowName> = names.iter().collect();
        let rows = self.look_at_orders(&names).await?;
        let others = rows.into_iter().filter(|row| row.key_id != key_id);
        Ok(Batch {
            names: others.map(|row| row.name).collect(),
            next: begins_at(next),
        })
    }

    async fn reseal_order(
        &self,
        name: &RowName,
        read: &JournalRow,
        anew: &Sealed,
    ) -> Result<bool, StoreError> {
        let mut reseal = self.scripts.reseal_order.prepare_invoke();
        reseal.key(key(name)).key(OPEN).key(ORDERS_MARK);
        reseal
            .arg(read.version)
            .arg(&*read.sealed.key_id)
            .arg(&read.sealed.bytes[..])
            .arg(&*anew.key_id)
            .arg(&anew.bytes[..]);
        self.write(&reseal).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DURABLE: [&str; 6] = ["yes", "always", "no", "noeviction", "0", "10"];

    fn settings(values: [&str; 6]) -> BTreeMap<String, String> {
        let values = SETTINGS.iter().zip(values);
        values
            .map(|(name, value)| ((*name).to_owned(), value.to_owned()))
            .collect()
    }

    fn replicas(count: u64) -> String {
        format!("# Replication\r\nrole:master\r\nconnected_slaves:{count}\r\n")
    }

    #[test]
    fn a_server_that_keeps_what_it_took_is_durable() {
        assert_eq!(durable(&settings(DURABLE), &replicas(0)).unwrap(), 0);
        let mut with = DURABLE;
        with[3] = "volatile-lru";
        with[4] = "1";
        assert_eq!(durable(&settings(with), &replicas(2)).unwrap(), 2);
    }

    #[track_caller]
    fn check(settings: &BTreeMap<String, String>, count: u64, says: &str) {
        let error = durable(settings, &replicas(count)).unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Misconfigured);
        assert!(error.to_string().contains(says), "{error}");
    }

    #[test]
    fn one_that_could_lose_it_is_refused_with_what_to_set() {
        let sets = [
            "`appendonly yes`",
            "`appendfsync always`",
            "`no-appendfsync-on-rewrite no`",
            "`maxmemory-policy noeviction`",
        ];
        for (index, wrong) in ["no", "everysec", "yes", "allkeys-lru"]
            .into_iter()
            .enumerate()
        {
            let mut values = DURABLE;
            values[index] = wrong;
            check(&settings(values), 0, sets[index]);
        }
        check(&settings(DURABLE), 1, "`min-replicas-to-write 1`");
        let mut any_lag = DURABLE;
        any_lag[4] = "1";
        any_lag[5] = "0";
        check(&settings(any_lag), 1, "`min-replicas-max-lag 10`");
        assert_eq!(durable(&settings(any_lag), &replicas(0)).unwrap(), 0);
        any_lag[5] = "10";
        let cut_off = replicas(1) + "min_slaves_good_slaves:0\r\n";
        let error = durable(&settings(any_lag), &cut_off).unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Unavailable);
        check(
            &BTreeMap::new(),
            0,
            "`appendonly yes`, `appendfsync always`",
        );
        let error = durable(&settings(DURABLE), "role:slave\r\n").unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::ReadOnly);
        assert!(durable(&settings(DURABLE), "role:master\r\n").is_err());
    }
}
