//! What the options name, and what is wrong with it.

use std::fs::File;
use std::path::Path;
use std::str::{self, FromStr};

#[cfg(feature = "cloud")]
use humanapi_export::CloudError;
use humanapi_export::{ExportError, InvalidKey};
use zeroize::Zeroizing;

use crate::bounded::read_all;
use crate::exit::{Code, Failure};

/// A key of the file of `--key-file`.
pub(crate) fn key<K: FromStr<Err = InvalidKey>>(path: &Path) -> Result<K, Failure> {
    let unusable = |cause| Failure::new(Code::Usage, cause, KEY);
    // Large enough from the start: a buffer that grows leaves copies of the key behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(LONGEST_KEY + 1));
    let is_all = File::open(path).and_then(|file| read_all(file, LONGEST_KEY, &mut bytes));
    let is_all = is_all.map_err(|error| {
        unusable(format!(
            "the file of --key-file cannot be read: {}",
            error.kind()
        ))
    })?;
    let text = str::from_utf8(&bytes).ok().filter(|_| is_all);
    // What is no text, or longer than a key, is none as well as nothing is.
    text.unwrap_or_default()
        .parse()
        .map_err(|error: InvalidKey| Failure::new(Code::Usage, error.to_string(), KEY))
}

/// More than this is no key.
const LONGEST_KEY: usize = 1024;

const KEY: &str = "make one, such as by `openssl rand -hex 32`, and keep it as long as the export";

/// What stands where a folder is named, if it is an address such as `s3://bucket/folder`.
pub(crate) fn address(folder: &Path) -> Option<&str> {
    folder.to_str().filter(|text| text.contains("://"))
}

/// What is wrong on this side, whether anything is asked for or not.
pub(crate) fn refused(error: &ExportError) -> Failure {
    let code = match error {
        ExportError::Folder(_)
        | ExportError::Temporary(_)
        | ExportError::Changed
        | ExportError::InUse
        | ExportError::Write(_)
        | ExportError::Cursors(_) => Code::Machine,
        #[cfg(feature = "cloud")]
        ExportError::Cloud(store)
            if !matches!(store, CloudError::Address | CloudError::Settings) =>
        {
            Code::Machine
        }
        _ => Code::Usage,
    };
    Failure::with_causes(code, error, error.remedy())
}
