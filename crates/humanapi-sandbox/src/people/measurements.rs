//! What is measured one value at a time, and each day's heart rates.

use serde_json::json;

use super::body::Body;
use super::calendar::{HOUR, MINUTE, date, decimal};
use super::moment::Moment;
use super::moments::{Lane, Moments, Rhythm};
use super::person::Person;
use crate::clock::{self, DAY, Millis, instant};
use crate::persona::Persona;
use crate::records::Fields;
use crate::resource::Resource;
use crate::seed::Numbers;
use crate::source::{PULSEBAND, STRIDER};

/// How often a person measures something: so many times in a round, at these minutes after midnight.
struct Gauge {
    resource: Resource,
    source: &'static str,
    days: i64,
    minutes: &'static [i64],
}

const fn gauge(
    resource: Resource,
    source: &'static str,
    days: i64,
    minutes: &'static [i64],
) -> Gauge {
    Gauge {
        resource,
        source,
        days,
        minutes,
    }
}

/// A minute before midnight, as sources that keep a daily log stamp it.
const DAY_LOG: &[i64] = &[24 * 60 - 1];

const ATHLETE: &[Gauge] = &[
    gauge(Resource::Weight, STRIDER, 1, &[6 * 60 + 20]),
    gauge(Resource::Bmi, STRIDER, 1, &[6 * 60 + 20]),
    gauge(Resource::BodyFat, STRIDER, 1, &[6 * 60 + 20]),
    gauge(Resource::Height, STRIDER, 364, &[0]),
    gauge(
        Resource::HeartRate,
        PULSEBAND,
        1,
        &[330, 480, 640, 800, 960, 1120, 1280],
    ),
    gauge(Resource::BloodOxygen, PULSEBAND, 1, &[5 * 60]),
    gauge(Resource::BloodPressure, PULSEBAND, 7, &[7 * 60]),
    gauge(Resource::BloodGlucose, PULSEBAND, 14, &[7 * 60 + 5]),
];

const CHRONIC: &[Gauge] = &[
    gauge(Resource::Weight, STRIDER, 7, DAY_LOG),
    gauge(Resource::Bmi, STRIDER, 7, DAY_LOG),
    gauge(Resource::BodyFat, STRIDER, 7, DAY_LOG),
    gauge(Resource::Height, STRIDER, 364, &[0]),
    gauge(Resource::HeartRate, PULSEBAND, 1, &[480, 1200]),
    gauge(Resource::BloodOxygen, PULSEBAND, 2, &[8 * 60]),
    gauge(
        Resource::BloodPressure,
        PULSEBAND,
        1,
        &[7 * 60 + 30, 20 * 60],
    ),
    gauge(
        Resource::BloodGlucose,
        PULSEBAND,
        1,
        &[7 * 60, 13 * 60 + 30, 18 * 60 + 15, 22 * 60],
    ),
];

const CHILD: &[Gauge] = &[
    gauge(Resource::Weight, STRIDER, 28, &[18 * 60]),
    gauge(Resource::Height, STRIDER, 84, &[18 * 60]),
    gauge(Resource::HeartRate, PULSEBAND, 1, &[20 * 60]),
];

fn gauges(person: &Person) -> &'static [Gauge] {
    match person.persona {
        Persona::Chronic => CHRONIC,
        Persona::Child => CHILD,
        _ => ATHLETE,
    }
}

const SINCE: Millis = date(2023, 1, 2);

pub(super) fn moments(resource: Resource, person: &Person) -> Moments {
    let Some(gauge) = gauges(person)
        .iter()
        .find(|gauge| gauge.resource == resource)
    else {
        return Moments::none();
    };
    let source = person.connected(&[gauge.source]).next();
    let is_log = matches!(gauge.minutes, [0] | [1439]);
    let lane = |source, (row, minute): (usize, &i64)| Lane {
        source,
        row,
        from: minute * MINUTE + if is_log { 59_000 * (minute / 1439) } else { 0 },
        span: if is_log { 0 } else { 45 * MINUTE },
    };
    let rhythm = Rhythm {
        name: resource.path(),
        // A daily log keeps no time zone.
        since: SINCE - if is_log { 0 } else { person.offset() },
        every: gauge.days * DAY,
        lanes: source
            .into_iter()
            .flat_map(|source| {
                gauge
                    .minutes
                    .iter()
                    .enumerate()
                    .map(move |at| lane(source, at))
            })
            .collect(),
        settles: MINUTE,
        grows: false,
    };
    Moments::of(rhythm, person)
}

pub(super) fn write(resource: Resource, person: &Person, moment: &Moment) -> Fields {
    let mut numbers = person.numbers_of(resource, moment);
    let body = person.body(moment.at);
    let fields = Fields::new()
        .with("timestamp", instant(moment.at))
        .with("tzOffset", person.offset_text());
    if resource == Resource::BloodPressure {
        return fields
            .with("systolic", body.systolic + numbers.within(-4, 4))
            .with("diastolic", body.diastolic + numbers.within(-3, 3))
            .with("unit", "mmHg")
            .with("heartRate", body.resting_heart_rate + numbers.within(2, 14));
    }
    let (units, places, unit) = value(resource, person, &body, moment, &mut numbers);
    let fields = fields
        .with("value", decimal(units, places))
        .with("unit", unit)
        .with("sourceData", json!({}));
    if resource == Resource::BloodGlucose {
        let meals = [
            "before_breakfast",
            "after_lunch",
            "before_dinner",
            "bedtime",
        ];
        let is_tagged = person.persona == Persona::Chronic;
        let tag = if is_tagged {
            meals[moment.row % meals.len()]
        } else {
            ""
        };
        let is_high = units > 2200;
        return fields
            .with("notes", if is_high { "Felt thirsty" } else { "" })
            .with("mealTag", tag)
            .with(
                "medicationTag",
                if is_tagged && moment.row == 0 {
                    "before_medication"
                } else {
                    ""
                },
            );
    }
    fields
}

/// A value in units of its last decimal place, and the unit of the endpoint.
fn value(
    resource: Resource,
    person: &Person,
    body: &Body,
    moment: &Moment,
    numbers: &mut Numbers,
) -> (i64, u32, &'static str) {
    match resource {
        Resource::Weight => (body.weight_hg, 1, "kg"),
        Resource::Bmi => (body.bmi_tenths(), 1, "kg/m2"),
        Resource::BodyFat => (body.fat_tenths, 1, "percent"),
        Resource::Height => (body.height_mm, 0, "mm"),
        Resource::HeartRate => (body.resting_heart_rate + numbers.within(0, 34), 0, "bpm"),
        Resource::BloodOxygen => {
            let low = if person.persona == Persona::Chronic {
                92
            } else {
                96
            };
            (numbers.within(low, 99), 0, "SpO2(%)")
        }
        // Highest after lunch, lowest before breakfast.
        _ if person.persona == Persona::Chronic => {
            let usual = [1320, 1780, 1490, 1560][moment.row % 4];
            (usual + numbers.within(-320, 460), 1, "mg/dL")
        }
        _ => (numbers.within(780, 960), 1, "mg/dL"),
    }
}

/// The unit that the health summary gives, where it is another than that of the endpoint.
pub(super) fn unit_at_a_glance(unit: &str) -> &str {
    match unit {
        "percent" => "%",
        "SpO2(%)" => "SpO2",
        other => other,
    }
}

pub(super) fn heart_rate_days(person: &Person) -> Moments {
    let source = person.connected(&[PULSEBAND]).next();
    let lane = |source| Lane {
        source,
        row: 0,
        from: 0,
        span: 0,
    };
    let rhythm = Rhythm {
        name: "heart_rate/summaries",
        since: SINCE - person.offset(),
        every: DAY,
        lanes: source.into_iter().map(lane).collect(),
        settles: 25 * HOUR,
        grows: false,
    };
    Moments::of(rhythm, person)
}

/// Zones as the source names them, with their share of the highest heart rate in percent and the most minutes there.
const ZONES: &[(&str, i64, i64, i64)] = &[
    ("Easy", 20, 50, 900),
    ("Fat burn", 50, 70, 120),
    ("Cardio", 70, 85, 50),
    ("Peak", 85, 100, 20),
];

pub(super) fn write_heart_rate_day(person: &Person, moment: &Moment) -> Fields {
    let mut numbers = person.numbers_of(Resource::HeartRateSummaries, moment);
    let resting = person.body(moment.at).resting_heart_rate;
    let age = (moment.at - person.life().born) / super::calendar::YEAR;
    let highest = 220 - age;
    let zones: Vec<_> = ZONES
        .iter()
        .map(|(name, from, to, most)| {
            let seconds = numbers.within(0, *most) * 60;
            json!({
                "name": name,
                "min": highest * from / 100,
                "max": highest * to / 100,
                "duration": seconds,
                "caloriesBurned": decimal(seconds / 60 * to / 9, 1),
            })
        })
        .collect();
    let average = resting + numbers.within(8, 18);
    Fields::new()
        .with("date", clock::day(moment.at + person.offset()))
        .with("zones", json!(zones))
        .with("restingHR", resting)
        .with("averageHR", average)
        .with("maxHR", average + numbers.within(30, 70))
        .with("minHR", resting - numbers.within(1, 6))
        .with("value", average)
        .with("sourceData", json!({}))
}
