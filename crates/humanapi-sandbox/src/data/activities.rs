//! Synthetic activities: a pure function of the seed, the user and the connected sources.

use serde_json::json;

use super::records::{Ask, Entry, Fields, Head};
use super::{Number, Subject};
use crate::clock::{DAY, Millis, instant};
use crate::seed::{Numbers, keyed};
use crate::source::{PULSEBAND, STRIDER, Source};

/// 2026-01-15T00:00:00Z; all health data is older.
///
/// A fixed instant, so that the same seed gives the same bytes on any day.
pub(super) const EPOCH: Millis = 1_768_435_200_000;

/// The demo user has 234 activities in all: more than four full pages.
const DEMO_STRIDER: i64 = 140;
const DEMO_PULSEBAND: i64 = 94;

/// How many days before the epoch the oldest activity may lie.
const REACH: i64 = 365;

/// A user's activities as records.
pub(super) fn records(ask: &Ask<'_>) -> Vec<Entry> {
    of(ask.seed, ask.subject)
        .iter()
        .map(Activity::entry)
        .collect()
}

#[derive(Debug)]
pub(crate) struct Activity {
    id: (u64, u32),
    pub(super) source: &'static Source,
    start: Millis,
    created: Millis,
    updated: Millis,
    duration_tenths: i64,
    kind: &'static str,
    distance_tenths: i64,
    steps: i64,
    calories_tenths: i64,
    detail: u64,
    offset_minutes: i64,
}

/// A user's activities, newest first.
pub(super) fn of(seed: u64, subject: &Subject) -> Vec<Activity> {
    let human = subject.human_id.as_bytes();
    let offset_minutes = offset_minutes(seed, subject);
    let mut all = Vec::new();
    for source in &subject.sources {
        let mut numbers =
            Numbers::new(keyed(seed, &[b"activities", human, source.word.as_bytes()]));
        let count = match (subject.is_demo, source.word) {
            (true, STRIDER) => DEMO_STRIDER,
            (true, PULSEBAND) => DEMO_PULSEBAND,
            (false, STRIDER | PULSEBAND) => numbers.within(40, 160),
            _ => 0,
        };
        for _ in 0..count {
            all.push(Activity::generate(&mut numbers, source, offset_minutes));
        }
    }
    all.sort_unstable_by(|a, b| b.start.cmp(&a.start).then(b.id.cmp(&a.id)));
    all
}

/// The offset of a user's local time, the same for all their records.
pub(super) fn offset_minutes(seed: u64, subject: &Subject) -> i64 {
    let start = keyed(seed, &[b"offset", subject.human_id.as_bytes()]);
    Numbers::new(start).pick(&[-480, -300, -240, 0, 60, 120, 330], 0)
}

impl Activity {
    fn generate(numbers: &mut Numbers, source: &'static Source, offset_minutes: i64) -> Self {
        let id = (numbers.next(), numbers.next() as u32);
        let kind = numbers.pick(
            &[
                "walking",
                "walking",
                "running",
                "cycling",
                "weight_training",
            ],
            "unknown",
        );
        let duration_tenths = match source.word {
            // One source counts whole seconds, the other tenths.
            STRIDER => numbers.within(600, 5400) * 10,
            _ => numbers.within(6000, 54_000),
        };
        let (centimetres_per_second, steps_per_minute) = match kind {
            "walking" => (numbers.within(110, 160), numbers.within(95, 125)),
            "running" => (numbers.within(220, 360), numbers.within(150, 180)),
            "cycling" => (numbers.within(380, 800), 0),
            _ => (0, 0),
        };
        let span = (REACH - 2) * DAY / 1000;
        let start = EPOCH - DAY - numbers.within(0, span) * 1000;
        let end = start + duration_tenths * 100;
        let created = end + numbers.within(60, 3600) * 1000;
        let updated = match numbers.within(0, 9) {
            0 => created + numbers.within(1, 36_000) * 1000,
            _ => created,
        };
        Self {
            id,
            source,
            start,
            created,
            updated,
            duration_tenths,
            kind,
            distance_tenths: centimetres_per_second * duration_tenths / 100,
            steps: steps_per_minute * duration_tenths / 600,
            calories_tenths: duration_tenths * numbers.within(60, 140) / 600,
            detail: numbers.next(),
            offset_minutes,
        }
    }

    fn entry(&self) -> Entry {
        let head = Head {
            source: self.source,
            created: self.created,
            updated: self.updated,
            local: Some(self.local()),
        };
        let mut detail = Numbers::new(self.detail);
        let average = detail.within(85, 140);
        let is_pulse = self.source.word == PULSEBAND;
        let source_data = if is_pulse {
            json!({
                "maxHeartrate": average + detail.within(8, 40),
                "averageHeartrate": Number::tenths(average * 10 + detail.within(0, 9)),
                "movingTime": self.duration_tenths / 10,
            })
        } else {
            json!({"manual": detail.within(0, 9) == 0})
        };
        let fields = Fields::new()
            .with("startTime", instant(self.start))
            .with("endTime", instant(self.start + self.duration_tenths * 100))
            .with("tzOffset", offset_text(self.offset_minutes))
            .with("type", self.kind)
            .with("duration", Number::tenths(self.duration_tenths))
            .with("distance", Number::tenths(self.distance_tenths))
            .with("steps", self.steps)
            .with("calories", Number::tenths(self.calories_tenths))
            .with("sourceData", source_data);
        let id = format!("{:016x}{:08x}", self.id.0, self.id.1);
        let mut entry = Entry::new(id, head, fields);
        if is_pulse {
            let minutes = (self.duration_tenths / 600).max(1);
            let values: Vec<i64> = (0..minutes)
                .map(|_| average + detail.within(-12, 12))
                .collect();
            entry.series = Some(json!({
                "heartRate": {"type": "indexed", "intervalInMillis": 60_000, "values": values},
            }));
        }
        entry
    }

    /// When it began by the user's own clock.
    pub(super) fn local(&self) -> Millis {
        self.start + self.offset_minutes * 60_000
    }

    pub(super) fn day_totals(&self) -> DayTotals {
        DayTotals {
            duration: self.duration_tenths,
            distance: self.distance_tenths,
            steps: self.steps,
            calories: self.calories_tenths,
        }
    }
}

/// What one activity adds to its day; all but the steps in tenths.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct DayTotals {
    pub(super) duration: i64,
    pub(super) distance: i64,
    pub(super) steps: i64,
    pub(super) calories: i64,
}

/// `+02:00`.
fn offset_text(minutes: i64) -> String {
    let sign = if minutes < 0 { '-' } else { '+' };
    let minutes = minutes.abs();
    format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60)
}
