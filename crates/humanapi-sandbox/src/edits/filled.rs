//! A list of any length, of which nothing is held but a model.

use super::layer::blank;
use crate::clock::{self, Millis};
use crate::records::{Ask, Entry, Head, Records};
use crate::resource::Resource;
use crate::seed::{Numbers, keyed};

/// How much older each record is than the one before.
const STEP: Millis = 600_000;

/// As many records as were asked for, each made from one by its index.
pub(super) struct Filled {
    count: usize,
    model: Entry,
}

impl Filled {
    /// After the newest of what is told, or a record with nothing in it.
    pub(super) fn of(
        count: usize,
        resource: Resource,
        ask: &Ask<'_>,
        told: &dyn Records,
    ) -> Box<dyn Records> {
        let model = if told.len() > 0 {
            Some(told.at(0))
        } else {
            blank(ask, resource)
        };
        match model {
            None => Box::new(Vec::new()),
            Some(mut model) => {
                model.fields = model.fields.changeable();
                for name in ["id", "createdAt", "updatedAt"] {
                    model.fields.remove(name);
                }
                // What is spoken of is the same for all of a user's filled lists.
                model.id =
                    Numbers::new(keyed(ask.seed, &[b"filled", resource.path().as_bytes()])).hex(12);
                Box::new(Self { count, model })
            }
        }
    }

    /// How much older a record is than the model.
    fn age(index: usize) -> Millis {
        i64::try_from(index)
            .unwrap_or(i64::MAX)
            .saturating_mul(STEP)
    }
}

impl Records for Filled {
    fn len(&self) -> usize {
        self.count
    }

    fn head(&self, index: usize) -> Head {
        let age = Self::age(index);
        let head = &self.model.head;
        Head {
            source: head.source,
            created: head.created.saturating_sub(age),
            updated: head.updated.saturating_sub(age),
            local: head.local.map(|local| local.saturating_sub(age)),
        }
    }

    fn at(&self, index: usize) -> Entry {
        let mut fields = self.model.fields.clone();
        for value in fields.values_mut() {
            if let Some(older) = value
                .as_str()
                .and_then(|text| shifted(text, Self::age(index)))
            {
                *value = older.into();
            }
        }
        Entry {
            id: format!("{}{index:012x}", self.model.id),
            head: self.head(index),
            fields,
            series: self.model.series.clone(),
        }
    }

    fn find(&self, id: &str) -> Option<usize> {
        let index = id.strip_prefix(&self.model.id)?;
        let at = usize::from_str_radix(index, 16).ok()?;
        // Only the spelling that it is told with.
        (at < self.count && format!("{at:012x}") == index).then_some(at)
    }
}

/// An instant or a date that is older by so much.
fn shifted(text: &str, age: Millis) -> Option<String> {
    if text.len() == 10 {
        let date: jiff::civil::Date = text.parse().ok()?;
        let at = date.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp();
        return Some(clock::day(at.as_millisecond().saturating_sub(age)));
    }
    if text.len() != 24 {
        return None;
    }
    let at: jiff::Timestamp = text.parse().ok()?;
    Some(clock::instant(at.as_millisecond().saturating_sub(age)))
}
