//! A report as a document: as JSON, as HTML and as PDF.

use serde_json::{Map, Value, json};

use super::panel::Panel;
use super::reports::{COMBINED, KINDS, Kind};
use super::resources::moments as moments_of;
use super::sections::{Section, escaped, sections};
use super::{chart, immunizations, pdf, visits};
use crate::clock::{Millis, day, instant};
use crate::people::calendar::YEAR;
use crate::people::odd;
use crate::people::person::Person;
use crate::persona::Persona;
use crate::records::Ask;
use crate::resource::Resource;
use crate::source::Source;

/// How a report is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Json,
    Html,
    Pdf,
}

impl Format {
    pub(crate) fn find(name: &str) -> Option<Self> {
        match name {
            "json" => Some(Self::Json),
            "html" => Some(Self::Html),
            "pdf" => Some(Self::Pdf),
            _ => None,
        }
    }

    pub(crate) const fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json; charset=utf-8",
            Self::Html => "text/html; charset=utf-8",
            Self::Pdf => "application/pdf",
        }
    }
}

/// A report by the id of its record.
pub(crate) fn report(ask: &Ask<'_>, id: &str, format: Format) -> Option<Vec<u8>> {
    let person = Person::of(ask);
    match person.persona {
        Persona::Empty => None,
        Persona::Odd => odd::has(Resource::Reports, &person, id).then(|| match format {
            Format::Json => odd::REPORT_AS_JSON.into(),
            Format::Html => odd::REPORT_AS_HTML.into(),
            Format::Pdf => pdf::write(&[]),
        }),
        _ => of_chart(&person, id, format),
    }
}

fn of_chart(person: &Person, id: &str, format: Format) -> Option<Vec<u8>> {
    let moments = moments_of(Resource::Reports, person);
    let moment = moments.get(moments.find(person, Resource::Reports, id)?)?;
    let kind = &KINDS[moment.row];
    let written = Written {
        person,
        kind,
        at: moment.at,
        name: person.life().name(),
        sections: sections_of(person, kind, moment.source, moment.at),
    };
    Some(match format {
        Format::Json if kind.code == "covid" => covid(person, moment.source, moment.at)
            .to_string()
            .into_bytes(),
        _ => written.bytes(format),
    })
}

/// A report that an order led to.
pub(crate) struct OrderedReport<'a> {
    /// `highlights`, `ccdraw`, `apidata` or `combined`.
    pub(crate) code: &'static str,
    pub(crate) at: Millis,
    /// The name of the person, as the order has it.
    pub(crate) name: Option<&'a str>,
}

/// A report that an order led to: of the first clinic's records.
pub(crate) fn ordered_report(ask: &Ask<'_>, report: &OrderedReport<'_>, format: Format) -> Vec<u8> {
    let person = Person::of(ask);
    let known = KINDS.iter().find(|kind| kind.code == report.code);
    let kind = known.unwrap_or(&COMBINED);
    let has_chart = !matches!(person.persona, Persona::Empty | Persona::Odd);
    let clinic = chart::clinics(&person).next().filter(|_| has_chart);
    let own = || person.life().name();
    let written = Written {
        kind,
        at: report.at,
        name: report.name.map_or_else(own, str::to_owned),
        sections: clinic
            .map(|clinic| sections_of(&person, kind, clinic, report.at))
            .unwrap_or_default(),
        person: &person,
    };
    written.bytes(format)
}

fn sections_of(person: &Person, kind: &Kind, source: &Source, at: Millis) -> Vec<Section> {
    let mut sections = sections(person, source, at);
    sections.retain(|section| kind.sections.is_empty() || kind.sections.contains(&section.name));
    sections
}

/// A report, before it is written in one of its forms.
struct Written<'a> {
    person: &'a Person,
    kind: &'a Kind,
    at: Millis,
    name: String,
    sections: Vec<Section>,
}

impl Written<'_> {
    fn bytes(&self, format: Format) -> Vec<u8> {
        match format {
            Format::Json => self.as_json().to_string().into_bytes(),
            Format::Html => self.as_html().into_bytes(),
            Format::Pdf => pdf::write(&self.as_lines()),
        }
    }

    fn as_json(&self) -> Value {
        let life = self.person.life();
        let mut report = Map::new();
        report.insert("name".to_owned(), self.kind.code.into());
        report.insert("createdAt".to_owned(), instant(self.at).into());
        report.insert(
            "demographics".to_owned(),
            json!({
                "name": self.name,
                "dob": day(life.born),
                "gender": life.gender(),
            }),
        );
        for section in &self.sections {
            let rows = section.rows.iter().map(|row| {
                let cells = section.columns.iter().zip(row);
                let cells =
                    cells.map(|(column, cell)| ((*column).to_owned(), cell.as_str().into()));
                Value::Object(cells.collect())
            });
            report.insert(section.name.to_owned(), rows.collect());
        }
        Value::Object(report)
    }

    fn as_html(&self) -> String {
        let body: String = self
            .sections
            .iter()
            .map(|section| format!("<h2>{}</h2>\n{}\n", section.title, section.table()))
            .collect();
        let (title, name) = (escaped(self.kind.title), escaped(&self.name));
        format!(
            "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title></head><body>\n<h1>{title}</h1>\n<p>{name}, {}</p>\n{body}</body></html>\n",
            day(self.at),
        )
    }

    fn as_lines(&self) -> Vec<String> {
        let mut lines = vec![
            self.kind.title.to_owned(),
            format!("{}, {}", self.name, day(self.at)),
        ];
        for section in &self.sections {
            lines.push(String::new());
            lines.push(section.title.to_owned());
            lines.extend(section.rows.iter().map(|row| row.join("  ")));
        }
        lines
    }
}

/// The report of Covid-19, whose form is documented: tests and vaccinations.
fn covid(person: &Person, source: &'static Source, at: Millis) -> Value {
    let life = person.life();
    let visits = visits::visits(person, source)
        .into_iter()
        .filter(|visit| visit.at <= at);
    let tests = visits.filter(|visit| visit.kind.panels.contains(&Panel::Covid));
    let mut items: Vec<Value> = tests
        .map(|visit| {
            json!({
                "type": "testResult",
                "testDate": instant(visit.at),
                "testType": "PCR",
                "result": "Not detected",
                "collectionDate": day(visit.at),
                "collectionDateTime": instant(visit.at),
                "testMethod": null,
                "data": {},
            })
        })
        .collect();
    let given = immunizations::given(person).into_iter();
    items.extend(
        given
            .filter(|(_, cvx, _)| immunizations::is_covid(cvx))
            .map(|(name, cvx, days)| {
                json!({
                    "type": "immunization",
                    "cvxCode": cvx,
                    "immunizationDates": days.iter().map(|day| instant(*day)).collect::<Vec<_>>(),
                    "vendor": "",
                    "doses": days.len(),
                    "immunizationType": "mRNA",
                    "vaccineName": name,
                })
            }),
    );
    json!({
        "createdAt": instant(at),
        "name": life.name(),
        "age": (at - life.born) / YEAR,
        "dob": instant(life.born),
        "Items": items,
    })
}
