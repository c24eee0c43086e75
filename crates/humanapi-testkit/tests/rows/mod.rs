//! One row for each resource: its record, and how it can be read beside its list.

/// Calls a macro with all rows.
///
/// In brackets stand the names of what else a user's records can be asked by, then whether there is a list of what all
/// users of an application recorded.
macro_rules! for_all_rows {
    ($($macro:tt)+) => {
        $($macro)+! {
            Source [] []
            Activity [by_id changes on_day] [batch]
            ActivitySummary [by_id changes summary] [batch]
            BloodGlucose [by_id changes on_day latest] [batch]
            BloodOxygen [by_id changes on_day latest] [batch]
            BloodPressure [by_id changes on_day latest] [batch]
            Bmi [by_id changes on_day latest] [batch]
            BodyFat [by_id changes on_day latest] [batch]
            HeartRate [by_id changes on_day latest] [batch]
            HeartRateSummary [by_id changes summary] [batch]
            Height [by_id changes on_day latest] [batch]
            Weight [by_id changes on_day latest] [batch]
            Sleep [by_id changes on_day] [batch]
            SleepSummary [by_id changes summary] [batch]
            Location [by_id changes on_day] [batch]
            Meal [by_id changes] [batch]
            GeneticTrait [] [batch]
            Allergy [by_id changes] []
            Ccd [by_id changes documents] []
            Demographics [by_id changes] []
            Encounter [by_id changes] []
            FunctionalStatus [by_id changes] []
            Immunization [by_id changes] []
            Instruction [by_id changes] []
            Issue [by_id changes] []
            Medication [by_id changes] []
            Narrative [by_id changes] []
            Organization [by_id] []
            PlanOfCare [by_id changes] []
            Procedure [by_id changes] []
            SocialHistory [by_id changes] []
            TestResult [by_id changes] []
            Vitals [by_id changes] []
            TimelineEntry [changes] []
            Report [documents] []
        }
    };
}

pub(crate) use for_all_rows;

use humanapi_core::data::medical::{Ccd, Report};
use humanapi_core::data::{HasDocument, ROUTES, Raw, ReportFormat, Route};

/// The documents of a record.
pub(crate) trait Documents: HasDocument + Sized {
    /// The call for each, and the type that it is declared as.
    fn of(id: &str) -> Vec<(Raw<Self>, &'static str)>;
}

impl Documents for Ccd {
    fn of(id: &str) -> Vec<(Raw<Self>, &'static str)> {
        vec![(Raw::<Self>::new(id), "text/xml")]
    }
}

impl Documents for Report {
    fn of(id: &str) -> Vec<(Raw<Self>, &'static str)> {
        let declared = |format| match format {
            ReportFormat::Json => "application/json",
            ReportFormat::Html => "text/html",
            ReportFormat::Pdf => "application/pdf",
            _ => "",
        };
        let forms = ReportFormat::ALL.into_iter();
        forms
            .map(|format| (Raw::<Self>::new(id, format), declared(format)))
            .collect()
    }
}

/// The row that a request belongs to: of those that its path fits, the one that leaves least open.
pub(crate) fn route_of(method: &str, path: &str) -> Option<&'static Route> {
    let fits = |route: &&Route| {
        let (mut wanted, mut given) = (route.path.split('/'), path.split('/'));
        let all = wanted.by_ref().all(|part| match (part, given.next()) {
            (_, None) => false,
            ("{day}", Some(given)) => given.parse::<jiff::civil::Date>().is_ok(),
            ("{id}" | "{clientId}" | "{humanId}", Some(given)) => {
                !given.is_empty() && given.parse::<jiff::civil::Date>().is_err()
            }
            (part, Some(given)) => part == given,
        });
        all && given.next().is_none() && route.method == method
    };
    let open = |route: &&Route| route.path.matches('{').count();
    ROUTES.iter().filter(fits).min_by_key(open)
}
