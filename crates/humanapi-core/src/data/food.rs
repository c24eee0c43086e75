//! `GET /v1/human/food/meals`: what the user ate.

use crate::data::record::records;
use crate::data::wellness::wellness;

wellness! {
    /// One meal, or one food of it.
    pub struct Meal {
        /// When it was eaten; most sources know the day alone and stamp its midnight.
        timestamp: Timestamp = "timestamp",
        /// By how much local time differed from UTC.
        tz_offset: Offset = "tzOffset",
        /// Such as `breakfast`; an open set.
        kind: Text = "type",
        /// What it was.
        name: Text = "name",
        /// Energy.
        calories: Number = "calories" [unit "kcal"],
        /// Carbohydrates.
        carbohydrate: Number = "carbohydrate" [unit "g"],
        /// Fat of all kinds.
        fat: Number = "fat" [unit "g"],
        /// Protein.
        protein: Number = "protein" [unit "g"],
        /// Sodium. Old documents say grams, and what was sent fits milligrams.
        sodium: Number = "sodium" [unit "mg"],
        /// Sugar.
        sugar: Number = "sugar" [unit "g"],
        /// Fibre.
        fiber: Number = "fiber" [unit "g"],
        /// Saturated fat.
        saturated_fat: Number = "saturatedFat" [unit "g"],
        /// Monounsaturated fat.
        monounsaturated_fat: Number = "monounsaturatedFat" [unit "g"],
        /// Polyunsaturated fat.
        polyunsaturated_fat: Number = "polyunsaturatedFat" [unit "g"],
        /// Cholesterol.
        cholesterol: Number = "cholesterol" [unit "mg"],
        /// Vitamin A.
        vitamin_a: Number = "vitaminA" [unit "mg"],
        /// Vitamin C.
        vitamin_c: Number = "vitaminC" [unit "mg"],
        /// Calcium.
        calcium: Number = "calcium" [unit "mg"],
        /// Iron.
        iron: Number = "iron" [unit "mg"],
        /// Potassium.
        potassium: Number = "potassium" [unit "mg"],
        /// How much of it.
        amount: MealAmount = "amount",
    }
}

records! {
    /// How much of a food. Only the unit is documented, so its number has two names.
    pub struct MealAmount {
        /// The unit as the source names it.
        unit: Text = "unit",
        /// How many of them.
        amount: Number = "amount",
        /// How many of them, by another name.
        value: Number = "value",
    }
}
