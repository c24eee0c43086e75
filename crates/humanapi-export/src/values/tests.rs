//! What is certain of units, and what is not.

use std::collections::BTreeSet;

use super::book::BOOK;
use super::*;

fn convert(number: &str, from: &str, to: &str) -> Result<String, Unread> {
    Units::new().convert(number, from, to, None)
}

#[track_caller]
fn is(number: &str, from: &str, to: &str, expected: &str) {
    assert_eq!(
        convert(number, from, to).as_deref(),
        Ok(expected),
        "{number} {from} in {to}"
    );
}

#[track_caller]
fn is_refused(from: &str, to: &str) {
    assert_eq!(
        convert("1", from, to),
        Err(Unread::OtherKind),
        "{from} in {to}"
    );
}

#[test]
fn each_alias_means_a_unit_of_ucum_and_none_says_what_ucum_says_anyway() {
    let mut count = 0;
    let mut idle = Vec::new();
    for (text, unit) in BOOK.aliases() {
        count += 1;
        let Some(ucum) = unit else {
            continue;
        };
        let read = Unit::read(ucum).unwrap_or_else(|| panic!("{text}: {ucum} is no unit"));
        assert!(read.is_plain, "{text}: {ucum}");
        assert_ne!(text, ucum);
        // Only the letter of the litre is told in two ways.
        if let Some(own) = Unit::read(text) {
            let is_same = own.kind == read.kind && from_to(&own, &read).is_one();
            if is_same && !text.contains('l') && !text.contains('{') {
                idle.push(text);
            }
        }
    }
    assert_eq!(idle, [""; 0]);
    assert!(count > 400, "{count}");
}

#[test]
fn a_thousand_is_no_kelvin_and_a_doubtful_text_is_nothing() {
    let units = Units::new();
    assert_eq!(units.read("K/uL").as_deref(), Ok("10*3/uL"));
    assert_eq!(units.read(" mm   Hg ").as_deref(), Ok("mm[Hg]"));
    assert_eq!(units.read("IntlUnit/mL").as_deref(), Ok("[IU]/mL"));
    assert_eq!(
        units.read("mL/min/1.73 m²").as_deref(),
        Ok("mL/min/{1.73_m2}")
    );
    for text in ["G/L", "C", "F", "K", "M", "PG"] {
        assert_eq!(units.read(text), Err(Unread::Doubt), "{text}");
    }
    for text in [
        "mg dL",
        "mg//dL",
        "m/",
        "/",
        ".",
        "(m",
        "m)",
        "()",
        "{a",
        "a}",
        "m2m",
        "1.73",
        "mL/min/1.73",
        "k[in_i]",
        "kh",
        "[abc",
        "bananas",
        "mg/dL\u{0}",
        "m99",
        "10*99",
        "m0",
        "4155550137.m",
        "Cel/min",
        "ĸg",
        "{{}}",
    ] {
        // Aliases are read before.
        if BOOK.aliases().all(|(alias, _)| alias != text) {
            assert_eq!(units.read(text), Err(Unread::Unknown), "{text}");
        }
    }
    assert_eq!(units.read(&"m.".repeat(4000)), Err(Unread::Unknown));
    assert_eq!(units.read(""), Err(Unread::NoUnit));
}

/// What UCUM would read in them is wrong by up to 10^27.
#[test]
fn what_is_written_in_another_case_is_what_is_meant_or_nothing() {
    let units = Units::new();
    for (text, ucum) in [
        ("u/L", "U/L"),
        ("u/l", "U/L"),
        ("u/mL", "U/mL"),
        ("Meq/L", "meq/L"),
        ("Mg/L", "mg/L"),
        ("Gm", "g"),
        ("Gm/dL", "g/dL"),
        ("G/dL", "g/dL"),
        ("K/ul", "10*3/uL"),
        ("k/ul", "10*3/uL"),
        ("ph", "[pH]"),
        ("PH", "[pH]"),
        ("MBq", "MBq"),
        ("MHz", "MHz"),
        ("k[IU]/L", "k[IU]/L"),
        ("kcal", "kcal"),
        ("cP", "cP"),
    ] {
        assert_eq!(units.read(text).as_deref(), Ok(ucum), "{text}");
    }
    for text in [
        "MU/L", "Mg", "Pg", "Ml", "AU", "ct", "pt", "cal", "G/l", "T/L", "oz", "K", "T", "t",
    ] {
        assert_eq!(units.read(text), Err(Unread::Doubt), "{text}");
    }
    for text in [
        "u", "2.u", "pc", "ar", "H", "S", "P", "Gal", "St", "Ky", "Tm", "Em", "Ym", "Zg", "Mmol/L",
        "Mm", "Ms", "Meq/l", "K/L", "K/mL", "am", "pm", "hs", "[h]", "rad", "u/dL", "T/dL", "mT",
        "mg/u", "Mol", "10/24", "100", "04.h", "B", "b", "1.1",
    ] {
        if BOOK.aliases().all(|(alias, _)| alias != text) {
            assert_eq!(units.read(text), Err(Unread::Unknown), "{text}");
        }
    }
}

#[test]
fn values_are_converted_exactly() {
    is("1", "g/dL", "mg/dL", "1000");
    is("1.10", "mg/dL", "mg/L", "11");
    is("0.1", "mg/L", "ug/mL", "0.1");
    is("150", "[lb_av]", "kg", "68.0388555");
    is("70", "[in_i]", "cm", "177.8");
    is("5", "[ft_i]", "cm", "152.4");
    is("98.6", "[degF]", "Cel", "37");
    is("37", "Cel", "[degF]", "98.6");
    is("-40", "[degF]", "Cel", "-40");
    is("99", "[degF]", "Cel", "37.2222222222222");
    is("120", "mm[Hg]", "kPa", "15.99864");
    is("5.1", "K/uL", "10*9/L", "5.1");
    is("1", "kcal", "kJ", "4.184");
    is("1", "a", "d", "365.25");
    is("1", "mo", "d", "30.4375");
    is("2", "[IU]/mL", "k[IU]/L", "2");
    is("1", "ukat/L", "U/L", "60");
    is("60", "U/L", "ukat/L", "1");
    is("24", "mg/(24.h)", "mg/d", "24");
    is("1500", "{cells}/uL", "10*9/L", "1.5");
    is("72", "bpm", "/min", "72");
    is("29", "pg", "g", "0.000000000029");
}

#[test]
fn what_is_no_matter_of_units_is_refused() {
    is_refused("mmol/L", "mg/dL");
    is_refused("mmol/L", "meq/L");
    is_refused("meq/L", "mmol/L");
    is_refused("mosm/kg", "mmol/kg");
    is_refused("[IU]/L", "U/L");
    is_refused("[IU]/L", "/L");
    is_refused("[arb'U]/mL", "[IU]/mL");
    is_refused("mmol/mol", "%");
    is_refused("%", "1");
    is_refused("mmol/mol", "mg/g");
    is_refused("L/L", "mmol/mol");
    is_refused("mg{FEU}/L", "mg/L");
    is_refused("ng{DDU}/mL", "ng{FEU}/mL");
    is_refused("mL/min/{1.73_m2}", "mL/min");
    is_refused("/[HPF]", "/uL");
    is_refused("Cel", "kg");
}

#[test]
fn a_mass_is_an_amount_of_substance_for_what_is_known() {
    let units = Units::new();
    let glucose = |number, from, to| units.convert(number, from, to, Some("2345-7"));
    assert_eq!(glucose("5.5", "mmol/L", "mg/dL").as_deref(), Ok("99.0858"));
    assert_eq!(glucose("5500", "umol/L", "g/L").as_deref(), Ok("0.990858"));
    // Not the other way, for which there is no rule, and not for what is not known.
    assert_eq!(glucose("99", "mg/dL", "mmol/L"), Err(Unread::OtherKind));
    assert_eq!(
        units.convert("5", "mmol/L", "mg/dL", Some("0000-0")),
        Err(Unread::OtherKind)
    );
    assert_eq!(
        units
            .convert("140", "mEq/L", "mmol/L", Some("2951-2"))
            .as_deref(),
        Ok("140")
    );
}

#[test]
fn each_code_of_an_analyte_is_one_of_loinc() {
    let mut met = BTreeSet::new();
    for code in BOOK.codes() {
        assert!(crate::code_systems::is_loinc(code), "{code}");
        assert!(met.insert(code));
    }
    assert!(met.len() > 50);
}

#[test]
fn a_number_that_nobody_measured_is_none() {
    for number in ["1e300", "-1e-300", "NaN", "", &"9".repeat(100), "1,5"] {
        assert_eq!(
            convert(number, "g", "kg"),
            Err(Unread::OutOfRange),
            "{number}"
        );
    }
}
