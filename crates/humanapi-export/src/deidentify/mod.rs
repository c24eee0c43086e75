//! Records without what tells whose they are: each field by its row of a policy.

mod age;
mod counts;
mod key;
mod number;
mod policy;
mod zip;

use std::fmt;

use humanapi_core::data::{Field, Record, Value};
use jiff::civil::Date as Day;
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp, ToSpan as _};
use serde_json::json;

use crate::code_systems::{System, is_ndc};
use crate::named;
use crate::row::{Row, User};
use crate::values::{Pair, Units};
use age::{OLDEST, Told, YEARS};
pub use counts::{FieldCount, FieldCounts};
pub use key::DeidentifyKey;
use policy::{Action, Node, Plan, Settings};
pub use policy::{Dates, Ids, Policy, PolicyError};

/// Countries whose postal codes are ZIP codes, as the policy's words write them.
const WITH_ZIP: [&str; 4] = ["US", "USA", "United States", "United States of America"];

/// Takes from records of one kind what tells whose they are, by a [`Policy`].
///
/// What it gives is a row that any sink takes. The record in it is made anew of what stays, so that nothing else is in it,
/// in whatever format it is written; the columns of its file come from
/// [`Columns::with_record`](crate::Columns::with_record).
///
/// The policy that comes with this crate follows the rule "Safe Harbor" of the United States. Whether data are
/// de-identified in the sense of a law is not for a program to say.
///
/// `Debug` shows nothing of what was taken.
///
/// ```
/// use humanapi_core::data::Activity;
/// use humanapi_export::{Columns, DeidentifyKey, Deidentifier, Format, Policy, Row, User};
///
/// let key = DeidentifyKey::new([7; 32]);
/// let mut deidentifier = Deidentifier::new(&Policy::safe_harbor(), Activity::FIELDS, &key)?;
///
/// let user = User::new("patient-17");
/// let sent = r#"{"id":"a1","type":"walking","startTime":"2021-06-01T12:00:00Z","steps":3120,"note":"with Dana"}"#;
/// let activity = Activity::from_json(sent)?;
/// let safe = deidentifier.take(&Row::new(&user, "2026-03-01T10:00:00Z".parse()?, &activity));
///
/// assert_eq!(safe.record.field("startTime").unwrap().raw(), br#""2021-01-01T00:00:00Z""#);
/// assert_eq!(safe.record.field("steps").unwrap().raw(), b"3120");
/// assert!(safe.record.field("note").is_none());
/// assert_ne!(safe.user.as_str(), "patient-17");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Deidentifier {
    plan: Plan,
    table: &'static [Field],
    settings: Settings,
    results: std::sync::Arc<[String]>,
    key: DeidentifyKey,
    units: Units,
    counts: Counts,
}

/// A row from which was taken what tells whose it is.
///
/// `Debug` shows the record's size alone.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Deidentified {
    /// A code in the user's place.
    pub user: User,
    /// The year in which it was read: its first moment in UTC. It is not shifted, because whoever knows the day could tell the
    /// shift by it.
    pub read_at: Timestamp,
    /// What stays of the record.
    pub record: Record,
}

impl Deidentified {
    /// The row, for a sink.
    #[must_use]
    pub fn row(&self) -> Row<'_> {
        Row::new(&self.user, self.read_at, &self.record)
    }
}

/// Counts by lines of the plan.
#[derive(Clone, Default)]
struct Counts {
    lines: Vec<(u64, u64)>,
    unknown: u64,
}

impl Deidentifier {
    /// For records with these fields.
    ///
    /// # Errors
    ///
    /// When the policy has no rows for them, or one that cannot be carried out.
    pub fn new(
        policy: &Policy,
        fields: &'static [Field],
        key: &DeidentifyKey,
    ) -> Result<Self, PolicyError> {
        let plan = policy.plan(fields)?;
        Ok(Self {
            counts: Counts {
                lines: vec![(0, 0); plan.paths.len()],
                unknown: 0,
            },
            table: fields,
            plan,
            settings: policy.settings,
            results: policy.words("result"),
            key: key.clone(),
            units: Units::new(),
        })
    }

    /// What stays of a row.
    #[must_use]
    pub fn take(&mut self, row: &Row<'_>) -> Deidentified {
        let shift = self.shift(row.user);
        let mut taking = Taking {
            settings: self.settings,
            results: &self.results,
            key: &self.key,
            units: &self.units,
            counts: &mut self.counts,
            this_year: year(row.read_at),
            shift,
        };
        let kept = taking.object(&self.plan.nodes, row.record, false);
        let read_at = first_of(year(row.read_at)).unwrap_or(Timestamp::UNIX_EPOCH);
        let user = self.key.user(self.settings.ids, row.user.as_str());
        Deidentified {
            user: User::new(user),
            read_at,
            record: Record::from_sent(kept.into_bytes(), self.table)
                .expect("what stays of a record is shorter than 4 GiB"),
        }
    }

    /// What became of each field that has a row.
    pub fn counts(&self) -> impl Iterator<Item = FieldCount> {
        let lines = std::iter::zip(&self.plan.paths, &self.counts.lines);
        lines.map(|(path, (kept, dropped))| FieldCount {
            path: path.clone(),
            kept: *kept,
            dropped: *dropped,
        })
    }

    /// The same of all fields, those without a row too.
    #[must_use]
    pub fn counted(&self) -> FieldCounts {
        FieldCounts {
            fields: self.counts().collect(),
            unknown: self.unknown(),
        }
    }

    /// One by the same policy and key that nothing was taken by yet.
    #[cfg(feature = "client")]
    pub(crate) fn anew(&self) -> Self {
        Self {
            counts: Counts {
                lines: vec![(0, 0); self.plan.paths.len()],
                unknown: 0,
            },
            table: self.table,
            plan: self.plan.clone(),
            settings: self.settings,
            results: std::sync::Arc::clone(&self.results),
            key: self.key.clone(),
            // What units were read is the same for all.
            units: self.units.clone(),
        }
    }

    /// How many fields were met that have no row, or that no table has. None stayed, and their names are told nowhere,
    /// because a name can be data.
    #[must_use]
    pub const fn unknown(&self) -> u64 {
        self.counts.unknown
    }

    /// By how many days the dates of a user are moved: neither none nor more than a year.
    fn shift(&self, user: &User) -> i64 {
        let number = self.key.number("shift", user.as_str()) % 730;
        let days = i64::try_from(number).unwrap_or_default();
        if days < 365 { days - 365 } else { days - 364 }
    }
}

impl fmt::Debug for Deidentifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Deidentifier(…)")
    }
}

/// One row on its way.
struct Taking<'a> {
    settings: Settings,
    results: &'a [String],
    key: &'a DeidentifyKey,
    units: &'a Units,
    counts: &'a mut Counts,
    this_year: i16,
    shift: i64,
}

impl Taking<'_> {
    /// What stays of a record, as JSON. What it is within can be an age by its code.
    fn object(&mut self, nodes: &[Node], record: &Record, is_within_age: bool) -> String {
        let told = Told::of(nodes, record, self.units, is_within_age);
        let mut kept = Vec::new();
        let mut rows = 0;
        for node in nodes {
            let sent = record.sent(node.place).filter(|json| json.raw() != b"null");
            if sent.is_none() {
                continue;
            }
            rows += 1;
            let stays = match record.value(node.place) {
                Some(Value::List(items)) => {
                    let items: Vec<_> = items
                        .iter()
                        .filter_map(|item| self.value(node, item, &told))
                        .collect();
                    (!items.is_empty()).then(|| format!("[{}]", items.join(",")))
                }
                Some(value) => self.value(node, &value, &told),
                None => None,
            };
            let (stayed, dropped) = &mut self.counts.lines[node.line];
            match stays {
                Some(json) => {
                    *stayed += 1;
                    kept.push(format!("{}:{json}", text(node.field.name)));
                }
                None => *dropped += 1,
            }
        }
        let all = record
            .fields()
            .iter()
            .filter(|(_, json)| json.raw() != b"null")
            .count();
        // A field that was sent twice is known as well.
        self.counts.unknown += all.saturating_sub(rows) as u64;
        format!("{{{}}}", kept.join(","))
    }

    /// What stays of one value, as JSON.
    fn value(&mut self, node: &Node, value: &Value<'_>, told: &Told<'_>) -> Option<String> {
        let record = told.record;
        match (&node.action, value) {
            (Action::Within(nodes), Value::Object(inner)) => {
                // The same age in other units, and as it was sent.
                let are_pairs = [record, inner].map(|one| Pair::of(one.table()).is_some());
                let is_again = (told.is_age || told.is_old) && are_pairs == [true; 2];
                (!is_again).then(|| self.object(nodes, inner, told.is_age))
            }
            (Action::Id, Value::Text(id)) => self.code("id", id),
            (Action::User, Value::Text(id)) => self.code("user", id),
            (Action::Date, value) => self.date(value, self.settings.dates),
            (Action::Year, value) => self.date(value, Dates::Years),
            (Action::Birth, value) => self.birth(value),
            (Action::Zip, Value::Text(zip)) => {
                let country = named::text(record, "country");
                let is_here = country.is_none_or(|country| {
                    WITH_ZIP
                        .iter()
                        .any(|one| one.eq_ignore_ascii_case(country.trim()))
                });
                let three = zip::three_digits(zip.trim()).filter(|_| is_here);
                three.map(text)
            }
            (Action::Number, Value::Number(number)) => self.number(number.as_str(), told),
            (Action::Number, Value::Integer(number)) => self.number(&number.to_string(), told),
            (Action::Flag, Value::Bool(is_so)) => Some(is_so.to_string()),
            (Action::Offset, Value::Offset(offset)) => {
                let minutes = offset.seconds() / 60;
                let sign = if minutes < 0 { '-' } else { '+' };
                let (hours, minutes) = (minutes.abs() / 60, minutes.abs() % 60);
                Some(text(&format!("{sign}{hours:02}:{minutes:02}")))
            }
            (Action::Unit, Value::Text(unit)) => {
                // What stands beside it is told in years then, or not at all.
                if told.is_old {
                    let time = self.units.convert("1", unit, YEARS, None);
                    return time.is_ok().then(|| text(YEARS));
                }
                let named = self.units.named(unit).ok()?;
                named.is_plain().then(|| text(&named.ucum))
            }
            (Action::Quantity, Value::Quantity(quantity)) => {
                let unit = match quantity.unit() {
                    Some(unit) => {
                        let named = self
                            .units
                            .named(unit)
                            .ok()
                            .filter(|named| named.is_plain())?;
                        format!(" {}", named.ucum)
                    }
                    None => String::new(),
                };
                let Some(number) = quantity.number() else {
                    return word(self.results, quantity.text());
                };
                let within = quantity.unit();
                if told.makes_old(number, within) {
                    return Some(text(">=90"));
                }
                if told.is_old && !told.is_in_years(within) {
                    return None;
                }
                let number = number::short(number, self.settings.largest_number)?;
                let comparator = quantity.comparator().and_then(crate::cell::written);
                Some(text(&format!(
                    "{}{number}{unit}",
                    comparator.unwrap_or_default()
                )))
            }
            (Action::Word(words), Value::Text(said)) => word(words, said),
            (Action::Code, Value::Text(code)) => {
                let has = System::of(record)?.has(code.trim());
                has.then(|| text(code.trim()))
            }
            (Action::Ndc, Value::Text(code)) => is_ndc(code.trim()).then(|| text(code.trim())),
            (Action::System, Value::Text(oid)) => {
                System::by_oid(oid.trim()).map(|system| text(system.oid))
            }
            (Action::SystemName, Value::Text(name)) => {
                System::by_name(name.trim()).map(|system| text(system.name()))
            }
            _ => None,
        }
    }

    fn code(&self, of: &str, id: &str) -> Option<String> {
        let is_kept = self.settings.ids == Ids::Keyed && !id.trim().is_empty();
        is_kept.then(|| text(&self.key.code(of, id)))
    }

    /// A number of a record, if it is none that could be somebody's, and no age over 89: a number has no way to say `>=90`.
    fn number(&self, sent: &str, told: &Told<'_>) -> Option<String> {
        if told.makes_old(sent, None) {
            return None;
        }
        if told.is_old && !told.is_in_years(None) {
            return None;
        }
        number::short(sent, self.settings.largest_number)
    }

    fn date(&self, value: &Value<'_>, dates: Dates) -> Option<String> {
        match value {
            Value::Timestamp(moment) => self
                .moment(*moment, dates)
                .map(|moment| text(&moment.to_string())),
            Value::Date(date) => {
                if self.is_too_old(date.year()) {
                    return None;
                }
                if dates == Dates::Years {
                    return Some(text(&format!("{:04}", date.year())));
                }
                if let Some(moment) = date.moment() {
                    return self
                        .moment(moment, dates)
                        .map(|moment| text(&moment.to_string()));
                }
                // What is less precise than a day is moved from its middle.
                let (month, day) = (date.month(), date.day());
                let whole = Day::new(date.year(), month.unwrap_or(7), day.unwrap_or(1)).ok()?;
                let moved = whole.checked_add(self.shift.days()).ok()?;
                let moved = moved.to_string();
                let precise = match (month, day) {
                    (None, _) => moved.get(..4),
                    (_, None) => moved.get(..7),
                    _ => Some(moved.as_str()),
                };
                precise.map(text)
            }
            _ => None,
        }
    }

    /// A moment as precisely as it stays. Nothing where it tells an age.
    fn moment(&self, moment: Timestamp, dates: Dates) -> Option<Timestamp> {
        if self.is_too_old(year(moment)) {
            return None;
        }
        match dates {
            Dates::Years => first_of(year(moment)),
            Dates::Shift => moment
                .checked_add(SignedDuration::from_hours(24 * self.shift))
                .ok(),
        }
    }

    /// The year of a birth, unless it tells an age over 89.
    fn birth(&self, value: &Value<'_>) -> Option<String> {
        let (born, is_moment) = match value {
            Value::Timestamp(moment) => (year(*moment), true),
            Value::Date(date) => (date.year(), false),
            _ => return None,
        };
        if self.is_too_old(born) {
            return None;
        }
        if is_moment {
            return first_of(born).map(|moment| text(&moment.to_string()));
        }
        Some(text(&format!("{born:04}")))
    }

    /// Whether somebody who was alive in a year is over 89, or will be before this one ends.
    const fn is_too_old(&self, then: i16) -> bool {
        self.this_year - then > OLDEST
    }
}

fn year(moment: Timestamp) -> i16 {
    Offset::UTC.to_datetime(moment).year()
}

fn first_of(year: i16) -> Option<Timestamp> {
    let first = Day::new(year, 1, 1).ok()?;
    Offset::UTC.to_timestamp(first.at(0, 0, 0, 0)).ok()
}

fn text(text: &str) -> String {
    json!(text).to_string()
}

/// One of the words, as the policy writes it.
fn word(words: &[String], said: &str) -> Option<String> {
    let mut words = words.iter();
    let word = words.find(|word| word.eq_ignore_ascii_case(said.trim()))?;
    Some(text(word))
}
