//! `GET /v1/human/{measurement}`: what was measured, one value at a time.

use crate::data::wellness::wellness;

/// Makes the records of one measurement each: a number with its unit, and what else this one has.
macro_rules! measurements {
    ($($(#[doc = $doc:literal])+ pub struct $record:ident in $unit:literal { $($field:tt)* })+) => {
        wellness! {$(
            $(#[doc = $doc])+
            pub struct $record {
                /// When it was measured. Sources that keep a daily log stamp the end or the beginning of the day.
                timestamp: Timestamp = "timestamp",
                /// By how much local time differed from UTC.
                tz_offset: Offset = "tzOffset",
                /// The value.
                value: Number = "value" [unit $unit],
                /// The unit as the service names it.
                unit: Text = "unit",
                /// What this source alone says.
                source_data: Json = "sourceData",
                $($field)*
            }
        )+}
    };
}

measurements! {
    /// One measured blood glucose.
    pub struct BloodGlucose in "mg/dL" {
        /// What the user noted.
        notes: Text = "notes",
        /// Before or after which meal; an open set.
        meal_tag: Text = "mealTag",
        /// Before or after medication; an open set.
        medication_tag: Text = "medicationTag",
    }

    /// One measured oxygen saturation of the blood.
    pub struct BloodOxygen in "%" {}

    /// One body mass index.
    pub struct Bmi in "kg/m2" {}

    /// One measured share of fat in the body.
    pub struct BodyFat in "%" {}

    /// One measured heart rate.
    pub struct HeartRate in "/min" {}

    /// One measured height.
    pub struct Height in "mm" {}

    /// One measured weight.
    pub struct Weight in "kg" {}
}

wellness! {
    /// One measured blood pressure.
    pub struct BloodPressure {
        /// When it was measured. Sources that keep a daily log stamp the end or the beginning of the day.
        timestamp: Timestamp = "timestamp",
        /// By how much local time differed from UTC.
        tz_offset: Offset = "tzOffset",
        /// While the heart beats.
        systolic: Number = "systolic" [unit "mm[Hg]"],
        /// Between two beats.
        diastolic: Number = "diastolic" [unit "mm[Hg]"],
        /// Measured along with it.
        heart_rate: Number = "heartRate" [unit "/min"],
        /// The unit as the service names it.
        unit: Text = "unit",
        /// Documented, and seen in no answer; the oldest ones nested both pressures in it.
        value: Json = "value",
    }

    /// The heart rates of one day, of one source.
    pub struct HeartRateSummary {
        /// The day.
        date: Date = "date",
        /// How long it stayed in which zone.
        zones: List<HeartRateZone> = "zones",
        /// At rest.
        resting: Number = "restingHR" [unit "/min"],
        /// On average.
        average: Number = "averageHR" [unit "/min"],
        /// The highest.
        max: Number = "maxHR" [unit "/min"],
        /// The lowest.
        min: Number = "minHR" [unit "/min"],
        /// Documented without a meaning.
        value: Number = "value",
        /// What this source alone says.
        source_data: Json = "sourceData",
    }
}

super::record::records! {
    /// How long the heart rate stayed within two bounds.
    pub struct HeartRateZone {
        /// As the source calls it.
        name: Text = "name",
        /// From here.
        min: Number = "min" [unit "/min"],
        /// To here.
        max: Number = "max" [unit "/min"],
        /// How long.
        duration: Number = "duration" [unit "s"],
        /// Estimated.
        calories_burned: Number = "caloriesBurned" [unit "kcal"],
    }
}
