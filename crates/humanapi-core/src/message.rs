//! One request and one response, and what a response's head and fields say of it.

use http::header::{ACCEPT, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, USER_AGENT};
use http::response::Parts;
use http::{HeaderMap, HeaderValue, Method, Uri};
use serde_json::{Map, Value};

use crate::body::Body;
use crate::json;

/// One HTTP request, ready for any stack that speaks the [`http`] types.
pub type Request = http::Request<Body>;

/// One HTTP response with its whole body.
pub type Response = http::Response<Body>;

/// One HTTP response without its body, which is still to come.
pub type Head = Parts;

/// Tells the service which SDK is asking, as servers like to know.
const AGENT: HeaderValue =
    HeaderValue::from_static(concat!("humanapi-rust/", env!("CARGO_PKG_VERSION")));
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// A request with every header that it will have, but for authorization and what HTTP itself adds.
pub(crate) fn build(method: Method, uri: Uri, body: Option<Body>) -> Request {
    let has_body = body.is_some();
    let mut request = Request::new(body.unwrap_or_default());
    *request.method_mut() = method;
    *request.uri_mut() = uri;
    // Filled in its place: moving a whole map in costs as much as a header.
    let headers = request.headers_mut();
    headers.reserve(6);
    headers.insert(ACCEPT, JSON);
    if has_body {
        headers.insert(CONTENT_TYPE, JSON);
    }
    headers.insert(USER_AGENT, AGENT);
    request
}

/// A refusal larger than this is none of the service's, and not worth reading.
pub(crate) const BODY_READ: usize = 256 * 1024;

/// The fields of a body that is one JSON object, or none.
pub(crate) fn read_fields(response: &Response) -> Map<String, Value> {
    let body = json::without_byte_order_mark(response.body().as_bytes());
    if body.len() > BODY_READ {
        return Map::new();
    }
    serde_json::from_slice(body).unwrap_or_default()
}

/// The literal key under which the service tells a request's id, in bodies for certain.
pub(crate) const REQUEST_ID: &str = "x-humanapi-request-id";

/// The id under which the vendor's support finds the request.
pub(crate) fn request_id(response: &Response) -> Option<String> {
    let in_body = read_fields(response).remove(REQUEST_ID);
    let in_header = || response.headers().get(REQUEST_ID)?.to_str().ok();
    match in_body {
        Some(Value::String(id)) => Some(id),
        _ => in_header().map(str::to_owned),
    }
}

/// The length that a head announces, where it announces one that is a number.
pub(crate) fn content_length(headers: &HeaderMap) -> Option<u64> {
    let mut lengths = headers.get_all(CONTENT_LENGTH).iter();
    let text = lengths.next()?.to_str().ok()?;
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
    is_plain.then(|| text.parse().ok()).flatten()
}

/// The coding that a body is in, unless it is in none. None is ever asked for.
pub(crate) fn content_coding(headers: &HeaderMap) -> Option<Box<str>> {
    let codings = headers.get_all(CONTENT_ENCODING).iter();
    let names = codings.flat_map(|value| value.to_str().unwrap_or("?").split(','));
    let name = names
        .map(str::trim)
        .find(|name| !name.is_empty() && !name.eq_ignore_ascii_case("identity"))?;
    let is_known = |known: &&str| name.eq_ignore_ascii_case(known);
    let known = ["gzip", "x-gzip", "br", "deflate", "zstd", "compress"];
    Some(
        (*known
            .iter()
            .find(|known| is_known(known))
            .unwrap_or(&"another coding"))
        .into(),
    )
}

/// The media type that a body is declared as, without its parameters, in small letters. What is none may
/// be anything, so it is left out.
pub(crate) fn media_type(headers: &HeaderMap) -> Option<Box<str>> {
    let declared = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    let essence = declared.split(';').next()?.trim().to_ascii_lowercase();
    let (top, sub) = essence.split_once('/')?;
    let known = [
        "application",
        "text",
        "image",
        "audio",
        "video",
        "font",
        "model",
        "message",
        "multipart",
    ];
    let is_name = |name: &str| {
        !name.is_empty()
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte))
    };
    (essence.len() <= 64 && known.contains(&top) && is_name(sub)).then(|| essence.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_content_type_is_shown_as_a_media_type_or_not_at_all() {
        let shown = |declared: &str| {
            let mut headers = HeaderMap::new();
            let value = HeaderValue::from_bytes(declared.as_bytes()).unwrap();
            headers.insert(CONTENT_TYPE, value);
            media_type(&headers).map(String::from)
        };
        assert_eq!(
            shown("Text/HTML; charset=utf-8").as_deref(),
            Some("text/html")
        );
        assert_eq!(
            shown("application/problem+json").as_deref(),
            Some("application/problem+json")
        );
        for odd in [
            "",
            "html",
            "text/",
            "secret/canary",
            "text/a b",
            "text/\u{e9}",
        ] {
            assert_eq!(shown(odd), None, "{odd}");
        }
        assert_eq!(shown(&format!("text/{}", "a".repeat(80))), None);
        assert_eq!(media_type(&HeaderMap::new()), None);
    }

    #[test]
    fn a_coding_is_named_if_it_is_a_known_one() {
        let coding = |declared: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_ENCODING, declared.parse().unwrap());
            content_coding(&headers).map(String::from)
        };
        assert_eq!(coding("GZIP").as_deref(), Some("gzip"));
        assert_eq!(coding("identity, br").as_deref(), Some("br"));
        assert_eq!(coding("canary").as_deref(), Some("another coding"));
        assert_eq!(coding("identity"), None);
        assert_eq!(coding(" "), None);
        assert_eq!(content_coding(&HeaderMap::new()), None);
    }

    #[test]
    fn a_length_is_digits_and_nothing_else() {
        let length = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_LENGTH, text.parse().unwrap());
            content_length(&headers)
        };
        assert_eq!(length("17"), Some(17));
        for odd in ["+17", "-1", "", "17, 17", "0x11", "99999999999999999999"] {
            assert_eq!(length(odd), None, "{odd}");
        }
        assert_eq!(content_length(&HeaderMap::new()), None);
    }
}
