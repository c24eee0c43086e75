//! Code systems whose codes have a form that can be told from a name, a number of somebody's or a date.
//!
//! CPT and UNII are not among them: each of their codes could be a ZIP code or an account's number.

use humanapi_core::data::Record;

use crate::named;

/// The name of LOINC.
pub(crate) const LOINC: &str = "LOINC";

/// A code system that is known.
#[derive(Clone, Copy, Debug)]
pub(crate) struct System {
    pub(crate) oid: &'static str,
    /// How it is written; the first is how we write it.
    names: &'static [&'static str],
    form: fn(&str) -> bool,
}

const SYSTEMS: &[System] = &[
    System {
        oid: "2.16.840.1.113883.6.1",
        names: &[LOINC],
        form: is_loinc,
    },
    System {
        oid: "2.16.840.1.113883.6.96",
        names: &["SNOMED CT", "SNOMED", "SNOMED-CT", "SNOMEDCT"],
        form: is_snomed,
    },
    System {
        oid: "2.16.840.1.113883.6.90",
        names: &["ICD-10-CM", "ICD-10", "ICD10", "ICD10CM", "ICD-10CM"],
        form: is_icd_10,
    },
    System {
        oid: "2.16.840.1.113883.6.103",
        names: &["ICD-9-CM", "ICD-9", "ICD9", "ICD9CM", "ICD-9CM"],
        form: is_icd_9,
    },
    System {
        oid: "2.16.840.1.113883.6.88",
        names: &["RxNorm", "RXNORM"],
        form: is_rxnorm,
    },
    System {
        oid: "2.16.840.1.113883.6.69",
        names: &["NDC"],
        form: is_ndc,
    },
    System {
        oid: "2.16.840.1.113883.12.292",
        names: &["CVX"],
        form: is_cvx,
    },
    System {
        oid: "2.16.840.1.113883.6.238",
        names: &["CDC Race and Ethnicity", "Race and Ethnicity - CDC"],
        form: is_race,
    },
    System {
        oid: "2.16.840.1.113883.5.1",
        names: &["AdministrativeGender"],
        form: is_gender,
    },
    System {
        oid: "2.16.840.1.113883.5.2",
        names: &["MaritalStatus"],
        form: is_marital,
    },
    System {
        oid: "2.16.840.1.113883.5.4",
        names: &["ActCode"],
        form: is_act,
    },
];

impl System {
    /// The system of this OID.
    pub(crate) fn by_oid(oid: &str) -> Option<Self> {
        SYSTEMS.iter().find(|system| system.oid == oid).copied()
    }

    /// The system of this name.
    pub(crate) fn by_name(name: &str) -> Option<Self> {
        let has = |system: &&Self| {
            system
                .names
                .iter()
                .any(|one| one.eq_ignore_ascii_case(name))
        };
        SYSTEMS.iter().find(has).copied()
    }

    /// The system that a record of a code names. Its OID counts first, and a name that is not known does no harm beside it;
    /// one that is another system's does.
    pub(crate) fn of(code: &Record) -> Option<Self> {
        let by_name = named::text(code, "codeSystemName").map(|name| Self::by_name(name.trim()));
        let Some(oid) = named::text(code, "codeSystem") else {
            return by_name?;
        };
        let by_oid = Self::by_oid(oid.trim())?;
        let is_other = by_name
            .flatten()
            .is_some_and(|other| other.oid != by_oid.oid);
        (!is_other).then_some(by_oid)
    }

    /// How its name is written.
    pub(crate) const fn name(&self) -> &'static str {
        self.names[0]
    }

    /// Whether a text has the form of its codes.
    pub(crate) fn has(&self, code: &str) -> bool {
        (self.form)(code)
    }
}

fn are_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Up to six digits and one that is made of them.
pub(crate) fn is_loinc(code: &str) -> bool {
    let Some((number, check)) = code.split_once('-') else {
        return false;
    };
    if !are_digits(number) || number.len() > 6 || check.len() != 1 || !are_digits(check) {
        return false;
    }
    let sum: u32 = number
        .bytes()
        .rev()
        .enumerate()
        .map(|(place, byte)| {
            let digit = u32::from(byte - b'0') * if place % 2 == 0 { 2 } else { 1 };
            digit / 10 + digit % 10
        })
        .sum();
    check.parse() == Ok((10 - sum % 10) % 10)
}

/// Six to eighteen digits, the last of which is made of the others by Verhoeff's scheme. The two before it say that it is a
/// concept's: 00 of those that all have, and 10 of somebody's, which has at least one digit and a namespace of seven besides.
fn is_snomed(code: &str) -> bool {
    if !are_digits(code) || !(6..=18).contains(&code.len()) || code.starts_with('0') {
        return false;
    }
    match &code[code.len() - 3..code.len() - 1] {
        "00" => {}
        "10" if code.len() >= 11 => {}
        _ => return false,
    }
    let mut check = 0;
    for (place, byte) in code.bytes().rev().enumerate() {
        let mut digit = usize::from(byte - b'0');
        for _ in 0..place % 8 {
            digit = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4][digit];
        }
        check = times(check, digit);
    }
    check == 0
}

/// In the group of the ten ways in which a pentagon lies on itself.
const fn times(one: usize, other: usize) -> usize {
    match (one / 5, other / 5) {
        (0, 0) => (one + other) % 5,
        (0, _) => 5 + (one + other) % 5,
        (_, 0) => 5 + (one + 5 - other) % 5,
        _ => (one + 5 - other) % 5,
    }
}

/// A letter, a digit, one of either, and up to four behind a point.
fn is_icd_10(code: &str) -> bool {
    let (before, behind) = code.split_once('.').unwrap_or((code, "0"));
    let [letter, digit, either] = before.as_bytes() else {
        return false;
    };
    let is_either = |byte: &u8| byte.is_ascii_digit() || byte.is_ascii_uppercase();
    letter.is_ascii_uppercase()
        && digit.is_ascii_digit()
        && is_either(either)
        && (1..=4).contains(&behind.len())
        && behind.as_bytes().iter().all(is_either)
}

/// Three digits, or V with two or E with three, and up to two behind a point.
fn is_icd_9(code: &str) -> bool {
    let (before, behind) = code.split_once('.').unwrap_or((code, "0"));
    let (digits, length) = match before.as_bytes().first() {
        Some(b'V') => (&before[1..], 2),
        Some(b'E') => (&before[1..], 3),
        _ => (before, 3),
    };
    are_digits(digits) && digits.len() == length && are_digits(behind) && behind.len() <= 2
}

fn is_rxnorm(code: &str) -> bool {
    are_digits(code) && code.len() <= 7
}

fn is_cvx(code: &str) -> bool {
    are_digits(code) && code.len() <= 3
}

/// A labeler, a product and a package with hyphens between them. Without these it could be a telephone number.
pub(crate) fn is_ndc(code: &str) -> bool {
    let parts: Vec<_> = code.split('-').collect();
    let lengths: Vec<_> = parts.iter().map(|part| part.len()).collect();
    let is_form = matches!(*lengths, [4, 4, 2] | [5, 3, 2] | [5, 4, 1 | 2]);
    is_form && parts.into_iter().all(are_digits)
}

fn is_race(code: &str) -> bool {
    let parts = code.split_once('-');
    parts.is_some_and(|(number, check)| {
        are_digits(number) && number.len() == 4 && are_digits(check) && check.len() == 1
    })
}

fn is_gender(code: &str) -> bool {
    ["M", "F", "UN"].contains(&code)
}

fn is_marital(code: &str) -> bool {
    ["A", "C", "D", "I", "L", "M", "P", "S", "T", "U", "W"].contains(&code)
}

fn is_act(code: &str) -> bool {
    [
        "AMB", "EMER", "FLD", "HH", "IMP", "ACUTE", "NONAC", "OBSENC", "PRENC", "SS", "VR",
    ]
    .contains(&code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, codes: &[&str], others: &[&str]) {
        let system = System::by_name(name).unwrap();
        for code in codes {
            assert!(system.has(code), "{name}: {code}");
        }
        for code in others {
            assert!(!system.has(code), "{name}: {code}");
        }
    }

    #[test]
    fn a_code_has_the_form_of_its_system() {
        check(
            "LOINC",
            &["2345-7", "718-7", "8302-2", "30525-0"],
            &["2345-8", "555-0137", "", "-1", "a-1"],
        );
        check(
            "SNOMED CT",
            &["38341003", "73211009", "266919005", "1831000087109"],
            &[
                "38341004",
                "219099999",
                "4155550137",
                "12345",
                // Their check digits are right, and no concept's are the digits before.
                "48291538",
                "7730045514",
                "900123106",
            ],
        );
        check(
            "ICD-10-CM",
            &["E11.9", "R00.0", "I10", "S72.001A"],
            &["11.9", "e11.9", "E11.", "Quentin", "É1.9"],
        );
        check(
            "ICD-9-CM",
            &["250.00", "401", "V70.0", "E880"],
            &["25", "2500.0", "94117", "V7"],
        );
        check("RxNorm", &["860975"], &["48291537", ""]);
        check(
            "NDC",
            &["0002-8215-01", "50580-449-05"],
            &["14155550137", "219-09-9999", "415-555-0137"],
        );
        check("CVX", &["140"], &["1400"]);
        check("CDC Race and Ethnicity", &["2106-3"], &["94117-2047"]);
        assert!(System::by_name("CPT").is_none() && System::by_oid("").is_none());
    }
}
