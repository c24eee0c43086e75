//! Which documents are in a folder: what tells it, and whether they are there.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::error::ExportError;
use super::folder::Folder;

/// What tells which documents are in a folder, beside them.
pub(super) const DOCUMENTS: &str = "_documents.ndjson";

/// One document: a line of `_documents.ndjson` beside it.
#[derive(Debug, Serialize)]
pub(super) struct DocumentLine<'a> {
    pub(super) user: &'a str,
    pub(super) resource: &'a str,
    pub(super) id: &'a str,
    /// Its name in this folder; nothing where it could not be had.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) file: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) sha256: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) content_type: Option<&'a str>,
    /// Why it is not there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) missing: Option<&'a str>,
}

/// What is needed of such a line to find the document again.
#[derive(Deserialize)]
struct DocumentTold {
    file: Option<String>,
    bytes: Option<u64>,
}

/// Whether each document is there, in its length, that a file of lines tells of.
pub(super) fn has_its_documents(
    folder: &Folder,
    within: &str,
    path: &str,
) -> Result<bool, ExportError> {
    let lines = folder.read(path).map_err(ExportError::of_folder)?;
    let lines = lines.unwrap_or_default();
    let lines = serde_json::Deserializer::from_slice(&lines).into_iter::<DocumentTold>();
    let mut told: BTreeMap<String, Option<u64>> = BTreeMap::new();
    for line in lines {
        match line {
            // What has the same name was put into its place later.
            Ok(line) => told.extend(line.file.map(|file| (file, line.bytes))),
            Err(_) => return Ok(false),
        }
    }
    let there = folder.files(within.trim_end_matches('/'));
    let there = there.map_err(ExportError::of_folder)?;
    let mut told = told.iter();
    Ok(told.all(|(file, bytes)| there.get(&format!("{within}{file}")).copied() == *bytes))
}
