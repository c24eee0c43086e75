//! JSON and addresses of which only what is known to be harmless is kept.

use humanapi_core::TokenKind;
use serde_json::{Map, Value};

use crate::output::mask;

/// JSON that may be shown: every value is of a field that is known to be harmless, or masked.
#[derive(Debug)]
pub(crate) struct Visible {
    value: Value,
    /// How many records of a list were left out: one shows what they are like.
    pub(crate) left_out: usize,
}

impl Visible {
    /// Reads a body; nothing if it is no JSON.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let (value, left_out) = match serde_json::from_slice(bytes).ok()? {
            Value::Array(mut records) => {
                let count = records.len();
                records.truncate(1);
                (Value::Array(records), count.saturating_sub(1))
            }
            value => (value, 0),
        };
        Some(Self {
            value: masked(value),
            left_out,
        })
    }

    /// The JSON on several lines, none longer than `width` unless a single value is.
    pub(crate) fn lines(&self, width: usize) -> Vec<String> {
        let mut lines = block(&self.value, width);
        // The outermost bracket needs no line of its own.
        while let [open, next, ..] = lines.as_mut_slice()
            && (open.ends_with('{') || open.ends_with('['))
            && open.trim_start().len() == open.len()
            && open.len() < 4
        {
            let joined = format!("{open} {}", next.trim_start());
            lines.splice(..2, [joined]);
        }
        lines
    }
}

/// Names of fields whose values may be seen. Whatever is not here, is not seen.
const HARMLESS: &[&str] = &[
    // token requests and their answers
    "type",
    "client_id",
    "client_user_id",
    "client_user_email",
    "expires_in",
    "id_token_expires_in",
    "human_id",
    "token_type",
    // refusals
    "statusCode",
    "error",
    "errorCode",
    "message",
    "x-humanapi-request-id",
    // Connect
    "action",
    "status",
    "sessionResults",
    "connectedSources",
    "disconnectedSources",
    "requestedSources",
    "currentConnections",
    "requestedProviders",
    "name",
    "id",
    // health data, which is synthetic here
    "humanId",
    "userId",
    "email",
    "gender",
    "startTime",
    "endTime",
    "tzOffset",
    "source",
    "duration",
    "distance",
    "steps",
    "calories",
    "sourceData",
    "manual",
    "createdAt",
    "updatedAt",
    "defaultTimeZone",
    "organization",
    "href",
    "instructions",
    "productName",
    "dosageInfo",
    "startDate",
    "endDate",
    "bloodGlucose",
    "bloodOxygen",
    "bloodPressure",
    "bmi",
    "bodyFat",
    "height",
    "heartRate",
    "weight",
    "activitySummary",
    "sleepSummary",
    "timestamp",
    "value",
    "unit",
    "systolic",
    "diastolic",
    "date",
    "vigorous",
    "moderate",
    "light",
    "sedentary",
    "total",
    "timeAsleep",
    "timeAwake",
];

fn masked(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let seen = fields.into_iter().map(|(name, value)| {
                let value = if HARMLESS.contains(&name.as_str()) {
                    masked(value)
                } else {
                    Value::from(stand_in(&name))
                };
                (name, value)
            });
            Value::Object(seen.collect::<Map<_, _>>())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(masked).collect()),
        plain => plain,
    }
}

fn stand_in(name: &str) -> &'static str {
    match name {
        "session_token" => mask::token(TokenKind::Session),
        "id_token" => mask::token(TokenKind::Id),
        "access_token" => mask::token(TokenKind::Access),
        _ => mask::HIDDEN,
    }
}

/// JSON on one line if it fits, else on as few as it takes.
fn block(value: &Value, width: usize) -> Vec<String> {
    let inline = inline(value);
    if inline.chars().count() <= width {
        return vec![inline];
    }
    let inner = width.saturating_sub(INDENT.len());
    let (open, items, close) = match value {
        Value::Object(fields) => {
            let fields = ordered(fields);
            let items = fields.iter().map(|(name, value)| field(name, value, inner));
            ("{", items.collect(), " }")
        }
        Value::Array(items) => {
            let items = items.iter().map(|item| block(item, inner));
            ("[", items.collect(), " ]")
        }
        _ => return vec![inline],
    };
    let mut lines = flow(items, inner);
    for line in &mut lines {
        line.insert_str(0, INDENT);
    }
    if let Some(last) = lines.last_mut() {
        last.push_str(close);
    }
    lines.insert(0, open.to_owned());
    lines
}

/// One field: on a line of its own, or with its value broken below its name.
fn field(name: &str, value: &Value, width: usize) -> Vec<String> {
    let name = format!("{}: ", Value::from(name));
    let inline = inline(value);
    // One place is left for the comma.
    let mut lines = if name.chars().count() + inline.chars().count() < width {
        vec![inline]
    } else {
        block(value, width.min(inline.chars().count().saturating_sub(1)))
    };
    if let Some(first) = lines.first_mut() {
        first.insert_str(0, &name);
    }
    lines
}

const INDENT: &str = "  ";

/// Items one after another, as many on a line as fit.
fn flow(items: Vec<Vec<String>>, width: usize) -> Vec<String> {
    let count = items.len();
    let mut lines: Vec<String> = Vec::new();
    for (at, mut item) in items.into_iter().enumerate() {
        if at + 1 < count
            && let Some(last) = item.last_mut()
        {
            last.push(',');
        }
        match (lines.last_mut(), item.as_slice()) {
            (Some(line), [only])
                if line.chars().count() + 1 + only.chars().count() <= width
                    && !line.starts_with(INDENT) =>
            {
                line.push(' ');
                line.push_str(only);
            }
            _ => lines.append(&mut item),
        }
    }
    lines
}

/// JSON on one line, with spaces where people put them.
fn inline(value: &Value) -> String {
    let join = |parts: Vec<String>, open, close| {
        if parts.is_empty() {
            format!("{open}{close}")
        } else {
            format!("{open} {} {close}", parts.join(", "))
        }
    };
    match value {
        Value::Object(fields) => {
            let parts = ordered(fields)
                .into_iter()
                .map(|(name, value)| format!("{}: {}", Value::from(name), inline(value)))
                .collect();
            join(parts, '{', '}')
        }
        Value::Array(items) => join(items.iter().map(inline).collect(), '[', ']'),
        plain => plain.to_string(),
    }
}

/// Fields in the order in which people read them.
fn ordered(fields: &Map<String, Value>) -> Vec<(&str, &Value)> {
    let rank = |name: &str| {
        let first = FIRST.iter().position(|known| *known == name);
        first.or_else(|| {
            let known = HARMLESS.iter().position(|known| *known == name);
            known.map(|at| FIRST.len() + at)
        })
    };
    let mut fields: Vec<_> = fields
        .iter()
        .map(|(name, value)| (name.as_str(), value))
        .collect();
    // Names that are not known come last, in the order of the alphabet.
    fields.sort_by_key(|(name, _)| rank(name).unwrap_or(usize::MAX));
    fields
}

/// Fields that tell at once what the rest is about.
const FIRST: [&str; 10] = [
    "type",
    "session_token",
    "id_token",
    "access_token",
    "token",
    "client_id",
    "client_secret",
    "weight",
    "heartRate",
    "bloodPressure",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(body: &str, lines: &[&str]) {
        assert_eq!(Visible::read(body.as_bytes()).unwrap().lines(60), lines);
    }

    #[test]
    fn what_is_not_known_to_be_harmless_is_masked() {
        check(
            r#"{"type":"session","client_secret":"canary","novel":["canary"],"session_token":"canary"}"#,
            &[
                r#"{ "type": "session", "session_token": "st-…(masked)","#,
                r#"  "client_secret": "…(masked)", "novel": "…(masked)" }"#,
            ],
        );
    }

    #[test]
    fn an_unknown_field_within_a_known_one_is_masked_too() {
        check(
            r#"{"sessionResults":{"connectedSources":[{"name":"Strider","code":"canary"}]}}"#,
            &[
                r#"{ "sessionResults": {"#,
                r#"    "connectedSources": ["#,
                r#"      { "name": "Strider", "code": "…(masked)" } ] } }"#,
            ],
        );
    }

    #[test]
    fn one_record_of_a_list_stands_for_all() {
        let list = Visible::read(br#"[{"id":"a"},{"id":"b"},{"id":"c"}]"#).unwrap();
        assert_eq!(list.lines(60), [r#"[ { "id": "a" } ]"#]);
        assert_eq!(list.left_out, 2);
    }
}
