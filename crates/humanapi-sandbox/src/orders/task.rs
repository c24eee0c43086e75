//! What somebody has to do before an order goes on.

use serde::{Deserialize, Serialize};

use crate::clock::Millis;

/// What an order waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum TaskKind {
    /// Who the person is: name, date of birth, gender, address or social security number.
    Particulars,
    /// The person's authorization to hand out records.
    Authorization,
    /// Where the records are.
    Provider,
    /// An answer to a question of those who retrieve records.
    Question,
}

impl TaskKind {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::Particulars,
        Self::Authorization,
        Self::Provider,
        Self::Question,
    ];

    /// Its name in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Particulars => "particulars",
            Self::Authorization => "authorization",
            Self::Provider => "provider",
            Self::Question => "question",
        }
    }
}

/// One task of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Task {
    pub(crate) kind: TaskKind,
    pub(crate) opened: Millis,
    pub(crate) resolved: Option<Millis>,
}

impl Task {
    pub(crate) const fn is_open(&self) -> bool {
        self.resolved.is_none()
    }
}
