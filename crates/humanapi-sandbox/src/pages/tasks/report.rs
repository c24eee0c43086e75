//! What the Task Manager tells the address that it leads back to.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::assumption::Assumption;
use crate::state::State;
use crate::world::World;

/// Why there was nothing to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// The link has ended, or was none.
    Forbidden,
    /// Nothing was ordered.
    TaskListError,
    /// The order lacks nothing, and never did.
    NoTasks,
    /// The order lacks something, but nobody has looked yet.
    NotYet,
}

impl Ending {
    /// As the callback names it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Forbidden => "Forbidden",
            Self::TaskListError => "Task List error",
            // There is no other word for it.
            Self::NoTasks | Self::NotYet => "No Tasks Available",
        }
    }

    const fn message(self) -> &'static str {
        match self {
            Self::Forbidden => "The token has expired",
            Self::TaskListError => "The tasks cannot be shown",
            Self::NoTasks => "There are no tasks for this user",
            Self::NotYet => "There are no tasks for this user yet",
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ToldOrder {
    all_tasks_resolve: bool,
    external_id: String,
    order_id: String,
    order_state: String,
}

/// What is told.
pub(super) struct Report {
    ending: Option<Ending>,
    order: Map<String, Value>,
}

impl Report {
    /// Of a user's latest order, whose tasks were shown.
    pub(super) fn of(world: &World, state: &State, user: u32) -> Self {
        let told = state
            .orders
            .latest(user)
            .zip(state.user(user))
            .map(|(order, user)| {
                serde_json::to_value(ToldOrder {
                    all_tasks_resolve: order.open_tasks().next().is_none(),
                    external_id: user.client_user_id.to_string(),
                    order_id: order.id.clone(),
                    order_state: world.spell(order.state),
                })
            });
        let order = match told {
            Some(Ok(Value::Object(order))) => order,
            _ => Map::new(),
        };
        Self {
            ending: None,
            order,
        }
    }

    pub(super) fn ended(ending: Ending) -> Self {
        Self {
            ending: Some(ending),
            order: Map::new(),
        }
    }

    /// The parameters of the callback.
    pub(super) fn pairs(&self, world: &World) -> Vec<(String, String)> {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let mut pairs = match self.ending {
            None => vec![pair("status", "success")],
            Some(ending) => vec![
                pair("status", "error"),
                pair("error", ending.name()),
                pair("message", ending.message()),
            ],
        };
        let plain = |value: &Value| match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let order = self.order.iter();
        match world.assumptions.value(Assumption::TaskCallback) {
            "dotted" => {
                pairs.extend(order.map(|(name, value)| (format!("order.{name}"), plain(value))))
            }
            "bracketed" => {
                pairs.extend(order.map(|(name, value)| (format!("order[{name}]"), plain(value))));
            }
            _ => pairs.push(pair(
                "order",
                &Value::Object(self.order.clone()).to_string(),
            )),
        }
        pairs
    }
}
