//! Which resources there are, where each is, and what its list takes: one row each.

use crate::data::medical::{
    Allergy, Ccd, Demographics, Encounter, FunctionalStatus, Immunization, Instruction, Issue,
    MedicalProfile, Medication, Narrative, Organization, PlanOfCare, Procedure, Report,
    SocialHistory, TestResult, TimelineEntry, Vitals,
};
use crate::data::{
    Activity, ActivitySummary, AllAtOnce, BloodGlucose, BloodOxygen, BloodPressure, Bmi, BodyFat,
    Field, GeneticTrait, HasDays, HasDocument, HasId, HasTimeSeries, HeartRate, HeartRateSummary,
    Height, Location, Meal, Resource, Single, Sleep, SleepSummary, Source, Weight,
};

/// One documented route, as the tables of this crate know it.
///
/// Pages and tests about all routes are made from [`ROUTES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Route {
    /// The short name of the calls to it, such as `data.activities`.
    pub name: &'static str,
    /// Its path, such as `/v1/human/activities`.
    pub path: &'static str,
    /// How it answers.
    pub shape: Shape,
    /// The fields of the record, or of each.
    pub fields: &'static [Field],
}

/// How a route answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Shape {
    /// With a list; `by_id` tells whether each record can be read apart, at its id behind the path, and `document`
    /// whether it has one, at `/raw` behind that.
    List {
        /// Whether each record can be read apart.
        by_id: bool,
        /// Whether each record has a document that is read apart.
        document: bool,
    },
    /// With one record, or none.
    Single,
}

macro_rules! resources {
    (
        lists { $($record:ident $name:literal $path:literal [$($marker:ident),*])+ }
        singles { $($single:ident $single_name:literal $single_path:literal)+ }
    ) => {
        $(
            impl Resource for $record {
                const NAME: &'static str = $name;
                const PATH: &'static str = $path;
                const ON_PAGES: bool = true $(&& !is_marker(stringify!($marker), "AllAtOnce"))*;
                type Record = Self;
            }
            $(impl $marker for $record {})*
        )+
        $(
            impl Single for $single {
                const NAME: &'static str = $single_name;
                const PATH: &'static str = $single_path;
                type Record = Self;
            }
        )+

        /// Every route of a resource that has a table, lists first.
        pub const ROUTES: &[Route] = &[
            $(Route {
                name: $name,
                path: $path,
                shape: Shape::List {
                    by_id: false $(|| is_marker(stringify!($marker), "HasId"))*,
                    document: false $(|| is_marker(stringify!($marker), "HasDocument"))*,
                },
                fields: $record::FIELDS,
            },)+
            $(Route {
                name: $single_name,
                path: $single_path,
                shape: Shape::Single,
                fields: $single::FIELDS,
            },)+
        ];
    };
}

const fn is_marker(marker: &str, wanted: &str) -> bool {
    let (marker, wanted) = (marker.as_bytes(), wanted.as_bytes());
    let mut same = 0;
    while same < marker.len() && same < wanted.len() && marker[same] == wanted[same] {
        same += 1;
    }
    same == marker.len() && same == wanted.len()
}

// By id, measurements are read below their readings: older documents have the id directly behind the measurement.
resources! {
    lists {
        Source "data.sources" "/v1/human/sources" [AllAtOnce]
        Activity "data.activities" "/v1/human/activities" [HasId, HasDays, HasTimeSeries]
        ActivitySummary "data.activity_summaries" "/v1/human/activities/summaries" [HasId, HasDays]
        BloodGlucose "data.blood_glucose" "/v1/human/blood_glucose/readings" [HasId, HasDays]
        BloodOxygen "data.blood_oxygen" "/v1/human/blood_oxygen/readings" [HasId, HasDays]
        BloodPressure "data.blood_pressure" "/v1/human/blood_pressure/readings" [HasId, HasDays]
        Bmi "data.bmi" "/v1/human/bmi/readings" [HasId, HasDays]
        BodyFat "data.body_fat" "/v1/human/body_fat/readings" [HasId, HasDays]
        HeartRate "data.heart_rate" "/v1/human/heart_rate/readings" [HasId, HasDays]
        HeartRateSummary "data.heart_rate_summaries" "/v1/human/heart_rate/summaries" [HasId, HasDays]
        Height "data.height" "/v1/human/height/readings" [HasId, HasDays]
        Weight "data.weight" "/v1/human/weight/readings" [HasId, HasDays]
        Sleep "data.sleeps" "/v1/human/sleeps" [HasId, HasDays, HasTimeSeries]
        SleepSummary "data.sleep_summaries" "/v1/human/sleeps/summaries" [HasId, HasDays]
        Location "data.locations" "/v1/human/locations" [HasId, HasDays]
        Meal "data.meals" "/v1/human/food/meals" [HasId, HasDays]
        GeneticTrait "data.genetic_traits" "/v1/human/genetic/traits" [AllAtOnce]
        Allergy "data.allergies" "/v1/human/medical/allergies" [HasId]
        Ccd "data.ccds" "/v1/human/medical/ccds" [HasId, HasDocument]
        Demographics "data.demographics" "/v1/human/medical/demographics" [HasId]
        Encounter "data.encounters" "/v1/human/medical/encounters" [HasId]
        FunctionalStatus "data.functional_statuses" "/v1/human/medical/functional_statuses" [HasId]
        Immunization "data.immunizations" "/v1/human/medical/immunizations" [HasId]
        Instruction "data.instructions" "/v1/human/medical/instructions" [HasId]
        Issue "data.issues" "/v1/human/medical/issues" [HasId]
        Medication "data.medications" "/v1/human/medical/medications" [HasId]
        Narrative "data.narratives" "/v1/human/medical/narratives" [HasId]
        Organization "data.organizations" "/v1/human/medical/organizations" [HasId]
        PlanOfCare "data.plans_of_care" "/v1/human/medical/plans_of_care" [HasId]
        Procedure "data.procedures" "/v1/human/medical/procedures" [HasId]
        SocialHistory "data.social_history" "/v1/human/medical/social_history" [HasId]
        TestResult "data.test_results" "/v1/human/medical/test_results" [HasId]
        Vitals "data.vitals" "/v1/human/medical/vitals" [HasId]
        TimelineEntry "data.timeline" "/v1/human/medical/timeline" []
        Report "data.reports" "/v1/human/medical/reports" [AllAtOnce, HasDocument]
    }
    singles {
        BloodGlucose "data.latest_blood_glucose" "/v1/human/blood_glucose"
        BloodOxygen "data.latest_blood_oxygen" "/v1/human/blood_oxygen"
        BloodPressure "data.latest_blood_pressure" "/v1/human/blood_pressure"
        Bmi "data.latest_bmi" "/v1/human/bmi"
        BodyFat "data.latest_body_fat" "/v1/human/body_fat"
        HeartRate "data.latest_heart_rate" "/v1/human/heart_rate"
        Height "data.latest_height" "/v1/human/height"
        Weight "data.latest_weight" "/v1/human/weight"
        MedicalProfile "data.medical_profile" "/v1/human/medical/profile"
    }
}
