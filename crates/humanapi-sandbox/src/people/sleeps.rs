//! Nights and naps.

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
use crate::source::PULSEBAND;

/// How somebody sleeps: to bed at this minute of the evening, asleep and awake for so many minutes.
struct Habit {
    bed: i64,
    asleep: (i64, i64),
    awake: (i64, i64),
    wakeups: (i64, i64),
}

const ATHLETE: Habit = Habit {
    bed: 22 * 60 + 10,
    asleep: (425, 500),
    awake: (8, 26),
    wakeups: (0, 3),
};
const CHRONIC: Habit = Habit {
    bed: 22 * 60 + 40,
    asleep: (310, 410),
    awake: (35, 80),
    wakeups: (2, 6),
};
const CHILD: Habit = Habit {
    bed: 19 * 60 + 30,
    asleep: (590, 650),
    awake: (5, 25),
    wakeups: (0, 2),
};
/// On a Sunday afternoon.
const NAP: Habit = Habit {
    bed: 14 * 60,
    asleep: (20, 45),
    awake: (2, 8),
    wakeups: (0, 1),
};

/// The row of a nap; nights are rows of the days of the week.
const NAP_ROW: usize = 7;

/// The Monday of the first night.
const SINCE: Millis = date(2023, 9, 4);

fn habit(person: &Person, row: usize) -> &'static Habit {
    match person.persona {
        _ if row == NAP_ROW => &NAP,
        Persona::Chronic => &CHRONIC,
        Persona::Child => &CHILD,
        _ => &ATHLETE,
    }
}

fn rhythm(person: &Person, naps: bool) -> Rhythm {
    let lane = |source, row| {
        let day = (row as i64).min(6);
        let from = day * DAY + habit(person, row).bed * MINUTE;
        Lane {
            source,
            row,
            from,
            span: 50 * MINUTE,
        }
    };
    let rows = [0, 1, 2, 3, 4, 5, NAP_ROW, 6];
    let rows = rows.into_iter().filter(|row| naps || *row != NAP_ROW);
    let source = person.connected(&[PULSEBAND]).next();
    Rhythm {
        name: "sleeps",
        since: SINCE - person.offset(),
        every: 7 * DAY,
        lanes: source
            .into_iter()
            .flat_map(|source| rows.clone().map(move |row| lane(source, row)))
            .collect(),
        settles: 13 * HOUR,
        grows: false,
    }
}

pub(super) fn moments(person: &Person) -> Moments {
    Moments::of(rhythm(person, true), person)
}

/// One summary of each night, for the day on which it ended.
pub(super) fn days(person: &Person) -> Moments {
    Moments::of(rhythm(person, false), person)
}

/// What was recorded of one sleep, in minutes but for the efficiency.
struct Night {
    asleep_tenths: i64,
    awake: i64,
    to_fall_asleep: i64,
    after_wakeup: i64,
    wakeups: i64,
}

impl Night {
    const fn in_bed(&self) -> i64 {
        self.asleep_tenths / 10 + self.awake + self.to_fall_asleep + self.after_wakeup
    }
}

/// The same for the sleep and for its summary.
fn night(person: &Person, moment: &Moment) -> Night {
    let habit = habit(person, moment.row);
    let mut numbers = person.numbers_of(Resource::Sleeps, moment);
    let mut within = |(low, high)| numbers.within(low, high);
    Night {
        asleep_tenths: within((habit.asleep.0 * 10, habit.asleep.1 * 10)),
        awake: within(habit.awake),
        to_fall_asleep: within((2, 18)),
        after_wakeup: within((0, 12)),
        wakeups: within(habit.wakeups),
    }
}

/// When it ended, which decides on the day that it counts for.
pub(super) fn ended(person: &Person, moment: &Moment) -> Millis {
    moment.at + night(person, moment).in_bed() * MINUTE
}

fn day(person: &Person, moment: &Moment) -> String {
    clock::day(ended(person, moment) + person.offset())
}

pub(super) fn write(person: &Person, moment: &Moment) -> Written {
    let night = night(person, moment);
    let mut numbers = person.numbers(&[b"stages", &moment.at.to_be_bytes()]);
    let stages: Vec<i64> = (0..night.in_bed() / 5)
        .map(|_| numbers.within(1, 3))
        .collect();
    let fields = Fields::new()
        .with("day", day(person, moment))
        .with("startTime", instant(moment.at))
        .with("endTime", instant(moment.at + night.in_bed() * MINUTE))
        .with("tzOffset", person.offset_text())
        .with("mainSleep", moment.row != NAP_ROW)
        .with("timeAsleep", decimal(night.asleep_tenths, 1))
        .with("timeAwake", night.awake)
        .with("efficiency", night.asleep_tenths * 10 / night.in_bed())
        .with("timeToFallAsleep", night.to_fall_asleep)
        .with("timeAfterWakeup", night.after_wakeup)
        .with("timeInBed", night.in_bed())
        .with("numberOfWakeups", night.wakeups);
    let series =
        json!({"quality": {"type": "indexed", "intervalInMillis": 5 * MINUTE, "values": stages}});
    Written {
        fields,
        series: Some(series),
    }
}

pub(super) fn write_day(person: &Person, moment: &Moment) -> Fields {
    let night = night(person, moment);
    Fields::new()
        .with("date", day(person, moment))
        .with("timeAsleep", decimal(night.asleep_tenths, 1))
        .with("timeAwake", night.awake)
}
