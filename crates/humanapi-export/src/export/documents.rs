//! Which documents are in a folder: what tells it, and whether they are there.

use std::collections::{BTreeMap, BTreeSet};

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
            // What has the same name and was read later is what stays.
            Ok(line) => told.extend(line.file.map(|file| (file, line.bytes))),
            Err(_) => return Ok(false),
        }
    }
    let there = folder.files(within.trim_end_matches('/'));
    let there = there.map_err(ExportError::of_folder)?;
    let mut told = told.iter();
    Ok(told.all(|(file, bytes)| there.get(&format!("{within}{file}")).copied() == *bytes))
}

/// Leaves of files with the same path the last one, as their lines are read: a store may put them in any order.
pub(super) fn last_of_each<T>(files: Vec<(T, String)>) -> Vec<(T, String)> {
    let mut named = BTreeSet::new();
    let last = files.into_iter().rev();
    let mut last: Vec<_> = last
        .filter(|(_, path)| named.insert(path.clone()))
        .collect();
    last.reverse();
    last
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_documents_of_one_name_the_later_one_is_put() {
        let files = [(1, "a.xml"), (2, "b.xml"), (3, "a.xml"), (4, "c.xml")];
        let files = files.map(|(file, path)| (file, path.to_owned()));
        let last = last_of_each(files.into());
        let last: Vec<_> = last.iter().map(|(file, _)| *file).collect();
        assert_eq!(last, [2, 3, 4]);
    }
}
