//! The JSON that is sent.

use std::fs::File;
use std::io::{self, Read};

use humanapi_core::http::Method;
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::failure::usage;
use crate::args::api::ApiArgs;
use crate::bounded::read_all;
use crate::exit::{Code, Failure, system_text};

/// What is sent: fields, or the text of a file as it stands.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Body {
    Fields(Map<String, Value>),
    Text(Box<RawValue>),
}

/// More than this is no body for this service.
const LARGEST: usize = 16 * 1024 * 1024;

/// The body, where there is one.
pub(super) fn read(args: &ApiArgs) -> Result<Option<Body>, Failure> {
    let body = match &args.input {
        Some(path) if path == "-" => Body::Text(from(io::stdin().lock())?),
        Some(path) => Body::Text(from(File::open(path).map_err(|error| unreadable(&error))?)?),
        None if args.field.is_empty() => return Ok(None),
        None => Body::Fields(fields(&args.field)?),
    };
    if matches!(args.method, Method::GET | Method::HEAD) {
        return Err(usage(
            "GET and HEAD have no body",
            "use --query for parameters, or another method",
        ));
    }
    Ok(Some(body))
}

fn fields(given: &[(String, Value)]) -> Result<Map<String, Value>, Failure> {
    let mut fields = Map::new();
    for (name, value) in given {
        if fields.insert(name.clone(), value.clone()).is_some() {
            return Err(usage(
                "--field says one name twice",
                "give a list as NAME:=[…], or the whole body by --input",
            ));
        }
    }
    Ok(fields)
}

fn from(reader: impl Read) -> Result<Box<RawValue>, Failure> {
    let mut bytes = Vec::new();
    if !read_all(reader, LARGEST, &mut bytes).map_err(|error| unreadable(&error))? {
        return Err(usage(
            "what --input names is larger than 16 MiB",
            "send less at once",
        ));
    }
    let text = String::from_utf8(bytes).map_err(|_| {
        usage(
            "what --input names is not text in UTF-8",
            "save it as UTF-8",
        )
    })?;
    let text = text.trim_start_matches('\u{feff}');
    serde_json::from_str(text).map_err(|error| {
        // Its text may repeat what was read.
        let (line, column) = (error.line(), error.column());
        Failure::new(
            Code::Usage,
            format!("what --input names is no JSON from line {line}, column {column} on"),
            "correct it there",
        )
    })
}

fn unreadable(error: &io::Error) -> Failure {
    Failure::new(
        Code::Usage,
        format!("cannot read what --input names: {}", system_text(error)),
        "check the path and its permissions; `-` reads standard input",
    )
}
