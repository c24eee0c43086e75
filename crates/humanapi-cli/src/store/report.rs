//! What the verbs of a store print: as JSON, whose fields are a contract (new ones may come, these stay), and for people.

use comfy_table::Table;
use humanapi_store::{Rotation, SealingKeys, StoreStatus};
use serde::Serialize;

use crate::output;

/// What `store status` prints.
#[derive(Serialize)]
pub(super) struct StatusLine<'a> {
    schema_version: u32,
    rows: u64,
    live_tokens: u64,
    ended_tokens: u64,
    running_leases: u64,
    tokens_by_key: &'a std::collections::BTreeMap<String, u64>,
    newest_key: &'a str,
    tokens_to_rotate: u64,
    orders: u64,
    open_orders: u64,
    orders_to_rotate: u64,
    latency_micros: u64,
}

/// What `store init` prints.
#[derive(Serialize)]
pub(super) struct SetUp {
    set_up: bool,
    writes: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    new_keys: Option<String>,
}

/// What `store rotate-key` prints with `--add` and `--promote`.
#[derive(Serialize)]
pub(super) struct Changed<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    added: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    promoted: Option<&'a str>,
    writes: &'a str,
}

/// What `store purge` prints.
#[derive(Serialize)]
pub(super) struct Purged {
    pub(super) purged: u64,
}

/// What `store rotate-key` prints with neither.
#[derive(Serialize)]
pub(super) struct Rotated {
    resealed: u64,
    replaced_meanwhile: u64,
    unreadable: u64,
}

impl<'a> Changed<'a> {
    pub(super) fn added(id: &'a str, keys: &'a SealingKeys) -> Self {
        Self {
            added: Some(id),
            promoted: None,
            writes: keys.newest_id(),
        }
    }

    pub(super) fn promoted(id: &'a str, keys: &'a SealingKeys) -> Self {
        Self {
            added: None,
            promoted: Some(id),
            writes: keys.newest_id(),
        }
    }

    pub(super) fn text(&self) -> String {
        let (id, does, next) = match (self.added, self.promoted) {
            (Some(id), _) => (id, "can read now", format!(" --promote {id}")),
            (None, id) => (id.unwrap_or_default(), "writes now", String::new()),
        };
        format!(
            "Key {id} {does}. Give the file to all processes, then run `humanapi store rotate-key{next}`."
        )
    }
}

impl Purged {
    pub(super) fn table(&self) -> Table {
        one_row("rows dropped", &self.purged.to_string())
    }
}

impl Rotated {
    pub(super) fn of(rotation: &Rotation) -> Self {
        Self {
            resealed: rotation.resealed,
            replaced_meanwhile: rotation.replaced_meanwhile,
            unreadable: rotation.unreadable,
        }
    }

    pub(super) fn table(&self) -> Table {
        let mut table = one_row("sealed anew", &self.resealed.to_string());
        table.add_row(["replaced meanwhile", &self.replaced_meanwhile.to_string()]);
        table.add_row(["unreadable", &self.unreadable.to_string()]);
        table
    }
}

impl SetUp {
    pub(super) fn of(keys: &SealingKeys, new_keys: Option<String>) -> Self {
        Self {
            set_up: true,
            writes: keys.newest_id().to_owned(),
            new_keys,
        }
    }

    pub(super) fn text(&self) -> String {
        let Some(path) = &self.new_keys else {
            return "The store is set up.".to_owned();
        };
        let path = output::plain(path);
        format!(
            "The store is set up.\nIts keys are in {path}: give all processes the same, and keep a copy. Without them no token can be read."
        )
    }
}

impl<'a> StatusLine<'a> {
    pub(super) fn of(status: &'a StoreStatus) -> Self {
        Self {
            schema_version: status.schema_version,
            rows: status.rows,
            live_tokens: status.live_tokens,
            ended_tokens: status.ended_tokens,
            running_leases: status.running_leases,
            tokens_by_key: &status.tokens_by_key,
            newest_key: &status.newest_key,
            tokens_to_rotate: status.tokens_to_rotate(),
            orders: status.orders,
            open_orders: status.open_orders,
            orders_to_rotate: status.orders_to_rotate(),
            latency_micros: u64::try_from(status.latency.as_micros()).unwrap_or(u64::MAX),
        }
    }
}

pub(super) fn status_table(line: &StatusLine<'_>, status: &StoreStatus) -> Table {
    let mut table = one_row("tokens that live", &line.live_tokens.to_string());
    table.add_row(["tokens that have ended", &line.ended_tokens.to_string()]);
    table.add_row(["leases that run", &line.running_leases.to_string()]);
    table.add_row(["rows in all", &line.rows.to_string()]);
    for (key, tokens) in line.tokens_by_key {
        let newest = if key == line.newest_key {
            ", which writes"
        } else {
            ""
        };
        let name = format!("sealed with {}", output::plain(key));
        table.add_row([name, format!("{tokens}{newest}")]);
    }
    if line.orders > 0 {
        table.add_row(["orders", &line.orders.to_string()]);
        table.add_row(["orders to go on with", &line.open_orders.to_string()]);
        table.add_row(["orders to seal anew", &line.orders_to_rotate.to_string()]);
    }
    table.add_row(["schema", &format!("version {}", line.schema_version)]);
    table.add_row(["one question takes", &format!("{:.1?}", status.latency)]);
    table
}

fn one_row(name: &str, value: &str) -> Table {
    let mut table = Table::new();
    table.load_style(output::table_style());
    table.add_row([name, value]);
    table
}
