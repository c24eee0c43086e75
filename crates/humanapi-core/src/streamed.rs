//! An answer whose body is handed over as it arrives.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use percent_encoding::percent_decode_str;

use crate::answer;
use crate::body::Body;
use crate::endpoint::Endpoint;
use crate::error::{BuildError, ResponseError, SendFailure, SendFailureKind};
use crate::hosts::Hosts;
use crate::message::{Request, Response, content_length};
use crate::now::Now;
use crate::raw_call::RawCall;
use crate::retry::Replay;
use crate::rules::Authorization;

/// An answer whose body is handed over as it arrives: what its head tells, and what is to come.
///
/// It is the output of an [endpoint that streams](Endpoint::streams). Nothing in it is checked against what it is the
/// content of: that is the reader's business.
pub struct Streamed {
    content_type: Option<Box<str>>,
    file_name: Option<Box<str>>,
    incoming: Incoming,
}

impl Streamed {
    /// What a head tells, together with so much of the body as has come.
    #[must_use]
    pub fn new(response: Response) -> Self {
        let (head, first) = response.into_parts();
        let declared = |name| head.headers.get(name)?.to_str().ok();
        Self {
            content_type: declared(CONTENT_TYPE).map(Into::into),
            file_name: declared(CONTENT_DISPOSITION).and_then(file_name),
            incoming: Incoming {
                first,
                announced: content_length(&head.headers),
                received: 0,
            },
        }
    }

    /// What the content is declared as, as it was sent: `text/xml; charset=utf-8`, for example.
    #[must_use]
    pub fn content_type(&self) -> Option<&str> {
        self.content_type.as_deref()
    }

    /// How many bytes the body has, where the head tells.
    #[must_use]
    pub const fn length(&self) -> Option<u64> {
        self.incoming.announced
    }

    /// The name that the service suggests for a file, without anything that would lead to another folder.
    #[must_use]
    pub fn file_name(&self) -> Option<&str> {
        self.file_name.as_deref()
    }

    /// The whole body, where a driver that hands over none as it arrives had read it.
    ///
    /// # Errors
    ///
    /// When it is shorter or longer than the head announced, as it is where its rest is still to come.
    pub fn into_body(mut self) -> Result<Body, SendFailure> {
        let body = self.incoming.first()?;
        self.incoming.end()?;
        Ok(body.unwrap_or_default().into())
    }

    /// Keeps account of the body, for whoever reads it.
    pub const fn incoming(&mut self) -> &mut Incoming {
        &mut self.incoming
    }
}

/// Shows neither the type's own text nor the name of the file, which can name a person.
impl fmt::Debug for Streamed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Streamed")
            .field("length", &self.length())
            .finish_non_exhaustive()
    }
}

/// Keeps account of a body that arrives in pieces: one that ends too early or too late is an error, and never a shorter
/// or a longer body.
///
/// ```
/// use humanapi_core::http::Response;
/// use humanapi_core::{Body, SendFailureKind, Streamed};
///
/// let head = Response::builder().header("content-length", "9");
/// let mut answer = Streamed::new(head.body(Body::from("%PDF"))?);
/// let incoming = answer.incoming();
/// assert_eq!(incoming.first()?.as_deref(), Some(&b"%PDF"[..]));
/// incoming.take(b"-1.7")?;
/// let failure = incoming.end().unwrap_err();
/// assert_eq!(failure.kind(), SendFailureKind::CutShort);
/// incoming.take(b"\n")?;
/// assert!(incoming.end().is_ok());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Incoming {
    /// What came together with the head and was not handed over yet.
    first: Body,
    announced: Option<u64>,
    received: u64,
}

impl Incoming {
    /// The piece that is here already, once. It was [taken](Self::take) then.
    ///
    /// # Errors
    ///
    /// When it is longer than the head announced.
    pub fn first(&mut self) -> Result<Option<Bytes>, SendFailure> {
        let first = std::mem::take(&mut self.first);
        self.take(first.as_bytes())?;
        Ok((!first.is_empty()).then(|| first.into_bytes()))
    }

    /// Takes note of a piece that came.
    ///
    /// # Errors
    ///
    /// When there is more than the head announced.
    pub fn take(&mut self, piece: &[u8]) -> Result<(), SendFailure> {
        self.received = self.received.saturating_add(piece.len() as u64);
        match self.announced {
            Some(announced) if self.received > announced => {
                Err(SendFailure::new(SendFailureKind::TooLong))
            }
            _ => Ok(()),
        }
    }

    /// Takes note of the end.
    ///
    /// # Errors
    ///
    /// When less came than the head announced.
    pub fn end(&self) -> Result<(), SendFailure> {
        match self.announced {
            Some(announced) if self.received < announced => {
                Err(SendFailure::new(SendFailureKind::CutShort))
            }
            _ => Ok(()),
        }
    }

    /// How many bytes were taken.
    #[must_use]
    pub const fn received(&self) -> u64 {
        self.received
    }
}

impl fmt::Debug for Incoming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Incoming")
            .field("announced", &self.announced)
            .field("received", &self.received)
            .finish_non_exhaustive()
    }
}

/// A [`RawCall`] whose answer is handed over as it arrives.
#[derive(Clone, Debug)]
pub struct StreamedCall(RawCall);

impl RawCall {
    /// The same call, with its answer handed over as it arrives: for what is larger than memory has room for.
    #[must_use]
    pub const fn streamed(self) -> StreamedCall {
        StreamedCall(self)
    }
}

impl Endpoint for StreamedCall {
    type Output = Streamed;

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

    fn streams(&self) -> bool {
        true
    }

    fn parse(&self, response: Response, _: Now) -> Result<Streamed, ResponseError> {
        answer::accept_stream(self.0.asked(), &response)?;
        Ok(Streamed::new(response))
    }
}

/// The file name in a `Content-Disposition` (RFC 6266), reduced to one that names a file in any folder it is put into.
fn file_name(disposition: &str) -> Option<Box<str>> {
    let mut plain = None;
    let mut extended = None;
    for (name, value) in parameters(disposition) {
        if name.eq_ignore_ascii_case("filename") {
            plain.get_or_insert(value);
        } else if name.eq_ignore_ascii_case("filename*") {
            extended = extended.or_else(|| decoded(&value));
        }
    }
    let name = extended.or_else(|| plain.map(Cow::into_owned))?;
    let last = name.rsplit(['/', '\\']).next()?.trim();
    let leads_elsewhere = last.is_empty() || last.bytes().all(|byte| byte == b'.');
    let is_odd = last
        .chars()
        .any(|letter| letter.is_control() || letter == ':');
    (!leads_elsewhere && !is_odd && last.len() <= 255).then(|| last.into())
}

/// The parameters behind the first word of a header, with quotes and backslashes taken off.
fn parameters(header: &str) -> impl Iterator<Item = (&str, Cow<'_, str>)> {
    let mut rest = header.find(';').map_or("", |at| &header[at + 1..]);
    std::iter::from_fn(move || {
        let (name, value) = rest.split_once('=')?;
        let value = value.trim_start();
        let Some(quoted) = value.strip_prefix('"') else {
            let end = value.find(';').unwrap_or(value.len());
            rest = value.get(end + 1..).unwrap_or_default();
            return Some((name.trim(), value[..end].trim().into()));
        };
        let mut text = String::new();
        let mut letters = quoted.char_indices();
        let mut end = quoted.len();
        while let Some((at, letter)) = letters.next() {
            match letter {
                '"' => {
                    end = at;
                    break;
                }
                '\\' => text.extend(letters.next().map(|(_, letter)| letter)),
                letter => text.push(letter),
            }
        }
        let behind = &quoted[end..];
        rest = behind.find(';').map_or("", |at| &behind[at + 1..]);
        Some((name.trim(), text.into()))
    })
}

/// Text with a charset, as RFC 8187 has it: `UTF-8''na%C3%AFve.pdf`.
fn decoded(value: &str) -> Option<String> {
    let (charset, rest) = value.split_once('\'')?;
    let (_, text) = rest.split_once('\'')?;
    let text = percent_decode_str(text).decode_utf8();
    (charset.eq_ignore_ascii_case("utf-8")).then(|| text.ok().map(Cow::into_owned))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(disposition: &str, expected: Option<&str>) {
        assert_eq!(file_name(disposition).as_deref(), expected, "{disposition}");
    }

    #[test]
    fn a_file_name_is_read_in_each_of_its_forms() {
        check("attachment; filename=report.pdf", Some("report.pdf"));
        check(
            "attachment; FileName = \"a; b.pdf\" ; x=y",
            Some("a; b.pdf"),
        );
        check(r#"inline; filename="a\"b.pdf""#, Some("a\"b.pdf"));
        check(
            "attachment;filename=a.pdf;filename*=utf-8'en'%C3%A9.pdf",
            Some("é.pdf"),
        );
        check(
            "attachment; filename*=UTF-8''%C3%A9.pdf; filename=a.pdf",
            Some("é.pdf"),
        );
        check(
            "attachment; filename*=latin1''%E9.pdf; filename=a.pdf",
            Some("a.pdf"),
        );
        check("attachment; filename*=utf-8''%E9.pdf", None);
        check("attachment", None);
        check("filename=a.pdf", None);
        check("attachment; filename=\"a.pdf", Some("a.pdf"));
        check("attachment; filename=\"a\\", Some("a"));
    }

    #[test]
    fn a_file_name_leads_to_no_other_folder() {
        check("attachment; filename=\"../../etc/passwd\"", Some("passwd"));
        check(r#"attachment; filename="C:\\boot.ini""#, Some("boot.ini"));
        check(
            "attachment; filename*=utf-8''..%2F..%2Fa.pdf",
            Some("a.pdf"),
        );
        for nowhere in ["..", ".", "", "/", "a/..", " ", "c:", "a:b"] {
            check(&format!("attachment; filename=\"{nowhere}\""), None);
        }
        check("attachment; filename*=utf-8''a%00b", None);
        check(&format!("attachment; filename={}", "a".repeat(256)), None);
    }
}
