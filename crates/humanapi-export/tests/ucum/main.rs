//! Units, compared with another reader of UCUM: `@lhncbc/ucum-lhc` of the National Library of Medicine.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use humanapi_export::Units;
use humanapi_testkit::{npm_file, skip};
use serde::Deserialize;

const PACKAGE: &str = "@lhncbc/ucum-lhc@7.1.10";
const LIBRARY: &str = "source-cjs/ucumPkg.js";
const VALUE: &str = "37.5";

/// One unit of each kind that values are brought to, and some that are often taken for each other.
const TARGETS: &[&str] = &[
    "cm",
    "kg",
    "s",
    "d",
    "L",
    "m2",
    "kg/m2",
    "mm[Hg]",
    "kcal",
    "W",
    "/min",
    "mL/min",
    "mg/dL",
    "mmol",
    "mmol/L",
    "meq",
    "meq/L",
    "mosm/kg",
    "mosm/L",
    "[IU]",
    "[IU]/L",
    "U/L",
    "10*9/L",
    "mg/d",
    "mmol/d",
    "meq/d",
    "Cel",
    "[degF]",
    "%",
    "1",
    "mg/g",
    "mmol/mol",
    "km/h",
    "mL/kg/min",
    "ug/kg/min",
    "[in_i]",
    "[lb_av]",
    "Pa",
    "[arb'U]/mL",
    "[CFU]/mL",
    "/[HPF]",
    "mg{FEU}/L",
    "mg/g{creat}",
    "a",
    "Hz",
    "N",
    "[foz_us]",
    "mg/kg",
    "ug/mg",
];

/// What the other reader says of one unit.
#[derive(Deserialize)]
struct Told {
    valid: bool,
    /// How many of each target the value is, in a float.
    values: Vec<Option<f64>>,
}

fn units() -> Vec<&'static str> {
    let lines = include_str!("units.txt").lines();
    let lines = lines.filter(|line| !line.starts_with('#'));
    lines.flat_map(str::split_whitespace).collect()
}

/// Whether a reason is one for a unit and a target.
type Is = fn(&str, &str) -> bool;

/// Why one of the two readers converts a unit and the other does not.
const REASONS: [(&str, Is); 8] = [
    (
        "what stands in braces says what is counted; the other reader leaves it out",
        |from, to| from.contains('{') || to.contains('{'),
    ),
    (
        "an equivalent is a mole by the charge of its ion alone, and an osmole by the parts that it falls into",
        |from, to| {
            ["eq", "osm"]
                .iter()
                .any(|name| from.contains(name) != to.contains(name))
        },
    ),
    (
        "an arbitrary unit is a thousandth of a thousand of itself; the other reader converts none at all",
        |from, to| {
            ["[IU]", "[arb'U]", "[CFU]"]
                .iter()
                .any(|name| from.contains(name) && to.contains(name))
        },
    ),
    (
        "what is seen in a field of view is seen there alone; to the other reader it is a number",
        |from, to| from != to && (from.contains("PF]") || to.contains("PF]")),
    ),
    (
        "a decay is no other event; to the other reader both are counted by the second",
        |from, _| from.ends_with("Bq") || from.ends_with("Ci"),
    ),
    (
        "a pH is a logarithm; the other reader counts the particles",
        |from, _| from == "[pH]",
    ),
    (
        "a dioptre is no length; the other reader tells the focal length",
        |from, _| from == "[diop]",
    ),
    (
        "a share of one thing is no share of another; to the other reader both are numbers",
        |from, to| {
            let are_shares = ["%", "1", "mg/g", "mmol/mol", "ug/mg", "mg/kg"];
            are_shares.contains(&to) && from != to
        },
    ),
];

fn ask(library: &Path, units: &[&str]) -> Option<Vec<Told>> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ucum/lhc.cjs");
    let node = Command::new("node")
        .args([script.as_path(), library])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let mut node = node.ok()?;
    let value: f64 = VALUE.parse().expect("the test gives what is right");
    let question = serde_json::json!({"units": units, "targets": TARGETS, "value": value});
    let mut input = node.stdin.take().expect("the test gives what is right");
    input
        .write_all(question.to_string().as_bytes())
        .expect("the test gives what is right");
    drop(input);
    let answer = node
        .wait_with_output()
        .expect("the test gives what is right");
    assert!(answer.status.success(), "the other reader ends well");
    Some(serde_json::from_slice(&answer.stdout).expect("the test gives what is right"))
}

#[test]
fn units_of_medical_records_are_what_another_reader_of_ucum_says() {
    let test = "units_of_medical_records_are_what_another_reader_of_ucum_says";
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let Some(library) = npm_file(folder, PACKAGE, LIBRARY) else {
        return skip(test, &format!("npm with {PACKAGE}"));
    };
    let texts = units();
    let Some(told) = ask(&library, &texts) else {
        return skip(test, "node");
    };
    let units = Units::new();
    let mut wrong = Vec::new();
    let (mut read, mut converted, mut used) = (0, 0, [0; REASONS.len()]);
    for (unit, told) in std::iter::zip(&texts, &told) {
        assert_eq!(told.values.len(), TARGETS.len());
        let is_read = units.read(unit).as_deref() == Ok(*unit);
        if is_read != told.valid {
            wrong.push(format!("{unit}: read here {is_read}, there {}", told.valid));
            continue;
        }
        read += 1;
        for (target, theirs) in std::iter::zip(TARGETS, &told.values) {
            let ours = units.convert(VALUE, unit, target, None).ok();
            let ours: Option<f64> = ours.map(|value| value.parse().unwrap());
            match (ours, theirs) {
                (None, None) => {}
                // Theirs is a float, made in several steps.
                (Some(ours), Some(theirs)) if (ours - theirs).abs() <= ours.abs() * 1e-9 => {
                    converted += 1
                }
                (Some(ours), Some(theirs)) => {
                    wrong.push(format!("{unit} in {target}: {ours} here, {theirs} there"))
                }
                (ours, theirs) => match REASONS.iter().position(|(_, is)| is(unit, target)) {
                    Some(reason) => used[reason] += 1,
                    None => wrong.push(format!(
                        "{unit} in {target}: {ours:?} here, {theirs:?} there"
                    )),
                },
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} differences\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(read >= 200, "{read} units are read");
    assert!(converted >= 300, "{converted} conversions agree");
    for ((reason, _), used) in std::iter::zip(REASONS, used) {
        assert!(used > 0, "not met: {reason}");
    }
}
