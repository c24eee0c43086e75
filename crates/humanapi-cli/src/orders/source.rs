//! What a file of orders is read from, and why it cannot be.

use std::io::{self, Read, Seek};

use crate::bounded::read_all;
use crate::exit::{Code, Failure, system_text};

/// What is read whole: JSON, and whatever comes on standard input, which cannot be read twice.
const WHOLE: usize = 32 * 1024 * 1024;

/// Bytes that are read from their beginning as often as it takes.
pub(super) trait Source: Read + Seek {}
impl<T: Read + Seek> Source for T {}

pub(super) fn usage(cause: impl Into<String>, remedy: &'static str) -> Failure {
    Failure::new(Code::Usage, cause, remedy)
}

pub(super) fn unreadable(error: &io::Error) -> Failure {
    Failure::new(
        Code::Usage,
        format!("cannot read the file of orders: {}", system_text(error)),
        "check the path and its permissions; `-` reads standard input",
    )
}

/// All of it, where that is not too much.
pub(super) fn whole(source: impl Read) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let is_all = read_all(source, WHOLE, &mut bytes);
    if !is_all.map_err(|error| unreadable(&error))? {
        return Err(usage(
            "what is read at once is larger than 32 MiB",
            "name a file of CSV, which is read line by line",
        ));
    }
    Ok(bytes)
}
