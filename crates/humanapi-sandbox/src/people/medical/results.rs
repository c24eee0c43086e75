//! What laboratories found: panels of analytes that drift over the years.

use serde_json::{Value, json};

use super::chart::{self, Clinician};
use super::codes::{LOINC, coded};
use super::panel::Panel;
use super::visits;
use crate::clock::{DAY, Millis, instant};
use crate::people::calendar::{HOUR, along, date, decimal_text};
use crate::people::moment::Moment;
use crate::people::person::Person;
use crate::persona::Persona;
use crate::records::Fields;
use crate::resource::Resource;

/// A panel with its codes of LOINC and of CPT.
pub(super) struct Table {
    pub(super) name: &'static str,
    loinc: &'static str,
    pub(super) cpt: &'static str,
    specimen: &'static str,
    analytes: &'static [Analyte],
    /// Read by somebody rather than counted.
    report: Option<(&'static str, &'static str)>,
}

/// One thing that is found. Numbers are in units of the last decimal place.
struct Analyte {
    name: &'static str,
    loinc: &'static str,
    unit: &'static str,
    places: u32,
    /// What is usual; an end that does not matter is `i64::MIN` or `i64::MAX`.
    usual: (i64, i64),
    /// By how much it differs from day to day.
    sway: i64,
    well: i64,
    /// Of the chronically ill by time; empty where it is as that of others.
    ill: &'static [(Millis, i64)],
}

const NO_LOW: i64 = i64::MIN;
const NO_HIGH: i64 = i64::MAX;

#[expect(
    clippy::too_many_arguments,
    reason = "a row of a table, without the names of its columns"
)]
const fn analyte(
    name: &'static str,
    loinc: &'static str,
    unit: &'static str,
    places: u32,
    usual: (i64, i64),
    sway: i64,
    well: i64,
    ill: &'static [(Millis, i64)],
) -> Analyte {
    Analyte {
        name,
        loinc,
        unit,
        places,
        usual,
        sway,
        well,
        ill,
    }
}

const Y11: Millis = date(2011, 2, 1);
const Y12: Millis = date(2012, 6, 1);
const Y15: Millis = date(2015, 1, 1);
const Y18: Millis = date(2018, 3, 1);
const Y19: Millis = date(2019, 3, 1);
const Y23: Millis = date(2023, 1, 1);
const Y26: Millis = date(2026, 1, 1);
const Y31: Millis = date(2031, 1, 1);

#[rustfmt::skip] // One row, one line.
mod analytes {
    use super::*;

    pub(super) const A1C: &[Analyte] = &[
        analyte("Hemoglobin A1c/Hemoglobin.total in Blood", "4548-4", "%", 1, (40, 56), 2, 51, &[(Y11, 94), (Y12, 74), (Y15, 79), (Y18, 86), (Y19, 71), (Y23, 69), (Y26, 70), (Y31, 72)]),
    ];
    pub(super) const LIPIDS: &[Analyte] = &[
        analyte("Cholesterol in Serum or Plasma", "2093-3", "mg/dL", 0, (NO_LOW, 199), 8, 168, &[(Y11, 246), (Y12, 192), (Y18, 198), (Y19, 138), (Y26, 131)]),
        analyte("Cholesterol in HDL in Serum or Plasma", "2085-9", "mg/dL", 0, (40, NO_HIGH), 3, 62, &[(Y11, 36), (Y19, 41), (Y26, 43)]),
        analyte("Cholesterol in LDL in Serum or Plasma (calculated)", "13457-7", "mg/dL", 0, (NO_LOW, 99), 6, 92, &[(Y11, 162), (Y12, 112), (Y18, 118), (Y19, 66), (Y26, 61)]),
        analyte("Triglyceride in Serum or Plasma", "2571-8", "mg/dL", 0, (NO_LOW, 149), 18, 84, &[(Y11, 262), (Y12, 186), (Y18, 204), (Y19, 152), (Y26, 141)]),
    ];
    pub(super) const METABOLIC: &[Analyte] = &[
        analyte("Glucose in Serum or Plasma", "2345-7", "mg/dL", 0, (70, 99), 9, 88, &[(Y11, 214), (Y12, 148), (Y18, 176), (Y19, 138), (Y26, 134)]),
        analyte("Urea nitrogen in Serum or Plasma", "3094-0", "mg/dL", 0, (7, 20), 2, 14, &[(Y11, 15), (Y18, 19), (Y26, 24)]),
        analyte("Creatinine in Serum or Plasma", "2160-0", "mg/dL", 2, (60, 130), 4, 88, &[(Y11, 84), (Y18, 104), (Y26, 136)]),
        analyte("Glomerular filtration rate/1.73 sq M.predicted", "33914-3", "mL/min/{1.73_m2}", 0, (60, NO_HIGH), 2, 96, &[(Y11, 94), (Y15, 78), (Y18, 66), (Y26, 50), (Y31, 44)]),
        analyte("Sodium in Serum or Plasma", "2951-2", "mmol/L", 0, (136, 145), 2, 140, &[]),
        analyte("Potassium in Serum or Plasma", "2823-3", "mmol/L", 1, (35, 51), 2, 42, &[(Y18, 43), (Y26, 47)]),
        analyte("Chloride in Serum or Plasma", "2075-0", "mmol/L", 0, (98, 107), 2, 102, &[]),
        analyte("Carbon dioxide, total in Serum or Plasma", "2028-9", "mmol/L", 0, (22, 29), 1, 25, &[]),
        analyte("Calcium in Serum or Plasma", "17861-6", "mg/dL", 1, (86, 103), 2, 94, &[]),
        analyte("Albumin in Serum or Plasma", "1751-7", "g/dL", 1, (35, 50), 1, 43, &[]),
        analyte("Protein in Serum or Plasma", "2885-2", "g/dL", 1, (60, 83), 2, 71, &[]),
        analyte("Bilirubin.total in Serum or Plasma", "1975-2", "mg/dL", 1, (1, 12), 2, 6, &[]),
        analyte("Alkaline phosphatase in Serum or Plasma", "6768-6", "U/L", 0, (44, 147), 8, 72, &[]),
        analyte("Alanine aminotransferase in Serum or Plasma", "1742-6", "U/L", 0, (7, 56), 5, 24, &[(Y11, 58), (Y19, 36)]),
        analyte("Aspartate aminotransferase in Serum or Plasma", "1920-8", "U/L", 0, (10, 40), 4, 22, &[(Y11, 44), (Y19, 30)]),
    ];
    pub(super) const BLOOD_COUNT: &[Analyte] = &[
        analyte("Leukocytes in Blood", "6690-2", "10*3/uL", 1, (45, 110), 8, 62, &[]),
        analyte("Erythrocytes in Blood", "789-8", "10*6/uL", 2, (420, 590), 12, 481, &[]),
        analyte("Hemoglobin in Blood", "718-7", "g/dL", 1, (120, 175), 4, 143, &[(Y18, 138), (Y26, 127)]),
        analyte("Hematocrit of Blood", "4544-3", "%", 1, (360, 500), 9, 424, &[]),
        analyte("Platelets in Blood", "777-3", "10*3/uL", 0, (150, 400), 14, 248, &[]),
        analyte("Erythrocyte mean corpuscular volume", "787-2", "fL", 1, (800, 1000), 8, 894, &[]),
    ];
    pub(super) const URINE_ALBUMIN: &[Analyte] = &[
        analyte("Albumin/Creatinine in Urine", "14959-1", "mg/g", 0, (NO_LOW, 29), 5, 9, &[(Y11, 18), (Y15, 34), (Y18, 62), (Y19, 48), (Y26, 57)]),
    ];
    pub(super) const URINALYSIS: &[Analyte] = &[
        analyte("Nitrite in Urine by Test strip", "5802-4", "", 0, (0, 0), 0, 0, &[]),
        analyte("pH of Urine by Test strip", "5803-2", "1", 1, (50, 80), 5, 60, &[]),
    ];
    pub(super) const THYROID: &[Analyte] = &[
        analyte("Thyrotropin in Serum or Plasma", "3016-3", "m[IU]/L", 2, (40, 450), 30, 182, &[]),
    ];
    pub(super) const HEART: &[Analyte] = &[
        analyte("Natriuretic peptide B in Serum or Plasma", "30934-4", "pg/mL", 0, (NO_LOW, 99), 12, 21, &[(Y15, 48), (Y18, 342), (Y19, 128), (Y26, 96)]),
        analyte("Troponin I.cardiac in Serum or Plasma", "10839-9", "ng/mL", 2, (NO_LOW, 4), 0, 1, &[(visits::HEART_ATTACK_DAY - 1, 1), (visits::HEART_ATTACK_DAY, 286), (visits::HEART_ATTACK_DAY + 2 * DAY, 286), (visits::HEART_ATTACK_DAY + 20 * DAY, 1)]),
    ];
    pub(super) const IRON: &[Analyte] = &[
        analyte("Ferritin in Serum or Plasma", "2276-4", "ng/mL", 0, (30, 300), 9, 34, &[]),
        analyte("25-Hydroxyvitamin D in Serum or Plasma", "62292-8", "ng/mL", 0, (30, 100), 6, 33, &[]),
    ];
    pub(super) const COVID: &[Analyte] = &[
        analyte("SARS-CoV-2 RNA in Respiratory specimen by NAA with probe detection", "94500-6", "", 0, (0, 0), 0, 0, &[]),
    ];
    pub(super) const CHILD: &[Analyte] = &[
        analyte("Hemoglobin in Blood", "718-7", "g/dL", 1, (110, 140), 4, 121, &[]),
        analyte("Lead in Blood", "5671-3", "ug/dL", 1, (NO_LOW, 34), 4, 11, &[]),
    ];
}

const ECHO: (&str, &str) = (
    "Left ventricle of normal size. Hypokinesia of the inferior wall. No significant valve disease. Ejection fraction 48 %.",
    "Mildly reduced systolic function after infarction of the inferior wall.",
);

#[rustfmt::skip] // One row, one line.
static TABLES: [Table; 12] = [
    Table { name: "HEMOGLOBIN A1C", loinc: "4548-4", cpt: "83036", specimen: "Blood", analytes: analytes::A1C, report: None },
    Table { name: "LIPID PANEL", loinc: "24331-1", cpt: "80061", specimen: "Serum", analytes: analytes::LIPIDS, report: None },
    Table { name: "COMPREHENSIVE METABOLIC PANEL", loinc: "24323-8", cpt: "80053", specimen: "Serum", analytes: analytes::METABOLIC, report: None },
    Table { name: "COMPLETE BLOOD COUNT", loinc: "58410-2", cpt: "85027", specimen: "Blood", analytes: analytes::BLOOD_COUNT, report: None },
    Table { name: "ALBUMIN/CREATININE RATIO, URINE", loinc: "14959-1", cpt: "82043", specimen: "Urine", analytes: analytes::URINE_ALBUMIN, report: None },
    Table { name: "URINALYSIS", loinc: "24357-6", cpt: "81003", specimen: "Urine", analytes: analytes::URINALYSIS, report: None },
    Table { name: "THYROID STIMULATING HORMONE", loinc: "3016-3", cpt: "84443", specimen: "Serum", analytes: analytes::THYROID, report: None },
    Table { name: "CARDIAC MARKERS", loinc: "30934-4", cpt: "83880", specimen: "Plasma", analytes: analytes::HEART, report: None },
    Table { name: "ECHOCARDIOGRAM", loinc: "34552-0", cpt: "93306", specimen: "", analytes: &[], report: Some(ECHO) },
    Table { name: "IRON STORES AND VITAMIN D", loinc: "2276-4", cpt: "82728", specimen: "Serum", analytes: analytes::IRON, report: None },
    Table { name: "SARS-COV-2 PCR", loinc: "94500-6", cpt: "87635", specimen: "Nasal swab", analytes: analytes::COVID, report: None },
    Table { name: "CHILD SCREENING", loinc: "5671-3", cpt: "83655", specimen: "Capillary blood", analytes: analytes::CHILD, report: None },
];

impl Panel {
    pub(super) fn table(self) -> &'static Table {
        &TABLES[self as usize]
    }
}

/// One record for each panel of each visit, at the clinic and at the laboratory that it sends blood to.
pub(super) fn moments(person: &Person) -> Vec<Moment> {
    let sources = chart::clinics(person).chain(chart::laboratories(person));
    let visits = sources.flat_map(|source| visits::visits(person, source));
    visits
        .flat_map(|visit| {
            let panels = visit.kind.panels.iter().enumerate();
            panels.map(move |(row, _)| (visit, row))
        })
        .map(|(visit, row)| {
            let found = visit.at + 26 * HOUR + row as i64 * HOUR;
            visits::moment(person, Resource::TestResults, &visit, found, row)
        })
        .collect()
}

/// When results were told in an older form too.
const OLD: Millis = date(2016, 1, 1);

pub(super) fn write(person: &Person, moment: &Moment) -> Fields {
    let Some(visit) = visits::of(person, moment) else {
        return Fields::new();
    };
    let table = visit.kind.panels[moment.row].table();
    let found: Vec<Found> = table
        .analytes
        .iter()
        .map(|analyte| found(person, moment, analyte))
        .collect();
    let at = instant(moment.at);
    let clinician = Clinician::of(moment.source, visit.kind.department);
    let (recipients, old) = if moment.at < OLD {
        let recipients = json!([{
            "objectID": format!("{:04}", moment.row + 1),
            "name": clinician.name(),
            "isPCP": visit.kind.department == "Family Medicine",
            "recipTemplate": "standard",
        }]);
        let old = found.iter().map(|one| {
            json!({"name": one.analyte.name, "resultDateTime": at, "value": one.value, "unit": one.analyte.unit})
        });
        (recipients, Value::Array(old.collect()))
    } else {
        (json!([]), json!([]))
    };
    let corrected = moment.updated > moment.created;
    let mut fields = Fields::new()
        .with(
            "components",
            Value::Array(found.iter().map(Found::component).collect()),
        )
        .with("name", table.name)
        .with("patient", json!({"name": ""}))
        .with("recipients", recipients)
        .with("resultDateTime", at)
        .with(
            "status",
            if corrected {
                "Edited Result - FINAL"
            } else {
                "Final result"
            },
        )
        .with("orderedBy", clinician.name())
        .with("allResults", old)
        .with("codes", json!([coded(LOINC, table.loinc, table.name)]));
    if !table.specimen.is_empty() {
        fields.set("specimen", table.specimen);
    }
    if let Some((narrative, impression)) = table.report {
        fields.set("device", "Ultrasound 2");
        fields.set("narrative", narrative);
        fields.set("impression", impression);
        fields.set("transcriptions", format!("{narrative} {impression}"));
        fields.set("comments", "Compared with no earlier examination.");
    }
    fields
}

/// What was found of one analyte.
struct Found {
    analyte: &'static Analyte,
    value: String,
    flag: &'static str,
}

fn found(person: &Person, moment: &Moment, analyte: &'static Analyte) -> Found {
    let (low, high) = analyte.usual;
    if low == high {
        let value = if analyte.loinc == "94500-6" {
            "Not detected"
        } else {
            "Negative"
        };
        return Found {
            analyte,
            value: value.to_owned(),
            flag: "",
        };
    }
    let is_ill = person.persona == Persona::Chronic && !analyte.ill.is_empty();
    let middle = if is_ill {
        along(analyte.ill, moment.at)
    } else {
        analyte.well
    };
    // Two sources that hold the same result tell the same.
    let day = moment.at.div_euclid(30 * DAY);
    let mut numbers = person.numbers(&[b"analyte", analyte.loinc.as_bytes(), &day.to_be_bytes()]);
    let units = (middle + numbers.within(-analyte.sway, analyte.sway)).max(0);
    let flag = if units > high {
        "H"
    } else if units < low {
        "L"
    } else {
        ""
    };
    // Laboratories once told no more of a healthy kidney.
    let is_bound = analyte.loinc == "33914-3" && units > 60 && moment.at < OLD;
    let value = if is_bound {
        ">60".to_owned()
    } else {
        decimal_text(units, analyte.places)
    };
    Found {
        analyte,
        value,
        flag,
    }
}

impl Found {
    fn component(&self) -> Value {
        let analyte = self.analyte;
        let text = |units| decimal_text(units, analyte.places);
        let mut component = json!({
            "name": analyte.name,
            "value": self.value,
            "componentComments": "",
            "codes": [coded(LOINC, analyte.loinc, analyte.name)],
        });
        let range = match analyte.usual {
            (low, high) if low == high => self.value.clone(),
            (NO_LOW, high) => format!("< {}", text(high + 1)),
            (low, NO_HIGH) => format!("> {}", text(low - 1)),
            (low, high) => format!("{} - {}", text(low), text(high)),
        };
        component["refRange"] = range.into();
        if !analyte.unit.is_empty() {
            component["unit"] = analyte.unit.into();
        }
        let (low, high) = analyte.usual;
        if low != high && low != NO_LOW && high != NO_HIGH {
            component["low"] = text(low).into();
            component["high"] = text(high).into();
        }
        if !self.flag.is_empty() {
            component["flag"] = self.flag.into();
            component["componentComments"] =
                "Outside of what is usual.<br/>Please see your doctor.".into();
        }
        component
    }
}
