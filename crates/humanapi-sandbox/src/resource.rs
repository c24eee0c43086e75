//! The kinds of records that a user has, and where each is served.

use std::sync::LazyLock;

use crate::assumption::Assumption;

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
    /// A list and no more.
    Alone,
    /// Whatever is asked for by place on the genome.
    Genotypes,
    /// One object, or nothing.
    Single,
    /// A list with one record by its id, and the document that it tells of.
    Documents,
    /// A list, and the document that each record tells of, in several formats.
    Reports,
}

/// What a place shows of a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum View {
    /// All that the filters leave.
    List,
    /// Those of one day.
    OfDay,
    /// One by its id.
    One,
    /// One by its id, or those of one day.
    OneOrOfDay,
    /// The newest one.
    Latest,
    /// The one of a day, or one by its id.
    OneOrDay,
    /// The one of a day.
    Day,
    /// Those at the places on the genome that are asked for.
    AtLocations,
    /// The only one.
    Single,
    /// The document that one tells of.
    Document,
    /// The document that one tells of, in the format that is asked for.
    Report,
}

/// Where a resource is served.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// Below `/v1/human/`.
    pub(crate) path: String,
    pub(crate) view: View,
    /// What it takes for the place to be there.
    pub(crate) given: Option<(Assumption, &'static str)>,
}

/// Where a list goes on over several pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Paging {
    /// It does, as documented or seen.
    Sure,
    /// Nobody knows; it does unless told otherwise.
    Likely,
    /// Nobody knows; it does not unless told otherwise.
    Unlikely,
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
    Traits = "genetic/traits": Wellness, Alone, "genetic traits";
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
    Timeline = "medical/timeline": Medical, Alone, "an index of other records by time";
    Ccds = "medical/ccds": Medical, Documents, "documents of care";
    Reports = "medical/reports": Medical, Reports, "reports made from the records";
}

impl Resource {
    /// Finds one by its path.
    pub(crate) fn find(path: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|one| one.path() == path)
    }

    pub(crate) const fn is_wellness(self) -> bool {
        matches!(self.family(), Family::Wellness)
    }

    /// Whether it has a record for each source and day.
    pub(crate) fn has_summaries(self) -> bool {
        self.shape() == Shape::Summaries
    }

    /// Whether its records have ids.
    pub(crate) const fn has_ids(self) -> bool {
        !matches!(self, Self::Traits | Self::Genotypes)
    }

    /// Where all of them are served.
    pub(crate) fn all_places() -> &'static [(Self, Place)] {
        static PLACES: LazyLock<Vec<(Resource, Place)>> = LazyLock::new(|| {
            let all = Resource::ALL.iter();
            all.flat_map(|one| one.places().into_iter().map(|place| (*one, place)))
                .collect()
        });
        &PLACES
    }

    /// Where it is served, the usual place first.
    fn places(self) -> Vec<Place> {
        let places: &[(&str, View)] = match self.shape() {
            Shape::List => &[("", View::List), ("/{id}", View::One)],
            Shape::Daily => &[
                ("", View::List),
                ("/{id}", View::One),
                ("/daily/{day}", View::OfDay),
            ],
            Shape::Measurement => &[
                ("", View::Latest),
                ("/readings", View::List),
                ("/readings/{id_or_day}", View::OneOrOfDay),
                ("/readings/daily/{day}", View::OfDay),
                ("/{id}", View::One),
            ],
            Shape::Summaries => &[("", View::List), ("/{id_or_day}", View::OneOrDay)],
            Shape::Alone => &[("", View::List)],
            Shape::Genotypes => &[("", View::AtLocations)],
            Shape::Single => &[("", View::Single)],
            Shape::Documents => &[
                ("", View::List),
                ("/{id}", View::One),
                ("/{id}/raw", View::Document),
            ],
            Shape::Reports => &[("", View::List), ("/{id}/raw", View::Report)],
        };
        let mut all: Vec<_> = places
            .iter()
            .map(|(suffix, view)| Place {
                path: format!("{}{suffix}", self.path()),
                view: *view,
                given: self.given(*view),
            })
            .collect();
        // Clients of the first years asked for summaries under this name.
        if matches!(self, Self::ActivitySummaries | Self::SleepSummaries) {
            let old = self.path().replace("summaries", "summary");
            for (path, view) in [(format!("{old}/{{day}}"), View::Day), (old, View::Latest)] {
                let given = Some((Assumption::OldPaths, "served"));
                all.push(Place { path, view, given });
            }
        }
        all
    }

    fn given(self, view: View) -> Option<(Assumption, &'static str)> {
        match (self.shape(), view) {
            (Shape::Measurement, View::One) => Some((Assumption::OldPaths, "served")),
            (_, View::OfDay) => Some((Assumption::DailyPaths, "served")),
            (Shape::Documents, View::One) => Some((Assumption::CcdById, "metadata")),
            _ => None,
        }
    }

    pub(crate) const fn paging(self) -> Paging {
        match self {
            Self::Timeline | Self::Organizations => Paging::Likely,
            Self::Traits | Self::Genotypes | Self::Reports => Paging::Unlikely,
            _ => Paging::Sure,
        }
    }

    /// Its path at the application level, where it has one.
    pub(crate) const fn batch(self) -> Option<&'static str> {
        Some(match self {
            Self::Activities => "activities",
            Self::ActivitySummaries => "activities/summaries",
            Self::HeartRate => "heart_rates",
            Self::HeartRateSummaries => "heart_rate/summaries",
            Self::Bmi => "bmis",
            Self::BodyFat => "body_fats",
            Self::Height => "heights",
            Self::Weight => "weights",
            Self::BloodGlucose => "blood_glucoses",
            Self::BloodOxygen => "blood_oxygens",
            Self::BloodPressure => "blood_pressures",
            Self::Sleeps => "sleeps",
            Self::SleepSummaries => "sleeps/summaries",
            Self::Traits => "genetic_traits",
            Self::Locations => "locations",
            Self::Meals => "food/meals",
            _ => return None,
        })
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
