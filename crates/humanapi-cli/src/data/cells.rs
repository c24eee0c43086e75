//! Records in tables: which fields, and what a cell shows of one.

use comfy_table::Table;
use humanapi_core::data::{FieldKind, Record, Route};
use serde_json::Value;

use crate::output;

/// So many columns a table has if nobody chose any.
const HANDFUL: usize = 6;
/// What the service writes down for itself, which says nothing about the user.
const BOOKKEEPING: [&str; 4] = ["userId", "humanId", "createdAt", "updatedAt"];
/// A cell with more letters than this is cut.
const WIDEST: usize = 40;

/// The first fields of the table that are in one of the records.
pub(super) fn columns(route: &Route, records: &[&Record]) -> Vec<String> {
    let is_there = |name: &&str| {
        let mut values = records.iter().filter_map(|record| record.field(name));
        values.any(|value| value.raw() != b"null")
    };
    let plain = route.fields.iter().filter(|field| {
        !matches!(
            field.kind,
            FieldKind::Object(_) | FieldKind::List(_) | FieldKind::Map(_) | FieldKind::Json
        )
    });
    let (kept, told): (Vec<&str>, Vec<&str>) = plain
        .map(|field| field.name)
        .partition(|name| BOOKKEEPING.contains(name));
    for names in [told, kept] {
        let names = names.into_iter().filter(is_there);
        let names: Vec<String> = names.take(HANDFUL).map(str::to_owned).collect();
        if !names.is_empty() {
            return names;
        }
    }
    let fields = records.first().map(|record| record.fields());
    let fields = fields.unwrap_or_default().into_iter().take(HANDFUL);
    fields.map(|(name, _)| name.into_owned()).collect()
}

/// Records in rows.
pub(super) fn many(columns: &[String], records: &[&Record]) -> Table {
    let mut table = Table::new();
    table.load_style(output::table_style());
    table.set_header(columns.iter().map(|name| output::plain(name)));
    for record in records {
        table.add_row(columns.iter().map(|name| {
            let value = record.field(name).map(|value| text(value.raw()));
            cut(&value.unwrap_or_else(none))
        }));
    }
    table
}

/// One record, a field in each row.
pub(super) fn one(record: &Record) -> Table {
    let mut table = Table::new();
    table.load_style(output::table_style());
    for (name, value) in record.fields() {
        table.add_row([
            output::plain(&name).into_owned(),
            output::plain(&text(value.raw())).into_owned(),
        ]);
    }
    table
}

fn none() -> String {
    "–".to_owned()
}

/// A text of a width that a table bears.
pub(super) fn cut(text: &str) -> String {
    let text = output::plain(text);
    if text.chars().count() <= WIDEST {
        return text.into_owned();
    }
    let mut cut: String = text.chars().take(WIDEST - 1).collect();
    cut.push('…');
    cut
}

/// A value as people read it: a text without its quotes, a number as it was sent, of an object its name.
pub(super) fn text(json: &[u8]) -> String {
    let sent = || String::from_utf8_lossy(json).into_owned();
    // A number would lose digits that were sent.
    if !matches!(json.first(), Some(b'"' | b'{' | b'[' | b'n')) {
        return sent();
    }
    match serde_json::from_slice(json) {
        Ok(value) => told(&value),
        Err(_) => sent(),
    }
}

fn told(value: &Value) -> String {
    match value {
        Value::Null => none(),
        Value::String(text) => text.clone(),
        Value::Array(items) if items.iter().all(|item| !item.is_object()) => {
            let items: Vec<String> = items.iter().map(told).collect();
            items.join(", ")
        }
        Value::Array(items) => match items.as_slice() {
            [item] => told(item),
            items => counted(items.len(), "item"),
        },
        Value::Object(fields) => match fields.get("name") {
            Some(Value::String(name)) if !name.is_empty() => name.clone(),
            _ => counted(fields.len(), "field"),
        },
        other => other.to_string(),
    }
}

fn counted(count: usize, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_shows_what_was_sent_as_people_read_it() {
        for (json, shown) in [
            (r#""a\u00e9""#, "aé"),
            ("1.10", "1.10"),
            ("true", "true"),
            ("null", "–"),
            ("[]", ""),
            (r#"["a","b"]"#, "a, b"),
            (r#"{"name":"Clinic","id":"1"}"#, "Clinic"),
            (r#"{"id":"1"}"#, "1 field"),
            (r#"[{"name":"a"}]"#, "a"),
            (r#"[{"name":"a"},{"name":"b"}]"#, "2 items"),
            (r#"{"a" 1}"#, r#"{"a" 1}"#),
            (r#""run \ud83d""#, r#""run \ud83d""#),
        ] {
            assert_eq!(text(json.as_bytes()), shown, "{json}");
        }
    }

    #[test]
    fn nothing_that_was_sent_steers_the_terminal() {
        let sent = r#"{"na\u001bme":"a\u001b[2J\u009bb"}"#;
        let record = humanapi_core::data::Activity::from_json(sent).unwrap();
        let columns = ["na\u{1b}me".to_owned()];
        for table in [one(&record), many(&columns, &[&record])] {
            let steers = |letter: char| letter.is_control() && letter != '\n';
            let table = table.to_string();
            assert!(
                !table.contains(steers) && table.contains("a\u{fffd}[2J\u{fffd}b"),
                "{table}"
            );
        }
    }

    #[test]
    fn a_long_cell_is_cut_where_it_shows_that() {
        assert_eq!(cut(&"a".repeat(40)), "a".repeat(40));
        assert_eq!(cut(&"a".repeat(41)), format!("{}…", "a".repeat(39)));
    }
}
