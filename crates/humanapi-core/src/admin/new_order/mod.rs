//! An order in the making: what the service's documents forbid cannot be made.

mod address;
mod attachment;
mod birth_date;
mod client_data;
mod order;
mod provider;
mod rules;

pub use address::Address;
pub use attachment::{Attachment, AttachmentError, AttachmentFormat, AttachmentKind};
pub use birth_date::BirthDate;
pub use client_data::ClientDataValue;
pub use order::{Gender, NewOrder};
pub use provider::Provider;
pub use rules::FieldError;
pub(super) use rules::{email, text};
