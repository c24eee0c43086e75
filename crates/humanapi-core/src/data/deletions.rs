//! What was deleted: found by a pass that read everything.

use std::collections::BTreeSet;
use std::fmt;

use crate::data::changes::{ChangesPage, PassEnd};
use crate::data::list::HasChanges;

/// Which records that are known are no longer there: what a pass that read everything did not meet.
///
/// Give it every page of one pass. A list that moves can hide a record that is still there, so ask for each that is found
/// [by its id](crate::data::ById) before you delete it for good.
///
/// ```
/// use humanapi_core::data::Deletions;
/// # use humanapi_core::data::{Activity, Changes, List};
/// # use humanapi_core::{Body, Endpoint as _, Now, http::Response};
/// # use std::time::{Duration, SystemTime};
/// # let now = Now::new(Duration::ZERO, SystemTime::UNIX_EPOCH);
///
/// let mut deletions = Deletions::among(["a", "b"]);
/// # let answer = Response::builder()
/// #     .header("x-total-count", "1")
/// #     .body(Body::from(r#"[{"id":"a"}]"#))?;
/// # let page = Changes::new(List::<Activity>::new(), None).parse(answer, now)?;
/// // For each page:
/// deletions.met(&page);
/// // At the pass's end:
/// assert_eq!(deletions.found(&page.end.unwrap()).unwrap(), ["b"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Deletions {
    left: BTreeSet<String>,
    /// How many pages of the pass it was given, as long as none was left out.
    pages: Option<u64>,
}

impl Deletions {
    /// The ids that are known, of a list that is narrowed as the pass is.
    pub fn among(known: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self {
            left: known.into_iter().map(Into::into).collect(),
            pages: Some(0),
        }
    }

    /// Takes the next page of the pass: its records are still there.
    pub fn met<R: HasChanges>(&mut self, page: &ChangesPage<R>) {
        self.pages = self.pages.filter(|pages| *pages == page.number);
        self.pages = self.pages.map(|pages| pages + 1);
        for record in &page.records {
            if let Some(Ok(id)) = record.known("id").map(|id| id.read::<String>()) {
                self.left.remove(&id);
            }
        }
    }

    /// The ids that were not met, in their order. Nothing if that proves nothing: the pass was not
    /// [settled](PassEnd::is_settled), did not read everything, met with any [drift](ChangesPage::drift), or was read in
    /// part by somebody else, as after a restart.
    #[must_use]
    pub fn found(self, end: &PassEnd) -> Option<Vec<String>> {
        let proves =
            end.is_settled && end.is_of_everything && end.is_quiet && self.pages == Some(end.pages);
        proves.then(|| self.left.into_iter().collect())
    }
}

impl fmt::Debug for Deletions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Deletions({} left)", self.left.len())
    }
}
