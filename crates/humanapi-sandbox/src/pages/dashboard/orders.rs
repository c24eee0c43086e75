//! The orders on the dashboard: where each stands, what it waits for, and what all would have cost.
//!
//! Nothing of a person is shown but the application's own id.

use maud::{Markup, html};

use super::table::{Column, SHOWN, cell, marked, scrolled, table};
use crate::order_control::{OrderSnapshot, told};
use crate::orders::OrderState;
use crate::request_log::clip;
use crate::state::State;
use crate::world::World;

/// How many orders are shown.
const LATEST: usize = 30;

/// What is shown of orders.
pub(super) struct Orders {
    latest: Vec<OrderSnapshot>,
    count: usize,
    billed: usize,
}

impl Orders {
    pub(super) fn read(world: &World, state: &State) -> Self {
        let all = state.orders.all().rev();
        let told = |order| Some(told(world, state, order)?.1);
        Self {
            latest: all.take(LATEST).filter_map(told).collect(),
            count: state.orders.all().count(),
            billed: state.orders.ledger().len(),
        }
    }
}

pub(super) fn order_section(orders: &Orders) -> Markup {
    html! {
        section aria-labelledby="orders" {
            (scrolled("orders", "Orders", html! {
                div #live-orders data-live {
                    @if orders.billed == 0 {
                        p .none { "None yet. An order appears with the first user that is made at the Admin API." }
                    } @else {
                        @if orders.count > orders.latest.len() {
                            p .none { "The latest " (orders.latest.len()) " of " (orders.count) "." }
                        } @else if orders.latest.is_empty() {
                            p .none { "None is left: all their users were deleted." }
                        }
                        p .none { "Would have been billed: " strong { (orders.billed) } "." }
                        @if !orders.latest.is_empty() { (order_table(&orders.latest)) }
                    }
                }
            }))
            form #order-form .row data-needs-script hidden {
                div {
                    label for="live-order-choice" { "Order" }
                    select #live-order-choice data-live name="user" required {
                        @for order in orders.latest.iter().filter(|order| !order.state.is_terminal()) {
                            option value=(user_value(order)) { (clip(&order.client_user_id, SHOWN)) }
                        }
                    }
                }
                div .buttons {
                    button type="submit" data-path="/sandbox/orders/tasks" { "Do its tasks" }
                }
            }
        }
    }
}

fn order_table(orders: &[OrderSnapshot]) -> Markup {
    let columns = [
        Column::heads("User", "wide"),
        Column::new("State", ""),
        Column::new("Waits for", "wide"),
        Column::new("Type", "mono"),
        Column::new("Order id", "mono id"),
    ];
    table(
        &columns,
        orders.iter().map(|order| {
            let open = order.tasks.iter().filter(|task| task.is_open);
            let open: Vec<_> = open.map(|task| task.kind.name()).collect();
            let waits = (order.state == OrderState::Pended).then(|| open.join(", "));
            [
                cell(html! { bdi { (clip(&order.client_user_id, SHOWN)) } }),
                marked(class(order.state), html! { (order.state) }),
                cell(html! { (waits.unwrap_or_default()) }),
                cell(html! { (order.order_type) }),
                cell(html! { (order.order_id) }),
            ]
        }),
    )
}

/// The ids of an order's user as the control API takes them.
fn user_value(order: &OrderSnapshot) -> String {
    serde_json::json!({
        "client_id": order.client_id,
        "client_user_id": order.client_user_id,
    })
    .to_string()
}

const fn class(state: OrderState) -> &'static str {
    match state {
        OrderState::Completed => "good",
        OrderState::Cancelled | OrderState::Pended => "bad",
        OrderState::Created | OrderState::InProgress => "",
    }
}
