//! When it was that a record tells of.

use super::field::FieldKind;
use super::{Date, Record};

/// Fields that tell when a record was written, when somebody was born, or what is still to come.
const OF_OTHERS: [&str; 7] = [
    "createdAt",
    "updatedAt",
    "dob",
    "dobDateTime",
    "expiration",
    "expireDate",
    "expectedDate",
];

impl Record {
    /// When it was that the record tells of: what the first of its documented fields says that tells a date, but for those
    /// that tell when it was written, when somebody was born, or what is still to come.
    ///
    /// Of a span of time it is the beginning, and of a list of dates all of them. Empty where nothing tells.
    ///
    /// ```
    /// use humanapi_core::data::medical::Issue;
    ///
    /// let issue = Issue::from_json(r#"{"createdAt": "2020-01-01T00:00:00Z", "dateTime": "201403"}"#)?;
    /// let when = issue.when();
    /// assert_eq!((when[0].year(), when[0].month(), when[0].day()), (2014, Some(3), None));
    /// # Ok::<(), humanapi_core::DecodeError>(())
    /// ```
    #[must_use]
    pub fn when(&self) -> Vec<Date<'_>> {
        let fields = self.table().iter().enumerate();
        let mut told = fields
            .filter(|(_, field)| tells_dates(field.kind) && !OF_OTHERS.contains(&field.name))
            .map(|(place, field)| {
                let mut dates = self.sent(place).map_or(Vec::new(), super::Json::dates);
                if matches!(field.kind, FieldKind::Object(_)) {
                    dates.truncate(1);
                }
                dates
            });
        told.find(|dates| !dates.is_empty()).unwrap_or_default()
    }
}

fn tells_dates(kind: FieldKind) -> bool {
    match kind {
        FieldKind::Date | FieldKind::Timestamp => true,
        FieldKind::List(of) => tells_dates(*of),
        FieldKind::Object(fields) => fields.iter().all(|field| tells_dates(field.kind)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use crate::data::medical::{Allergy, Immunization, Issue};
    use crate::data::{Activity, Table};

    #[track_caller]
    fn check<R: Table>(json: &str, told: &[&str]) {
        let record = R::from_json(json.as_bytes().to_vec()).unwrap();
        let dates = record.when();
        let dates: Vec<&str> = dates.iter().map(super::Date::text).collect();
        assert_eq!(dates, told, "{json}");
    }

    #[test]
    fn it_is_the_first_date_that_tells_of_what_happened() {
        check::<Issue>(r#"{"dateTime":"2014-00-00"}"#, &["2014-00-00"]);
        check::<Issue>(
            r#"{"createdAt":"2020-01-01T00:00:00Z","dateTime":"?"}"#,
            &[],
        );
        check::<Activity>(
            r#"{"endTime":"2021-06-01T10:00:00Z","startTime":"2021-06-01T09:00:00Z"}"#,
            &["2021-06-01T09:00:00Z"],
        );
    }

    #[test]
    fn it_is_the_beginning_of_a_span_and_all_of_a_list() {
        check::<Allergy>(
            r#"{"dateRange":{"start":"2014-03-10","end":"2015"}}"#,
            &["2014-03-10"],
        );
        check::<Immunization>(
            r#"{"dates":["2014",null,"2016-01-02"]}"#,
            &["2014", "2016-01-02"],
        );
    }
}
