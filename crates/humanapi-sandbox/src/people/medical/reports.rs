//! The reports that the service makes of records: which there are, and when they are made.

use super::{chart, conditions};
use crate::clock::DAY;
use crate::people::calendar::date;
use crate::people::moment::Moment;
use crate::people::person::Person;
use crate::records::Fields;
use crate::resource::Resource;

/// A report by its code, with the sections that it shows; none: all.
pub(super) struct Kind {
    pub(super) code: &'static str,
    pub(super) title: &'static str,
    pub(super) sections: &'static [&'static str],
}

#[rustfmt::skip] // One row, one line.
pub(super) const KINDS: &[Kind] = &[
    Kind { code: "unity", title: "Longitudinal summary", sections: &[] },
    Kind { code: "healthcheck", title: "Risks by profile and laboratory", sections: &["vitals", "testResults"] },
    Kind { code: "highlights", title: "Highlights", sections: &["testResults", "socialHistory", "conditions"] },
    Kind { code: "ccdraw", title: "Documents of care", sections: &[] },
    Kind { code: "timeline", title: "What happened when", sections: &["encounters", "procedures"] },
    Kind { code: "covid", title: "Covid-19", sections: &["immunizations"] },
    Kind { code: "apidata", title: "All data", sections: &[] },
];

/// All of them in one, which an order leads to.
pub(super) const COMBINED: Kind = Kind {
    code: "combined",
    title: "All reports",
    sections: &[],
};

/// One of each kind for each clinic, made anew each quarter.
pub(super) fn moments(person: &Person) -> Vec<Moment> {
    let first = date(2025, 10, 6);
    let quarter = (person.now - first).div_euclid(91 * DAY).max(0);
    let day = first + quarter * 91 * DAY;
    let clinics = chart::clinics(person);
    clinics
        .flat_map(|source| (0..KINDS.len()).map(move |row| (source, row)))
        .map(|(source, row)| {
            let made = conditions::row(person, Resource::Reports, source, row, day);
            let at = made.at;
            Moment {
                created: at,
                updated: at,
                round: quarter,
                ..made
            }
        })
        .collect()
}

pub(super) fn write(moment: &Moment) -> Fields {
    Fields::new()
        .with("name", KINDS[moment.row].code)
        .with("fileExtension", "json")
}
