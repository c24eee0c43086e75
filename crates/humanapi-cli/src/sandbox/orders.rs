//! The orders of a sandbox that runs.

use serde_json::{Map, Value, json};

use super::running::{Running, text};
use crate::args::sandbox::{OrderArgs, RunningArgs};
use crate::exit::{Code, Failure};
use crate::print::print;

pub(super) async fn order(args: &OrderArgs) -> Result<(), Failure> {
    let running = Running::at(&args.common.url)?;
    let client_id = running.client_id(args.app).await?;
    let Some(user) = &args.user else {
        let orders: Vec<Value> = running.get("/sandbox/orders").await?;
        let own =
            |order: &Value| order.get("client_id").and_then(Value::as_str) == Some(&*client_id);
        let orders: Vec<_> = orders.into_iter().filter(own).collect();
        return print(&args.common.output, &orders, |orders| {
            let lines: Vec<_> = orders.iter().map(line).collect();
            if lines.is_empty() {
                return "Nothing was ordered.".to_owned();
            }
            lines.join("\n")
        });
    };
    let wish = |more: Value| {
        let mut wish = Map::new();
        wish.insert("client_id".to_owned(), client_id.clone().into());
        wish.insert("client_user_id".to_owned(), user.clone().into());
        wish.extend(more.as_object().cloned().unwrap_or_default());
        Value::Object(wish)
    };
    let mut order: Option<Value> = None;
    if args.do_tasks {
        order = Some(
            running
                .post("/sandbox/orders/tasks", &wish(json!({})))
                .await?,
        );
    }
    if let Some(kind) = &args.open_task {
        let wish = wish(json!({"open": kind}));
        order = Some(running.post("/sandbox/orders/tasks", &wish).await?);
    }
    if let Some(state) = &args.until {
        let wish = wish(json!({"state": state}));
        order = Some(running.post("/sandbox/orders/await", &wish).await?);
    }
    let order = match order {
        Some(order) => order,
        None => latest(&running, &client_id, user).await?,
    };
    print(&args.common.output, &order, line)
}

/// The user's latest order.
async fn latest(running: &Running, client_id: &str, user: &str) -> Result<Value, Failure> {
    let orders: Vec<Value> = running.get("/sandbox/orders").await?;
    let is_it = |order: &&Value| {
        let is = |name: &str, wanted: &str| order.get(name).and_then(Value::as_str) == Some(wanted);
        is("client_id", client_id) && is("client_user_id", user)
    };
    orders.iter().rfind(is_it).cloned().ok_or_else(|| {
        Failure::new(
            Code::Service,
            "nothing was ordered for this user",
            "place an order at the Admin API first",
        )
    })
}

/// `policy-000417: pended, waits for authorization`.
fn line(order: &Value) -> String {
    let tasks = order.get("tasks").and_then(Value::as_array);
    let is_open = |task: &&Value| task.get("is_open") == Some(&Value::Bool(true));
    let open = tasks.into_iter().flatten().filter(is_open);
    let open: Vec<_> = open.map(|task| text(task, "kind")).collect();
    let waits = if open.is_empty() {
        String::new()
    } else {
        format!(", waits for {}", open.join(", "))
    };
    format!(
        "{}: {}{waits}",
        text(order, "client_user_id"),
        text(order, "state")
    )
}

pub(super) async fn ledger(common: &RunningArgs) -> Result<(), Failure> {
    let running = Running::at(&common.url)?;
    let entries: Vec<Value> = running.get("/sandbox/ledger").await?;
    print(&common.output, &entries, |entries| {
        let mut lines: Vec<_> = entries
            .iter()
            .map(|entry| {
                let told = |name| text(entry, name);
                format!(
                    "{}  {}  {}",
                    told("placed_at"),
                    told("order_type"),
                    told("client_user_id")
                )
            })
            .collect();
        lines.push(format!("Would have been billed: {}.", entries.len()));
        lines.join("\n")
    })
}
