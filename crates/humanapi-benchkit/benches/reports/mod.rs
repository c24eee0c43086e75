//! Work on what a browser sends, held to the length of what it sends: four times as long, little more than four times the
//! instructions. A browser chooses how many sources, providers, parameters and cookies there are, and which.

use std::fmt::Write as _;
use std::hint::black_box;

use humanapi_benchkit::{Bound, Work};
use humanapi_core::connect::{ConnectOutcome, ConnectReport, MAX_REPORT_SIZE};

/// A report as long as any may be, and one of a quarter of that.
const LONG: usize = MAX_REPORT_SIZE;
const SHORT: usize = MAX_REPORT_SIZE / 4;
/// A sort takes a little more than four times the work for four times as many; comparing each with each takes sixteen.
const MOST: f64 = 5.5;
/// A round is a part of one reading: a long report costs millions of instructions.
const ROUNDS_OF_A_READING: u32 = 50;

/// Makes two works of each form, one of each length, and the bound between them.
macro_rules! forms {
    ($($name:literal $read:ident $make:ident),+ $(,)?) => {
        pub(crate) const WORKS: &[Work] = &[$(
            Work::new(concat!($name, ", short"), |rounds| $read(&$make(SHORT), rounds)),
            Work::new(concat!($name, ", long"), |rounds| $read(&$make(LONG), rounds)),
        )+];

        pub(crate) const BOUNDS: &[Bound] = &[$(
            Bound::times(concat!($name, ", long"), MOST, concat!($name, ", short")),
        )+];
    };
}

forms! {
    "sources" message sources,
    "sources that are all the same" message same_sources,
    "providers" message providers,
    "providers of nothing" message empty_providers,
    "items that are none" message odd_items,
    "lists within lists" message nested,
    "unknown fields" message fields,
    "one field many times" message repeated_field,
    "text within text" message quoted,
    "a post of the page" message posted,
    "reports of one sitting" sitting reports,
    "parameters" callback parameters,
    "parameters within one" callback nested_parameters,
    "a parameter of JSON" callback json_parameter,
    "escapes" callback escapes,
    "empty parameters" callback empty_parameters,
}

fn message(data: &str, rounds: u32) -> anyhow::Result<()> {
    for _ in 0..rounds / ROUNDS_OF_A_READING {
        let outcome = ConnectOutcome::from_message(black_box(data.as_bytes()))?;
        black_box((outcome.next_step(), outcome.user_event()));
    }
    Ok(())
}

fn callback(query: &str, rounds: u32) -> anyhow::Result<()> {
    for _ in 0..rounds / ROUNDS_OF_A_READING {
        // Nonsense is refused, and that has to be quick as well.
        drop(black_box(ConnectOutcome::from_callback(black_box(query))));
    }
    Ok(())
}

/// One report in each line, put together.
fn sitting(lines: &str, rounds: u32) -> anyhow::Result<()> {
    for _ in 0..rounds / ROUNDS_OF_A_READING {
        let reports = black_box(lines).lines();
        let reports: Result<Vec<_>, _> = reports
            .map(|line| ConnectReport::from_json(line.as_bytes()))
            .collect();
        let whole: ConnectOutcome = reports?.into_iter().collect();
        black_box(whole.next_step());
    }
    Ok(())
}

/// As many pieces as fit, each with its number, between a beginning and an end.
fn filled(
    size: usize,
    beginning: &str,
    piece: impl Fn(usize) -> String,
    separator: &str,
    end: &str,
) -> String {
    let mut text = String::with_capacity(size);
    text.push_str(beginning);
    for number in 0.. {
        let piece = piece(number);
        let gap = if number == 0 { "" } else { separator };
        if text.len() + gap.len() + piece.len() + end.len() > size {
            break;
        }
        text.push_str(gap);
        text.push_str(&piece);
    }
    text.push_str(end);
    text
}

const IN_SOURCES: &str = r#"{"type":"close","sessionResults":{"connectedSources":["#;
const IN_PROVIDERS: &str = r#"{"type":"close","sessionResults":{"requestedSources":["#;

fn sources(size: usize) -> String {
    filled(
        size,
        IN_SOURCES,
        |number| format!(r#"{{"id":"{number}"}}"#),
        ",",
        "]}}",
    )
}

fn same_sources(size: usize) -> String {
    filled(size, IN_SOURCES, |_| r#"{"id":"a"}"#.to_owned(), ",", "]}}")
}

fn providers(size: usize) -> String {
    let provider = |number| format!(r#"{{"location":{{"latitude":{number},"longitude":0}}}}"#);
    filled(size, IN_PROVIDERS, provider, ",", "]}}")
}

fn empty_providers(size: usize) -> String {
    filled(size, IN_PROVIDERS, |_| "{}".to_owned(), ",", "]}}")
}

fn odd_items(size: usize) -> String {
    filled(size, IN_SOURCES, |number| number.to_string(), ",", "]}}")
}

fn nested(size: usize) -> String {
    // As deep as the parser goes, again and again.
    let deep = format!("{}{}", "[".repeat(100), "]".repeat(100));
    filled(size, IN_SOURCES, |_| deep.clone(), ",", "]}}")
}

fn fields(size: usize) -> String {
    filled(
        size,
        r#"{"type":"close","#,
        |number| format!(r#""{number:x}":0"#),
        ",",
        "}",
    )
}

fn repeated_field(size: usize) -> String {
    filled(
        size,
        r#"{"type":"close","#,
        |_| r#""currentConnections":[{"id":"a"}]"#.to_owned(),
        ",",
        "}",
    )
}

fn quoted(size: usize) -> String {
    let inner = sources(size * 2 / 3);
    serde_json::Value::String(inner).to_string()
}

fn posted(size: usize) -> String {
    format!(r#"{{"dismissed":true,"message":{}}}"#, sources(size - 64))
}

fn reports(size: usize) -> String {
    let report = |number| {
        format!(r#"{{"type":"close","sessionResults":{{"connected":[{{"id":"{number}"}}]}}}}"#)
    };
    filled(size, "", report, "\n", "")
}

fn parameters(size: usize) -> String {
    filled(size, "?", |number| format!("{number:x}=1"), "&", "")
}

fn nested_parameters(size: usize) -> String {
    filled(
        size,
        "?",
        |number| format!("sessionResults[{number:x}]=[]"),
        "&",
        "",
    )
}

fn json_parameter(size: usize) -> String {
    let mut query = String::from("?sessionResults.connected=");
    let left = size - query.len();
    let list = filled(
        left,
        "[",
        |number| format!(r#"{{"id":"{number}"}}"#),
        ",",
        "]",
    );
    write!(query, "{list}").expect("a string can be written to");
    query
}

fn escapes(size: usize) -> String {
    filled(size, "?status=", |_| "%2B+".to_owned(), "", "")
}

fn empty_parameters(size: usize) -> String {
    filled(size, "?status=SUCCESS&", |_| "a".to_owned(), "&", "&&#&=&")
}
