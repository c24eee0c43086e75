//! One line of what a run writes: how a record is now, or that it is gone.

use std::io::{self, Write};

use humanapi_core::data::{Operation, Record, Route};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::super::reading::name;
use crate::json::readable;
use crate::keyed::hex;
use crate::ndjson::on_one_line;

/// How each line begins, with the user behind it.
pub(super) const HEAD: &str = r#"{"_user":"#;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Change {
    /// It is so now.
    Put,
    /// It is gone.
    Delete,
}

/// What stands before the record, in the order in which it is written.
#[derive(Serialize)]
pub(super) struct Line<'a> {
    pub(super) _user: &'a str,
    pub(super) _resource: &'a str,
    pub(super) _id: &'a str,
    pub(super) _change: Change,
    pub(super) _commit: u64,
    pub(super) _read_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) _form: Option<String>,
}

impl Line<'_> {
    pub(super) fn write(&self, record: Option<&Record>, writer: &mut impl Write) -> io::Result<()> {
        let line = serde_json::to_string(self)?;
        let Some(record) = record else {
            writer.write_all(line.as_bytes())?;
            return writer.write_all(b"\n");
        };
        // It is open for one more field.
        let open = line.strip_suffix('}').unwrap_or(&line);
        writer.write_all(open.as_bytes())?;
        writer.write_all(b",\"record\":")?;
        on_one_line(readable(record.json()).as_bytes(), writer)?;
        writer.write_all(b"}\n")
    }
}

/// What stands before the hash that a record without an id is called by.
const BY_HASH: &str = "sha256:";

/// What tells a record from all others of its list: its id as it was sent. What a user has one of is called after its kind,
/// and what has no id after what it holds.
pub(super) fn id_of(record: &Record, route: &Route) -> String {
    if route.operation == Operation::Single {
        return name(route).to_owned();
    }
    match record.field("id").map(|id| (id.read::<String>(), id.raw())) {
        Some((Ok(id), _)) if !id.is_empty() => id,
        Some((Err(_), raw)) if raw != b"null" => String::from_utf8_lossy(raw).into_owned(),
        _ => format!("{BY_HASH}{}", hex(&Sha256::digest(record.raw())[..16])),
    }
}

/// What a record is called that stands beside another one of its id.
pub(super) fn beside(id: &str, form: u64) -> String {
    format!("{id}~{}", form_text(form))
}

/// Whether the service can be asked for what is called so.
pub(super) fn can_be_asked_for(id: &str) -> bool {
    !id.starts_with(BY_HASH) && !id.contains('~')
}

/// Tells one form of a record from another.
pub(super) fn form(record: &Record) -> u64 {
    let hash = Sha256::digest(record.raw());
    number(&hash)
}

/// Tells one set of records in their forms from another, in whatever order they are added up.
pub(super) fn fingerprint(id: &str, form: u64) -> u64 {
    let hash = Sha256::new()
        .chain_update(form.to_be_bytes())
        .chain_update(id.as_bytes());
    number(&hash.finalize())
}

fn number(hash: &[u8]) -> u64 {
    let first = hash.first_chunk().expect("a hash has 32 bytes");
    u64::from_be_bytes(*first)
}

pub(super) fn form_text(form: u64) -> String {
    format!("{form:016x}")
}

/// The folder of what is written of a kind and bucket.
pub(super) fn folder_of(route: &Route, bucket: u32) -> String {
    format!("resource={}/bucket={bucket:04}", name(route))
}

/// The name of what one run writes there.
pub(super) fn file_of(commit: u64) -> String {
    format!("commit-{commit:012}.ndjson")
}

/// The number of the run that wrote a file or folder of this name.
pub(super) fn commit_of(name: &str) -> Option<u64> {
    let number = name.strip_prefix("commit-")?;
    let number = number.strip_suffix(".ndjson").unwrap_or(number);
    (number.len() == 12).then(|| number.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use humanapi_core::data::ROUTES;

    use super::*;

    #[test]
    fn a_record_is_called_by_its_id_and_else_by_what_it_holds() {
        let route = |name| {
            let is_it = |route: &&Route| {
                route.name == name && matches!(route.operation, Operation::List | Operation::Single)
            };
            ROUTES.iter().find(is_it).unwrap()
        };
        let id = |name, sent: &str| {
            let route = route(name);
            let record = Record::from_sent(sent.to_owned(), route.fields).unwrap();
            let id = id_of(&record, route);
            let can = can_be_asked_for(&id);
            (id, can)
        };
        let list = "data.activities";
        assert_eq!(id(list, r#"{"id":"a1"}"#), ("a1".to_owned(), true));
        assert_eq!(id(list, r#"{"id":17}"#), ("17".to_owned(), true));
        for sent in [r#"{"steps":1}"#, r#"{"id":""}"#, r#"{"id":null}"#, "null"] {
            let (text, can) = id(list, sent);
            assert!(text.starts_with("sha256:") && !can, "{sent} {text}");
        }
        assert_eq!(id("data.profile", r#"{"id":"a1"}"#).0, "profile");
        assert_eq!(commit_of(&file_of(12)), Some(12));
        assert_eq!(commit_of("records.ndjson"), None);
    }
}
