//! Request bodies: JSON objects and forms, read alike, and checked field by field.

use std::borrow::Cow;

use http::header::{AsHeaderName, HeaderValue};
use http::{HeaderMap, StatusCode, header};
use percent_encoding::percent_decode;
use serde_json::{Map, Value};

use crate::reply::Problem;

/// The fields of a body, and what is wrong with them.
#[derive(Debug)]
pub(crate) struct Fields {
    values: Map<String, Value>,
    is_form: bool,
    wrong: Vec<(&'static str, &'static str)>,
}

impl Fields {
    /// Reads a JSON object or a form, whichever the content type says.
    pub(crate) fn read(headers: &HeaderMap, body: &[u8]) -> Result<Self, Problem> {
        let (values, is_form) = match content_type(headers).as_deref() {
            Some("application/json") => (read_json(body)?, false),
            Some("application/x-www-form-urlencoded") => (read_form(body)?, true),
            _ => {
                return Err(Problem::new(
                    StatusCode::UNSUPPORTED_MEDIA_TYPE,
                    "the body must be JSON or a form, and its content type must say so",
                ));
            }
        };
        Ok(Self {
            values,
            is_form,
            wrong: Vec::new(),
        })
    }

    /// A text that may be left out.
    pub(crate) fn optional(&mut self, name: &'static str) -> Option<String> {
        match self.values.remove(name) {
            None => None,
            Some(Value::String(text)) => Some(text),
            Some(_) => {
                self.reject(name, "must be a string");
                None
            }
        }
    }

    /// A text of at most so many characters, or none.
    pub(crate) fn bounded(&mut self, name: &'static str, longest: usize) -> Option<String> {
        let text = self.optional(name)?;
        if text.len() > longest && text.chars().nth(longest).is_some() {
            self.reject(name, TOO_LONG);
            return None;
        }
        Some(text)
    }

    /// A text that must be there and may be empty.
    pub(crate) fn present(&mut self, name: &'static str) -> String {
        if !self.values.contains_key(name) {
            self.reject(name, "is required");
        }
        self.optional(name).unwrap_or_default()
    }

    /// A text that must be there and not be empty.
    pub(crate) fn required(&mut self, name: &'static str) -> String {
        let wrong = self.wrong.len();
        let text = self.present(name);
        if text.is_empty() && self.wrong.len() == wrong {
            self.reject(name, "must not be empty");
        }
        text
    }

    /// Checks a list of texts that may be left out; a form with a single one looks like a text.
    pub(crate) fn check_texts(&mut self, name: &'static str) {
        let fits = match self.values.remove(name) {
            None => true,
            Some(Value::String(_)) => self.is_form,
            Some(Value::Array(items)) => items.iter().all(Value::is_string),
            Some(_) => false,
        };
        if !fits {
            self.reject(name, "must be an array of strings");
        }
    }

    pub(crate) fn reject(&mut self, name: &'static str, complaint: &'static str) {
        self.wrong.push((name, complaint));
    }

    /// The refusal that names every wrong field, if there is one.
    pub(crate) fn finish(self) -> Result<(), Problem> {
        let Some((name, complaint)) = self.wrong.first() else {
            return Ok(());
        };
        let message = format!("\"{name}\" {complaint}");
        let keys = self
            .wrong
            .iter()
            .map(|(name, _)| Cow::Borrowed(*name))
            .collect();
        Err(Problem::invalid("payload", keys, message))
    }
}

/// What is said of a text that nobody needs so long.
pub(crate) const TOO_LONG: &str = "is too long";

/// The only value of a header; two are as good as none, because nobody knows which of them counts.
pub(crate) fn single(headers: &HeaderMap, name: impl AsHeaderName) -> Option<&HeaderValue> {
    let mut values = headers.get_all(name).iter();
    values.next().filter(|_| values.next().is_none())
}

/// The media type without its parameters, in lower case.
pub(crate) fn content_type(headers: &HeaderMap) -> Option<String> {
    let text = single(headers, header::CONTENT_TYPE)?.to_str().ok()?;
    let essence = text.split(';').next()?.trim();
    Some(essence.to_ascii_lowercase())
}

fn read_json(body: &[u8]) -> Result<Map<String, Value>, Problem> {
    match serde_json::from_slice(body) {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(_) => Err(malformed("the body must be a JSON object")),
        Err(_) => Err(malformed("the body is not valid JSON")),
    }
}

fn read_form(body: &[u8]) -> Result<Map<String, Value>, Problem> {
    let mut fields = Map::new();
    for pair in body.split(|byte| *byte == b'&') {
        if pair.is_empty() {
            continue;
        }
        let at = pair.iter().position(|byte| *byte == b'=');
        let (name, value) = at.map_or((pair, &b""[..]), |at| (&pair[..at], &pair[at + 1..]));
        let (Some(name), Some(value)) = (decode(name), decode(value)) else {
            return Err(malformed("the form is not valid UTF-8"));
        };
        let name = name.strip_suffix("[]").unwrap_or(&name).to_owned();
        match fields.remove(&name) {
            None => fields.insert(name, Value::String(value)),
            Some(Value::Array(mut values)) => {
                values.push(Value::String(value));
                fields.insert(name, Value::Array(values))
            }
            Some(first) => fields.insert(name, Value::Array(vec![first, Value::String(value)])),
        };
    }
    Ok(fields)
}

/// One name or value of a form or query; `None` if it is not UTF-8.
///
/// Replacing what is not UTF-8, as form readers usually do, would make one user of two.
pub(crate) fn decode(text: &[u8]) -> Option<String> {
    let spaced: Vec<u8> = text
        .iter()
        .map(|byte| if *byte == b'+' { b' ' } else { *byte })
        .collect();
    let plain = percent_decode(&spaced).decode_utf8().ok()?;
    Some(plain.into_owned())
}

/// The decoded value of the first query parameter of this name.
pub(crate) fn query_value(query: Option<&str>, name: &str) -> Option<String> {
    query?.split('&').find_map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        if key == name || decode(key.as_bytes()).as_deref() == Some(name) {
            // What is not UTF-8 is certainly none of ours, so any text that is not either will do.
            Some(decode(value.as_bytes()).unwrap_or_else(|| "\u{fffd}".to_owned()))
        } else {
            None
        }
    })
}

fn malformed(message: &'static str) -> Problem {
    Problem::invalid("payload", Vec::new(), message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(body: &str) -> Fields {
        let mut headers = HeaderMap::new();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("Application/X-WWW-Form-Urlencoded; charset=utf-8"),
        );
        Fields::read(&headers, body.as_bytes()).unwrap()
    }

    #[test]
    fn a_form_keeps_every_character() {
        let mut fields = form("client_user_id=%C3%9Cn%C3%AF-%E2%9C%93+%2B&empty=&lone");
        assert_eq!(fields.required("client_user_id"), "Ünï-✓ +");
        assert_eq!(fields.optional("empty").as_deref(), Some(""));
        assert_eq!(fields.optional("lone").as_deref(), Some(""));
        assert!(fields.finish().is_ok());
    }

    #[test]
    fn a_field_given_twice_is_a_list_and_no_text() {
        let mut fields = form("type=id&type=session&extra_scopes=a&extra_scopes=b");
        fields.check_texts("extra_scopes");
        fields.required("type");
        let problem = fields.finish().unwrap_err();
        assert_eq!(problem.validation.unwrap().keys, ["type"]);
    }

    #[test]
    fn a_form_that_is_not_utf8_is_refused() {
        assert!(read_form(b"client_user_id=%ff").is_err());
    }
}
