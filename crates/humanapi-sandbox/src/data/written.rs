//! A record as it is sent: its own fields, those of its family around them, and what the assumptions make of both.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::assumption::{Assumption, Assumptions};
use crate::clock::instant;
use crate::records::{Entry, Fields};
use crate::reference;
use crate::resource::{Family, Resource};
use crate::source::Source;
use crate::subject::Subject;

/// Writes the records of a resource.
#[derive(Debug, Clone, Copy)]
pub(super) struct Writer<'a> {
    pub(super) resource: Resource,
    pub(super) assumptions: &'a Assumptions,
    pub(super) time_series: bool,
}

impl Writer<'_> {
    pub(super) fn write(&self, subject: &Subject, entry: Entry) -> Fields {
        let Entry {
            id,
            head,
            fields: own,
            series,
        } = entry;
        if own.is_raw() {
            return own;
        }
        let is_wellness = self.resource.family() == Family::Wellness;
        let mut fields = Fields::new();
        if !id.is_empty() {
            fields.set("id", id);
        }
        if is_wellness {
            fields.set("userId", subject.user_id.as_str());
            fields.set("humanId", subject.human_id.as_str());
        }
        if self.tells_source() {
            fields.set("source", self.source(head.source));
        }
        if self.tells_times() {
            fields.set("createdAt", instant(head.created));
            fields.set("updatedAt", instant(head.updated));
        }
        if self.tells_organization() {
            fields.set("organization", reference::organization(head.source));
        }
        fields.extend(own);
        if let Some(series) = series.filter(|_| self.time_series) {
            fields.set("timeSeries", self.series(series));
        }
        self.apply(&mut fields);
        fields
    }

    fn tells_source(&self) -> bool {
        use Resource as R;
        !matches!(
            self.resource,
            R::Traits
                | R::Genotypes
                | R::Demographics
                | R::SocialHistory
                | R::MedicalProfile
                | R::Organizations
        )
    }

    fn tells_times(&self) -> bool {
        use Resource as R;
        !matches!(self.resource, R::Traits | R::Genotypes | R::Organizations)
    }

    fn tells_organization(&self) -> bool {
        use Resource as R;
        self.resource.family() == Family::Medical
            && !matches!(
                self.resource,
                R::MedicalProfile | R::Organizations | R::Reports
            )
    }

    fn source(&self, source: &'static Source) -> &'static str {
        match self.assumptions.value(Assumption::WellnessSource) {
            "id" => source.id,
            _ => source.tag(),
        }
    }

    /// What nobody knows of the fields of some resources.
    fn apply(&self, fields: &mut Fields) {
        use Resource as R;
        let is = |assumption, value| self.assumptions.is(assumption, value);
        match self.resource {
            R::FunctionalStatuses | R::Instructions
                if is(Assumption::AssumedFields, "name-only") =>
            {
                fields.keep(&["id", "source", "createdAt", "updatedAt", "name"]);
            }
            R::Organizations if is(Assumption::OrganizationFields, "lean") => {
                fields.keep(&["id", "name", "imageUrl"]);
            }
            R::Reports if is(Assumption::ReportItem, "lean") => {
                fields.keep(&["id", "name", "createdAt"]);
            }
            R::Meals => {
                if let Some(amount) = fields.get_mut("amount") {
                    self.rename_amount(amount);
                }
            }
            _ => {}
        }
        if self.resource.family() == Family::Medical
            && is(Assumption::MedicalDates, "javascript")
            && let Some(date) = fields.get_mut("dateTime")
            && let Some(text) = date.as_str().and_then(javascript_date)
        {
            *date = text.into();
        }
    }

    fn rename_amount(&self, amount: &mut Value) {
        let Some(amount) = amount.as_object_mut() else {
            return;
        };
        match self.assumptions.value(Assumption::MealAmount) {
            "value" => {
                if let Some(number) = amount.remove("amount") {
                    amount.insert("value".to_owned(), number);
                }
            }
            "unit-only" => {
                amount.remove("amount");
            }
            _ => {}
        }
    }

    /// Gives each value of an indexed series its time, where that is assumed.
    fn series(&self, mut series: Value) -> Value {
        let form = self.assumptions.value(Assumption::TimeSeries);
        if form == "indexed" {
            return series;
        }
        for one in series
            .as_object_mut()
            .into_iter()
            .flat_map(|all| all.values_mut())
        {
            let (Some(step), Some(values)) = (
                one["intervalInMillis"].as_i64(),
                one["values"].as_array().cloned(),
            ) else {
                continue;
            };
            let values: Vec<_> = (0..)
                .map(|at: i64| at * step)
                .zip(values)
                .map(|(at, value)| match form {
                    "timestamped-pairs" => json!([at, value]),
                    _ => json!({"timestamp": at, "value": value}),
                })
                .collect();
            *one = json!({"type": "timestamped", "values": values});
        }
        series
    }
}

/// Says how far a medical source is, where something else is assumed than what is so.
pub(super) fn apply_sync_status(source: &mut Fields, assumptions: &Assumptions) {
    let (status, details) = match assumptions.value(Assumption::SyncStatus) {
        "in-progress" => ("inProgress", "ok"),
        "no-data-available" => ("noDataAvailable", "ok"),
        // No word for it is known.
        "error" => ("error", "invalid_credentials"),
        _ => return,
    };
    if let Some(sync) = source.get_mut("syncStatus").and_then(Value::as_object_mut) {
        sync.insert("status".to_owned(), status.into());
        sync.insert("details".to_owned(), details.into());
    }
}

/// `Mon Jun 03 2019 09:15:00 GMT+0000 (UTC)`.
fn javascript_date(text: &str) -> Option<String> {
    let at: Timestamp = text.parse().ok()?;
    Some(
        at.strftime("%a %b %d %Y %H:%M:%S GMT+0000 (UTC)")
            .to_string(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_javascript_date_is_the_text_that_browsers_write() {
        assert_eq!(
            javascript_date("2019-06-03T09:15:00.000Z").as_deref(),
            Some("Mon Jun 03 2019 09:15:00 GMT+0000 (UTC)")
        );
        assert_eq!(javascript_date("2019"), None);
    }
}
