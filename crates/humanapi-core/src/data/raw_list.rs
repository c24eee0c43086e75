//! The escape hatch for lists: any path whose answer is a list of records.

use std::fmt;

use http::header::AUTHORIZATION;

use crate::answer::Expected;
use crate::data::application::AppKey;
use crate::data::page::Page;
use crate::data::pages::{Pages, UncheckedPage};
use crate::data::read_ahead::Paged;
use crate::data::record::{Field, FieldKind, Record};
use crate::data::{Route, accept, get};
use crate::endpoint::Endpoint;
use crate::error::{Asked, BuildError, ResponseError};
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
    key: Option<AppKey>,
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
        Self {
            path,
            query,
            pages: Pages::new(),
            key: None,
        }
    }

    /// Has the application's key authorize it, as lists of all users of an application need.
    #[must_use]
    pub fn with_app_key(mut self, key: &AppKey) -> Self {
        self.key = Some(key.clone());
        self
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

    /// Sets whether each page begins with the last record of the page before, as it does if nothing is said; see
    /// [`List::with_overlap`](crate::data::List::with_overlap).
    #[must_use]
    pub fn with_overlap(mut self, overlap: bool) -> Self {
        self.pages.ask(|query| query.overlap = overlap);
        self
    }

    fn at(&self, pages: Pages) -> Self {
        Self {
            path: self.path.clone(),
            query: self.query.clone(),
            pages,
            key: self.key.clone(),
        }
    }

    /// Whether it comes on pages, as a list does of which nothing is known, and the fields of its records.
    fn known(&self) -> (bool, &'static [Field]) {
        match Route::at("GET", &self.path) {
            Some(route) if route.is_list() => (route.on_pages, route.fields),
            _ => (true, UNKNOWN),
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
        match self.key {
            Some(_) => Authorization::InRequest,
            None => Authorization::AccessToken,
        }
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
        let mut request = get(hosts, &target)?;
        if let Some(key) = &self.key {
            let header = key.authorization().clone();
            request.headers_mut().insert(AUTHORIZATION, header);
        }
        Ok(request)
    }

    fn parse(&self, response: Response, _: Now) -> Result<Self::Output, ResponseError> {
        self.check(self.read(response)?)
    }
}

impl Paged for RawList {
    type Item = Record;
    type Unchecked = UncheckedPage<Record>;

    fn read(&self, response: Response) -> Result<Self::Unchecked, ResponseError> {
        let asked = match self.key {
            Some(_) => Asked::WithAppKey,
            None => Asked::WithToken,
        };
        UncheckedPage::read_by(self.known().1, accept(asked, Expected::List, response)?)
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
            "/v1/human/x?limit=2&offset=1&a=b%20c&d"
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
    fn a_list_of_all_users_is_asked_for_by_the_applications_key() {
        let key = AppKey::new("hush").unwrap();
        let list = RawList::new("/v1/apps/my%2Fapp/users/activities").with_app_key(&key);
        assert_eq!(list.authorization(), Authorization::InRequest);
        let answer = Response::new(Body::from(r#"[{"id":"1"}]"#));
        let next = list.parse(answer, now()).unwrap().next.unwrap();
        let request = next.request(&Hosts::production()).unwrap();
        assert_eq!(request.headers()[AUTHORIZATION], "Basic aHVzaDo=");
        assert!(request.uri().path().starts_with("/v1/apps/my%2Fapp/users/"));
        // All users come at once.
        let users = RawList::new("/v1/apps/my-app/users");
        let answer = Response::new(Body::from(r#"[{"id":"1"}]"#));
        let page = users.parse(answer, now()).unwrap();
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
