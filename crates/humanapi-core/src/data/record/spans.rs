//! Where the known fields of records stand in a text, found without reading them.

use super::field::Field;
use crate::json::tokens::{Fault, Form, More, Scanner, Span};

/// Where one field of a record stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    start: u32,
    end: u32,
    /// Its place in the record's table.
    pub(super) field: u16,
    form: Form,
    is_plain: bool,
}

/// Where one item of a list stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) span: Span,
    /// Its fields among all entries.
    first: u32,
    fields: u32,
    pub(super) is_record: bool,
}

/// All items of a list, and the fields of those that are records.
#[derive(Debug, Default)]
pub(super) struct Spans {
    pub(super) places: Vec<Place>,
    entries: Vec<Entry>,
}

/// The largest page that the service gives: room for more is made only when more are there.
const USUAL_RECORDS: usize = 500;

impl Entry {
    pub(super) const fn span(self) -> Span {
        Span {
            start: self.start,
            end: self.end,
            form: self.form,
            is_plain: self.is_plain,
        }
    }
}

impl Spans {
    /// All of a text of this length, which is no record.
    pub(super) fn of_no_record(length: usize) -> Self {
        let place = Place {
            span: Span::new(0, length, Form::Bare, false),
            first: 0,
            fields: 0,
            is_record: false,
        };
        Self {
            places: vec![place],
            entries: Vec::new(),
        }
    }

    /// The fields of one item, in the order in which they were sent.
    pub(super) fn entries(&self, place: &Place) -> &[Entry] {
        let first = place.first as usize;
        &self.entries[first..first + place.fields as usize]
    }
}

impl Scanner<'_> {
    /// One object and nothing else.
    pub(super) fn only_record(self, table: &[Field]) -> Result<Spans, Fault> {
        let mut spans = Spans::default();
        let start = self.begins(b'{')?;
        let place = self.record(start, table, &mut spans)?;
        self.nothing_behind(place.span.range().end)?;
        spans.places.push(place);
        Ok(spans)
    }

    /// A list of records and nothing else. On failure also says at which item.
    pub(super) fn list_of(self, table: &[Field]) -> Result<Spans, (Option<usize>, Fault)> {
        let outside = |fault| (None, fault);
        let start = self.begins(b'[').map_err(outside)?;
        let mut spans = Spans::default();
        let mut next = self.first(start, b']').map_err(outside)?;
        if matches!(next, More::At(_)) {
            spans.entries.reserve_exact(table.len());
        }
        while let More::At(start) = next {
            let index = spans.places.len();
            let place = self
                .item(start, table, &mut spans)
                .map_err(|fault| (Some(index), fault))?;
            if index == 0 {
                self.make_room(&place, &mut spans);
            }
            spans.places.push(place);
            next = self
                .further(place.span.range().end, b']')
                .map_err(|fault| (Some(index + 1), fault))?;
        }
        let More::No(end) = next else {
            return Ok(spans);
        };
        self.nothing_behind(end).map_err(outside)?;
        Ok(spans)
    }

    /// Makes room for as many records like the first as the text may hold.
    fn make_room(self, first: &Place, spans: &mut Spans) {
        let range = first.span.range();
        let further = ((self.bytes.len() - range.end) / range.len().max(1)).min(USUAL_RECORDS);
        // Some records are a little shorter than the first.
        let further = further + further / 8 + 1;
        spans.places.reserve_exact(further);
        spans.entries.reserve_exact(further * first.fields as usize);
    }

    /// Passes one item of a list: a record, or something else in its place.
    fn item(self, start: usize, table: &[Field], spans: &mut Spans) -> Result<Place, Fault> {
        let first = spans.entries.len();
        if self.byte(start)? == b'{'
            && let Ok(place) = self.record(start, table, spans)
        {
            return Ok(place);
        }
        // It is none, or its inside is not JSON. As long as its borders can be told, the others are safe.
        spans.entries.truncate(first);
        let span = self.value(start)?;
        Ok(Place {
            span,
            first: 0,
            fields: 0,
            is_record: false,
        })
    }

    /// Passes one object and notes where the table's fields stand in it.
    fn record(self, start: usize, table: &[Field], spans: &mut Spans) -> Result<Place, Fault> {
        let first = spans.entries.len();
        let mut likely = 0;
        let mut is_plain = true;
        let mut next = self.first(start, b'}')?;
        let end = loop {
            let at = match next {
                More::At(at) => at,
                More::No(end) => break end,
            };
            let (field, end) = self.known_name(at, table, likely, &mut is_plain)?;
            let span = self.value_of(end)?;
            is_plain &= span.is_plain;
            if let Some(field) = field {
                likely = field + 1;
                spans.entries.push(Entry {
                    start: span.start,
                    end: span.end,
                    field: field as u16,
                    form: span.form,
                    is_plain: span.is_plain,
                });
            }
            next = self.further(span.range().end, b'}')?;
        };
        Ok(Place {
            span: Span::new(start, end, Form::Object, is_plain),
            first: first as u32,
            fields: (spans.entries.len() - first) as u32,
            is_record: true,
        })
    }

    /// The place in the table of the field whose name begins here, which is most often `likely`.
    #[inline]
    fn known_name(
        self,
        start: usize,
        table: &[Field],
        likely: usize,
        is_plain: &mut bool,
    ) -> Result<(Option<usize>, usize), Fault> {
        // One that is optional is often left out.
        for at in [likely, likely + 1] {
            if let Some(field) = table.get(at)
                && let Some(sent) = self.bytes.get(start..start + field.name.len() + 2)
                && let [b'"', name @ .., b'"'] = sent
                && name == field.name.as_bytes()
            {
                return Ok((Some(at), start + sent.len()));
            }
        }
        let (name, end) = self.name(start)?;
        *is_plain &= name.is_plain;
        // Its escapes are read once, however long the table is.
        let name = name.unescaped();
        let is_it = |field: &Field| *name == *field.name.as_bytes();
        let (before, after) = table.split_at(likely.min(table.len()));
        let later = after.iter().position(is_it).map(|at| before.len() + at);
        Ok((later.or_else(|| before.iter().position(is_it)), end))
    }
}
