//! Walks, runs and rides, and what they come to in a day.

use serde_json::json;

use super::calendar::{HOUR, MINUTE, date, decimal};
use super::moment::Moment;
use super::moments::{Lane, Moments, Rhythm};
use super::person::Person;
use super::written::Written;
use crate::clock::{self, DAY, Millis, instant};
use crate::persona::Persona;
use crate::records::Fields;
use crate::resource::Resource;
use crate::source::{PULSEBAND, STRIDER};

/// What a person does each week at about the same time.
struct Habit {
    kind: &'static str,
    source: &'static str,
    /// From Monday on.
    day: i64,
    hour: i64,
    minutes: (i64, i64),
    centimetres_per_second: (i64, i64),
    steps_per_minute: (i64, i64),
}

const fn habit(
    kind: &'static str,
    source: &'static str,
    (day, hour): (i64, i64),
    minutes: (i64, i64),
) -> Habit {
    let (centimetres_per_second, steps_per_minute) = match kind.as_bytes() {
        b"walking" => ((110, 155), (95, 122)),
        b"running" => ((240, 360), (152, 180)),
        b"cycling" => ((480, 850), (0, 0)),
        b"swimming" => ((70, 110), (0, 0)),
        _ => ((0, 0), (0, 0)),
    };
    Habit {
        kind,
        source,
        day,
        hour,
        minutes,
        centimetres_per_second,
        steps_per_minute,
    }
}

const ATHLETE: &[Habit] = &[
    habit("running", STRIDER, (0, 6), (35, 55)),
    habit("weight_training", PULSEBAND, (0, 18), (40, 60)),
    habit("cycling", PULSEBAND, (1, 17), (60, 110)),
    habit("running", STRIDER, (2, 6), (40, 70)),
    habit("swimming", PULSEBAND, (3, 18), (30, 50)),
    habit("running", STRIDER, (5, 8), (90, 150)),
    habit("cycling", PULSEBAND, (6, 9), (120, 210)),
    habit("walking", STRIDER, (6, 16), (40, 80)),
];

const CHRONIC: &[Habit] = &[
    habit("walking", STRIDER, (0, 9), (18, 35)),
    habit("walking", PULSEBAND, (1, 10), (20, 30)),
    habit("walking", STRIDER, (2, 9), (18, 35)),
    habit("elliptical", PULSEBAND, (3, 16), (15, 25)),
    habit("walking", STRIDER, (4, 9), (20, 40)),
    habit("walking", PULSEBAND, (6, 15), (25, 45)),
];

const CHILD: &[Habit] = &[
    habit("walking", STRIDER, (1, 15), (10, 25)),
    habit("unknown", PULSEBAND, (2, 16), (30, 60)),
    habit("swimming", PULSEBAND, (5, 10), (20, 40)),
    habit("walking", STRIDER, (6, 11), (15, 40)),
];

/// The demo user has 234 activities in all: more than four full pages.
const DEMO: i64 = 234;

fn habits(person: &Person) -> &'static [Habit] {
    match person.persona {
        Persona::Chronic => CHRONIC,
        Persona::Child => CHILD,
        _ => ATHLETE,
    }
}

/// The Monday on which somebody began to wear something.
fn since(person: &Person) -> Millis {
    match person.persona {
        Persona::Chronic => date(2024, 1, 1),
        Persona::Child => date(2025, 1, 6),
        _ => date(2024, 1, 1),
    }
}

fn rhythm(person: &Person) -> Rhythm {
    let lane = |(row, habit): (usize, &Habit)| {
        let source = person.connected(&[habit.source]).next()?;
        Some(Lane {
            source,
            row,
            from: habit.day * DAY + habit.hour * HOUR,
            span: HOUR,
        })
    };
    Rhythm {
        name: "activities",
        since: since(person) - person.offset(),
        every: 7 * DAY,
        lanes: habits(person).iter().enumerate().filter_map(lane).collect(),
        settles: 4 * HOUR,
        grows: false,
    }
}

pub(super) fn moments(person: &Person) -> Moments {
    let moments = Moments::of(rhythm(person), person);
    if person.is_demo {
        moments.newest(DEMO)
    } else {
        moments
    }
}

/// What was recorded of one activity; all but the steps in tenths.
#[derive(Debug, Default, Clone, Copy)]
struct Effort {
    seconds: i64,
    metres: i64,
    steps: i64,
    calories: i64,
}

fn effort(person: &Person, moment: &Moment) -> Effort {
    let habit = &habits(person)[moment.row];
    let mut numbers = person.numbers_of(Resource::Activities, moment);
    let mut within = |(low, high)| numbers.within(low, high);
    let seconds = within((habit.minutes.0 * 600, habit.minutes.1 * 600));
    // One source counts whole seconds, the other tenths.
    let seconds = if habit.source == STRIDER {
        seconds / 10 * 10
    } else {
        seconds
    };
    let per_minute = within((50, 120));
    // A correction is about the estimate alone.
    let corrected = if moment.updated > moment.created {
        103
    } else {
        100
    };
    Effort {
        seconds,
        metres: within(habit.centimetres_per_second) * seconds / 100,
        steps: within(habit.steps_per_minute) * seconds / 600,
        calories: per_minute * seconds / 600 * corrected / 100,
    }
}

pub(super) fn write(person: &Person, moment: &Moment) -> Written {
    let habit = &habits(person)[moment.row];
    let effort = effort(person, moment);
    let mut numbers = person.numbers(&[b"detail", &moment.at.to_be_bytes()]);
    let average = numbers.within(95, 142);
    let is_pulse = habit.source == PULSEBAND;
    let source_data = if is_pulse {
        json!({
            "maxHeartrate": average + numbers.within(8, 40),
            "averageHeartrate": decimal(average * 10 + numbers.within(0, 9), 1),
            "movingTime": effort.seconds / 10,
        })
    } else {
        json!({"manual": numbers.within(0, 9) == 0})
    };
    let series = is_pulse.then(|| {
        let minutes = (effort.seconds / 600).max(1);
        let values: Vec<i64> = (0..minutes)
            .map(|_| average + numbers.within(-12, 12))
            .collect();
        json!({"heartRate": {"type": "indexed", "intervalInMillis": MINUTE, "values": values}})
    });
    let fields = Fields::new()
        .with("startTime", instant(moment.at))
        .with("endTime", instant(moment.at + effort.seconds * 100))
        .with("tzOffset", person.offset_text())
        .with("type", habit.kind)
        .with("duration", decimal(effort.seconds, 1))
        .with("distance", decimal(effort.metres, 1))
        .with("steps", effort.steps)
        .with("calories", decimal(effort.calories, 1))
        .with("sourceData", source_data);
    Written { fields, series }
}

/// One summary for each source and day, written anew each hour of it.
pub(super) fn days(person: &Person) -> Moments {
    let lanes = person.connected(&[STRIDER, PULSEBAND]);
    let mut lanes: Vec<_> = lanes
        .map(|source| Lane {
            source,
            row: 0,
            from: 0,
            span: 0,
        })
        .collect();
    lanes.sort_by_key(|lane| lane.source.id);
    let rhythm = Rhythm {
        name: "days",
        since: since(person) - person.offset(),
        every: DAY,
        lanes,
        settles: 6 * HOUR,
        grows: true,
    };
    Moments::of(rhythm, person)
}

/// What the activities of one source that were over by then add to a day.
fn done(person: &Person, day: &Moment) -> Effort {
    let rhythm = rhythm(person);
    let round = (day.at - rhythm.since).div_euclid(rhythm.every);
    let mut sum = Effort::default();
    for lane in rhythm.lanes.iter().filter(|lane| lane.source == day.source) {
        let moment = rhythm.moment(person.seed, &person.human_id, person.now, round, *lane);
        // A correction of an activity leaves the summary of its day as it was.
        let one = effort(
            person,
            &Moment {
                updated: moment.created,
                ..moment
            },
        );
        let end = moment.at + one.seconds * 100;
        if (day.at..day.at + DAY).contains(&moment.at) && end <= day.updated {
            sum = Effort {
                seconds: sum.seconds + one.seconds,
                metres: sum.metres + one.metres,
                steps: sum.steps + one.steps,
                calories: sum.calories + one.calories,
            };
        }
    }
    sum
}

pub(super) fn write_day(person: &Person, moment: &Moment) -> Written {
    let mut numbers = person.numbers_of(Resource::ActivitySummaries, moment);
    let done = done(person, moment);
    // Of what is walked about a house and a town, so much by this hour.
    let hours = ((moment.updated - moment.at) / HOUR).min(24);
    let by_now = |of_day: i64| of_day * (hours - 6).clamp(0, 16) / 16;
    let steps = by_now(numbers.within(2400, 5200));
    let metres = steps * 7;
    let active = done.seconds / 600;
    let light = by_now(numbers.within(70, 160));
    let vigorous = active / 3;
    let moderate = active - vigorous;
    let sedentary = (hours * 60 * 2 / 3 - light - active).max(0);
    let (all_steps, all_metres) = (steps + done.steps, metres + done.metres);
    let calories = done.calories + by_now(numbers.within(4200, 6100));
    let source_data = if moment.source.word == STRIDER {
        json!({
            "floors": by_now(numbers.within(2, 14)),
            "tracker": {"steps": all_steps, "distance": decimal(all_metres, 1), "calories": decimal(calories, 1)},
        })
    } else {
        json!({})
    };
    let series = (moment.source.word == PULSEBAND).then(|| {
        let values: Vec<i64> = (0..hours).map(|_| numbers.within(0, 700)).collect();
        json!({"steps": {"type": "indexed", "intervalInMillis": HOUR, "values": values}})
    });
    let fields = Fields::new()
        .with("date", clock::day(moment.at + person.offset()))
        .with("duration", decimal(done.seconds + light * 600, 1))
        .with("distance", decimal(all_metres, 1))
        .with("steps", all_steps)
        .with("calories", decimal(calories, 1))
        .with("vigorous", vigorous)
        .with("moderate", moderate)
        .with("light", light)
        .with("sedentary", sedentary)
        .with("sourceData", source_data);
    Written { fields, series }
}
