//! The kinds of records that a user has, and where each is served.

/// How a resource is served: which places it has, and what stands there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// A list, with one record by its id.
    List,
    /// A list, with one record by its id, and those of a day below `daily/`.
    Daily,
    /// The latest one; all of them below `readings`, and there by id and by day.
    Measurement,
    /// A list with one record for each source and day, and one record by its id or its day.
    Summaries,
    /// A list without pages, whose records have no ids.
    Whole,
    /// Whatever is asked for by place on the genome.
    Genotypes,
    /// One object, or nothing.
    Single,
    /// A list with one record by its id, and the document that it tells of.
    Documents,
    /// A list without pages, and the document that each record tells of, in several formats.
    Reports,
}

/// Whose records they are, which decides on the fields that all of them have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    /// Of trackers and apps: they tell whose they are, in `userId` and `humanId`.
    Wellness,
    /// Of clinics and pharmacies: they tell the organization.
    Medical,
}

macro_rules! resources {
    ($( $variant:ident = $path:literal: $family:ident, $shape:ident, $about:literal; )+) => {
        /// A kind of records that a user has.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub(crate) enum Resource {
            $( #[doc = $about] $variant, )+
        }

        impl Resource {
            /// All of them, in the order of the README.
            pub(crate) const ALL: &[Self] = &[$(Self::$variant),+];

            /// Its path below `/v1/human/`.
            pub(crate) const fn path(self) -> &'static str {
                match self { $(Self::$variant => $path,)+ }
            }

            pub(crate) const fn family(self) -> Family {
                match self { $(Self::$variant => Family::$family,)+ }
            }

            pub(crate) const fn shape(self) -> Shape {
                match self { $(Self::$variant => Shape::$shape,)+ }
            }

            /// What it is, for the README.
            pub(crate) const fn about(self) -> &'static str {
                match self { $(Self::$variant => $about,)+ }
            }
        }
    };
}

#[rustfmt::skip] // One row, one line.
resources! {
    Activities = "activities": Wellness, Daily, "activities";
    ActivitySummaries = "activities/summaries": Wellness, Summaries, "each day's activities";
    BloodGlucose = "blood_glucose": Wellness, Measurement, "blood glucose";
    BloodOxygen = "blood_oxygen": Wellness, Measurement, "blood oxygen";
    BloodPressure = "blood_pressure": Wellness, Measurement, "blood pressure";
    Bmi = "bmi": Wellness, Measurement, "body mass index";
    BodyFat = "body_fat": Wellness, Measurement, "body fat";
    HeartRate = "heart_rate": Wellness, Measurement, "heart rate";
    HeartRateSummaries = "heart_rate/summaries": Wellness, Summaries, "each day's heart rate";
    Height = "height": Wellness, Measurement, "height";
    Weight = "weight": Wellness, Measurement, "weight";
    Sleeps = "sleeps": Wellness, Daily, "sleeps";
    SleepSummaries = "sleeps/summaries": Wellness, Summaries, "each day's sleep";
    Locations = "locations": Wellness, Daily, "places where the user was";
    Meals = "food/meals": Wellness, List, "meals";
    Traits = "genetic/traits": Wellness, Whole, "genetic traits";
    Genotypes = "genetic/genotypes": Wellness, Genotypes, "genotypes at the `locations` asked for";
    Allergies = "medical/allergies": Medical, List, "allergies";
    Demographics = "medical/demographics": Medical, List, "demographics, as each organization has them";
    Encounters = "medical/encounters": Medical, List, "encounters";
    FunctionalStatuses = "medical/functional_statuses": Medical, List, "functional statuses";
    Immunizations = "medical/immunizations": Medical, List, "immunizations";
    Instructions = "medical/instructions": Medical, List, "instructions";
    Issues = "medical/issues": Medical, List, "issues";
    Medications = "medical/medications": Medical, List, "medications";
    Narratives = "medical/narratives": Medical, List, "narratives";
    Organizations = "medical/organizations": Medical, List, "the organizations that the records come from";
    PlansOfCare = "medical/plans_of_care": Medical, List, "plans of care";
    Procedures = "medical/procedures": Medical, List, "procedures";
    SocialHistory = "medical/social_history": Medical, List, "social history";
    TestResults = "medical/test_results": Medical, List, "test results";
    Vitals = "medical/vitals": Medical, List, "vital signs";
    MedicalProfile = "medical/profile": Medical, Single, "the medical profile";
    Timeline = "medical/timeline": Medical, List, "an index of other records by time";
    Ccds = "medical/ccds": Medical, Documents, "documents of care";
    Reports = "medical/reports": Medical, Reports, "reports made from the records";
}

impl Resource {
    /// Finds one by its path.
    #[cfg_attr(not(test), expect(dead_code, reason = "changes of records name one"))]
    pub(crate) fn find(path: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|one| one.path() == path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_unique_and_lead_back() {
        for resource in Resource::ALL {
            assert_eq!(Resource::find(resource.path()), Some(*resource));
        }
    }
}
