//! A model of a server that gives a list on pages, with its habits, good and bad.

use std::fmt::Write as _;

use humanapi_core::http::HeaderValue;
use humanapi_core::{Body, Response};
use proptest::prelude::*;

/// What a server does about the total.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Total {
    Absent,
    Right,
    OfPage,
    /// Off by so many.
    Wrong(i64),
}

/// Which page a `next` link names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NextPage {
    /// The one that begins where this one ends.
    Following,
    /// The one that would follow had the page been as large as asked for.
    ByLimit,
    /// This one.
    Same,
    /// The one before.
    Back,
    /// One that the link names by something else than an offset.
    Unreadable,
}

/// On which pages there is a `next` link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NextOn {
    /// On none.
    Never,
    /// Where records follow.
    WhereMore,
    /// On every page with a record.
    WhereAny,
    /// On every page.
    Always,
}

/// How `Link` headers are written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Writing {
    pub(crate) bare: bool,
    pub(crate) escaped_name: bool,
    pub(crate) commas: bool,
    pub(crate) one_header_each: bool,
    /// Links of other relations stand before.
    pub(crate) others: bool,
    /// Links to the first and the last page, with the service's own slip, stand behind.
    pub(crate) paging: bool,
}

/// What comes beyond the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Beyond {
    Nothing,
    LastPageAgain,
    FirstPageAgain,
    /// A page from the middle on.
    MiddleAgain,
}

/// What stands at a place of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Record,
    RecordWithoutId,
    Null,
    Number,
    Text,
    List,
}

/// A place of the list. Each has a number of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) number: usize,
    pub(crate) kind: Kind,
}

/// What happens to the list before each request but the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ever {
    /// Nothing.
    Still,
    /// Each place holds another record than before.
    Anew,
    /// The first record moves behind the last.
    Rotates,
    /// So many records come.
    Grows { by: usize, at_front: bool },
}

/// A change of the list before the request of this number.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Change {
    pub(crate) before: usize,
    /// Where, counted round the list.
    pub(crate) at: usize,
    pub(crate) inserts: bool,
}

/// A server with its habits.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    pub(crate) places: Vec<Place>,
    /// The most that it gives on a page.
    pub(crate) cap: usize,
    /// Gives as many as it likes, whatever was asked for.
    pub(crate) ignores_limit: bool,
    pub(crate) ignores_offset: bool,
    pub(crate) total: Total,
    pub(crate) next_on: NextOn,
    pub(crate) next_page: NextPage,
    pub(crate) writing: Writing,
    pub(crate) beyond: Beyond,
    pub(crate) changes: Vec<Change>,
    pub(crate) ever: Ever,
}

pub(crate) fn server() -> impl Strategy<Value = Server> {
    let changes =
        (0..9_usize, 0..64_usize, any::<bool>()).prop_map(|(before, at, inserts)| Change {
            before,
            at,
            inserts,
        });
    let writing = any::<[bool; 6]>().prop_map(
        |[bare, escaped_name, commas, one_header_each, others, paging]| Writing {
            bare,
            escaped_name,
            commas,
            one_header_each,
            others,
            paging,
        },
    );
    let kind = prop_oneof![
        4 => Just(Kind::Record),
        1 => Just(Kind::RecordWithoutId),
        1 => Just(Kind::Null),
        1 => Just(Kind::Number),
        1 => Just(Kind::Text),
        1 => Just(Kind::List)
    ];
    let kinds = prop_oneof![
        3 => (0..26_usize).prop_map(|records| vec![Kind::Record; records]),
        1 => (20..60_usize).prop_map(|records| vec![Kind::Record; records]),
        1 => prop::collection::vec(kind, 0..26)
    ];
    let ever = prop_oneof![
        12 => Just(Ever::Still),
        1 => Just(Ever::Anew),
        1 => Just(Ever::Rotates),
        1 => (1..4_usize, any::<bool>()).prop_map(|(by, at_front)| Ever::Grows { by, at_front })
    ];
    (
        (
            kinds,
            prop_oneof![4 => 1..12_usize, 1 => Just(10), 1 => Just(20)],
        ),
        (prop::bool::weighted(0.15), prop::bool::weighted(0.12)),
        prop_oneof![
            Just(Total::Absent),
            Just(Total::Right),
            Just(Total::OfPage),
            (-9..9_i64).prop_map(Total::Wrong)
        ],
        prop_oneof![
            Just(NextOn::Never),
            Just(NextOn::WhereMore),
            Just(NextOn::WhereAny),
            Just(NextOn::Always)
        ],
        prop_oneof![
            4 => Just(NextPage::Following),
            2 => Just(NextPage::ByLimit),
            1 => Just(NextPage::Same),
            1 => Just(NextPage::Back),
            1 => Just(NextPage::Unreadable)
        ],
        writing,
        prop_oneof![
            12 => Just(Beyond::Nothing),
            1 => Just(Beyond::LastPageAgain),
            1 => Just(Beyond::FirstPageAgain),
            1 => Just(Beyond::MiddleAgain)
        ],
        prop_oneof![
            2 => Just(Vec::new()),
            1 => prop::collection::vec(changes, 1..4)
        ],
        ever,
    )
        .prop_map(
            |(
                (kinds, cap),
                (ignores_limit, ignores_offset),
                total,
                next_on,
                next_page,
                writing,
                beyond,
                changes,
                ever,
            )| Server {
                places: numbered(&kinds),
                cap,
                ignores_limit,
                ignores_offset,
                total,
                next_on,
                next_page,
                writing,
                beyond,
                changes,
                ever,
            },
        )
}

pub(crate) fn numbered(kinds: &[Kind]) -> Vec<Place> {
    let place = |(number, kind): (usize, &Kind)| Place {
        number,
        kind: *kind,
    };
    kinds.iter().enumerate().map(place).collect()
}

impl Place {
    pub(crate) fn is_record(self) -> bool {
        matches!(self.kind, Kind::Record | Kind::RecordWithoutId)
    }

    fn write(self, page: &mut String) {
        let Self { number, kind } = self;
        // The first field names another record's id, as references between records do.
        let after = number + 1;
        match kind {
            Kind::Record => write!(
                page,
                r#"{{"after":"r{after}","n":{number},"id":"r{number}"}}"#
            ),
            Kind::RecordWithoutId => write!(page, r#"{{"after":"r{after}","n":{number}}}"#),
            Kind::Null => write!(page, "null"),
            Kind::Number => write!(page, "7"),
            Kind::Text => write!(page, r#""r3""#),
            Kind::List => write!(page, r#"[{{"after":"r{after}"}}]"#),
        }
        .unwrap();
    }
}

impl Server {
    pub(crate) fn page_size(&self, limit: usize) -> usize {
        if self.ignores_limit {
            self.cap
        } else {
            self.cap.min(limit)
        }
    }

    /// Changes the list before this request. Records that come have numbers from 1000 on.
    pub(crate) fn change(&mut self, request: usize) {
        if request == 0 {
            return;
        }
        let new = |number| Place {
            number,
            kind: Kind::Record,
        };
        for (number, change) in self.changes.iter().enumerate() {
            if change.before != request {
                continue;
            }
            if change.inserts {
                let at = change.at % (self.places.len() + 1);
                self.places.insert(at, new(1000 + number));
            } else if !self.places.is_empty() {
                let at = change.at % self.places.len();
                self.places.remove(at);
            }
        }
        match self.ever {
            Ever::Still => {}
            Ever::Anew => {
                for place in &mut self.places {
                    place.number += 10_000;
                }
            }
            Ever::Rotates => {
                if !self.places.is_empty() {
                    self.places.rotate_left(1);
                }
            }
            Ever::Grows { by, at_front } => {
                for number in 0..by {
                    let at = if at_front { 0 } else { self.places.len() };
                    let number = 10_000 + 10 * request + number;
                    self.places.insert(at, new(number));
                }
            }
        }
    }

    pub(crate) fn answer(&self, limit: usize, offset: usize) -> Response {
        let size = self.page_size(limit);
        let total = self.places.len();
        let mut begin = if self.ignores_offset { 0 } else { offset };
        if begin >= total {
            begin = match self.beyond {
                Beyond::Nothing => total,
                Beyond::LastPageAgain => total.saturating_sub(size),
                Beyond::FirstPageAgain => 0,
                Beyond::MiddleAgain => total / 2 / size * size,
            };
        }
        let page = &self.places[begin..total.min(begin + size)];
        let mut body = String::from("[");
        for place in page {
            if body.len() > 1 {
                body.push(',');
            }
            place.write(&mut body);
        }
        body.push(']');
        let mut response = Response::new(Body::from(body.into_bytes()));
        let told = match self.total {
            Total::Absent => None,
            Total::Right => Some(total),
            Total::OfPage => Some(page.len()),
            Total::Wrong(by) => total.checked_add_signed(isize::try_from(by).unwrap()),
        };
        let headers = response.headers_mut();
        if let Some(told) = told {
            headers.insert("x-total-count", HeaderValue::from(told));
        }
        let links = self.links(limit, offset, page.len());
        if self.writing.one_header_each {
            for link in links {
                headers.append("link", HeaderValue::try_from(link).unwrap());
            }
        } else if !links.is_empty() {
            headers.append("link", HeaderValue::try_from(links.join(",")).unwrap());
        }
        response
    }

    pub(crate) fn links(&self, limit: usize, offset: usize, came: usize) -> Vec<String> {
        let link = |query: String, relation: &str| {
            let commas = if self.writing.commas { "a=1,2;3&" } else { "" };
            let title = if self.writing.commas {
                "; title=\"a, b; rel=\\\"next\\\"\""
            } else {
                ""
            };
            // Without its brackets an address ends at the first semicolon.
            if self.writing.bare && !self.writing.commas {
                format!("https://x.test/?&{query}; rel={relation}")
            } else {
                format!("<https://x.test/a?{commas}{query}>{title}; rel=\"{relation}\"")
            }
        };
        let name = if self.writing.escaped_name {
            "off%73et"
        } else {
            "offset"
        };
        let mut links = Vec::new();
        if self.writing.others {
            links.push("<https://x.test/d?offset=7>; rel=\"deprecation\"".to_owned());
            links.push("</style,a.css>; rel=preload; as=\"style\"".to_owned());
        }
        let is_next = match self.next_on {
            NextOn::Never => false,
            NextOn::WhereMore => offset + came < self.places.len(),
            NextOn::WhereAny => came > 0,
            NextOn::Always => true,
        };
        if is_next {
            let query = match self.next_page {
                NextPage::Following => format!("{name}={}", offset + came),
                NextPage::ByLimit => format!("{name}={}", offset + limit),
                NextPage::Same => format!("{name}={offset}"),
                NextPage::Back => format!("{name}={}", offset.saturating_sub(limit)),
                NextPage::Unreadable => "page=2".to_owned(),
            };
            links.push(link(query, "next"));
        }
        if self.writing.paging {
            let last = self.places.len() / limit * limit;
            links.push(link(format!("{name}={last}"), "last"));
            links.push(link(format!("{name}=0"), "first"));
        }
        links
    }
}

pub(crate) fn plain(records: usize, cap: usize) -> Server {
    Server {
        places: numbered(&vec![Kind::Record; records]),
        cap,
        ignores_limit: false,
        ignores_offset: false,
        total: Total::Absent,
        next_on: NextOn::Never,
        next_page: NextPage::Following,
        writing: Writing {
            bare: false,
            escaped_name: false,
            commas: false,
            one_header_each: false,
            others: false,
            paging: false,
        },
        beyond: Beyond::Nothing,
        changes: Vec::new(),
        ever: Ever::Still,
    }
}
