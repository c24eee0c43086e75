//! Why a scenario makes no sense, and the names that all its parts have.

use crate::app::DemoApp;

/// A scenario that makes no sense, with the place in its JSON.
///
/// The text repeats names of fields, of sources and of assumptions, and no other value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {problem}")]
#[non_exhaustive]
pub struct InvalidScenario {
    /// Where, such as `users[2].sources[0]`, or line and column.
    pub place: String,
    /// What is wrong there.
    pub problem: String,
}

impl InvalidScenario {
    pub(super) fn new(place: impl Into<String>, problem: impl Into<String>) -> Self {
        Self {
            place: place.into(),
            problem: problem.into(),
        }
    }
}

pub(super) fn read_app(name: &str, place: &str) -> Result<DemoApp, InvalidScenario> {
    let known = DemoApp::ALL.iter().find(|app| app.word() == name);
    known.copied().ok_or_else(|| {
        InvalidScenario::new(
            place,
            "no such application; there are connect, hip and no-admin",
        )
    })
}
