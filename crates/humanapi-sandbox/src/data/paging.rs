//! Lists: the filters and the page that a query asks for, and the links to other pages.

use std::fmt::Write as _;

use http::HeaderValue;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Timestamp, Unit};

use crate::assumption::{Assumption, Assumptions};
use crate::body::{decode, query_value};
use crate::clock::Millis;
use crate::records::Head;
use crate::reply::Problem;

const GREATEST_LIMIT: u64 = 500;

/// What a query asks of a list.
#[derive(Debug)]
pub(super) struct ListQuery {
    pub(super) limit: usize,
    pub(super) offset: u64,
    pub(super) time_series: bool,
    source: Option<String>,
    created_since: Option<Millis>,
    created_before: Option<Millis>,
    updated_since: Option<Millis>,
    updated_before: Option<Millis>,
    start_date: Option<String>,
    end_date: Option<String>,
}

impl ListQuery {
    pub(super) fn read(query: Option<&str>, assumptions: &Assumptions) -> Result<Self, Problem> {
        let mut reader = Reader {
            query,
            wrong: Vec::new(),
        };
        let limit = reader.read("limit", |text| {
            whole_number(text)
                .filter(|limit| *limit > 0)
                .map(|limit| limit.min(GREATEST_LIMIT))
        });
        let list = Self {
            limit: limit
                .and_then(|limit| usize::try_from(limit).ok())
                .unwrap_or_else(|| match assumptions.value(Assumption::DefaultLimit) {
                    "20" => 20,
                    _ => 50,
                }),
            offset: reader
                .read("offset", |text| {
                    let greatest = assumptions.value(Assumption::GreatestOffset).parse();
                    whole_number(text)
                        .filter(|offset| greatest.as_ref().map_or(true, |most| offset <= most))
                })
                .unwrap_or(0),
            time_series: query_value(query, "time_series").as_deref() == Some("true"),
            source: query_value(query, "source"),
            created_since: reader.read("created_since", read_instant),
            created_before: reader.read("created_before", read_instant),
            updated_since: reader.read("updated_since", read_instant),
            updated_before: reader.read("updated_before", read_instant),
            start_date: reader.read("start_date", read_day),
            end_date: reader.read("end_date", read_day),
        };
        if assumptions.is(Assumption::DatesAlone, "refused") {
            match (&list.start_date, &list.end_date) {
                (Some(_), None) => reader.wrong.push("end_date"),
                (None, Some(_)) => reader.wrong.push("start_date"),
                _ => {}
            }
        }
        match reader.wrong.first() {
            None => Ok(list),
            Some(name) => {
                let message = format!("\"{name}\" is malformed");
                let keys = reader.wrong.iter().map(|name| (*name).into()).collect();
                Err(Problem::invalid("query", keys, message))
            }
        }
    }

    /// Whether every record passes its filters.
    pub(super) fn takes_all(&self) -> bool {
        let Self {
            limit: _,
            offset: _,
            time_series: _,
            source,
            created_since,
            created_before,
            updated_since,
            updated_before,
            start_date,
            end_date,
        } = self;
        let bounds = [created_since, created_before, updated_since, updated_before];
        source.is_none()
            && bounds.iter().all(|bound| bound.is_none())
            && start_date.is_none()
            && end_date.is_none()
    }

    /// Whether a record passes the filters; `strict`: one of exactly a bound's instant does not.
    ///
    /// A record of no `day` is of every day.
    pub(super) fn takes(
        &self,
        head: &Head,
        strict: bool,
        day: impl FnOnce() -> Option<String>,
    ) -> bool {
        let after = |bound: Option<Millis>, at| {
            bound.is_none_or(|bound| at > bound || (!strict && at == bound))
        };
        let before = |bound: Option<Millis>, at| {
            bound.is_none_or(|bound| at < bound || (!strict && at == bound))
        };
        let of_source = self
            .source
            .as_ref()
            .is_none_or(|wanted| wanted == head.source.word || wanted == head.source.id);
        let of_day = || {
            if self.start_date.is_none() && self.end_date.is_none() {
                return true;
            }
            day().is_none_or(|day| {
                self.start_date.as_ref().is_none_or(|start| *start <= day)
                    && self.end_date.as_ref().is_none_or(|end| day <= *end)
            })
        };
        of_source
            && after(self.created_since, head.created)
            && before(self.created_before, head.created)
            && after(self.updated_since, head.updated)
            && before(self.updated_before, head.updated)
            && of_day()
    }
}

struct Reader<'a> {
    query: Option<&'a str>,
    wrong: Vec<&'static str>,
}

impl Reader<'_> {
    fn read<T>(&mut self, name: &'static str, parse: impl Fn(&str) -> Option<T>) -> Option<T> {
        let text = query_value(self.query, name)?;
        let value = parse(&text);
        if value.is_none() {
            self.wrong.push(name);
        }
        value
    }
}

/// Digits and nothing else; beyond what fits, the greatest number that does.
fn whole_number(text: &str) -> Option<u64> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(text.parse().unwrap_or(u64::MAX))
}

/// The documented `YYYYMMDDTHHmmssZ`, and the other spellings seen in the wild.
fn read_instant(text: &str) -> Option<Millis> {
    let basic = |format| {
        // A format takes a sign before a year, and blanks before other numbers.
        let plain = |byte: u8| byte.is_ascii_digit() || b"TZ".contains(&byte);
        if !text.bytes().all(plain) {
            return None;
        }
        let civil = DateTime::strptime(format, text).ok()?;
        let at = civil.to_zoned(TimeZone::UTC).ok()?.timestamp();
        Some(at.as_millisecond())
    };
    match text.len() {
        16 => basic("%Y%m%dT%H%M%SZ"),
        15 => basic("%Y%m%d%H%M%SZ"),
        10 => {
            let at = read_date(text)?.to_zoned(TimeZone::UTC).ok()?.timestamp();
            Some(at.as_millisecond())
        }
        // RFC 3339 proper: a T in the middle and dashes in the date.
        _ if text.get(10..11) == Some("T") && text.get(4..5) == Some("-") => {
            let at: Timestamp = text.parse().ok()?;
            Some(at.round(Unit::Millisecond).ok()?.as_millisecond())
        }
        _ => None,
    }
}

/// A day, as text that sorts as days do.
pub(super) fn read_day(text: &str) -> Option<String> {
    read_date(text).map(|date| date.to_string())
}

fn read_date(text: &str) -> Option<Date> {
    let plain = |byte: u8| byte.is_ascii_digit() || byte == b'-';
    if text.len() != 10 || text.starts_with('-') || !text.bytes().all(plain) {
        return None;
    }
    Date::strptime("%Y-%m-%d", text).ok()
}

/// Where the links of a list lead.
#[derive(Debug)]
pub(super) struct Links<'a> {
    pub(super) host: &'a str,
    pub(super) path: &'a str,
    pub(super) query: &'a str,
    pub(super) exact_last: bool,
    pub(super) on_single_page: bool,
}

impl Links<'_> {
    /// The `Link` header of a page, unless everything fits on it.
    pub(super) fn header(&self, list: &ListQuery, total: u64) -> Option<HeaderValue> {
        let limit = list.limit as u64;
        let has_next = list.offset.saturating_add(limit) < total;
        let has_prev = list.offset > 0;
        let mut text = String::new();
        if has_next {
            self.add(&mut text, list.offset + limit, "next");
        }
        if has_prev {
            self.add(&mut text, list.offset.saturating_sub(limit), "prev");
        }
        if has_next || self.on_single_page && !has_prev {
            // The service rounds the total down to a multiple of the limit, so that its last
            // page is empty when the total is one.
            let last = if self.exact_last {
                total.saturating_sub(1) / limit * limit
            } else {
                total / limit * limit
            };
            self.add(&mut text, last, "last");
        }
        if has_prev {
            self.add(&mut text, 0, "first");
        }
        if text.is_empty() {
            return None;
        }
        HeaderValue::from_str(&text).ok()
    }

    fn add(&self, text: &mut String, offset: u64, relation: &str) {
        if !text.is_empty() {
            text.push(',');
        }
        let query = self.with_offset(offset);
        // Writing into a String cannot fail.
        let _ = write!(
            text,
            "<http://{}{}?{query}>; rel=\"{relation}\"",
            self.host, self.path
        );
    }

    /// The original query, its order and spelling kept, with another offset.
    fn with_offset(&self, offset: u64) -> String {
        let mut placed = false;
        let mut pairs: Vec<String> = self
            .query
            .split('&')
            .filter(|pair| !pair.is_empty())
            .filter_map(|pair| {
                let name = pair.split('=').next().unwrap_or_default();
                // However it is spelled: what it decodes to is what was read.
                if decode(name.as_bytes()).as_deref() != Some("offset") {
                    return Some(pair.to_owned());
                }
                let first = !placed;
                placed = true;
                first.then(|| format!("offset={offset}"))
            })
            .collect();
        if !placed {
            pairs.push(format!("offset={offset}"));
        }
        pairs.join("&")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    #[test]
    fn instants_are_read_in_four_spellings() {
        for (text, at) in [
            ("20140110T000000Z", Some("2014-01-10T00:00:00.000Z")),
            ("20140110000000Z", Some("2014-01-10T00:00:00.000Z")),
            ("2014-01-10", Some("2014-01-10T00:00:00.000Z")),
            ("2015-12-01T12:06:12.149Z", Some("2015-12-01T12:06:12.149Z")),
            (
                "2015-12-01T12:06:12+02:00",
                Some("2015-12-01T10:06:12.000Z"),
            ),
            ("2015-12-01T12:06:12 02:00", None),
            ("20141310T000000Z", None),
            ("20140110T000000X", None),
            ("2014-1-10", None),
            ("-001-01-01", None),
            ("2014--1-01", None),
            ("+014-01-01", None),
            ("2014- 1-01", None),
            ("-0140101T000000Z", None),
            ("201401 1T000000Z", None),
            ("yesterday", None),
            ("", None),
            ("ééééé", None),
            ("1700000000", None),
        ] {
            assert_eq!(
                read_instant(text).map(clock::instant).as_deref(),
                at,
                "{text}"
            );
        }
    }

    #[test]
    fn limits_are_clamped_and_checked() {
        for (query, limit) in [
            ("", Some(50)),
            ("limit=500", Some(500)),
            ("limit=501", Some(500)),
            ("limit=99999999999999999999999", Some(500)),
            ("limit=0", None),
            ("limit=-1", None),
            ("limit=%2B5", None),
            ("limit=", None),
            ("limit=abc", None),
        ] {
            let read = ListQuery::read(Some(query), &Assumptions::new(&[]))
                .ok()
                .map(|list| list.limit);
            assert_eq!(read, limit, "{query}");
        }
    }

    #[test]
    fn links_follow_the_service() {
        let check = |query: &str, total, expected: &[(&str, &str)]| {
            let list = ListQuery::read(Some(query), &Assumptions::new(&[])).unwrap();
            let links = Links {
                host: "h.test",
                path: "/p",
                query,
                exact_last: false,
                on_single_page: false,
            };
            let expected: Vec<_> = expected
                .iter()
                .map(|(query, rel)| format!("<http://h.test/p?{query}>; rel=\"{rel}\""))
                .collect();
            let header = links.header(&list, total);
            let text = header.as_ref().map_or("", |value| value.to_str().unwrap());
            assert_eq!(text, expected.join(","), "{query}");
        };
        check("", 50, &[]);
        check("", 51, &[("offset=50", "next"), ("offset=50", "last")]);
        check(
            "limit=20&a=%20&offset=20&b",
            65,
            &[
                ("limit=20&a=%20&offset=40&b", "next"),
                ("limit=20&a=%20&offset=0&b", "prev"),
                ("limit=20&a=%20&offset=60&b", "last"),
                ("limit=20&a=%20&offset=0&b", "first"),
            ],
        );
        check(
            "off%73et=50&limit=50&%6Fffset=7",
            234,
            &[
                ("offset=100&limit=50", "next"),
                ("offset=0&limit=50", "prev"),
                ("offset=200&limit=50", "last"),
                ("offset=0&limit=50", "first"),
            ],
        );
        check(
            "offset=900",
            234,
            &[("offset=850", "prev"), ("offset=0", "first")],
        );
        check(
            "offset=99999999999999999999",
            2,
            &[
                ("offset=18446744073709551565", "prev"),
                ("offset=0", "first"),
            ],
        );
    }
}
