//! Lists that are read on after a restart: a call for a next page, written down and read again.

use serde::de::{Deserialize, Deserializer, Error as _};
use serde::ser::{Serialize, SerializeStruct as _, Serializer};

use crate::data::list::{List, Resource};
use crate::data::paging::Cursor;
use crate::data::query::Query;

/// How a cursor is written now.
const VERSION: u8 = 1;

#[derive(serde::Deserialize)]
struct SavedList {
    version: u8,
    of: String,
    query: Query,
    cursor: Cursor,
}

/// A cursor: what was asked for, where the next page begins, and what was seen of the list so far, so that a
/// list which changed while nobody read it is noticed too.
///
/// It holds the id of one record, hashes of those of one page, and the name of the source that was asked for, and nothing
/// else of a user's data. Its size grows with the page and not with the list.
impl<R: Resource> Serialize for List<R> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (query, cursor) = self.parts();
        let mut saved = serializer.serialize_struct("SavedList", 4)?;
        saved.serialize_field("version", &VERSION)?;
        saved.serialize_field("of", R::NAME)?;
        saved.serialize_field("query", query)?;
        saved.serialize_field("cursor", cursor)?;
        saved.end()
    }
}

impl<'de, R: Resource> Deserialize<'de> for List<R> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let saved = SavedList::deserialize(deserializer)?;
        if saved.version != VERSION {
            return Err(D::Error::custom(format_args!(
                "a cursor of version {}, and this release reads version {VERSION}: read the list from its beginning",
                saved.version
            )));
        }
        if saved.of != R::NAME {
            return Err(D::Error::custom(format_args!(
                "a cursor of another list than {}",
                R::NAME
            )));
        }
        Ok(Self::from_parts(saved.query, saved.cursor))
    }
}
