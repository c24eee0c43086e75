//! Which resources there are, where each is, and what can be asked of it: one row each.
//!
//! One piece: the rows, and what makes them traits and routes.

use crate::data::application::{AppUser, BatchResource, CreateUser, DeleteUser, ReadUser};
use crate::data::list::WithChanges;
use crate::data::medical::{
    Allergy, Ccd, Demographics, Encounter, FunctionalStatus, Immunization, Instruction, Issue,
    MedicalProfile, Medication, Narrative, Organization, PlanOfCare, Procedure, Report,
    SocialHistory, TestResult, TimelineEntry, Vitals,
};
use crate::data::record::is_same;
use crate::data::{
    Activity, ActivitySummary, AllAtOnce, BloodGlucose, BloodOxygen, BloodPressure, Bmi, BodyFat,
    Daily, DailyForm, DailyList, Field, GeneticTrait, Genotype, HasChanges, HasDays, HasDocument,
    HasId, HasLatest, HasTimeSeries, HealthSummary, HeartRate, HeartRateSummary, Height,
    ListGenotypes, Location, Meal, Profile, Resource, Singleton, Sleep, SleepSummary, Source,
    Weight, single,
};
use crate::error::ResponseError;
use crate::message::Response;

/// One route of the API, as the tables of this crate know it.
///
/// Pages and tests about all routes are made from [`ROUTES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Route {
    /// The short name of the calls to it, such as `data.activities`; calls about one resource share it.
    pub name: &'static str,
    /// What is done there.
    pub operation: Operation,
    /// `GET`, `POST` or `DELETE`.
    pub method: &'static str,
    /// Its path, such as `/v1/human/activities/{id}`. What is put in is an `{id}`, a `{day}`, the
    /// application's `{clientId}` or a user's `{humanId}`.
    pub path: &'static str,
    /// The parameters that the query may have.
    pub query: &'static [&'static str],
    /// Whether what is asked for comes on pages; else all of it comes at once.
    pub on_pages: bool,
    /// The fields of the record, or of each; empty where what comes is no record.
    pub fields: &'static [Field],
}

impl Route {
    /// The route that a request of this method for this path is to; nothing where this crate knows none.
    ///
    /// ```
    /// use humanapi_core::data::{Operation, Route};
    ///
    /// let operation = |path| Route::at("GET", path).map(|route| route.operation);
    /// assert_eq!(operation("/v1/human/activities/a1"), Some(Operation::ById));
    /// assert_eq!(operation("/v1/human/activities/summaries"), Some(Operation::List));
    /// assert_eq!(operation("/v1/human/moods"), None);
    /// ```
    #[must_use]
    pub fn at(method: &str, path: &str) -> Option<&'static Self> {
        let is_it = |route: &&Self| route.method == method && route.takes(path);
        // A segment that is written out counts before one that anything can stand in.
        ROUTES
            .iter()
            .filter(is_it)
            .min_by_key(|route| route.path.matches('{').count())
    }

    fn takes(&self, path: &str) -> bool {
        let mut segments = path.split('/');
        let all = self.path.split('/').all(|own| match segments.next() {
            Some(segment) => own == segment || (own.starts_with('{') && !segment.is_empty()),
            None => false,
        });
        all && segments.next().is_none()
    }

    /// Whether its answer is a list, on pages or all at once.
    #[must_use]
    pub const fn is_list(&self) -> bool {
        match self.operation {
            Operation::List | Operation::Batch => true,
            Operation::OnDay => self.on_pages,
            _ => false,
        }
    }
}

/// What is done at a route, each by an endpoint of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Operation {
    /// [`List`](crate::data::List): a page of records.
    List,
    /// [`ById`](crate::data::ById): one record.
    ById,
    /// [`OnDay`](crate::data::OnDay): the records of one day, or its summary.
    OnDay,
    /// [`Raw`](crate::data::Raw): a record's document.
    Raw,
    /// [`Latest`](crate::data::Latest): the latest record, or none.
    Latest,
    /// [`Single`](crate::data::Single): what a user has one of.
    Single,
    /// [`ListGenotypes`](crate::data::ListGenotypes): what stands at some places of a genome.
    Genotypes,
    /// [`Batch`](crate::data::application::Batch): a page of the records of all users.
    Batch,
    /// [`CreateUser`](crate::data::application::CreateUser).
    CreateUser,
    /// [`ReadUser`](crate::data::application::ReadUser).
    ReadUser,
    /// [`DeleteUser`](crate::data::application::DeleteUser).
    DeleteUser,
}

/// Makes a resource's row its traits and its routes.
///
/// What a row has in brackets are its markers; a marker is a trait of the same name, but for
/// `DailySummary`, by which a resource is [`Daily`] with a summary for each day, and `HasFormats`, whose
/// documents are asked for in one of several formats.
macro_rules! resources {
    (
        lists { $($record:ident $name:literal $path:literal [$($marker:ident),*])+ }
        latest { $($measured:ident $latest_name:literal $latest_path:literal)+ }
        singles { $($single:ident $single_name:literal $single_path:literal $presence:ident)+ }
        batches { $($batch:ident $batch_name:literal $batch_path:literal)+ }
    ) => {
        $(
            impl Resource for $record {
                const NAME: &'static str = $name;
                const PATH: &'static str = $path;
                const ON_PAGES: bool = !has(&[$(stringify!($marker)),*], "AllAtOnce");
                type Record = Self;
            }
            $(marker! { $record $marker })*
        )+
        $(
            impl HasLatest for $measured {
                const LATEST_NAME: &'static str = $latest_name;
                const LATEST_PATH: &'static str = $latest_path;
            }
        )+
        $(singleton! { $single $single_name $single_path $presence })+
        $(
            impl BatchResource for $batch {
                const BATCH_NAME: &'static str = $batch_name;
                const BATCH_PATH: &'static str = $batch_path;
                type Record = Self;
            }
        )+

        /// Does this with the kind of record that is listed at a route; nothing where it does not tell when it changed.
        pub(super) fn with_changes<W: WithChanges>(route: &Route, work: W) -> Option<W::Output> {
            if route.operation != Operation::List {
                return None;
            }
            $($(with_changes! { $marker $record $name route work })*)+
            None
        }

        /// The routes of each list: itself, by id, by the day, documents.
        const LISTS: &[[Option<Route>; 4]] = &[$({
            const MARKERS: &[&str] = &[$(stringify!($marker)),*];
            const {
                assert!(
                    has(MARKERS, "HasChanges") == tells_changes($record::FIELDS),
                    concat!($name, ": has changes if `updatedAt` is documented, and only then"),
                );
            };
            const ROW: Route = Route {
                name: $name,
                operation: Operation::List,
                method: "GET",
                path: $path,
                query: list_query(MARKERS),
                on_pages: <$record as Resource>::ON_PAGES,
                fields: $record::FIELDS,
            };
            const SUMMARY: Route = Route {
                operation: Operation::OnDay,
                path: concat!($path, "/{day}"),
                query: &["source"],
                on_pages: false,
                ..ROW
            };
            const DAILY: Route = Route {
                operation: Operation::OnDay,
                path: concat!($path, "/daily/{day}"),
                query: list_query(&[]),
                ..ROW
            };
            const BY_ID: Route = Route {
                operation: Operation::ById,
                path: concat!($path, "/{id}"),
                query: if has(MARKERS, "HasTimeSeries") { &["time_series"] } else { &[] },
                on_pages: false,
                ..ROW
            };
            const RAW: Route = Route {
                operation: Operation::Raw,
                path: concat!($path, "/{id}/raw"),
                query: if has(MARKERS, "HasFormats") { &["format"] } else { &[] },
                on_pages: false,
                fields: &[],
                ..ROW
            };
            [
                Some(ROW),
                if has(MARKERS, "HasId") { Some(BY_ID) } else { None },
                if has(MARKERS, "DailyList") {
                    Some(DAILY)
                } else if has(MARKERS, "DailySummary") {
                    Some(SUMMARY)
                } else {
                    None
                },
                if has(MARKERS, "HasDocument") { Some(RAW) } else { None },
            ]
        }),+];

        const LATEST: &[Route] = &[$(Route {
            name: $latest_name,
            operation: Operation::Latest,
            method: "GET",
            path: $latest_path,
            query: &[],
            on_pages: false,
            fields: $measured::FIELDS,
        }),+];

        const SINGLES: &[Route] = &[$(Route {
            name: $single_name,
            operation: Operation::Single,
            method: "GET",
            path: $single_path,
            query: &[],
            on_pages: false,
            fields: $single::FIELDS,
        }),+];

        const BATCHES: &[Route] = &[$(Route {
            name: $batch_name,
            operation: Operation::Batch,
            method: "GET",
            path: concat!("/v1/apps/{clientId}/users", $batch_path),
            query: list_query(&[]),
            on_pages: <$batch as BatchResource>::BATCH_ON_PAGES,
            fields: $batch::FIELDS,
        }),+];
    };
}

macro_rules! with_changes {
    (HasChanges $record:ident $name:literal $route:ident $work:ident) => {
        if $route.name == $name {
            return Some($work.of::<$record>());
        }
    };
    ($marker:ident $record:ident $name:literal $route:ident $work:ident) => {};
}

macro_rules! marker {
    ($record:ident DailyList) => {
        impl Daily for $record {
            const FORM: DailyForm = DailyForm::List;
        }
        impl DailyList for $record {}
    };
    ($record:ident DailySummary) => {
        impl Daily for $record {
            const FORM: DailyForm = DailyForm::Summary;
        }
    };
    ($record:ident HasFormats) => {};
    ($record:ident $marker:ident) => {
        impl $marker for $record {}
    };
}

/// `always` is a record that every user has, `sometimes` one that some users have.
macro_rules! singleton {
    ($record:ident $name:literal $path:literal always) => {
        singleton! { $record $name $path, Self, one }
    };
    ($record:ident $name:literal $path:literal sometimes) => {
        singleton! { $record $name $path, Option<Self>, one_or_none }
    };
    ($record:ident $name:literal $path:literal, $output:ty, $read:ident) => {
        impl Singleton for $record {
            const NAME: &'static str = $name;
            const PATH: &'static str = $path;
            type Output = $output;

            fn read(response: Response) -> Result<Self::Output, ResponseError> {
                single::$read(response)
            }
        }
    };
}

/// What lists take: each of them what all do, some the days too, and of those some a series.
const LIST_QUERY: &[&str] = &[
    "limit",
    "offset",
    "created_since",
    "created_before",
    "updated_since",
    "updated_before",
    "source",
    "start_date",
    "end_date",
    "time_series",
];

/// How much of [`LIST_QUERY`] a list of these markers takes.
const fn list_query(markers: &[&str]) -> &'static [&'static str] {
    let taken = if has(markers, "HasTimeSeries") {
        10
    } else if has(markers, "HasDays") {
        9
    } else {
        7
    };
    LIST_QUERY.split_at(taken).0
}

/// Whether records of these fields tell when they changed.
const fn tells_changes(fields: &[Field]) -> bool {
    let mut at = 0;
    while at < fields.len() {
        if is_same(fields[at].name, "updatedAt") {
            return true;
        }
        at += 1;
    }
    false
}

const fn has(markers: &[&str], wanted: &str) -> bool {
    let mut at = 0;
    while at < markers.len() {
        if is_same(markers[at], wanted) {
            return true;
        }
        at += 1;
    }
    false
}

// By id, measurements are read below their readings: older documents have the id directly behind the measurement.
resources! {
    lists {
        Source "data.sources" "/v1/human/sources" [AllAtOnce]
        Activity "data.activities" "/v1/human/activities" [HasId, HasChanges, HasDays, DailyList, HasTimeSeries]
        ActivitySummary "data.activity_summaries" "/v1/human/activities/summaries" [HasId, HasChanges, HasDays, DailySummary]
        BloodGlucose "data.blood_glucose" "/v1/human/blood_glucose/readings" [HasId, HasChanges, HasDays, DailyList]
        BloodOxygen "data.blood_oxygen" "/v1/human/blood_oxygen/readings" [HasId, HasChanges, HasDays, DailyList]
        BloodPressure "data.blood_pressure" "/v1/human/blood_pressure/readings" [HasId, HasChanges, HasDays, DailyList]
        Bmi "data.bmi" "/v1/human/bmi/readings" [HasId, HasChanges, HasDays, DailyList]
        BodyFat "data.body_fat" "/v1/human/body_fat/readings" [HasId, HasChanges, HasDays, DailyList]
        HeartRate "data.heart_rate" "/v1/human/heart_rate/readings" [HasId, HasChanges, HasDays, DailyList]
        HeartRateSummary "data.heart_rate_summaries" "/v1/human/heart_rate/summaries" [HasId, HasChanges, HasDays, DailySummary]
        Height "data.height" "/v1/human/height/readings" [HasId, HasChanges, HasDays, DailyList]
        Weight "data.weight" "/v1/human/weight/readings" [HasId, HasChanges, HasDays, DailyList]
        Sleep "data.sleeps" "/v1/human/sleeps" [HasId, HasChanges, HasDays, DailyList, HasTimeSeries]
        SleepSummary "data.sleep_summaries" "/v1/human/sleeps/summaries" [HasId, HasChanges, HasDays, DailySummary]
        Location "data.locations" "/v1/human/locations" [HasId, HasChanges, HasDays, DailyList]
        Meal "data.meals" "/v1/human/food/meals" [HasId, HasChanges, HasDays]
        GeneticTrait "data.genetic_traits" "/v1/human/genetic/traits" [AllAtOnce]
        Allergy "data.allergies" "/v1/human/medical/allergies" [HasId, HasChanges]
        Ccd "data.ccds" "/v1/human/medical/ccds" [HasId, HasChanges, HasDocument]
        Demographics "data.demographics" "/v1/human/medical/demographics" [HasId, HasChanges]
        Encounter "data.encounters" "/v1/human/medical/encounters" [HasId, HasChanges]
        FunctionalStatus "data.functional_statuses" "/v1/human/medical/functional_statuses" [HasId, HasChanges]
        Immunization "data.immunizations" "/v1/human/medical/immunizations" [HasId, HasChanges]
        Instruction "data.instructions" "/v1/human/medical/instructions" [HasId, HasChanges]
        Issue "data.issues" "/v1/human/medical/issues" [HasId, HasChanges]
        Medication "data.medications" "/v1/human/medical/medications" [HasId, HasChanges]
        Narrative "data.narratives" "/v1/human/medical/narratives" [HasId, HasChanges]
        Organization "data.organizations" "/v1/human/medical/organizations" [HasId]
        PlanOfCare "data.plans_of_care" "/v1/human/medical/plans_of_care" [HasId, HasChanges]
        Procedure "data.procedures" "/v1/human/medical/procedures" [HasId, HasChanges]
        SocialHistory "data.social_history" "/v1/human/medical/social_history" [HasId, HasChanges]
        TestResult "data.test_results" "/v1/human/medical/test_results" [HasId, HasChanges]
        Vitals "data.vitals" "/v1/human/medical/vitals" [HasId, HasChanges]
        TimelineEntry "data.timeline" "/v1/human/medical/timeline" [HasChanges]
        Report "data.reports" "/v1/human/medical/reports" [AllAtOnce, HasDocument, HasFormats]
    }
    latest {
        BloodGlucose "data.latest_blood_glucose" "/v1/human/blood_glucose"
        BloodOxygen "data.latest_blood_oxygen" "/v1/human/blood_oxygen"
        BloodPressure "data.latest_blood_pressure" "/v1/human/blood_pressure"
        Bmi "data.latest_bmi" "/v1/human/bmi"
        BodyFat "data.latest_body_fat" "/v1/human/body_fat"
        HeartRate "data.latest_heart_rate" "/v1/human/heart_rate"
        Height "data.latest_height" "/v1/human/height"
        Weight "data.latest_weight" "/v1/human/weight"
    }
    singles {
        HealthSummary "data.summary" "/v1/human" always
        Profile "data.profile" "/v1/human/profile" always
        MedicalProfile "data.medical_profile" "/v1/human/medical/profile" sometimes
    }
    batches {
        Activity "apps.activities" "/activities"
        ActivitySummary "apps.activity_summaries" "/activities/summaries"
        HeartRate "apps.heart_rate" "/heart_rates"
        HeartRateSummary "apps.heart_rate_summaries" "/heart_rate/summaries"
        Bmi "apps.bmi" "/bmis"
        BodyFat "apps.body_fat" "/body_fats"
        Height "apps.height" "/heights"
        Weight "apps.weight" "/weights"
        BloodGlucose "apps.blood_glucose" "/blood_glucoses"
        BloodOxygen "apps.blood_oxygen" "/blood_oxygens"
        BloodPressure "apps.blood_pressure" "/blood_pressures"
        Sleep "apps.sleeps" "/sleeps"
        SleepSummary "apps.sleep_summaries" "/sleeps/summaries"
        GeneticTrait "apps.genetic_traits" "/genetic_traits"
        Location "apps.locations" "/locations"
        Meal "apps.meals" "/food/meals"
    }
}

/// What no row above says: other methods, other parameters.
const OTHERS: &[Route] = &[
    Route {
        name: ListGenotypes::NAME,
        operation: Operation::Genotypes,
        method: "GET",
        path: ListGenotypes::PATH,
        query: &["locations"],
        on_pages: false,
        fields: Genotype::FIELDS,
    },
    Route {
        name: <AppUser as BatchResource>::BATCH_NAME,
        operation: Operation::Batch,
        method: "GET",
        path: "/v1/apps/{clientId}/users",
        query: list_query(&[]),
        on_pages: <AppUser as BatchResource>::BATCH_ON_PAGES,
        fields: AppUser::FIELDS,
    },
    Route {
        name: CreateUser::NAME,
        operation: Operation::CreateUser,
        method: "POST",
        path: "/v1/apps/{clientId}/users",
        query: &[],
        on_pages: false,
        fields: AppUser::FIELDS,
    },
    Route {
        name: ReadUser::NAME,
        operation: Operation::ReadUser,
        method: "GET",
        path: "/v1/apps/{clientId}/users/{humanId}",
        query: &[],
        on_pages: false,
        fields: AppUser::FIELDS,
    },
    Route {
        name: DeleteUser::NAME,
        operation: Operation::DeleteUser,
        method: "DELETE",
        path: "/v1/apps/{clientId}/users/{humanId}",
        query: &[],
        on_pages: false,
        fields: &[],
    },
];

/// Every route of the API that an endpoint of this crate calls: of one user first, then of an application.
pub const ROUTES: &[Route] = &ALL;

const ALL: [Route; COUNT] = {
    let mut all = [SINGLES[0]; COUNT];
    let mut end = 0;
    let mut list = 0;
    while list < LISTS.len() {
        let mut at = 0;
        while at < LISTS[list].len() {
            if let Some(route) = LISTS[list][at] {
                all[end] = route;
                end += 1;
            }
            at += 1;
        }
        list += 1;
    }
    let tables = [SINGLES, LATEST, OTHERS, BATCHES];
    let mut table = 0;
    while table < tables.len() {
        let mut at = 0;
        while at < tables[table].len() {
            all[end] = tables[table][at];
            end += 1;
            at += 1;
        }
        table += 1;
    }
    all
};

const COUNT: usize = {
    let mut count = SINGLES.len() + LATEST.len() + OTHERS.len() + BATCHES.len();
    let mut list = 0;
    while list < LISTS.len() {
        let mut at = 0;
        while at < LISTS[list].len() {
            count += LISTS[list][at].is_some() as usize;
            at += 1;
        }
        list += 1;
    }
    count
};
