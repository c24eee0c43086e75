//! What a person ate.

use serde_json::json;

use super::calendar::{HOUR, date, decimal};
use super::moment::Moment;
use super::moments::{Lane, Moments, Rhythm};
use super::person::Person;
use crate::clock::{DAY, Millis, instant};
use crate::records::Fields;
use crate::resource::Resource;
use crate::source::PLATEFUL;

/// What one portion holds, in tenths.
type Nutrients = &'static [(&'static str, i64)];

/// A meal with its energy in kilocalories and its salt in milligrams.
struct Meal {
    kind: &'static str,
    name: &'static str,
    calories: i64,
    sodium: i64,
    /// In grams, tenths of them.
    nutrients: Nutrients,
    /// In milligrams, tenths of them.
    traces: Nutrients,
    amount: (&'static str, i64),
}

#[rustfmt::skip] // One row, one line.
const MEALS: &[Meal] = &[
    Meal { kind: "breakfast", name: "Oatmeal with berries", calories: 310, sodium: 140,
        nutrients: &[("carbohydrate", 540), ("fat", 65), ("protein", 105), ("sugar", 120), ("fiber", 80), ("saturatedFat", 12), ("monounsaturatedFat", 22), ("polyunsaturatedFat", 20)],
        traces: &[("cholesterol", 0), ("calcium", 1800), ("iron", 31), ("potassium", 3600), ("vitaminA", 1), ("vitaminC", 120)], amount: ("bowl", 1) },
    Meal { kind: "morning_snack", name: "Apple", calories: 95, sodium: 2,
        nutrients: &[("carbohydrate", 251), ("fat", 3), ("protein", 5), ("sugar", 189), ("fiber", 44)],
        traces: &[("potassium", 1950), ("vitaminC", 84)], amount: ("piece", 1) },
    Meal { kind: "lunch", name: "Lentil soup and bread", calories: 460, sodium: 780,
        nutrients: &[("carbohydrate", 690), ("fat", 98), ("protein", 225), ("sugar", 71), ("fiber", 152), ("saturatedFat", 16)],
        traces: &[("iron", 66), ("potassium", 8700)], amount: ("g", 420) },
    Meal { kind: "afternoon_snack", name: "Plain yogurt", calories: 150, sodium: 113,
        nutrients: &[("carbohydrate", 114), ("fat", 80), ("protein", 85), ("sugar", 114)],
        traces: &[("calcium", 2960), ("cholesterol", 320)], amount: ("cup", 1) },
    Meal { kind: "dinner", name: "Baked salmon with vegetables", calories: 540, sodium: 420,
        nutrients: &[("carbohydrate", 282), ("fat", 291), ("protein", 395), ("fiber", 71), ("saturatedFat", 52), ("monounsaturatedFat", 98), ("polyunsaturatedFat", 96)],
        traces: &[("cholesterol", 940), ("vitaminA", 8), ("vitaminC", 660)], amount: ("plate", 1) },
    Meal { kind: "after_dinner", name: "Dark chocolate", calories: 170, sodium: 6,
        nutrients: &[("carbohydrate", 130), ("fat", 121), ("protein", 22), ("sugar", 68), ("fiber", 31)],
        traces: &[], amount: ("g", 28) },
    Meal { kind: "other", name: "Tap water", calories: 0, sodium: 7,
        nutrients: &[("carbohydrate", 0), ("fat", 0), ("protein", 0)], traces: &[], amount: ("ml", 500) },
];

const SINCE: Millis = date(2025, 1, 6);

/// Each day at midnight, because the source knows the day alone.
pub(super) fn moments(person: &Person) -> Moments {
    let source = person.connected(&[PLATEFUL]).next();
    let rhythm = Rhythm {
        name: "meals",
        since: SINCE,
        every: DAY,
        lanes: source
            .into_iter()
            .flat_map(|source| {
                (0..MEALS.len()).map(move |row| Lane {
                    source,
                    row,
                    from: 0,
                    span: 0,
                })
            })
            .collect(),
        settles: 20 * HOUR,
        grows: false,
    };
    Moments::of(rhythm, person)
}

pub(super) fn write(person: &Person, moment: &Moment) -> Fields {
    let meal = &MEALS[moment.row];
    let mut numbers = person.numbers_of(Resource::Meals, moment);
    let percent = numbers.within(80, 125);
    let portion = |of: i64| of * percent / 100;
    let (unit, amount) = meal.amount;
    let mut fields = Fields::new()
        .with("timestamp", instant(moment.at))
        .with("tzOffset", person.offset_text())
        .with("type", meal.kind)
        .with("name", meal.name)
        .with("calories", portion(meal.calories))
        .with("sodium", portion(meal.sodium))
        // The field is known by two names.
        .with(
            "amount",
            if moment.row.is_multiple_of(2) {
                json!({"unit": unit, "amount": amount})
            } else {
                json!({"unit": unit, "value": amount})
            },
        );
    for (name, tenths) in meal.nutrients.iter().chain(meal.traces) {
        fields.set(*name, decimal(portion(*tenths), 1));
    }
    fields
}
