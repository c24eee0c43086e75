//! The orders that a story begins with.

use serde::Deserialize;

use super::invalid::{InvalidScenario, read_app};
use crate::app::DemoApp;
use crate::orders::{Beginning, BirthDate, OrderState, OrderType, TaskKind};

/// How many there may be.
const MOST: usize = 10_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OrderWire {
    client_user_id: String,
    #[serde(default)]
    app: Option<String>,
    #[serde(default)]
    email: Option<String>,
    #[serde(default)]
    first_name: Option<String>,
    #[serde(default)]
    last_name: Option<String>,
    #[serde(default)]
    birth_date: Option<String>,
    #[serde(default)]
    order_type: Option<String>,
    #[serde(default)]
    state: Option<String>,
    #[serde(default)]
    lacks: Option<Vec<String>>,
}

pub(super) fn read(wires: Vec<OrderWire>) -> Result<Vec<(usize, Beginning)>, InvalidScenario> {
    if wires.len() > MOST {
        return Err(InvalidScenario::new(
            "orders",
            format!("there may be {MOST}"),
        ));
    }
    let orders = wires.into_iter().enumerate();
    orders.map(|(at, wire)| read_one(at, wire)).collect()
}

fn read_one(at: usize, wire: OrderWire) -> Result<(usize, Beginning), InvalidScenario> {
    let place = |field: &str| format!("orders[{at}]{field}");
    let refuse = |field: &str, problem: &str| InvalidScenario::new(place(field), problem);
    let app = match &wire.app {
        Some(name) => read_app(name, &place(".app"))?,
        None => DemoApp::Hip,
    };
    if wire.client_user_id.is_empty() {
        return Err(refuse(".client_user_id", "must not be empty"));
    }
    let state = match wire.state.as_deref() {
        None => OrderState::Created,
        Some(name) => named(OrderState::ALL, name).ok_or_else(|| {
            let problem =
                "no such state; there are created, in-progress, pended, completed and cancelled";
            refuse(".state", problem)
        })?,
    };
    let mut order = Beginning::new(wire.client_user_id, state);
    if let Some(names) = wire.lacks {
        order.lacks.clear();
        for (number, name) in names.iter().enumerate() {
            // A question is asked later.
            let kind = named(TaskKind::ALL, name).filter(|kind| *kind != TaskKind::Question);
            order.lacks.push(kind.ok_or_else(|| {
                let problem =
                    "nothing that can lack; there are particulars, authorization and provider";
                refuse(&format!(".lacks[{number}]"), problem)
            })?);
        }
    }
    if let Some(code) = &wire.order_type {
        order.order_type = OrderType::find(code).ok_or_else(|| {
            let codes: Vec<_> = OrderType::all().iter().map(|one| one.code).collect();
            refuse(
                ".order_type",
                &format!("no such type; there are {}", codes.join(", ")),
            )
        })?;
    }
    let fits = match state {
        OrderState::Pended => !order.lacks.is_empty(),
        OrderState::Completed => order.lacks.is_empty(),
        _ => true,
    };
    if !fits {
        let problem = "an order that is pended lacks something, and one that is completed nothing";
        return Err(refuse(".lacks", problem));
    }
    if order.lacks.contains(&TaskKind::Provider) && !order.order_type.needs_provider {
        let problem = "only an order of the type aps-only lacks a provider";
        return Err(refuse(".lacks", problem));
    }
    if let Some(text) = &wire.birth_date {
        let day =
            BirthDate::read(text, 0).ok_or_else(|| refuse(".birth_date", "must be a date"))?;
        order.birth_date = Some(day);
    }
    order.email = wire.email;
    order.first_name = wire.first_name.unwrap_or(order.first_name);
    order.last_name = wire.last_name.unwrap_or(order.last_name);
    let app = DemoApp::ALL.iter().position(|own| *own == app);
    Ok((app.unwrap_or_default(), order))
}

/// The one that JSON calls so.
fn named<T: serde::Serialize, const N: usize>(all: [T; N], name: &str) -> Option<T> {
    let is_it = |one: &T| serde_json::to_value(one).is_ok_and(|text| text == name);
    all.into_iter().find(is_it)
}
