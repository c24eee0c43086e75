//! The escape hatch for lists: any path whose answer is a list of records.

use std::fmt;

use crate::data::page::Page;
use crate::data::pages::{Pages, UncheckedPage};
use crate::data::read_ahead::Paged;
use crate::data::record::{Field, FieldKind, Record};
use crate::data::{Operation, ROUTES, get, list};
use crate::endpoint::Endpoint;
use crate::error::{BuildError, ResponseError};
use crate::hosts::Hosts;
use crate::message::{Request, Response};
use crate::now::Now;
use crate::retry::Replay;
use crate::rules::Authorization;

/// Reads one page of the list at any path of the data API, with any parameters.
///
/// It is [`RawCall`](crate::RawCall) for lists: the pages are asked for by `limit` and `offset`, the list's end is proven
/// and changes are told as for every other list. A list that the service is known to give all at once is read so.
///
/// ```
/// use humanapi_core::data::RawList;
/// use humanapi_core::{Endpoint as _, Hosts};
///
/// let list = RawList::new("/v1/human/activities/daily/2026-01-15?source=strider").with_limit(200);
/// let request = list.request(&Hosts::production())?;
/// assert_eq!(
///     request.uri(),
///     "https://api.humanapi.co/v1/human/activities/daily/2026-01-15?limit=200&source=strider",
/// );
/// # Ok::<(), humanapi_core::BuildError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct RawList {
    path: String,
    /// Parameters beside those of paging, escaped already.
    query: String,
    pages: Pages,
}

/// What tells records apart, in a list of which nothing is known.
const UNKNOWN: &[Field] = &[Field {
    name: "id",
    accessor: "id",
    kind: FieldKind::Text,
    unit: None,
    code_system: None,
    absent: None,
    doc: "Its id.",
}];

impl RawList {
    /// The list at this path, 50 records on a page. The path begins with `/`; it and the query are percent-encoded already.
    ///
    /// What HTTP stacks would change is refused when the request is built, as by [`RawCall`](crate::RawCall), and so are
    /// `limit` and `offset` in the query: [`with_limit`](Self::with_limit) and [`with_offset`](Self::with_offset) say them.
    #[must_use]
    pub fn new(path_and_query: impl Into<String>) -> Self {
        let path_and_query = path_and_query.into();
        let (path, query) = match path_and_query.split_once('?') {
            Some((path, query)) => (path.to_owned(), query.to_owned()),
            None => (path_and_query, String::new()),
        };
        let pages = Pages::new();
        Self { path, query, pages }
    }

    /// Sets the size of a page, from 1 to 500.
    #[must_use]
    pub fn with_limit(mut self, limit: u32) -> Self {
        self.pages.ask(|query| query.limit = limit);
        self
    }

    /// Begins at the record of this index, and forgets what was seen of the list before.
    #[must_use]
    pub fn with_offset(mut self, offset: u64) -> Self {
        self.pages.ask(|query| query.offset = offset);
        self
    }

    fn at(&self, pages: Pages) -> Self {
        Self {
            path: self.path.clone(),
            query: self.query.clone(),
            pages,
        }
    }

    /// Whether it comes on pages, as a list does of which nothing is known, and the fields of its records.
    fn known(&self) -> (bool, &'static [Field]) {
        let is_it = |operation| operation == Operation::List;
        let mut lists = ROUTES.iter().filter(|route| is_it(route.operation));
        match lists.find(|route| route.path == self.path) {
            Some(route) => (route.on_pages, route.fields),
            None => (true, UNKNOWN),
        }
    }
}

impl Endpoint for RawList {
    type Output = Page<Record, Self>;

    fn name(&self) -> &'static str {
        "raw"
    }

    fn replay(&self) -> Replay {
        Replay::Safe
    }

    fn authorization(&self) -> Authorization {
        Authorization::AccessToken
    }

    fn request(&self, hosts: &Hosts) -> Result<Request, BuildError> {
        for name in ["limit", "offset"] {
            let names = |pair: &str| pair.split('=').next() == Some(name);
            if self.query.split('&').any(names) {
                let rule = "left out of the query, because paging says it";
                return Err(BuildError::OutOfRange { name, rule });
            }
        }
        let mut target = self.pages.write(&self.path)?;
        if !self.query.is_empty() {
            target.push('&');
            target.push_str(&self.query);
        }
        get(hosts, &target)
    }

    fn parse(&self, response: Response, _: Now) -> Result<Self::Output, ResponseError> {
        self.check(self.read(response)?)
    }
}

impl Paged for RawList {
    type Item = Record;
    type Unchecked = UncheckedPage<Record>;

    fn read(&self, response: Response) -> Result<Self::Unchecked, ResponseError> {
        UncheckedPage::read_by(self.known().1, list(response)?)
    }

    fn check(&self, page: Self::Unchecked) -> Result<Self::Output, ResponseError> {
        let (on_pages, _) = self.known();
        self.pages.check(on_pages, page, |pages| self.at(pages))
    }

    fn ahead(&self, before: &Self, pages: u64) -> Option<Self> {
        let ahead = self.pages.ahead(&before.pages, pages)?;
        self.known().0.then(|| self.at(ahead))
    }
}

impl fmt::Debug for RawList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The path and the query are left out: they can tell of somebody.
        f.debug_struct("RawList")
            .field("limit", &self.pages.query().limit)
            .field("offset", &self.pages.query().offset)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;
    use crate::body::Body;
    use crate::data::page::ListEnd;

    fn now() -> Now {
        Now::new(Duration::ZERO, SystemTime::UNIX_EPOCH)
    }

    fn target(list: &RawList) -> Result<String, BuildError> {
        let request = list.request(&Hosts::production())?;
        Ok(request.uri().path_and_query().unwrap().to_string())
    }

    #[test]
    fn a_page_is_asked_for_beside_any_parameters_and_they_stay() {
        let list = RawList::new("/v1/human/x?a=b%20c&d").with_limit(2);
        assert_eq!(target(&list).unwrap(), "/v1/human/x?limit=2&a=b%20c&d");
        let answer = || Response::new(Body::from(r#"[{"id":"1"},{"id":"2"}]"#));
        let page = list.parse(answer(), now()).unwrap();
        let next = page.next.unwrap();
        assert_eq!(
            target(&next).unwrap(),
            "/v1/human/x?limit=2&offset=2&a=b%20c&d"
        );
        // The same page again is no list that leads on.
        assert!(next.parse(answer(), now()).is_err());
        let ended = next.parse(Response::new(Body::from("[]")), now());
        assert_eq!(ended.unwrap().end, Some(ListEnd::EmptyPage));
    }

    #[test]
    fn a_list_that_is_known_to_come_at_once_is_read_so() {
        let list = RawList::new("/v1/human/sources");
        let answer = Response::new(Body::from(r#"[{"id":"1"}]"#));
        let page = list.parse(answer, now()).unwrap();
        assert_eq!(page.end, Some(ListEnd::AllAtOnce));
    }

    #[test]
    fn what_paging_says_or_stacks_would_change_is_refused() {
        for path in [
            "/v1/x?limit=3",
            "/v1/x?a&offset=3",
            "/v1/../x",
            "/v1/x?a=b c",
            "v1",
            "/v1/x#a",
        ] {
            assert!(target(&RawList::new(path)).is_err(), "{path}");
        }
        assert!(target(&RawList::new("/v1/x").with_limit(501)).is_err());
        let shown = format!("{:?}", RawList::new("/v1/canary?canary"));
        assert!(!shown.contains("canary"), "{shown}");
    }
}
