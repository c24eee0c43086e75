//! Where the next page begins, by what a list's headers say.

use http::HeaderMap;
use http::header::LINK;

/// How many records match, where the service says so.
pub(super) fn total(headers: &HeaderMap) -> Option<u64> {
    let value = headers.get("x-total-count")?;
    value.to_str().ok()?.trim().parse().ok()
}

/// The offset of the next page, unless this was the last.
///
/// A `Link` is read for its offset alone and its address is never called, so a token never goes to
/// another origin, and a gateway in front of the service does not break paging. An offset that does
/// not lead on is not followed. Without a `Link` the total decides, and without a total the page's
/// size: a full page may be followed by another.
pub(super) fn next_offset(
    headers: &HeaderMap,
    offset: u64,
    received: u64,
    page_size: u64,
) -> Option<u64> {
    if received == 0 {
        return None;
    }
    let after = offset.checked_add(received)?;
    let total = total(headers);
    if total.is_some_and(|total| after >= total) {
        return None;
    }
    let mut links = headers
        .get_all(LINK)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .peekable();
    if links.peek().is_some() {
        return links
            .find_map(|value| offset_of(value, "next"))
            .filter(|next| *next > offset);
    }
    (total.is_some() || received >= page_size).then_some(after)
}

/// The `offset` of the link of this relation. Angle brackets may be missing, and a query may begin
/// with `?&`.
fn offset_of(links: &str, relation: &str) -> Option<u64> {
    // A comma also separates parameters' values, so links are told apart by their relation.
    links.split(',').find_map(|link| {
        let (target, parameters) = link.split_once(';')?;
        let is_relation = parameters.split(';').any(|parameter| {
            parameter.split_once('=').is_some_and(|(name, value)| {
                name.trim().eq_ignore_ascii_case("rel")
                    && value
                        .trim()
                        .trim_matches('"')
                        .split_ascii_whitespace()
                        .any(|word| word.eq_ignore_ascii_case(relation))
            })
        });
        if !is_relation {
            return None;
        }
        let target = target.trim().trim_start_matches('<').trim_end_matches('>');
        let (_, query) = target.split_once('?')?;
        let query = query.split('#').next().unwrap_or_default();
        query
            .split('&')
            .find_map(|pair| pair.strip_prefix("offset=")?.parse().ok())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIDDLE: &str = "<https://api.example.test/v1/human/activities?limit=20&offset=40>; rel=\"next\",<https://api.example.test/v1/human/activities?limit=20&offset=0>; rel=\"prev\",<https://api.example.test/v1/human/activities?limit=20&offset=60>; rel=\"last\",<https://api.example.test/v1/human/activities?limit=20&offset=0>; rel=\"first\"";

    fn check(link: Option<&str>, total: Option<&str>, page: (u64, u64), next: Option<u64>) {
        let mut headers = HeaderMap::new();
        if let Some(link) = link {
            headers.insert(LINK, link.parse().unwrap());
        }
        if let Some(total) = total {
            headers.insert("x-total-count", total.parse().unwrap());
        }
        let (offset, received) = page;
        assert_eq!(
            next_offset(&headers, offset, received, 20),
            next,
            "{link:?} {total:?} {page:?}"
        );
    }

    #[test]
    fn the_next_link_leads_on() {
        check(Some(MIDDLE), Some("65"), (20, 20), Some(40));
        check(Some(MIDDLE), None, (20, 20), Some(40));
    }

    #[test]
    fn the_end_is_an_empty_page_the_total_or_no_next_link() {
        check(Some(MIDDLE), Some("65"), (20, 0), None);
        check(Some(MIDDLE), Some("40"), (20, 20), None);
        check(
            Some("<https://api.example.test/?offset=0>; rel=\"first\""),
            Some("65"),
            (20, 20),
            None,
        );
        check(None, Some("12"), (0, 12), None);
    }

    #[test]
    fn without_a_link_the_total_or_a_full_page_leads_on() {
        check(None, Some("65"), (20, 20), Some(40));
        check(None, None, (20, 20), Some(40));
        check(None, None, (20, 19), None);
        check(None, Some("many"), (20, 20), Some(40));
    }

    #[test]
    fn links_are_read_leniently() {
        let next = Some(40);
        check(
            Some("https://api.example.test/v1?&offset=40; rel=next"),
            None,
            (20, 20),
            next,
        );
        check(
            Some("<https://x.test/?offset=40&a=b#f>;REL=\"prev Next\""),
            None,
            (20, 20),
            next,
        );
        check(Some("nonsense"), None, (20, 20), None);
        check(
            Some("<https://x.test/?offset=abc>; rel=\"next\""),
            None,
            (20, 20),
            None,
        );
        check(Some(""), None, (20, 20), None);
    }

    #[test]
    fn a_link_that_leads_back_is_not_followed() {
        check(
            Some("<https://x.test/?offset=20>; rel=\"next\""),
            None,
            (20, 20),
            None,
        );
        check(
            Some("<https://x.test/?offset=0>; rel=\"next\""),
            None,
            (20, 20),
            None,
        );
    }
}
