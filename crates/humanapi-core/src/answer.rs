//! Whose answer it is: decided once for every endpoint, before any meaning is read.
//!
//! A proxy, a firewall, a load balancer or a network's sign-in page can answer in the service's place,
//! with any status. What it says tells nothing of a user or an application, so an answer counts as the
//! service's own refusal only if it bears the service's [marks](bears_marks).

use std::borrow::Cow;

use http::{HeaderMap, StatusCode};
use serde_json::{Map, Value};

use crate::error::{
    ApiError, Asked, DecodeError, ErrorCode, IntermediaryError, ResponseError, code_of,
};
use crate::json;
use crate::message::{
    BODY_READ, Head, REQUEST_ID, Response, content_coding, content_length, media_type, read_fields,
};

/// What the body of a success is to be.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expected {
    /// Whatever the caller asked for.
    Anything,
    /// A token; whoever reads it says whether one is there.
    Token,
    /// One record.
    Object,
    /// A list of records.
    List,
}

/// Lets a success pass that can be what was asked for. Else says whose refusal it is.
pub(crate) fn accept(
    asked: Asked,
    expected: Expected,
    response: &Response,
) -> Result<(), ResponseError> {
    if !response.status().is_success() {
        return Err(refusal(asked, response));
    }
    if expected == Expected::Anything {
        return Ok(());
    }
    let body = json::without_byte_order_mark(response.body().as_bytes());
    match body.trim_ascii_start().first() {
        Some(b'{') if matches!(expected, Expected::Object | Expected::List) => {
            if may_be_an_error_object(body) {
                refusal_in_a_success(asked, response).map_or(Ok(()), Err)
            } else {
                Ok(())
            }
        }
        // What begins like this is neither compressed nor a page, whatever its headers say.
        Some(b'{' | b'[') => Ok(()),
        first => not_json(response, first.is_none()),
    }
}

/// What a success is that holds no JSON.
#[cold]
fn not_json(response: &Response, is_empty: bool) -> Result<(), ResponseError> {
    let headers = response.headers();
    match content_coding(headers) {
        Some(coding) if !is_empty => Err(ResponseError::Compressed { coding }),
        // A page that signs people in to a network comes with a success, too.
        _ if is_declared_as_another_type(headers) => Err(IntermediaryError::read(response).into()),
        // Whoever reads it says what is wrong.
        _ => Ok(()),
    }
}

/// What a document is to be.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum DocumentKind {
    Xml,
    Json,
    Html,
    Pdf,
    /// Nobody said, so nothing tells the document from what was sent in its place.
    #[cfg_attr(
        not(feature = "admin"),
        allow(dead_code, reason = "a report that was ordered")
    )]
    Any,
}

impl DocumentKind {
    /// In what else it may come, where it says so: which forms there are of a report is documented in part, and what
    /// comes in place of another one, nowhere.
    const fn other_forms(self) -> &'static [(Self, &'static str)] {
        match self {
            Self::Json | Self::Html | Self::Pdf => &[(Self::Json, "json"), (Self::Pdf, "pdf")],
            Self::Xml | Self::Any => &[],
        }
    }

    /// Whether a document begins as one of this kind does: what it is, and what can be read of it as text.
    fn begins(self, document: &[u8], text: &[u8]) -> bool {
        match self {
            Self::Xml => text.starts_with(b"<") && !is_page(text),
            Self::Json => text.starts_with(b"{") || text.starts_with(b"["),
            Self::Html => text.starts_with(b"<"),
            Self::Pdf => {
                // Readers take a PDF whose mark stands behind something else, such as what was meant for a printer.
                let beginning = &document[..document.len().min(BEGINNING_READ)];
                memchr::memmem::find(beginning, b"%PDF-").is_some()
                    && !matches!(text.first(), Some(b'<' | b'{' | b'['))
            }
            Self::Any => true,
        }
    }
}

/// How many bytes of a success [`accept_document`] has to see.
pub(crate) fn peek_at_document(kind: DocumentKind, head: &Head) -> usize {
    let is_json = kind == DocumentKind::Json
        || media_type(&head.headers).is_some_and(|declared| declared.contains("json"));
    let may_be_read = content_length(&head.headers).is_none_or(|length| length <= BODY_READ as u64);
    // JSON can be a refusal, which is judged as a whole.
    if is_json && may_be_read {
        REFUSAL_READ
    } else {
        BEGINNING_READ
    }
}

/// So much of a document tells what it is.
const BEGINNING_READ: usize = 1024;

/// Lets a success pass that can be the document that was asked for, by its head and its first bytes. Else says whose
/// refusal it is.
///
/// A media type alone refuses nothing, and lets nothing pass that does not begin like it. Where a page was asked for,
/// nothing tells it from another.
pub(crate) fn accept_document(
    kind: DocumentKind,
    response: &Response,
) -> Result<(), ResponseError> {
    accept_stream(Asked::WithToken, response)?;
    let document = response.body().as_bytes();
    let text = in_utf8(document);
    let text = json::without_byte_order_mark(&text).trim_ascii_start();
    if text.is_empty() {
        return Err(DecodeError::new(".", DecodeError::ENDS_EARLY).into());
    }
    if text.starts_with(b"{")
        && may_be_an_error_object(text)
        && let Some(refusal) = refusal_in_a_success(Asked::WithToken, response)
    {
        return Err(refusal);
    }
    let declared = media_type(response.headers());
    let is_another_form = |&(other, word): &(DocumentKind, &str)| {
        (declared.as_deref()).is_some_and(|declared| declared.contains(word))
            && other.begins(document, text)
    };
    if kind.begins(document, text) || kind.other_forms().iter().any(is_another_form) {
        Ok(())
    } else {
        Err(IntermediaryError::read(response).into())
    }
}

/// The beginning of a document in UTF-16, which XML may be in as well, or else the document as it is.
fn in_utf8(document: &[u8]) -> Cow<'_, [u8]> {
    let unit = match document {
        [0xff, 0xfe, ..] | [b'<', 0, ..] => u16::from_le_bytes,
        [0xfe, 0xff, ..] | [0, b'<', ..] => u16::from_be_bytes,
        _ => return Cow::Borrowed(document),
    };
    let beginning = &document[..document.len().min(BEGINNING_READ)];
    let (units, _) = beginning.as_chunks();
    let units: Vec<u16> = units.iter().map(|bytes| unit(*bytes)).collect();
    Cow::Owned(String::from_utf16_lossy(&units).into_bytes())
}

/// Lets a success pass whose body can be handed over as it arrives. Else says whose refusal it is.
pub(crate) fn accept_stream(asked: Asked, response: &Response) -> Result<(), ResponseError> {
    accept(asked, Expected::Anything, response)?;
    match content_coding(response.headers()) {
        Some(coding) => Err(ResponseError::Compressed { coding }),
        None => Ok(()),
    }
}

/// Whether a text begins as a page of HTML does, behind what may stand before it in any XML.
fn is_page(text: &[u8]) -> bool {
    let mut text = text.trim_ascii_start();
    for (opening, closing) in [("<?", "?>"), ("<!--", "-->")] {
        while let Some(inner) = text.strip_prefix(opening.as_bytes()) {
            let Some(end) = memchr::memmem::find(inner, closing.as_bytes()) else {
                return false;
            };
            text = inner[end + closing.len()..].trim_ascii_start();
        }
    }
    let begins = |word: &str| {
        let start = text.get(..word.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(word.as_bytes()))
    };
    ["<!doctype html", "<html", "<head", "<body"]
        .into_iter()
        .any(begins)
}

/// A success without the token that was asked for: a refusal all the same, if it speaks of an error.
pub(crate) fn refusal_in_a_success(asked: Asked, response: &Response) -> Option<ResponseError> {
    is_error_object(&read_fields(response)).then(|| refusal(asked, response))
}

/// Whose refusal it is, and what it says.
fn refusal(asked: Asked, response: &Response) -> ResponseError {
    let fields = read_fields(response);
    if bears_marks(response.status(), &fields) {
        ApiError::read(asked, response, &fields).into()
    } else {
        IntermediaryError::read(response).into()
    }
}

/// So much of a refusal has to be here before it is judged. One byte more than is read tells one that is too large.
pub(crate) const REFUSAL_READ: usize = BODY_READ + 1;

/// Whether a JSON error body is one that the service sends. One of these is enough:
///
/// * a documented code, wherever a code may stand;
/// * the request's id under the service's own name for it;
/// * a code of whatever text as `errorCode` or `error_code`, the service's own name for it;
/// * a code of the service's own form as `code`, or within `error`;
/// * the envelope of its errors: the HTTP status again, as `statusCode` or `code`, with a reason as
///   `error` and a `message`.
///
/// The last three count only without a `path` and a `timestamp`, which frameworks of gateways add and
/// the service does not. Some gateways write even such an envelope, so what these marks let pass may
/// not speak of a user: for that, [`ApiError`] wants a documented code.
fn bears_marks(status: StatusCode, fields: &Map<String, Value>) -> bool {
    let says = |key: &str| has_text(fields, key);
    let code = code_of(fields);
    if says(REQUEST_ID) || code.as_ref().is_some_and(ErrorCode::is_documented) {
        return true;
    }
    let is_foreign = fields.contains_key("path") || fields.contains_key("timestamp");
    !is_foreign
        && (says("errorCode")
            || says("error_code")
            || code.is_some_and(|code| code.has_the_services_form())
            || (says("error") && says("message") && repeats_status(status, fields)))
}

fn repeats_status(status: StatusCode, fields: &Map<String, Value>) -> bool {
    let mut numbers = ["statusCode", "code"]
        .into_iter()
        .filter_map(|key| fields.get(key)?.as_u64());
    let is_it = |number: u64| {
        if status.is_success() {
            // A refusal that hides in a success says its own status in the body alone.
            (400..600).contains(&number)
        } else {
            number == u64::from(status.as_u16())
        }
    };
    numbers.any(is_it)
}

fn has_text(fields: &Map<String, Value>, key: &str) -> bool {
    (fields.get(key).and_then(Value::as_str)).is_some_and(|text| !text.is_empty())
}

/// The fields that tell records apart.
const IDS: [&str; 3] = ["id", "humanId", "userId"];

/// The fields by which an object may tell of an error.
const SIGNS: [&str; 7] = [
    "error",
    "errorCode",
    "error_code",
    "code",
    "message",
    "statusCode",
    "status",
];

/// Whether a body can be an error object at all, by the names of its own fields. Medical records have
/// such fields too, but deeper within, and an id of their own: so they are not read twice.
fn may_be_an_error_object(body: &[u8]) -> bool {
    if body.len() > BODY_READ {
        return false;
    }
    let (mut has_sign, mut has_id) = (false, false);
    json::scan::each_own_field(body, |name, is_some_text| {
        has_id |= is_some_text && IDS.contains(&name);
        has_sign |= SIGNS.contains(&name);
    });
    has_sign && !has_id
}

/// Whether an object tells of an error instead of being what was asked for. Every record has an id.
fn is_error_object(fields: &Map<String, Value>) -> bool {
    let error = match fields.get("error") {
        None | Some(Value::Null | Value::Bool(false)) => false,
        Some(Value::String(text)) => !text.is_empty(),
        Some(_) => true,
    };
    let speaks = error
        || has_text(fields, "errorCode")
        || has_text(fields, "error_code")
        || has_text(fields, "message")
        || ["statusCode", "status"].iter().any(|key| {
            let number = fields.get(*key).and_then(Value::as_u64);
            number.is_some_and(|number| (400..600).contains(&number))
        })
        || code_of(fields).is_some_and(|code| code.is_documented());
    let is_record = IDS.iter().any(|key| has_text(fields, key));
    speaks && !is_record
}

fn is_declared_as_another_type(headers: &HeaderMap) -> bool {
    media_type(headers).is_some_and(|declared| !declared.contains("json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marked(status: u16, body: &str) -> bool {
        let fields = serde_json::from_str(body).unwrap();
        bears_marks(StatusCode::from_u16(status).unwrap(), &fields)
    }

    #[test]
    fn what_gateways_write_bears_no_marks() {
        for body in [
            r#"{"message":"Forbidden"}"#,
            r#"{"statusCode":403,"message":"Access denied due to a missing key"}"#,
            r#"{"success":false,"errors":[{"code":1020,"message":"denied"}]}"#,
            r#"{"error":{"code":403,"message":"denied","status":"PERMISSION_DENIED"}}"#,
            r#"{"error":{"code":"AuthorizationFailed","message":"denied"}}"#,
            r#"{"code":"AccessDenied","message":"denied"}"#,
            r#"{"code":"FORBIDDEN","message":"denied"}"#,
            r#"{"timestamp":"2026-01-01T00:00:00Z","status":403,"error":"Forbidden","path":"/"}"#,
            r#"{"timestamp":"t","status":403,"error":"Forbidden","message":"m","path":"/"}"#,
            r#"{"status":403,"error":"Forbidden","message":"m"}"#,
            r#"{"statusCode":403,"error":"Forbidden","message":"m","path":"/"}"#,
            r#"{"statusCode":403,"error":"Forbidden","message":"m","timestamp":7}"#,
            r#"{"errorCode":"WAF-17","path":"/"}"#,
            r#"{"statusCode":500,"error":"Forbidden","message":"another status than the line's"}"#,
            r#"{"statusCode":"403","error":"Forbidden","message":"the number as text"}"#,
            r#"{"error":"Forbidden","message":"denied"}"#,
            r#"{"errorCode":403,"errorMessage":"denied"}"#,
            r#"{"detail":"denied"}"#,
            "{}",
        ] {
            assert!(!marked(403, body), "{body}");
        }
    }

    #[test]
    fn each_mark_is_enough() {
        for body in [
            r#"{"code":"NOT_AUTHORIZED"}"#,
            r#"{"error":"NOT_AUTHORIZED"}"#,
            r#"{"error":{"code":"SESSION_TOKEN_GENERATION_NOT_ALLOWED"}}"#,
            r#"{"errorCode":"of no known form"}"#,
            r#"{"error_code":"x"}"#,
            r#"{"x-humanapi-request-id":"9e0b7c1a"}"#,
            r#"{"statusCode":403,"error":"Forbidden","message":"m"}"#,
            r#"{"code":403,"error":"Forbidden","message":"m"}"#,
            r#"{"errorCode":"NOT_AUTHORIZED","path":"/","timestamp":7}"#,
            r#"{"x-humanapi-request-id":"9e0b7c1a","path":"/"}"#,
        ] {
            assert!(marked(403, body), "{body}");
        }
        assert!(marked(
            200,
            r#"{"statusCode":403,"error":"Forbidden","message":"m"}"#
        ));
        assert!(!marked(
            200,
            r#"{"statusCode":200,"error":"Forbidden","message":"m"}"#
        ));
    }

    #[test]
    fn only_what_an_object_says_of_itself_makes_it_an_error_object() {
        for body in [
            r#"{"id":"a1","code":"NOT_AUTHORIZED","message":"m"}"#,
            r#"{"codes":[{"code":"8867-4","message":"m"}],"of":{"error":"e","status":500}}"#,
            r#"{"name":"error","value":"code"}"#,
            "{}",
        ] {
            assert!(!may_be_an_error_object(body.as_bytes()), "{body}");
        }
        for body in [
            r#"{"message":"m","of":{"id":"a1"}}"#,
            r#"{"id":"","error":"e"}"#,
            r#"{"id":7,"error":"e"}"#,
            r#"{ "\u0065rror" : "e" }"#,
        ] {
            assert!(may_be_an_error_object(body.as_bytes()), "{body}");
        }
    }
}
