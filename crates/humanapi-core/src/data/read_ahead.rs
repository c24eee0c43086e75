//! Pages that are asked for before the pages before them have come.
//!
//! Where the next page begins is known for certain once the page before it has come, so a call for any further page is a
//! guess. Its answer is kept until it is its turn, and then held against what was seen of the list, as if it had been asked
//! for only now: the request would have been the same. Where the list goes on otherwise than guessed, all guesses are
//! given up. So what [`Page::end`] and [`Page::drift`] say is as true as when pages are read one after another.

use std::collections::VecDeque;
use std::fmt;

use crate::data::page::Page;
use crate::endpoint::Endpoint;
use crate::error::{BuildError, FlowError, ResponseError};
use crate::hosts::Hosts;
use crate::message::{Request, Response};
use crate::now::Now;
use crate::retry::Replay;
use crate::rules::Authorization;

/// A call for one page of a list, which can be read in two steps: what stands on the page, and what that means for the
/// list.
///
/// [`Endpoint::parse`] takes both at once. The first needs nothing but the answer, so it can be done before the pages
/// before it have come; the second holds it against them. Two calls are equal if they send the same request.
pub trait Paged: Endpoint<Output = Page<Self::Item, Self>> + Clone + PartialEq {
    /// What the list holds.
    type Item;

    /// A page that was read, and not yet held against the pages before it.
    type Unchecked;

    /// Reads a page.
    ///
    /// # Errors
    ///
    /// When the service refused, or the answer is none that can hold a list.
    fn read(&self, response: Response) -> Result<Self::Unchecked, ResponseError>;

    /// Holds a page against those before it, and says what follows.
    ///
    /// # Errors
    ///
    /// When the service does not lead through the list.
    fn check(&self, page: Self::Unchecked) -> Result<Self::Output, ResponseError>;

    /// The call for the page that comes so many pages behind this one, where that can be guessed from this call and the
    /// one `before` it. It knows nothing of the pages before its own.
    fn ahead(&self, before: &Self, pages: u64) -> Option<Self>;
}

/// Has a list's pages asked for one after another.
macro_rules! one_by_one {
    ([$($resource:ident: $bound:ident)?] $call:ty, $item:ty) => {
        impl<$($resource: $bound)?> $crate::data::read_ahead::Paged for $call {
            type Item = $item;
            type Unchecked = Self::Output;

            fn read(&self, response: Response) -> Result<Self::Output, ResponseError> {
                self.page(response)
            }

            fn check(&self, page: Self::Output) -> Result<Self::Output, ResponseError> {
                Ok(page)
            }

            fn ahead(&self, _: &Self, _: u64) -> Option<Self> {
                None
            }
        }
    };
}
pub(super) use one_by_one;

/// The same request as that of a [`Paged`] call, of whose answer no more is read than needs no other page.
#[derive(Clone, Debug)]
pub struct FetchPage<E>(E);

impl<E: Paged> Endpoint for FetchPage<E> {
    type Output = E::Unchecked;

    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn replay(&self) -> Replay {
        self.0.replay()
    }

    fn authorization(&self) -> Authorization {
        self.0.authorization()
    }

    fn request(&self, hosts: &Hosts) -> Result<Request, BuildError> {
        self.0.request(hosts)
    }

    fn parse(&self, response: Response, _: Now) -> Result<Self::Output, ResponseError> {
        self.0.read(response)
    }
}

/// Reads a list page by page, with several requests out at once.
///
/// A driver sends what [`ask`](Self::ask) gives, keeps the answers in the order of their pages, and hands each to
/// [`handle`](Self::handle) once it is the first. When then nothing is [out](Self::out) any more, it lets go of whatever it
/// still waits for.
///
/// Nothing is guessed before the first page has come, nor behind a page with fewer records than were asked for, unless the
/// service's total says how far the list goes. Nothing is asked for beyond that total.
///
/// ```
/// use humanapi_core::data::{ListActivities, ReadAhead};
/// use humanapi_core::http::Response;
/// use humanapi_core::{Body, Endpoint as _, Hosts, Now};
///
/// let total = |count: &str| Response::builder().header("x-total-count", count);
/// let page = total("3").body(Body::from(r#"[{"id":"a"}]"#))?;
/// let now = Now::new(std::time::Duration::ZERO, std::time::SystemTime::UNIX_EPOCH);
///
/// let mut list = ReadAhead::new(ListActivities::new().with_limit(1), 2);
/// let first = list.ask().expect("the first page");
/// assert!(list.ask().is_none(), "nothing can be guessed yet");
/// let page = list.handle(Ok(first.call.parse(page, now)?)).transpose()?.expect("a page");
/// assert_eq!(page.items.len(), 1);
///
/// let ahead: Vec<_> = std::iter::from_fn(|| list.ask()).collect();
/// let query = |at: usize| ahead[at].call.request(&Hosts::production());
/// assert_eq!(query(0)?.uri().query(), Some("limit=1&offset=1"));
/// assert_eq!(query(1)?.uri().query(), Some("limit=1&offset=2"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct ReadAhead<E> {
    /// The call that the last page came by.
    before: Option<E>,
    /// The call for the page that comes next, with what was seen of the list so far.
    next: Option<E>,
    /// What was asked for, in the order of pages. The first asks for the same as `next`.
    out: VecDeque<E>,
    /// Whether the first of these failed, and is asked for once more.
    failed: bool,
    at_once: usize,
}

/// A request of a [`ReadAhead`].
#[derive(Debug)]
#[non_exhaustive]
pub struct Ask<E> {
    /// The request.
    pub call: FetchPage<E>,
    /// Whether its page comes before those of all that are out, and not behind them: it failed, and is asked for once more.
    pub is_first: bool,
}

impl<E: Paged> ReadAhead<E> {
    /// The list from the page of this call on, with so many requests out at once; at least one.
    #[must_use]
    pub fn new(call: E, at_once: usize) -> Self {
        Self {
            before: None,
            next: Some(call),
            out: VecDeque::new(),
            failed: false,
            at_once: at_once.max(1),
        }
    }

    /// Sets how many requests are out at once from now on; at least one.
    pub fn set_at_once(&mut self, at_once: usize) {
        self.at_once = at_once.max(1);
    }

    /// The next request, if one is to be sent now. Ask again until there is none.
    pub fn ask(&mut self) -> Option<Ask<E>> {
        let next = self.next.as_ref()?;
        if self.failed {
            self.failed = false;
            let call = FetchPage(next.clone());
            return Some(Ask {
                call,
                is_first: true,
            });
        }
        if self.out.len() >= self.at_once {
            return None;
        }
        let call = match self.out.len() {
            0 => next.clone(),
            pages => next.ahead(self.before.as_ref()?, pages as u64)?,
        };
        self.out.push_back(call.clone());
        Some(Ask {
            call: FetchPage(call),
            is_first: false,
        })
    }

    /// Takes what came of the first request that is out, and gives its page; nothing where the list has ended.
    ///
    /// # Errors
    ///
    /// With the failure that was handed in. The page is asked for again if that is
    /// [transient](FlowError::is_transient); any other ends the list, and so does a page that was there before.
    pub fn handle(
        &mut self,
        came: Result<E::Unchecked, FlowError>,
    ) -> Option<Result<Page<E::Item, E>, FlowError>> {
        let call = self.next.as_ref()?;
        let page = match came {
            Ok(page) => call.check(page).map_err(FlowError::from),
            Err(error) if error.is_transient() => {
                self.failed = true;
                return Some(Err(error));
            }
            Err(error) => Err(error),
        };
        self.before = self.next.take();
        self.out.pop_front();
        self.next = page.as_ref().ok().and_then(|page| page.next.clone());
        if self.out.front() != self.next.as_ref() {
            self.out.clear();
        }
        Some(page)
    }

    /// How many requests are out.
    #[must_use]
    pub fn out(&self) -> usize {
        self.out.len()
    }

    /// Whether the list has ended.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        self.next.is_none()
    }
}

impl<E> fmt::Debug for ReadAhead<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadAhead")
            .field("out", &self.out.len())
            .field("at_once", &self.at_once)
            .finish_non_exhaustive()
    }
}
