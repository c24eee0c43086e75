//! How often fields stayed, and how often they did not.

use serde::Serialize;

/// What became of one field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct FieldCount {
    /// Its path from the record on.
    pub path: String,
    /// So often it stayed, in whatever form.
    pub kept: u64,
    /// So often it did not: by its row, or because what stood there could tell something.
    pub dropped: u64,
}

/// What became of all fields of the records of one kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct FieldCounts {
    /// Of each field that has a row.
    pub fields: Vec<FieldCount>,
    /// How many fields were met that have no row, or that no table has. None stayed.
    pub unknown: u64,
}

impl FieldCounts {
    /// How many fields stayed, in whatever form.
    #[must_use]
    pub fn kept(&self) -> u64 {
        self.fields.iter().map(|field| field.kept).sum()
    }

    /// How many did not, those without a row included.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        let dropped: u64 = self.fields.iter().map(|field| field.dropped).sum();
        dropped + self.unknown
    }

    /// Counts others of the same kind in.
    #[cfg(feature = "client")]
    pub(crate) fn add(&mut self, others: &Self) {
        if self.fields.is_empty() {
            self.fields.clone_from(&others.fields);
        } else {
            for (own, other) in std::iter::zip(&mut self.fields, &others.fields) {
                own.kept += other.kept;
                own.dropped += other.dropped;
            }
        }
        self.unknown += others.unknown;
    }
}
