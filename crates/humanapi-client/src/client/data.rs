//! One user's health data: a method for each resource, and the ways in which each can be read.

use humanapi_core::data::medical::{
    Allergy, Ccd, Demographics, Encounter, FunctionalStatus, Immunization, Instruction, Issue,
    Medication, Narrative, Organization, PlanOfCare, Procedure, ReadMedicalProfile, Report,
    SocialHistory, TestResult, TimelineEntry, Vitals,
};
use humanapi_core::data::{
    Activity, ActivitySummary, BloodGlucose, BloodOxygen, BloodPressure, Bmi, BodyFat, ById, Daily,
    GeneticTrait, HasId, HasLatest, HeartRate, HeartRateSummary, Height, Latest, List,
    ListGenotypes, Location, Meal, OnDay, Raw, ReadHealthSummary, ReadProfile, ReportFormat,
    Resource, Sleep, SleepSummary, Source, Weight,
};
use jiff::civil::Date;

use super::call::ApiCall;
use super::user::User;

/// One user's health data.
///
/// Each kind of record that the service lists has a method, and [`list`](Self::list), [`by_id`](Self::by_id),
/// [`on_day`](Self::on_day) and [`latest`](Self::latest) take the type of any that can be read so:
///
/// ```no_run
/// # use humanapi_client::{Error, User};
/// use humanapi_client::core::data::Sleep;
///
/// # async fn read(user: User) -> Result<(), Error> {
/// let page = user.data().sleeps().limit(200).await?;
/// if let Some(id) = page.items.first().and_then(|sleep| sleep.id()) {
///     let sleep = user.data().by_id::<Sleep>(&*id).await?;
///     println!("{:?}", sleep.start_time());
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct UserData {
    user: User,
}

impl User {
    /// The user's health data.
    #[must_use]
    pub fn data(&self) -> UserData {
        UserData { user: self.clone() }
    }
}

impl UserData {
    /// The latest value of everything.
    pub fn summary(&self) -> ApiCall<ReadHealthSummary> {
        self.user.call(ReadHealthSummary::new())
    }

    /// Who the user is.
    pub fn profile(&self) -> ApiCall<ReadProfile> {
        self.user.call(ReadProfile::new())
    }

    /// Who the user is to providers, and whether the user drinks or smokes; none where nobody wrote it down.
    pub fn medical_profile(&self) -> ApiCall<ReadMedicalProfile> {
        self.user.call(ReadMedicalProfile::new())
    }

    /// All records of a kind, 50 on a page.
    pub fn list<R: Resource>(&self) -> ApiCall<List<R>> {
        self.user.call(List::new())
    }

    /// The record of this id.
    pub fn by_id<R: HasId>(&self, id: impl Into<String>) -> ApiCall<ById<R>> {
        self.user.call(ById::new(id))
    }

    /// The records of one day, or its summary.
    pub fn on_day<R: Daily>(&self, day: Date) -> ApiCall<OnDay<R>> {
        self.user.call(OnDay::new(day))
    }

    /// The latest record of a measurement, or none.
    pub fn latest<R: HasLatest>(&self) -> ApiCall<Latest<R>> {
        self.user.call(Latest::new())
    }

    /// What stands at these places of the user's genome, such as `rs1`.
    pub fn genotypes(
        &self,
        locations: impl IntoIterator<Item = impl Into<String>>,
    ) -> ApiCall<ListGenotypes> {
        self.user.call(ListGenotypes::new(locations))
    }

    /// The text of one of the [`ccds`](Self::ccds), in XML. [`open`](ApiCall::open) hands it over as it arrives.
    ///
    /// ```no_run
    /// # use humanapi_client::User;
    /// # async fn read(user: User) -> Result<(), Box<dyn std::error::Error>> {
    /// let ccd = user.data().ccd("5f0000000000000000002101").open().await?;
    #[cfg_attr(feature = "tokio", doc = "let bytes = ccd.save(\"ccd.xml\").await?;")]
    /// # Ok(())
    /// # }
    /// ```
    pub fn ccd(&self, id: impl Into<String>) -> ApiCall<Raw<Ccd>> {
        self.user.call(Raw::<Ccd>::new(id))
    }

    /// The text of one of the [`reports`](Self::reports), in this form. [`open`](ApiCall::open) hands it over as it
    /// arrives.
    ///
    /// ```no_run
    /// # use humanapi_client::User;
    /// use humanapi_client::core::data::ReportFormat;
    ///
    /// # async fn read(user: User) -> Result<(), Box<dyn std::error::Error>> {
    /// let report = user.data().report("r-1", ReportFormat::Json).open().await?;
    /// // At most 4 MiB, and of no type that is known beforehand.
    /// let report: serde_json::Value = report.json(4 << 20).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn report(&self, id: impl Into<String>, format: ReportFormat) -> ApiCall<Raw<Report>> {
        self.user.call(Raw::<Report>::new(id, format))
    }
}

/// One row for each resource that the service lists, handed to a macro that makes a method of each.
#[doc(hidden)]
#[macro_export]
macro_rules! each_list {
    ($make:ident) => {
        $make! {
            /// The sources that the user has connected, and how far each has been read.
            sources: Source,
            /// Activities, such as walks and runs.
            activities: Activity,
            /// What a day's activities come to.
            activity_summaries: ActivitySummary,
            /// Blood glucose readings.
            blood_glucose: BloodGlucose,
            /// Blood oxygen readings.
            blood_oxygen: BloodOxygen,
            /// Blood pressure readings.
            blood_pressure: BloodPressure,
            /// Body mass index readings.
            bmi: Bmi,
            /// Body fat readings.
            body_fat: BodyFat,
            /// Heart rate readings.
            heart_rate: HeartRate,
            /// What a day's heart rates come to.
            heart_rate_summaries: HeartRateSummary,
            /// Height readings.
            height: Height,
            /// Weight readings.
            weight: Weight,
            /// Times of sleep.
            sleeps: Sleep,
            /// What a day's sleep comes to.
            sleep_summaries: SleepSummary,
            /// Places where the user was.
            locations: Location,
            /// What the user ate and drank.
            meals: Meal,
            /// Genetic traits.
            genetic_traits: GeneticTrait,
            /// Allergies.
            allergies: Allergy,
            /// Continuity of care documents, without their text.
            ccds: Ccd,
            /// Who the user is, as each medical source has it.
            demographics: Demographics,
            /// Visits and stays.
            encounters: Encounter,
            /// What the user can do by themselves.
            functional_statuses: FunctionalStatus,
            /// Vaccinations.
            immunizations: Immunization,
            /// What the user was told to do.
            instructions: Instruction,
            /// Problems and diagnoses.
            issues: Issue,
            /// Medications.
            medications: Medication,
            /// What is told in words.
            narratives: Narrative,
            /// Organizations that keep the user's records.
            organizations: Organization,
            /// What is planned for the user.
            plans_of_care: PlanOfCare,
            /// What was done for the user.
            procedures: Procedure,
            /// Habits and circumstances.
            social_history: SocialHistory,
            /// Results of laboratory tests.
            test_results: TestResult,
            /// Vital signs.
            vitals: Vitals,
            /// What happened when, of all medical records.
            timeline: TimelineEntry,
            /// Reports about the user.
            reports: Report,
        }
    };
}

macro_rules! lists {
    ($($(#[$doc:meta])+ $method:ident: $resource:ident,)+) => {
        impl UserData {
            $(
                $(#[$doc])+
                pub fn $method(&self) -> ApiCall<List<$resource>> {
                    self.list()
                }
            )+
        }

        /// Each method, and the short name of what it reads.
        #[cfg(test)]
        const METHODS: &[(&str, &str)] = &[
            $((stringify!($method), <$resource as Resource>::NAME),)+
        ];
    };
}

each_list!(lists);

#[cfg(test)]
mod tests {
    use humanapi_core::data::{Operation, ROUTES};

    use super::*;

    #[test]
    fn each_list_of_the_service_has_a_method_of_its_name() {
        let lists = ROUTES
            .iter()
            .filter(|route| route.operation == Operation::List);
        let names: Vec<_> = lists.map(|route| route.name).collect();
        let methods = METHODS.iter().map(|(method, name)| {
            assert_eq!(format!("data.{method}"), *name);
            *name
        });
        let methods: Vec<_> = methods.collect();
        let missing: Vec<_> = (names.iter())
            .filter(|name| !methods.contains(name))
            .collect();
        assert!(
            missing.is_empty(),
            "without a line in `lists!`: {missing:?}"
        );
        assert_eq!(methods, names, "in the order of the rows");
    }
}
