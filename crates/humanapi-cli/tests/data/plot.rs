//! Pictures: what is on them, where they go, and what is told where there is none.

use std::fs;

use super::{data, fails, json, run, sandbox, told};

#[test]
fn a_picture_is_svg_when_piped_and_tells_nothing_of_whose_it_is() {
    let sandbox = sandbox();
    let words = ["plot", "vitals", "--user", "ill", "--measure"];
    let both = [
        &words[..],
        &[
            "systolic blood pressure",
            "--measure",
            "Diastolic blood pressure",
        ],
    ]
    .concat();
    let piped = told(&sandbox, &both);
    let svg = piped.stdout.trim_end();
    assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>"), "{svg}");
    assert!(svg.contains(" role=\"img\" "), "{svg}");
    let title = "<title>Vitals: Systolic blood pressure, Diastolic blood pressure</title>";
    assert!(
        svg.contains(title) && svg.contains(">mm[Hg]</text>"),
        "{svg}"
    );
    assert!(
        !svg.contains(">ill<") && piped.stderr.is_empty(),
        "{piped:?}"
    );
}

#[test]
fn a_picture_goes_to_a_file_as_its_name_says() {
    let sandbox = sandbox();
    let folder = tempfile::tempdir().unwrap();
    for (name, begins) in [("a.PNG", &b"\x89PNG"[..]), ("a.svg", b"<svg ")] {
        let file = folder.path().join(name);
        let words = [
            "plot",
            "weight",
            "--user",
            "ill",
            "--theme",
            "dark",
            "--size",
            "390x300",
            "--out",
            file.to_str().unwrap(),
        ];
        let written = told(&sandbox, &words);
        assert_eq!(written.stdout, "");
        assert!(fs::read(&file).unwrap().starts_with(begins), "{name}");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = fs::metadata(&file).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "health data are their owner's");
        }
    }
    let nowhere = folder.path().join("no/folder/a.svg");
    let words = [
        "plot",
        "weight",
        "--user",
        "ill",
        "--out",
        nowhere.to_str().unwrap(),
    ];
    fails(
        &sandbox,
        &words,
        70,
        "the picture cannot be written",
        "a folder that you may write to",
    );
}

#[test]
fn what_was_measured_is_told_and_what_was_not_is_told_without_it() {
    let sandbox = sandbox();
    let plot = |words: &[&'static str]| [&["plot"], words, &["--user", "ill"]].concat();
    let measured = told(&sandbox, &plot(&["test_results", "--measured"])).stdout;
    let first = super::Run {
        code: Some(0),
        stdout: measured.lines().next().unwrap().to_owned(),
        stderr: String::new(),
    };
    let first = json(&first);
    assert_eq!(first["measure"], "Hemoglobin A1c/Hemoglobin.total in Blood");
    assert_eq!(first["unit"], "%");
    assert!(first["values"].as_u64().unwrap() > 50, "{first}");

    let unknown = plot(&["test_results", "--measure", "shoe size"]);
    fails(
        &sandbox,
        &unknown,
        2,
        "nothing of that name was measured",
        "--measured tells",
    );
    let told = run(&mut data(&sandbox, &unknown));
    assert!(!told.stderr.contains("Hemoglobin"), "{told:?}");
    let units = plot(&[
        "vitals",
        "--measure",
        "Body height",
        "--measure",
        "Heart rate",
    ]);
    fails(
        &sandbox,
        &units,
        2,
        "in different units",
        "--measured tells",
    );
    let none = plot(&["allergies"]);
    fails(
        &sandbox,
        &none,
        2,
        "both a number and a day",
        "humanapi data list allergies",
    );
    let days = plot(&["test_results", "--days", "2026-01-01..2026-01-02"]);
    fails(
        &sandbox,
        &days,
        2,
        "--days cannot be used here",
        "leave it out",
    );
}
