//! The Admin API of the Health Intelligence Platform: orders, their reports, and who is told of them.
//!
//! Thirteen operations, each authorized by the application's client token.
//! What is sent is strict: a [`NewOrder`] that the service's documents forbid cannot be made.
//! What is read is tolerant: every answer may have more or fewer fields than documented, and what was not understood
//! stands in `other`.
//!
//! Nothing here that names a person, opens something or tells of health is shown by `Debug`.

mod actions;
mod consumer_link;
mod fields;
mod listing;
mod new_order;
pub mod order;
mod order_types;
mod personal_url;
mod reports;
mod state;
mod submit;
mod subscriptions;
mod task_report;
mod user_ref;
mod users;
mod wire;

pub use actions::{ActOnUser, UserAction};
pub use consumer_link::{ConsumerLink, MakeConsumerLink};
pub use listing::{AdminList, AdminPage};
pub use new_order::{
    Address, Attachment, AttachmentError, AttachmentFormat, AttachmentKind, BirthDate,
    ClientDataValue, FieldError, Gender, NewOrder, Provider,
};
pub use order_types::{ListOrderTypes, OrderType};
pub use personal_url::PersonalUrl;
pub use reports::{ListReports, ReadReport, ReportFile, ReportGroup};
pub use state::OrderState;
pub use submit::{SubmitOrder, Submitted};
pub use subscriptions::{
    CreateSubscription, DeleteSubscription, ListSubscriptions, NewSubscription, ReadSubscription,
    Subscription,
};
pub use task_report::{TaskOrder, TaskReport, TaskReportError, TaskStatus};
pub use user_ref::UserRef;
pub use users::{ListUserProviders, ListUsers, OrderedUser, PlacedOrder, ReadUser, UserProvider};

pub use crate::report_format::ReportFormat;
