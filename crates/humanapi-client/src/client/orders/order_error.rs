//! Why an order is not known to be placed.

use humanapi_core::admin::order::{Entry, EntryState};
use thiserror::Error;

use crate::error::Error;
use crate::store::StoreError;

/// Why an order is not known to be placed.
///
/// Each says whether something was sent that may have had an effect. Neither `Display` nor `Debug` nor a source names a person.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OrderError {
    /// The order is not placed: the service refused it, or it never left. Submitting the intent again sends it.
    #[error("the order was not placed")]
    NotPlaced(#[source] Option<Error>),
    /// The order was sent once, and is not there. It is not sent again by itself.
    #[error("the order was sent and is not there")]
    Absent(Box<Entry>),
    /// The order may be placed, and nobody can tell. It is not sent again by itself.
    #[error("it is not known whether the order is placed: {}", reason(entry.as_deref()))]
    Unknown {
        /// How the intent stands; nothing where the journal could not be asked.
        entry: Option<Box<Entry>>,
        /// How sending or reading ended, where this call did it.
        #[source]
        last: Option<Error>,
    },
    /// Another worker is at the intent.
    #[error("another worker is at the intent")]
    InProgress,
    /// The intent was written for another order.
    #[error("the intent was written for another order")]
    OtherOrder,
    /// There is no such intent.
    #[error("there is no such intent in the journal")]
    NoSuchIntent,
    /// Somebody went on with the intent meanwhile, or it is settled. Nothing changed.
    #[error("the intent has changed since it was looked at")]
    Changed,
    /// The journal could not be asked, or did not answer. Nothing that this call sent had an effect, and whether an earlier
    /// call or another worker placed the order is not known.
    #[error(
        "the journal of orders failed; this call placed nothing, and whether another one did is not known"
    )]
    Journal(#[source] Option<StoreError>),
}

fn reason(entry: Option<&Entry>) -> &'static str {
    match entry.map(|entry| &entry.state) {
        Some(EntryState::Unknown(doubt)) => doubt.reason(),
        _ => "the journal could not be asked",
    }
}

impl OrderError {
    /// Whether the order may be placed all the same, by this call or by another one.
    #[must_use]
    pub const fn may_be_placed(&self) -> bool {
        matches!(
            self,
            Self::Unknown { .. }
                | Self::InProgress
                | Self::Changed
                | Self::OtherOrder
                | Self::Journal(_)
        )
    }

    /// What to do next, in one sentence.
    #[must_use]
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::NotPlaced(Some(error)) => error.remedy(),
            Self::NotPlaced(None) => "submit the intent again",
            Self::Absent(_) => {
                "decide on `Decision::SendAgain` if the order is still wanted, then submit the intent again"
            }
            Self::Unknown { .. } => {
                "reconcile the intent later; if it stays unknown, look in the vendor's portal and decide"
            }
            Self::InProgress => "ask again in a few minutes: the other worker's answer is kept",
            Self::OtherOrder => "give each order an intent key of its own",
            Self::NoSuchIntent => {
                "check the key, and that this is the journal that the order was submitted with"
            }
            Self::Changed => "load the intent and look how it stands now",
            Self::Journal(Some(error)) => error.remedy(),
            Self::Journal(None) => "check the journal, then submit the intent again",
        }
    }
}
