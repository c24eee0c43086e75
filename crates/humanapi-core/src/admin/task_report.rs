//! What the Task Manager tells when it leads a user back.

use serde_json::{Map, Value};
use thiserror::Error;

use crate::admin::fields::Fields;
use crate::admin::state::OrderState;
use crate::hidden::hidden_debug;
use crate::parameters;

/// A longer callback is not read.
const MOST: usize = 64 * 1024;

/// What the Task Manager told the page that it led the user back to.
///
/// It comes from a browser, so it is a hint and no proof: read the order's state before believing it.
///
/// ```
/// use humanapi_core::admin::{TaskReport, TaskStatus};
///
/// let report = TaskReport::from_callback(
///     "https://app.example.test/done?status=success&order[orderId]=o-1&order.allTasksResolve=true",
/// )?;
/// assert_eq!(report.status, TaskStatus::Success);
/// let order = report.order.unwrap();
/// assert_eq!(order.order_id.as_deref(), Some("o-1"));
/// assert_eq!(order.all_tasks_resolved, Some(true));
/// # Ok::<(), humanapi_core::admin::TaskReportError>(())
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct TaskReport {
    /// How it ended.
    pub status: TaskStatus,
    /// The order whose tasks were to be done.
    pub order: Option<TaskOrder>,
    /// What the Task Manager says of an error.
    pub message: Option<String>,
    /// What else came, or was of another form than documented.
    pub other: Map<String, Value>,
}

/// How a sitting at the Task Manager ended.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum TaskStatus {
    /// `success`.
    Success,
    /// `No Tasks Available`: there was nothing to do.
    NoTasks,
    /// `Task List error`: tasks could not be shown.
    TaskListError,
    /// `Forbidden`: the link has ended.
    Forbidden,
    /// Another error, or another status, as it was sent.
    Other(String),
}

/// The order whose tasks were to be done.
#[derive(Clone)]
#[non_exhaustive]
pub struct TaskOrder {
    /// Whether nothing is left to do: `allTasksResolve` on the wire.
    pub all_tasks_resolved: Option<bool>,
    /// The application's own id for the user: `externalId` on the wire.
    pub client_user_id: Option<String>,
    /// The order's id.
    pub order_id: Option<String>,
    /// Where the order stands.
    pub state: Option<OrderState>,
    /// What else came, or was of another form than documented.
    pub other: Map<String, Value>,
}

impl TaskReport {
    /// Reads the whole URL that the user came back to, or its query or fragment.
    ///
    /// How the order is written there is not documented, so JSON in one parameter, dotted names and bracketed names are
    /// all read.
    ///
    /// # Errors
    ///
    /// When it is larger than 64 KiB or has no `status`.
    pub fn from_callback(url_or_query: &str) -> Result<Self, TaskReportError> {
        if url_or_query.len() > MOST {
            return Err(TaskReportError::TooLarge);
        }
        let mut fields = Fields::new(parameters::read(url_or_query));
        let status = fields.id("status").ok_or(TaskReportError::NotAReport)?;
        let order = fields.take("order", |value| value.as_object().cloned());
        let error = fields.id("error");
        Ok(Self {
            status: TaskStatus::read(status, error),
            order: order.map(TaskOrder::read),
            message: fields.text("message"),
            other: fields.rest(),
        })
    }
}

impl TaskStatus {
    fn read(status: String, error: Option<String>) -> Self {
        match (status.to_ascii_lowercase().as_str(), error) {
            ("success", None) => Self::Success,
            (_, None) => Self::Other(status),
            (_, Some(error)) => match error.to_ascii_lowercase().as_str() {
                "no tasks available" => Self::NoTasks,
                "task list error" => Self::TaskListError,
                "forbidden" => Self::Forbidden,
                _ => Self::Other(error),
            },
        }
    }
}

impl TaskOrder {
    fn read(order: Map<String, Value>) -> Self {
        let mut fields = Fields::new(order);
        let flag = |value: &Value| match value {
            Value::Bool(flag) => Some(*flag),
            Value::String(text) => text.parse().ok(),
            _ => None,
        };
        Self {
            all_tasks_resolved: fields.take("allTasksResolve", flag),
            client_user_id: fields.id("externalId"),
            order_id: fields.id("orderId"),
            state: fields.take("orderState", |value| value.as_str().map(OrderState::parse)),
            other: fields.rest(),
        }
    }
}

/// A callback that is none of the Task Manager's.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum TaskReportError {
    /// It has no `status`.
    #[error("the callback has no status: it does not come from the Task Manager")]
    NotAReport,
    /// It is larger than 64 KiB.
    #[error("the callback is larger than 64 KiB")]
    TooLarge,
}

hidden_debug!(TaskReport, TaskOrder, TaskStatus);

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(callback: &str) {
        let report = TaskReport::from_callback(callback).unwrap();
        assert!(report.status == TaskStatus::Success, "{callback}");
        let order = report.order.unwrap();
        assert_eq!(order.client_user_id.as_deref(), Some("policy 417"));
        assert_eq!(order.order_id.as_deref(), Some("o-1"));
        assert_eq!(order.all_tasks_resolved, Some(false));
        assert_eq!(order.state, Some(OrderState::InProgress));
    }

    #[test]
    fn an_order_is_read_however_it_is_written() {
        let json = "status=success&order=%7B%22allTasksResolve%22%3Afalse%2C%22externalId%22%3A%22policy+417%22%2C%22orderId%22%3A%22o-1%22%2C%22orderState%22%3A%22in%20progress%22%7D";
        let dotted = "status=success&order.allTasksResolve=false&order.externalId=policy%20417&order.orderId=o-1&order.orderState=In+Progress";
        let bracketed = "status=success&order[allTasksResolve]=false&order%5BexternalId%5D=policy%20417&order[orderId]=o-1&order[orderState]=IN_PROGRESS";
        for query in [json, dotted, bracketed] {
            check(query);
            check(&format!("https://app.example.test/done?{query}"));
            check(&format!("exampleapp://done#{query}"));
        }
    }

    #[test]
    fn an_error_is_told_by_its_name() {
        for (error, status) in [
            ("No%20Tasks%20Available", TaskStatus::NoTasks),
            ("Task+List+error", TaskStatus::TaskListError),
            ("Forbidden", TaskStatus::Forbidden),
            ("odd", TaskStatus::Other("odd".to_owned())),
        ] {
            let query = format!("status=error&error={error}&message=canary");
            let report = TaskReport::from_callback(&query).unwrap();
            assert!(report.status == status, "{error}");
            assert_eq!(report.message.as_deref(), Some("canary"));
            assert!(report.order.is_none());
            assert_eq!(format!("{report:?}"), "TaskReport(…)");
        }
    }

    #[test]
    fn what_is_no_callback_of_the_task_manager_is_refused() {
        let check = |text: &str, error| {
            assert_eq!(TaskReport::from_callback(text).map(|_| ()), Err(error));
        };
        check("https://app.example.test/done", TaskReportError::NotAReport);
        check("order.orderId=o-1", TaskReportError::NotAReport);
        check(&"a".repeat(MOST + 1), TaskReportError::TooLarge);
    }
}
