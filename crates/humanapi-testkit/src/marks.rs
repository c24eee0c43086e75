//! Records that are full of somebody: a made-up mark of each kind of identifier, in each field of each kind of record.

use std::collections::BTreeSet;

use humanapi_core::data::{Field, FieldKind, ROUTES};

/// Marks of all 18 kinds of identifiers that 45 CFR 164.514(b)(2)(i) names, in its order. None is anybody's.
pub const MARKS: &[(char, &[&str])] = &[
    ('A', &["Quentin Placeholder", "PLACEHOLDER, QUENTIN"]),
    (
        'B',
        &[
            "17 Example Street",
            "Testville-on-Sea",
            "94117-2047",
            "941172047",
            "94117",
        ],
    ),
    (
        'C',
        &[
            "1984-03-14",
            "1984-03-14T07:21:43.000Z",
            "03/14/1984",
            "Mar 14 1984",
            "19840314",
        ],
    ),
    (
        'D',
        &[
            "415-555-0137",
            "4155550137",
            "14155550137",
            "+1 415 555 0137",
        ],
    ),
    ('E', &["(628) 555-0199", "6285550199"]),
    ('F', &["quentin@example.test"]),
    ('G', &["219-09-9999", "219099999"]),
    ('H', &["MRN-48291537", "48291537"]),
    ('I', &["XEH900123456", "900123456"]),
    ('J', &["ACCT-7730045512", "7730045512"]),
    ('K', &["D8801-223-44"]),
    ('L', &["1HGBH41JXMN109186", "7ABC123"]),
    ('M', &["SN-PX-99812-QQ"]),
    ('N', &["https://quentin.example.test/p"]),
    ('O', &["203.0.113.77", "2001:db8::77"]),
    ('P', &["fingerprint:9f86d081884c7d65"]),
    (
        'Q',
        &["quentin-face.jpg", "data:image/png;base64,iVBORw0KGgo"],
    ),
    (
        'R',
        &["NPI 1992739999", "3f2504e0-4f89-41d3-9a0c-0305e82c3301"],
    ),
];

/// Each of them.
pub fn marks() -> impl Iterator<Item = &'static str> {
    MARKS.iter().flat_map(|(_, marks)| marks.iter().copied())
}

/// The table of each kind of record, by the first route that answers with it.
#[must_use]
pub fn tables() -> Vec<(&'static str, &'static [Field])> {
    let mut tables: Vec<(_, &'static [Field])> = Vec::new();
    for route in ROUTES.iter().filter(|route| !route.fields.is_empty()) {
        if tables.iter().all(|(_, fields)| *fields != route.fields) {
            tables.push((route.name, route.fields));
        }
    }
    tables
}

/// A value of a kind that nothing is wrong with.
fn fine(field: &str, kind: &FieldKind) -> String {
    match kind {
        FieldKind::Text => match field {
            "code" => r#""2345-7""#,
            "codeSystem" => r#""2.16.840.1.113883.6.1""#,
            "codeSystemName" => r#""LOINC""#,
            "unit" => r#""mg/dL""#,
            "country" => r#""US""#,
            "zip" => r#""94000""#,
            _ => r#""active""#,
        }
        .to_owned(),
        FieldKind::Number | FieldKind::Integer => "7".to_owned(),
        FieldKind::Bool => "true".to_owned(),
        FieldKind::Timestamp | FieldKind::Date => r#""2021-06-01T07:30:00.000Z""#.to_owned(),
        FieldKind::Offset => r#""+02:00""#.to_owned(),
        FieldKind::Quantity => r#""4.6""#.to_owned(),
        FieldKind::List(of) => format!("[{}]", fine(field, of)),
        FieldKind::Map(of) => format!(r#"{{"a":{}}}"#, fine(field, of)),
        _ => "{}".to_owned(),
    }
}

/// What a test puts in the place of a fine value, by the field's path and kind.
enum Put {
    Fine,
    This(String),
    Nothing,
}

/// A record, each of whose fields may be another value than a fine one.
fn object(table: &[Field], put: &mut dyn FnMut(&str, &FieldKind) -> Put, before: &str) -> String {
    let fields = table.iter().filter_map(|field| {
        let path = format!("{before}{}", field.name);
        let value = value(&path, field.name, &field.kind, put)?;
        Some(format!("{}:{value}", serde_json::json!(field.name)))
    });
    let fields: Vec<_> = fields.collect();
    format!("{{{}}}", fields.join(","))
}

fn value(
    path: &str,
    name: &str,
    kind: &FieldKind,
    put: &mut dyn FnMut(&str, &FieldKind) -> Put,
) -> Option<String> {
    match put(path, kind) {
        Put::This(value) => return Some(value),
        Put::Nothing => return None,
        Put::Fine => {}
    }
    Some(match kind {
        FieldKind::Object(table) | FieldKind::TextOr(table) => {
            object(table, put, &format!("{path}."))
        }
        FieldKind::List(FieldKind::Object(table)) => {
            format!("[{}]", object(table, put, &format!("{path}.")))
        }
        kind => fine(name, kind),
    })
}

/// Whether a field holds records, whose fields are met one by one.
const fn holds_records(kind: &FieldKind) -> bool {
    matches!(
        kind,
        FieldKind::Object(_) | FieldKind::List(FieldKind::Object(_))
    )
}

/// The forms that a mark has in a field of a kind: as text, in the place of more, within other text, and as a number.
fn forms(mark: &str, kind: &FieldKind) -> Vec<String> {
    let text = serde_json::json!(mark).to_string();
    let is_number = mark.parse::<u64>().is_ok();
    // A ZIP code among numbers cannot be told from a number, as the book's page says.
    if is_number && mark.len() < 6 && matches!(kind, FieldKind::Number | FieldKind::Quantity) {
        return Vec::new();
    }
    let mut forms = vec![
        text.clone(),
        format!("[{text}]"),
        format!(r#"{{{text}:{text}}}"#),
    ];
    let escaped = text.trim_matches('"');
    match kind {
        FieldKind::Quantity => {
            forms.push(format!(r#""{escaped} mg/dL""#));
            forms.push(format!(r#""<5 {escaped}""#));
        }
        FieldKind::Text => {
            forms.push(format!(r#""active {escaped}""#));
            forms.push(format!(r#""mg{{{escaped}}}/dL""#));
        }
        _ => {}
    }
    if is_number {
        forms.push(mark.to_owned());
        forms.push(format!("-{mark}.0"));
    }
    forms
}

/// The most forms that a mark has.
const MOST_FORMS: usize = 7;

/// Records with one mark in all their fields at once, and in one that nobody knows.
#[must_use]
pub fn marked_all_over(table: &[Field]) -> Vec<String> {
    let mut records = Vec::new();
    for mark in marks() {
        let text = serde_json::json!(mark).to_string();
        for form in 0..MOST_FORMS {
            let mut put = |_: &str, kind: &FieldKind| {
                let form = forms(mark, kind).into_iter().nth(form);
                form.filter(|_| !holds_records(kind))
                    .map_or(Put::Fine, Put::This)
            };
            let all = object(table, &mut put, "");
            records.push(all.replacen('{', &format!("{{{text}:{text},\"x\":{text},"), 1));
        }
    }
    records
}

/// Records with a mark in one field alone, with what else stands beside it there: a mark of each kind in each field, and each
/// mark where everything is tried.
#[must_use]
pub fn marked_alone(table: &[Field]) -> Vec<String> {
    let is_deep = std::env::var_os("HUMANAPI_DEEP").is_some_and(|value| value == "1");
    let mut paths = BTreeSet::new();
    object(
        table,
        &mut |path, _| {
            paths.insert(path.to_owned());
            Put::Fine
        },
        "",
    );
    let mut records = Vec::new();
    for (turn, path) in paths.iter().enumerate() {
        let chosen = MARKS.iter().flat_map(|(_, marks)| {
            let one = turn % marks.len();
            if is_deep { *marks } else { &marks[one..=one] }
        });
        for (mark, form) in chosen.flat_map(|mark| (0..MOST_FORMS).map(move |form| (mark, form))) {
            let mut is_there = false;
            let mut put = |at: &str, kind: &FieldKind| {
                if at == path {
                    let form = forms(mark, kind).into_iter().nth(form);
                    is_there = form.is_some();
                    return form.map_or(Put::Nothing, Put::This);
                }
                let is_around = path
                    .strip_prefix(at)
                    .is_some_and(|rest| rest.starts_with('.'));
                if holds_records(kind) && !is_around {
                    Put::Nothing
                } else {
                    Put::Fine
                }
            };
            let one = object(table, &mut put, "");
            if is_there {
                records.push(one);
            }
        }
    }
    records
}
