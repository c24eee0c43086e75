//! Where an order stands.

use std::fmt;

/// Where an order stands.
///
/// The service writes states in several ways: `In Progress`, `in_progress`, `completed`. All are read, and one that is
/// not documented is kept as it was sent.
///
/// ```
/// use humanapi_core::admin::OrderState;
///
/// assert_eq!(OrderState::parse("in-progress"), OrderState::InProgress);
/// assert!(OrderState::parse("COMPLETED").is_terminal());
/// assert_eq!(OrderState::parse("On Hold").as_str(), "On Hold");
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OrderState {
    /// Accepted, for some minutes at most.
    Created,
    /// Records are being retrieved.
    InProgress,
    /// Waits until somebody does a task.
    Pended,
    /// Done, or its time is over.
    Completed,
    /// Aborted.
    Cancelled,
    /// A state that is not documented, as it was sent.
    Other(Box<str>),
}

impl OrderState {
    /// Reads a state, however it is spelt.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let letters = text
            .chars()
            .filter(|letter| !matches!(letter, ' ' | '_' | '-'));
        match letters.collect::<String>().to_ascii_lowercase().as_str() {
            "created" => Self::Created,
            "inprogress" => Self::InProgress,
            "pended" => Self::Pended,
            "completed" => Self::Completed,
            "cancelled" | "canceled" => Self::Cancelled,
            _ => Self::Other(text.into()),
        }
    }

    /// The state as the documents write it, or as it was sent if they do not know it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Created => "Created",
            Self::InProgress => "In Progress",
            Self::Pended => "Pended",
            Self::Completed => "Completed",
            Self::Cancelled => "Cancelled",
            Self::Other(text) => text,
        }
    }

    /// Whether nothing follows it.
    #[must_use]
    pub const fn is_terminal(&self) -> bool {
        matches!(self, Self::Completed | Self::Cancelled)
    }
}

/// A state that is not documented may be anything, so it is not shown.
impl fmt::Debug for OrderState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Other(_) => "Other(…)",
            known => known.as_str(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_a_state_is_read() {
        for (state, spellings) in [
            (OrderState::Created, ["Created", "created", "CREATED"]),
            (
                OrderState::InProgress,
                ["In Progress", "in_progress", "InProgress"],
            ),
            (OrderState::Pended, ["Pended", "pended", "PENDED"]),
            (
                OrderState::Completed,
                ["Completed", "completed", "COMPLETED"],
            ),
            (
                OrderState::Cancelled,
                ["Cancelled", "canceled", "CANCELLED"],
            ),
        ] {
            for spelling in spellings {
                assert_eq!(OrderState::parse(spelling), state, "{spelling}");
            }
            assert_eq!(OrderState::parse(state.as_str()), state);
        }
    }

    #[test]
    fn an_unknown_state_is_kept_and_not_shown_and_ends_nothing() {
        let state = OrderState::parse("canary state");
        assert_eq!(state.as_str(), "canary state");
        assert_eq!(format!("{state:?}"), "Other(…)");
        assert!(!state.is_terminal());
    }
}
