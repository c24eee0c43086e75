//! Users, their orders and reports, as they are printed: ids and states, and never a user's name or date of birth.

use comfy_table::Table;
use humanapi_core::admin::{
    OrderType, OrderedUser, PlacedOrder, ReportGroup, Subscription, UserProvider,
};
use serde::Serialize;

use crate::output;

/// A table with these names above its columns.
pub(super) fn table<const N: usize>(names: [&str; N], rows: Vec<[String; N]>) -> Table {
    let mut table = Table::new();
    table.load_style(output::table_style());
    table.set_header(names);
    for row in rows {
        table.add_row(row.map(|cell| match cell.as_str() {
            "" => "–".to_owned(),
            _ => output::plain(&cell).into_owned(),
        }));
    }
    table
}

fn text(value: Option<&impl ToString>) -> String {
    value.map(ToString::to_string).unwrap_or_default()
}

fn yes(flag: Option<bool>) -> String {
    match flag {
        Some(true) => "yes",
        Some(false) => "no",
        None => "",
    }
    .to_owned()
}

#[derive(Serialize)]
pub(super) struct UserLine {
    human_id: String,
    client_user_id: Option<String>,
    status: Option<String>,
    created_at: Option<String>,
    updated_at: Option<String>,
    orders: Vec<OrderLine>,
}

#[derive(Serialize)]
struct OrderLine {
    order_id: Option<String>,
    order_type: Option<String>,
    order_type_alias: Option<String>,
    state: Option<String>,
    reports_available: Option<bool>,
    data_available: Option<bool>,
}

impl UserLine {
    pub(super) fn of(user: &OrderedUser) -> Self {
        let id = user.client_user_id.as_ref();
        Self {
            human_id: user.human_id.as_str().to_owned(),
            client_user_id: id.map(|id| id.as_str().to_owned()),
            status: user.status.clone(),
            created_at: user.created_at.map(|at| at.to_string()),
            updated_at: user.updated_at.map(|at| at.to_string()),
            orders: user.orders.iter().map(OrderLine::of).collect(),
        }
    }

    /// The user, with a row for each order.
    pub(super) fn text(&self) -> String {
        let id = output::plain(self.client_user_id.as_deref().unwrap_or("–")).into_owned();
        let human_id = output::plain(&self.human_id);
        let head = format!("User {id}, {human_id} at Human API");
        if self.orders.is_empty() {
            let status = match &self.status {
                Some(status) => format!(" The user's status is {}.", output::plain(status)),
                None => String::new(),
            };
            return format!("{head}\nNo order is told of.{status}");
        }
        let rows = self.orders.iter().map(|order| {
            [
                text(order.order_id.as_ref()),
                text(
                    order
                        .order_type_alias
                        .as_ref()
                        .or(order.order_type.as_ref()),
                ),
                text(order.state.as_ref()),
                yes(order.reports_available),
                yes(order.data_available),
            ]
        });
        let names = ["order", "type", "state", "reports", "data"];
        format!("{head}\n{}", table(names, rows.collect()))
    }

    /// The user in a row.
    pub(super) fn row(&self) -> [String; 5] {
        [
            self.human_id.clone(),
            text(self.client_user_id.as_ref()),
            text(self.status.as_ref()),
            text(self.created_at.as_ref()),
            text(self.updated_at.as_ref()),
        ]
    }
}

impl OrderLine {
    fn of(order: &PlacedOrder) -> Self {
        Self {
            order_id: order.order_id.clone(),
            order_type: order.order_type.clone(),
            order_type_alias: order.order_type_alias.clone(),
            state: order.state.as_ref().map(|state| state.as_str().to_owned()),
            reports_available: order.reports_available,
            data_available: order.data_available,
        }
    }
}

#[derive(Serialize)]
pub(super) struct TypeLine {
    order_type: Option<String>,
    alias: Option<String>,
    description: Option<String>,
}

impl TypeLine {
    pub(super) fn of(kind: OrderType) -> Self {
        Self {
            order_type: kind.code,
            alias: kind.alias,
            description: kind.description,
        }
    }

    pub(super) fn table(lines: &[Self]) -> Table {
        let rows = lines.iter().map(|line| {
            [
                text(line.order_type.as_ref()),
                text(line.alias.as_ref()),
                text(line.description.as_ref()),
            ]
        });
        table(["orderType", "name", "what it is for"], rows.collect())
    }
}

#[derive(Serialize)]
pub(super) struct ProviderLine {
    id: Option<String>,
    name: Option<String>,
}

impl ProviderLine {
    pub(super) fn of(provider: UserProvider) -> Self {
        Self {
            id: provider.id,
            name: provider.name,
        }
    }

    pub(super) fn table(lines: &[Self]) -> Table {
        let rows = lines
            .iter()
            .map(|line| [text(line.id.as_ref()), text(line.name.as_ref())]);
        table(["id", "name"], rows.collect())
    }
}

#[derive(Serialize)]
pub(super) struct ReportLine {
    id: Option<String>,
    report: Option<String>,
    format: Option<String>,
    created_at: Option<String>,
    created_by_order_id: Option<String>,
    order_ids: Vec<String>,
    provider_ids: Vec<String>,
    client_provider_ids: Vec<String>,
}

impl ReportLine {
    pub(super) fn of(group: ReportGroup) -> Vec<Self> {
        let name = group.name;
        let reports = group.reports.into_iter().map(|report| Self {
            id: report.id,
            report: name.clone(),
            format: report.file_extension,
            created_at: report.created_at.map(|at| at.to_string()),
            created_by_order_id: report.created_by_order_id,
            order_ids: report.order_ids,
            provider_ids: report.provider_ids,
            client_provider_ids: report.client_provider_ids,
        });
        reports.collect()
    }

    pub(super) fn table(lines: &[Self]) -> Table {
        let rows = lines.iter().map(|line| {
            [
                text(line.id.as_ref()),
                text(line.report.as_ref()),
                text(line.format.as_ref()),
                text(line.created_at.as_ref()),
                text(line.created_by_order_id.as_ref()),
            ]
        });
        table(
            ["id", "report", "form", "made at", "by order"],
            rows.collect(),
        )
    }
}

#[derive(Serialize)]
pub(super) struct SubscriptionLine {
    id: Option<String>,
    client_user_id: Option<String>,
    subscriber_email: Option<String>,
    role: Option<String>,
    subscriber_first_name: Option<String>,
    subscriber_last_name: Option<String>,
    subscriber_office: Option<String>,
    created_at: Option<String>,
}

impl SubscriptionLine {
    pub(super) fn of(subscription: Subscription) -> Self {
        let user = subscription.client_user_id.as_ref();
        Self {
            client_user_id: user.map(|id| id.as_str().to_owned()),
            created_at: subscription.created_at.map(|at| at.to_string()),
            id: subscription.id,
            subscriber_email: subscription.subscriber_email,
            role: subscription.role,
            subscriber_first_name: subscription.subscriber_first_name,
            subscriber_last_name: subscription.subscriber_last_name,
            subscriber_office: subscription.subscriber_office,
        }
    }

    fn row(&self) -> [String; 5] {
        [
            text(self.id.as_ref()),
            text(self.client_user_id.as_ref()),
            text(self.subscriber_email.as_ref()),
            text(self.subscriber_office.as_ref()),
            text(self.created_at.as_ref()),
        ]
    }

    const NAMES: [&str; 5] = ["id", "user", "mails to", "office", "made at"];

    pub(super) fn table(lines: &[Self]) -> Table {
        table(Self::NAMES, lines.iter().map(Self::row).collect())
    }

    pub(super) fn one(&self) -> Table {
        table(Self::NAMES, vec![self.row()])
    }
}
