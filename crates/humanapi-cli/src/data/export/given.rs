//! What the options name, and what is wrong with it.

use std::path::Path;
use std::str::FromStr;

#[cfg(feature = "cloud")]
use humanapi_export::CloudError;
use humanapi_export::{ExportError, InvalidKey};

use crate::exit::{Code, Failure};

/// A key of the file of `--key-file`.
pub(crate) fn key<K: FromStr<Err = InvalidKey>>(path: &Path) -> Result<K, Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        let cause = format!("the file of --key-file cannot be read: {}", error.kind());
        Failure::new(Code::Usage, cause, KEY)
    })?;
    text.parse()
        .map_err(|error: InvalidKey| Failure::new(Code::Usage, error.to_string(), KEY))
}

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
    Failure::of_files(code, error, error.remedy())
}
