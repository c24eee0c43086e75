//! Why an order is not known to be placed.

use std::error::Error as StdError;
use std::fmt;

use humanapi_core::Report;
use humanapi_core::admin::order::{Entry, EntryState};

use crate::error::Error;
use crate::store::StoreError;

/// Why an order is not known to be placed.
///
/// Each says whether something was sent that may have had an effect. Neither `Display` nor `Debug` nor a source names a person.
#[derive(Debug)]
#[non_exhaustive]
pub enum OrderError {
    /// The order is not placed: the service refused it, it never left, or what was there before could not be read.
    /// Submitting the intent again sends it.
    NotPlaced(Option<Error>),
    /// The order was sent once, and is not there. It is not sent again by itself.
    Absent(Box<Entry>),
    /// The order may be placed, and nobody can tell. It is not sent again by itself.
    Unknown {
        /// How the intent stands; nothing where the journal could not be asked.
        entry: Option<Box<Entry>>,
        /// How sending or reading ended, where this call did it.
        last: Option<Error>,
    },
    /// Another worker is at the intent, or this client at another order for the user.
    InProgress,
    /// The intent was written for another order.
    OtherOrder,
    /// There is no such intent.
    NoSuchIntent,
    /// Somebody went on with the intent meanwhile, or it is settled. Nothing changed.
    Changed,
    /// A decision that the order exists names no user. Nothing changed.
    NoUser,
    /// The journal could not be asked, or did not answer. Nothing that this call sent had an effect, and whether an earlier
    /// call or another worker placed the order is not known.
    Journal(Option<StoreError>),
}

/// Names the cause in one line.
impl fmt::Display for OrderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotPlaced(None) => f.write_str("the order was not placed"),
            Self::NotPlaced(Some(cause)) => write!(f, "the order was not placed: {cause}"),
            Self::Absent(_) => f.write_str("the order was sent and is not there"),
            Self::Unknown { entry, .. } => {
                let reason = reason(entry.as_deref());
                write!(f, "it is not known whether the order is placed: {reason}")
            }
            Self::InProgress => {
                f.write_str("others are at the intent, or at another order for the user")
            }
            Self::OtherOrder => f.write_str("the intent was written for another order"),
            Self::NoSuchIntent => f.write_str("there is no such intent in the journal"),
            Self::Changed => f.write_str("the intent has changed since it was looked at"),
            Self::NoUser => f.write_str("the decision names no user"),
            Self::Journal(cause) => {
                f.write_str(
                    "the journal of orders failed; this call placed nothing, and whether another one did is not known",
                )?;
                cause
                    .as_ref()
                    .map_or(Ok(()), |cause| write!(f, ": {cause}"))
            }
        }
    }
}

/// What a message holds already is no source of it: the source is what lies beneath the cause that it names.
impl StdError for OrderError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::NotPlaced(cause) => cause.as_ref()?.source(),
            Self::Unknown { last, .. } => last.as_ref().map(|last| last as _),
            Self::Journal(cause) => cause.as_ref()?.source(),
            _ => None,
        }
    }
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
                | Self::NoUser
                | Self::OtherOrder
                | Self::Journal(_)
        )
    }

    /// All that there is to tell, on a line each: the error, what lies beneath, what to do next, and the request id.
    /// It holds no secret. `Display` alone names the cause in one line.
    #[must_use]
    pub fn report(&self) -> Report<'_> {
        let cause = match self {
            Self::NotPlaced(cause) | Self::Unknown { last: cause, .. } => cause.as_ref(),
            _ => None,
        };
        let id = cause.and_then(Error::shown_request_id);
        Report::new(self, self.remedy()).with_request_ids([id, None])
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
            Self::InProgress => "submit it again in a few minutes: what the others find is kept",
            Self::OtherOrder => "give each order an intent key of its own",
            Self::NoSuchIntent => {
                "check the key, and that this is the journal that the order was submitted with"
            }
            Self::Changed => "load the intent and look how it stands now",
            Self::NoUser => "give the id that the service shows of the user",
            Self::Journal(Some(error)) => error.remedy(),
            Self::Journal(None) => "check the journal, then submit the intent again",
        }
    }
}
