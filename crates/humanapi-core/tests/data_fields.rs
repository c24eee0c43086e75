//! Every documented field is in a table, as what it is documented to be.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed, wherever it stands"
)]

use std::collections::{BTreeMap, BTreeSet};

use humanapi_core::data::application::*;
use humanapi_core::data::medical::*;
use humanapi_core::data::*;

macro_rules! tables {
    ($($record:ident)+) => {
        const TABLES: &[(&str, &[Field])] = &[$((stringify!($record), $record::FIELDS)),+];
    };
}

tables! {
    HealthSummary Profile TimeZoneName BloodGlucose BloodOxygen Bmi BodyFat HeartRate Height Weight
    BloodPressure Activity ActivitySummary TimeSeries HeartRateSummary HeartRateZone Sleep
    SleepSummary Location Coordinates Meal MealAmount GeneticTrait Genotype Source HistorySync
    SyncStatus Resync Code OrganizationRef Link Patient PersonName Address Provider ProviderContact
    DateRange Allergy Allergen Reaction ReactionType Ccd Demographics ProfileDemographics
    MedicalProfile Alcohol Smoking Encounter Diagnosis EncounterMedication Order FunctionalStatus
    Instruction Immunization Issue Medication Pharmacy MedicationDetails Amount Dosage Narrative
    NarrativeEntry Organization PlanOfCare Procedure Performer SocialHistory SocialHistoryEntry
    TestResult Component Recipient DeprecatedResult TimelineEntry Vitals Vital VitalValue RawVital
    Report AppUser
}

/// Each line of the list by its name: fields, and what each holds.
type Documented = BTreeMap<&'static str, BTreeMap<&'static str, &'static str>>;

fn documented() -> Documented {
    let mut all = Documented::new();
    let lines = include_str!("fields.txt").lines();
    for line in lines.filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (name, fields) = line.split_once(": ").unwrap();
        let mut of_line = BTreeMap::new();
        for field in fields.split("; ") {
            match field.strip_prefix('+') {
                Some(other) => of_line.extend(all[other].clone()),
                None => {
                    let (field, holds) = field.split_once(' ').unwrap();
                    assert_eq!(of_line.insert(field, holds), None, "{name} {field}");
                }
            }
        }
        assert_eq!(all.insert(name, of_line), None, "{name}");
    }
    all
}

/// Whether a field of this kind holds what the list says.
fn is_kind(kind: &FieldKind, holds: &str) -> bool {
    let table = |name: &str| {
        TABLES
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, table)| *table)
    };
    let within = |open, close| {
        holds
            .strip_prefix(open)
            .and_then(|rest| rest.strip_suffix(close))
    };
    match kind {
        FieldKind::Text => holds == "text",
        FieldKind::Number => holds == "number",
        FieldKind::Bool => holds == "flag",
        FieldKind::Timestamp => holds == "moment",
        FieldKind::Date => holds == "date",
        FieldKind::Offset => holds == "offset",
        FieldKind::Quantity => holds == "result",
        FieldKind::Json => holds == "json",
        FieldKind::Object(fields) => table(holds) == Some(*fields),
        FieldKind::TextOr(fields) => holds.strip_suffix("|text").and_then(table) == Some(*fields),
        FieldKind::List(of) => within("[", "]").is_some_and(|holds| is_kind(of, holds)),
        FieldKind::Map(of) => within("{", "}").is_some_and(|holds| is_kind(of, holds)),
        other => panic!("no record has a field of the kind {other:?} yet"),
    }
}

#[test]
fn every_documented_field_is_in_a_table_as_what_it_is() {
    let documented = documented();
    for (name, table) in TABLES {
        let wanted = (documented.get(name))
            .unwrap_or_else(|| panic!("{name} has no line in tests/fields.txt"));
        let names: BTreeSet<_> = table.iter().map(|field| field.name).collect();
        assert_eq!(names, wanted.keys().copied().collect(), "{name}");
        for field in *table {
            let holds = wanted[field.name];
            assert!(
                is_kind(&field.kind, holds),
                "{name}: {} is {:?}",
                field.name,
                field.kind
            );
        }
    }
    // A name in capitals is that of a record.
    let records = documented
        .keys()
        .filter(|name| name.starts_with(char::is_uppercase));
    let tables: BTreeSet<_> = TABLES.iter().map(|(name, _)| *name).collect();
    assert_eq!(records.copied().collect::<BTreeSet<_>>(), tables);
}

#[test]
fn every_record_of_a_route_is_among_them() {
    for route in ROUTES.iter().filter(|route| !route.fields.is_empty()) {
        let is_known = TABLES.iter().any(|(_, table)| *table == route.fields);
        assert!(is_known, "{}", route.path);
    }
}
