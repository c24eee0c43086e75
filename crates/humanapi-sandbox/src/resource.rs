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
    (
        Wellness { $( $wellness:ident = $wellness_path:literal: $wellness_shape:ident, $wellness_about:literal; )+ }
        Medical { $( $medical:ident = $medical_path:literal: $medical_shape:ident, $medical_about:literal; )+ }
    ) => {
        /// A kind of records that a user has.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub(crate) enum Resource {
            $( #[doc = $wellness_about] $wellness, )+
            $( #[doc = $medical_about] $medical, )+
        }

        impl Resource {
            /// All of them, in the order of the README.
            pub(crate) const ALL: &[Self] = &[$(Self::$wellness,)+ $(Self::$medical),+];

            /// Its path below `/v1/human/`.
            pub(crate) const fn path(self) -> &'static str {
                match self {
                    $(Self::$wellness => $wellness_path,)+
                    $(Self::$medical => $medical_path,)+
                }
            }

            pub(crate) const fn family(self) -> Family {
                match self {
                    $(Self::$wellness)|+ => Family::Wellness,
                    $(Self::$medical)|+ => Family::Medical,
                }
            }

            pub(crate) const fn shape(self) -> Shape {
                match self {
                    $(Self::$wellness => Shape::$wellness_shape,)+
                    $(Self::$medical => Shape::$medical_shape,)+
                }
            }

            /// What it is, for the README.
            pub(crate) const fn about(self) -> &'static str {
                match self {
                    $(Self::$wellness => $wellness_about,)+
                    $(Self::$medical => $medical_about,)+
                }
            }
        }

        /// The pattern of all that are wellness, so that a `match` over the others names each, and none is told by accident.
        macro_rules! wellness {
            () => { $($crate::resource::Resource::$wellness)|+ };
        }
        /// The same of all that are medical.
        macro_rules! medical {
            () => { $($crate::resource::Resource::$medical)|+ };
        }
        pub(crate) use {medical, wellness};
    };
}

#[rustfmt::skip] // One row, one line.
resources! {
    Wellness {
        Activities = "activities": Daily, "activities";
        ActivitySummaries = "activities/summaries": Summaries, "each day's activities";
        BloodGlucose = "blood_glucose": Measurement, "blood glucose";
        BloodOxygen = "blood_oxygen": Measurement, "blood oxygen";
        BloodPressure = "blood_pressure": Measurement, "blood pressure";
        Bmi = "bmi": Measurement, "body mass index";
        BodyFat = "body_fat": Measurement, "body fat";
        HeartRate = "heart_rate": Measurement, "heart rate";
        HeartRateSummaries = "heart_rate/summaries": Summaries, "each day's heart rate";
        Height = "height": Measurement, "height";
        Weight = "weight": Measurement, "weight";
        Sleeps = "sleeps": Daily, "sleeps";
        SleepSummaries = "sleeps/summaries": Summaries, "each day's sleep";
        Locations = "locations": Daily, "places where the user was";
        Meals = "food/meals": List, "meals";
        Traits = "genetic/traits": Alone, "genetic traits";
        Genotypes = "genetic/genotypes": Genotypes, "genotypes at the `locations` asked for";
    }
    Medical {
        Allergies = "medical/allergies": List, "allergies";
        Demographics = "medical/demographics": List, "demographics, as each organization has them";
        Encounters = "medical/encounters": List, "encounters";
        FunctionalStatuses = "medical/functional_statuses": List, "functional statuses";
        Immunizations = "medical/immunizations": List, "immunizations";
        Instructions = "medical/instructions": List, "instructions";
        Issues = "medical/issues": List, "issues";
        Medications = "medical/medications": List, "medications";
        Narratives = "medical/narratives": List, "narratives";
        Organizations = "medical/organizations": List, "the organizations that the records come from";
        PlansOfCare = "medical/plans_of_care": List, "plans of care";
        Procedures = "medical/procedures": List, "procedures";
        SocialHistory = "medical/social_history": List, "social history";
        TestResults = "medical/test_results": List, "test results";
        Vitals = "medical/vitals": List, "vital signs";
        MedicalProfile = "medical/profile": Single, "the medical profile";
        Timeline = "medical/timeline": Alone, "an index of other records by time";
        Ccds = "medical/ccds": Documents, "documents of care";
        Reports = "medical/reports": Reports, "reports made from the records";
    }
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
