//! The health summary and the profile of a user.

use serde::Serialize;
use serde::ser::SerializeMap as _;

use super::activities::{self, DayTotals};
use super::{Number, Subject};
use crate::clock::{self, DAY, instant};
use crate::seed::{Numbers, keyed};
use crate::source::{PULSEBAND, STRIDER};

/// A part of the summary, written as `{}` when there is nothing.
#[derive(Debug)]
struct Part<T>(Option<T>);

impl<T: Serialize> Serialize for Part<T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Some(part) => part.serialize(serializer),
            None => serializer.serialize_map(Some(0))?.end(),
        }
    }
}

pub(super) fn summary(seed: u64, subject: &Subject) -> Summary<'_> {
    let has = |word| subject.sources.iter().any(|source| source.word == word);
    let mut numbers = Numbers::new(keyed(seed, &[b"summary", subject.human_id.as_bytes()]));
    // Drawn whatever is connected, so that connecting one source changes nothing of another.
    let gender = numbers.pick(&["female", "male"], "female");
    let glucose = numbers.reading(PULSEBAND, "mg/dL", 700, 1200, 10);
    let oxygen = numbers.reading(PULSEBAND, "SpO2", 950, 1000, 10);
    let pressure = numbers.pressure(&subject.user_id);
    let heart_rate = numbers.reading(PULSEBAND, "bpm", 520, 900, 10);
    let height = numbers.reading(STRIDER, "mm", 15_200, 19_800, 10);
    let weight = numbers.reading(STRIDER, "kg", 520, 1050, 1);
    let bmi = numbers.reading(STRIDER, "kg/m2", 190, 320, 1);
    let body_fat = numbers.reading(STRIDER, "%", 120, 350, 1);
    let sleep = numbers.sleep(subject);
    let pulse = |part| Part(has(PULSEBAND).then_some(part));
    let stride = |part| Part(has(STRIDER).then_some(part));
    Summary {
        user_id: &subject.user_id,
        human_id: &subject.human_id,
        email: subject.email.as_deref(),
        gender: (!subject.sources.is_empty()).then_some(gender),
        created_at: instant(subject.created),
        blood_glucose: pulse(glucose),
        blood_oxygen: pulse(oxygen),
        blood_pressure: Part(has(PULSEBAND).then_some(pressure)),
        bmi: stride(bmi),
        body_fat: stride(body_fat),
        height: stride(height),
        heart_rate: pulse(heart_rate),
        weight: stride(weight),
        activity_summary: Part(activity_summary(seed, subject)),
        sleep_summary: Part(has(PULSEBAND).then_some(sleep)),
    }
}

pub(super) fn profile(subject: &Subject) -> Profile<'_> {
    Profile {
        user_id: &subject.user_id,
        created_at: instant(subject.created),
        email: subject.email.as_deref(),
        default_time_zone: TimeZoneName { name: "UTC" },
        human_id: &subject.human_id,
    }
}

/// The totals of the latest day with an activity.
fn activity_summary(seed: u64, subject: &Subject) -> Option<ActivitySummary> {
    let all = activities::of(seed, subject);
    let newest = all.first()?;
    let day = clock::day(newest.local());
    let source = newest.source;
    let totals = all
        .iter()
        .filter(|activity| activity.source == source && clock::day(activity.local()) == day)
        .fold(DayTotals::default(), |sum, activity| {
            let one = activity.day_totals();
            DayTotals {
                duration: sum.duration + one.duration,
                distance: sum.distance + one.distance,
                steps: sum.steps + one.steps,
                calories: sum.calories + one.calories,
            }
        });
    let minutes = totals.duration / 600;
    Some(ActivitySummary {
        id: Numbers::new(keyed(seed, &[subject.human_id.as_bytes(), day.as_bytes()])).hex(24),
        date: day,
        duration: Number::tenths(totals.duration),
        distance: Number::tenths(totals.distance),
        sedentary: 1440 - minutes - minutes / 2,
        light: minutes / 2,
        moderate: minutes * 2 / 3,
        vigorous: minutes - minutes * 2 / 3,
        total: Number::tenths(totals.duration),
        steps: totals.steps,
        calories: Number::tenths(totals.calories),
        source: source.tag(),
    })
}

impl Numbers {
    /// A reading between two values in tenths, in steps of tenths.
    fn reading(
        &mut self,
        source: &'static str,
        unit: &'static str,
        low: i64,
        high: i64,
        step: i64,
    ) -> Reading {
        Reading {
            id: self.hex(24),
            timestamp: self.lately(),
            source,
            value: Number::tenths(self.within(low / step, high / step) * step),
            unit,
        }
    }

    fn pressure(&mut self, user_id: &str) -> Pressure {
        Pressure {
            id: self.hex(24),
            user_id: user_id.to_owned(),
            timestamp: self.lately(),
            source: PULSEBAND,
            systolic: self.within(105, 138),
            diastolic: self.within(65, 88),
            unit: "mmHg",
            heart_rate: self.within(52, 90),
        }
    }

    fn sleep(&mut self, subject: &Subject) -> SleepSummary {
        let night = activities::EPOCH - self.within(1, 3) * DAY;
        let asleep = self.within(3300, 5200);
        SleepSummary {
            id: self.hex(24),
            user_id: subject.user_id.clone(),
            date: clock::day(night),
            source: PULSEBAND,
            time_asleep: Number::tenths(asleep),
            time_awake: self.within(5, 60),
            updated_at: instant(night + 9 * 3_600_000),
        }
    }

    /// An instant of the last day but one before the epoch.
    fn lately(&mut self) -> String {
        instant(activities::EPOCH - DAY - self.within(0, 86_399) * 1000)
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Summary<'a> {
    user_id: &'a str,
    human_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gender: Option<&'static str>,
    created_at: String,
    blood_glucose: Part<Reading>,
    blood_oxygen: Part<Reading>,
    blood_pressure: Part<Pressure>,
    bmi: Part<Reading>,
    body_fat: Part<Reading>,
    height: Part<Reading>,
    heart_rate: Part<Reading>,
    weight: Part<Reading>,
    activity_summary: Part<ActivitySummary>,
    sleep_summary: Part<SleepSummary>,
}

#[derive(Debug, Serialize)]
struct Reading {
    id: String,
    timestamp: String,
    source: &'static str,
    value: Number,
    unit: &'static str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Pressure {
    id: String,
    user_id: String,
    timestamp: String,
    source: &'static str,
    systolic: i64,
    diastolic: i64,
    unit: &'static str,
    heart_rate: i64,
}

#[derive(Debug, Serialize)]
struct ActivitySummary {
    id: String,
    date: String,
    duration: Number,
    distance: Number,
    sedentary: i64,
    light: i64,
    moderate: i64,
    vigorous: i64,
    total: Number,
    steps: i64,
    calories: Number,
    source: &'static str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct SleepSummary {
    id: String,
    user_id: String,
    date: String,
    source: &'static str,
    time_asleep: Number,
    time_awake: i64,
    updated_at: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Profile<'a> {
    user_id: &'a str,
    created_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<&'a str>,
    default_time_zone: TimeZoneName,
    human_id: &'a str,
}

#[derive(Debug, Serialize)]
struct TimeZoneName {
    name: &'static str,
}
