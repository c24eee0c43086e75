//! Records made at random from their tables, and what is odd in them.

use std::fmt::Write as _;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::field::{Field, FieldKind};

/// JSON, and the paths of what is odd in it.
#[derive(Clone, Debug, Default)]
pub(super) struct Sent {
    pub(super) json: String,
    pub(super) odd: Vec<String>,
}

impl Sent {
    fn fine(json: impl Into<String>) -> Self {
        Self {
            json: json.into(),
            odd: Vec::new(),
        }
    }

    fn odd(json: impl Into<String>) -> Self {
        Self {
            json: json.into(),
            odd: vec![String::new()],
        }
    }
}

fn fine_of(texts: &'static [&'static str]) -> BoxedStrategy<Sent> {
    select(texts).prop_map(Sent::fine).boxed()
}

/// A value as documented.
fn fine(kind: FieldKind) -> BoxedStrategy<Sent> {
    match kind {
        FieldKind::Text => fine_of(&[
            r#""walking""#,
            r#""""#,
            "12",
            "1.10",
            r#""\ud83d\ude00 \"q\"""#,
        ]),
        FieldKind::Number => fine_of(&[
            "1.10",
            "0",
            "-3e2",
            r#""98""#,
            r#"" 9.5 ""#,
            "18446744073709551616",
        ]),
        FieldKind::Integer => fine_of(&["3", "-7", r#""12""#, "3.0"]),
        FieldKind::Bool => fine_of(&["true", "false"]),
        FieldKind::Timestamp => fine_of(&[
            r#""2021-06-01T07:30:00.000Z""#,
            r#""2021-06-01T07:30:00+02:00""#,
            r#""Mon Jun 03 2019 09:15:00 GMT-0700 (PDT)""#,
            r#""""#,
        ]),
        FieldKind::Date => fine_of(&[
            r#""2007""#,
            r#""201403""#,
            r#""2014-00-00""#,
            r#""""#,
            "2014",
        ]),
        FieldKind::Offset => fine_of(&[r#""+02:00""#, r#""-04:30""#, r#""""#]),
        FieldKind::Quantity => fine_of(&[
            r#""<10 IntlUnit/mL""#,
            r#""Negative""#,
            "1.10",
            r#""\u003e60""#,
        ]),
        FieldKind::Json => fine_of(&[
            "{}",
            "[1,{\"a\":[]}]",
            r#""\ud83d\ude00""#,
            "1e999",
            "false",
        ]),
        FieldKind::Object(table) => record(table),
        FieldKind::TextOr(table) => prop_oneof![
            fine_of(&[r#""Dana Placeholder""#, r#""""#, r#""\u0044ana""#]),
            record(table),
        ]
        .boxed(),
        FieldKind::List(of) => vec(any_item(*of), 0..4).prop_map(list_of).boxed(),
        FieldKind::Map(of) => vec(any_item(*of), 0..4).prop_map(map_of).boxed(),
    }
}

/// A value of another type than documented, or one that nothing can read.
fn strange(kind: FieldKind) -> BoxedStrategy<Sent> {
    let texts: &'static [&'static str] = match kind {
        FieldKind::Text | FieldKind::Quantity => &[
            "true",
            r#"{"a":1}"#,
            "[\"a\"]",
            r#""run \ud83d""#,
            "NaN",
            r#""\x""#,
        ],
        FieldKind::Number | FieldKind::Integer => &[
            "true",
            r#""many""#,
            r#"">60""#,
            r#""1,234""#,
            "[1]",
            "1e999",
            "-",
            "Infinity",
        ],
        FieldKind::Bool => &["1", r#""yes""#, "[true]", "tru"],
        FieldKind::Timestamp => &[
            "7",
            r#""yesterday""#,
            r#""2007""#,
            r#""2021-02-30T00:00:00Z""#,
            r#""\udc00""#,
        ],
        FieldKind::Date => &[
            "true",
            r#""201413""#,
            r#""soon""#,
            "99999999999999999999",
            "[]",
        ],
        FieldKind::Offset => &["2", r#""+2:00""#, r#""+99:00""#, "{}"],
        FieldKind::Json => &["NaN", "01", "[1,]", r#"{"a" 1}"#],
        FieldKind::Object(_) => &["7", r#""x""#, r#"{"a" 1}"#, "[7]", "[null]"],
        FieldKind::TextOr(_) => &["7", "true", r#"{"a" 1}"#, "[7]", r#""run \ud83d""#],
        FieldKind::List(_) => &["7", r#""x""#, "{\"a\":1}", "[1 2]", "[,]"],
        FieldKind::Map(_) => &["7", "[1]", r#"{"a",1}"#],
    };
    select(texts).prop_map(Sent::odd).boxed()
}

/// An item of a list, where `null` is odd as well.
fn any_item(kind: FieldKind) -> BoxedStrategy<Sent> {
    let null = Just(Sent::odd("null")).boxed();
    prop_oneof![4 => fine(kind), 1 => strange(kind), 1 => null].boxed()
}

fn list_of(items: Vec<Sent>) -> Sent {
    let mut list = Sent::fine("[");
    for (index, item) in items.iter().enumerate() {
        add(&mut list, item, &format!("[{index}]"), index);
    }
    list.json.push(']');
    list
}

fn map_of(items: Vec<Sent>) -> Sent {
    let mut map = Sent::fine("{");
    for (index, item) in items.iter().enumerate() {
        let comma = if index == 0 { "" } else { "," };
        let _ = write!(map.json, "{comma}\"canary{index}\" : {}", item.json);
        map.odd
            .extend(item.odd.iter().map(|path| format!(".…{path}")));
    }
    map.json.push('}');
    map
}

fn add(to: &mut Sent, item: &Sent, path: &str, index: usize) {
    if index > 0 {
        to.json.push_str(",\n");
    }
    to.json.push_str(&item.json);
    to.odd
        .extend(item.odd.iter().map(|inner| format!("{path}{inner}")));
}

/// What a record does with one field of its table.
fn field(field: Field) -> BoxedStrategy<Vec<Sent>> {
    let one = |sent: BoxedStrategy<Sent>| sent.prop_map(|sent| vec![sent]);
    let both = (strange(field.kind), fine(field.kind));
    prop_oneof![
        3 => Just(Vec::new()),
        6 => one(fine(field.kind)),
        2 => one(strange(field.kind)),
        1 => one(Just(Sent::fine("null")).boxed()),
        1 => both.prop_map(|(first, last)| vec![first, last]),
    ]
    .boxed()
}

/// A field that no table knows.
fn unknown() -> BoxedStrategy<String> {
    select(
        &[
            r#""mood":"canary \ud83d""#,
            r#""\ud83d":1"#,
            r#""later":{"a":1.10,"b":[null]}"#,
            r#""huge":1e999"#,
            r#""deep":[[[[[[{"a":{}}]]]]]]"#,
        ][..],
    )
    .prop_map(str::to_owned)
    .boxed()
}

/// A record of this table, with fields in any order.
fn record(table: &'static [Field]) -> BoxedStrategy<Sent> {
    let known: Vec<_> = table.iter().map(|known| field(*known)).collect();
    (
        known,
        vec(unknown(), 0..3),
        any::<bool>(),
        any::<prop::sample::Index>(),
    )
        .prop_map(|(known, unknown, is_turned, turn)| {
            let mut fields = Vec::new();
            let mut odd = Vec::new();
            for (field, sent) in table.iter().zip(known) {
                let name = if is_turned {
                    escaped(field.name)
                } else {
                    field.name.to_owned()
                };
                fields.extend(sent.iter().map(|sent| format!("\"{name}\": {}", sent.json)));
                let last = sent.last().into_iter().flat_map(|sent| &sent.odd);
                odd.extend(last.map(|path| format!("{}{path}", dotted(field.name))));
                if sent.len() > 1 {
                    odd.push(dotted(field.name));
                }
            }
            // Doubled fields stay in their order, whatever comes between.
            let at = turn.index(fields.len() + 1);
            fields.splice(at..at, unknown);
            Sent {
                json: format!("{{{}}}", fields.join(", ")),
                odd,
            }
        })
        .boxed()
}

fn dotted(name: &str) -> String {
    format!(".{name}")
}

/// The same name with an escape.
fn escaped(name: &str) -> String {
    let (first, rest) = name.split_at(1);
    format!("\\u{:04x}{rest}", u32::from(first.as_bytes()[0]))
}

/// An item of a page: a record, or something else.
pub(super) fn place(table: &'static [Field]) -> BoxedStrategy<(Sent, bool)> {
    let strange = select(
        &[
            "null",
            "7",
            r#""canary \ud83d""#,
            "[{}]",
            "[]",
            r#"{"id" 1}"#,
            "{,}",
        ][..],
    );
    prop_oneof![
        5 => record(table).prop_map(|sent| (sent, true)),
        1 => strange.prop_map(|json| (Sent::odd(json), false)),
    ]
    .boxed()
}
