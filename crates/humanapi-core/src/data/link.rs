//! Reading `Link` headers, as RFC 8288 has them and a little beyond.

use std::borrow::Cow;

use http::HeaderMap;
use http::header::LINK;
use percent_encoding::percent_decode_str;

/// Where the next page is said to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NextLink {
    /// It begins at this offset.
    At(u64),
    /// There is one, and the link has no offset that can be read.
    Somewhere,
}

/// The next page by the first link of the relation `next`, over all `Link` headers.
///
/// A link with an `anchor` speaks of another page than this one and is left out, as is one of any
/// other relation.
pub(super) fn next(headers: &HeaderMap) -> Option<NextLink> {
    headers
        .get_all(LINK)
        .iter()
        .flat_map(|value| Links {
            rest: value.as_bytes(),
        })
        .find(|link| link.is_next && !link.is_anchored)
        .map(|link| offset(link.target).map_or(NextLink::Somewhere, NextLink::At))
}

/// One link: its address, and what matters of its parameters.
struct Link<'a> {
    target: &'a [u8],
    is_next: bool,
    is_anchored: bool,
}

/// The links of one header value. Each byte is looked at a fixed number of times.
struct Links<'a> {
    rest: &'a [u8],
}

impl<'a> Links<'a> {
    /// Takes all before the first byte of `ends`, which stays.
    fn until(&mut self, ends: &[u8]) -> &'a [u8] {
        let end = self.rest.iter().position(|byte| ends.contains(byte));
        let (taken, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest;
        taken
    }

    fn take(&mut self, byte: u8) -> bool {
        let rest = self.rest.strip_prefix(&[byte]);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn skip_blanks(&mut self) {
        self.rest = self.rest.trim_ascii_start();
    }

    /// The address in its brackets. Without them it reaches up to the parameters, because an address
    /// may hold commas.
    fn target(&mut self) -> &'a [u8] {
        if self.take(b'<') {
            let target = self.until(b">");
            self.take(b'>');
            // Whatever stands between the bracket and the parameters is none.
            self.until(b";,");
            target
        } else {
            self.until(b";").trim_ascii_end()
        }
    }

    /// A parameter's value: between quotes, where commas and semicolons are nothing special and a
    /// backslash guards the byte behind it, or up to the next separator.
    fn value(&mut self) -> &'a [u8] {
        if !self.take(b'"') {
            return self.until(b";,").trim_ascii_end();
        }
        let mut guarded = false;
        let end = self.rest.iter().position(|byte| {
            let ends = *byte == b'"' && !guarded;
            guarded = *byte == b'\\' && !guarded;
            ends
        });
        let (value, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest;
        self.until(b";,");
        value
    }
}

impl<'a> Iterator for Links<'a> {
    type Item = Link<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        // A list may hold empty entries.
        while matches!(self.rest.first(), Some(b',' | b' ' | b'\t')) {
            self.rest = &self.rest[1..];
        }
        if self.rest.is_empty() {
            return None;
        }
        let mut link = Link {
            target: self.target(),
            is_next: false,
            is_anchored: false,
        };
        let mut has_relation = false;
        while self.take(b';') {
            self.skip_blanks();
            let name = self.until(b"=;,").trim_ascii();
            if !self.take(b'=') {
                continue;
            }
            self.skip_blanks();
            let value = self.value();
            // Only the first `rel` of a link counts.
            if name.eq_ignore_ascii_case(b"rel") && !has_relation {
                has_relation = true;
                link.is_next = value
                    .split(u8::is_ascii_whitespace)
                    .any(|word| word.eq_ignore_ascii_case(b"next"));
            }
            link.is_anchored |= name.eq_ignore_ascii_case(b"anchor");
        }
        Some(link)
    }
}

/// The `offset` in the query of an address, however its name and its value are escaped.
fn offset(target: &[u8]) -> Option<u64> {
    let target = std::str::from_utf8(target).ok()?;
    let address = target.split('#').next().unwrap_or_default();
    let (_, query) = address.split_once('?')?;
    query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .find(|(name, _)| decoded(name) == "offset")
        .and_then(|(_, value)| decoded(value).parse().ok())
}

fn decoded(text: &str) -> Cow<'_, str> {
    percent_decode_str(text).decode_utf8_lossy()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn read<V: AsRef<[u8]>>(values: &[V]) -> Option<NextLink> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(LINK, HeaderValue::from_bytes(value.as_ref()).unwrap());
        }
        next(&headers)
    }

    #[track_caller]
    fn check(value: &str, expected: Option<NextLink>) {
        assert_eq!(read(&[value]), expected, "{value}");
    }

    #[test]
    fn the_next_link_is_found_wherever_it_stands() {
        let at = Some(NextLink::At(40));
        check("<https://x.test/?limit=20&offset=40>; rel=\"next\"", at);
        check("<https://x.test/?offset=40>; rel=next", at);
        check("</?offset=40>;rel=next,</?offset=0>;rel=prev", at);
        check(
            "</?offset=0>; rel=\"prev\" , </?offset=40>; rel=\"next\"",
            at,
        );
        check("<?offset=40>;REL=\"prev Next\"", at);
        check(" , ,<?offset=40>; rel=next,,", at);
        assert_eq!(read(&["</a>; rel=preload", "<?offset=40>; rel=next"]), at);
    }

    #[test]
    fn other_relations_lead_nowhere() {
        for relation in [
            "deprecation",
            "preload",
            "last",
            "prev",
            "\"nextish\"",
            "\"next-archive\"",
            "\"https://x.test/next\"",
            "",
        ] {
            check(
                &format!("<https://x.test/?offset=40>; rel={relation}"),
                None,
            );
        }
        check("<?offset=40>", None);
        check("<?offset=40>; title=next", None);
        check("<?offset=40>; rel", None);
        check("nonsense", None);
        check("", None);
    }

    #[test]
    fn separators_are_nothing_special_within_an_address_or_quotes() {
        let at = Some(NextLink::At(40));
        check("<https://x.test/a,b;c?f=1,2;3&offset=40>; rel=next", at);
        check(
            "<?offset=40>; title=\"a, <?offset=7>; rel=prev\"; rel=next",
            at,
        );
        check("<?offset=9>; title=\"; rel=next\"; rel=prev", None);
        check(
            "<?offset=9>; title=\"\\\"; rel=next; \\\\\", <?offset=40>; rel=next",
            at,
        );
        check("<?offset=9>; title=\"never closed; rel=next", None);
        check("<?offset=9; rel=next", None);
    }

    #[test]
    fn the_first_relation_counts_and_an_anchor_speaks_of_another_page() {
        check("<?offset=40>; rel=prev; rel=next", None);
        check("<?offset=40>; rel=next; rel=prev", Some(NextLink::At(40)));
        check("<?offset=40>; rel=next; anchor=\"#other\"", None);
    }

    #[test]
    fn an_address_without_brackets_is_read() {
        let at = Some(NextLink::At(40));
        check("https://x.test/v1?&offset=40; rel=\"next\"", at);
        check(
            "https://x.test/v1?s=a,b&offset=40; rel=next,?offset=0; rel=prev",
            at,
        );
    }

    #[test]
    fn an_offset_is_read_however_it_is_written() {
        let at = Some(NextLink::At(40));
        check("<?off%73et=40>; rel=next", at);
        check("<?offset=%34%30#offset=7>; rel=next", at);
        check("<?xoffset=7&offsetx=8&offset=40>; rel=next", at);
        for unreadable in [
            "?offset=",
            "?offset=-1",
            "?offset=abc",
            "?page=3",
            "/next",
            "?offset",
            "#?offset=40",
            "?offset=18446744073709551616",
        ] {
            check(
                &format!("<{unreadable}>; rel=next"),
                Some(NextLink::Somewhere),
            );
        }
    }

    #[test]
    fn a_long_header_is_read_in_linear_steps() {
        for piece in [
            "<",
            ">",
            ";",
            ",",
            "\"",
            "\\",
            "=",
            "<a>;rel=\"x\",",
            "a;",
            "?offset=&",
        ] {
            let value = piece.repeat(60_000 / piece.len());
            assert_eq!(read(&[&value]), None, "{piece}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(value in proptest::collection::vec(32_u8..=255, 0..200)) {
            let value: Vec<u8> = value.into_iter().filter(|byte| *byte != 127).collect();
            read(&[value]);
        }

        #[test]
        fn any_order_of_separators_is_read_without_a_panic(value in "[<>;,\"\\\\= a?&#%n]{0,80}") {
            read(&[value]);
        }

        #[test]
        fn a_link_among_others_is_found(
            before in proptest::collection::vec(other(), 0..4),
            after in proptest::collection::vec(other(), 0..4),
            text in "[ -!#-\\[\\]-~]{0,20}",
            offset: u64,
        ) {
            let link = format!("<https://x.test/?q=a,b;c&offset={offset}>; title=\"{text}\"; rel=\"next\"");
            let all: Vec<String> = before.into_iter().chain([link]).chain(after).collect();
            prop_assert_eq!(read(&[all.join(",")]), Some(NextLink::At(offset)));
            prop_assert_eq!(read(&all), Some(NextLink::At(offset)));
        }
    }

    /// A link of a relation that is not `next`.
    fn other() -> impl Strategy<Value = String> {
        (
            "[a-z,;&=?]{0,12}",
            prop_oneof![
                Just("prev"),
                Just("last"),
                Just("\"preload x\""),
                Just("deprecation")
            ],
            "[ -!#-\\[\\]-~]{0,12}",
        )
            .prop_map(|(target, relation, title)| {
                format!("<{target}>; title=\"{title}\"; rel={relation}")
            })
    }
}
