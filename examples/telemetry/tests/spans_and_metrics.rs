//! What the example sends: spans that lie in one another, metrics, and nothing that is secret.

use std::collections::BTreeMap;
use std::process::Command;

/// The values of one printed span by their names, and the messages of its events.
#[derive(Debug, Default)]
struct Span {
    values: BTreeMap<String, String>,
    messages: Vec<String>,
}

impl Span {
    fn get(&self, name: &str) -> &str {
        self.values.get(name).map_or("", String::as_str)
    }
}

fn output() -> String {
    let program = Command::new(env!("CARGO_BIN_EXE_telemetry"))
        .output()
        .expect("it was built");
    let said = String::from_utf8_lossy(&program.stderr);
    assert!(program.status.success(), "{said}");
    assert_eq!(said, "");
    String::from_utf8(program.stdout).expect("it prints text")
}

/// Reads what `opentelemetry-stdout` prints: a name, a colon and a value in each line, attributes behind an arrow.
fn spans(output: &str) -> Vec<Span> {
    let mut spans = Vec::new();
    for part in output.split("Span #").skip(1) {
        let mut span = Span::default();
        let part = part.split("\nMetrics\n").next().expect("there is a first");
        let (head, events) = part.split_once("\tEvents:").unwrap_or((part, ""));
        for line in head.lines() {
            let line = line.trim().trim_start_matches("->").trim();
            if let Some((name, value)) = line.split_once(':') {
                let (name, value) = (name.trim().to_owned(), value.trim().to_owned());
                span.values.insert(name, value);
            }
        }
        for line in events.lines() {
            if let Some(message) = line.trim().strip_prefix("Name      : ") {
                span.messages.push(message.to_owned());
            }
        }
        spans.push(span);
    }
    spans
}

fn only<'a>(spans: &'a [Span], name: &str, attribute: &str) -> &'a Span {
    let mut found = spans.iter().filter(|span| {
        span.get("Name") == name && span.values.values().any(|value| value.contains(attribute))
    });
    let one = found
        .next()
        .unwrap_or_else(|| panic!("there is no {name} with {attribute} in {spans:#?}"));
    assert!(found.next().is_none(), "there is more than one {name}");
    one
}

#[test]
fn a_read_and_its_token_exchange_are_spans_of_one_trace_and_are_counted() {
    let output = output();
    let spans = spans(&output);

    let page = only(&spans, "page", "");
    let calls: Vec<&Span> = spans
        .iter()
        .filter(|span| span.get("Name") == "humanapi.call")
        .collect();
    assert!(!calls.is_empty(), "{output}");
    let exchange = only(&spans, "humanapi.token", "read_data");
    for call in &calls {
        assert!(call.get("call").contains("data.activities"), "{call:?}");
        assert_eq!(call.get("ParentSpanId"), page.get("SpanId"));
        assert!(call.messages.contains(&"answered".to_owned()), "{call:?}");
    }
    // Whoever asked first waits for the exchange, and it stands below that call.
    assert_eq!(exchange.get("ParentSpanId"), calls[0].get("SpanId"));
    assert!(
        exchange.messages.contains(&"issued".to_owned()),
        "{exchange:?}"
    );
    for span in &spans {
        assert_eq!(span.get("TraceId"), page.get("TraceId"));
    }

    for metric in [
        "humanapi_calls_total",
        "humanapi_call_duration_seconds",
        "humanapi_exchanges_total",
        "humanapi_exchange_duration_seconds",
        "humanapi_token_events_total",
    ] {
        assert!(output.contains(metric), "{metric} is missing in {output}");
    }
    for label in ["data.activities", "read_data", "hit"] {
        let metrics = output.split("\nMetrics\n").nth(1).expect("there are some");
        assert!(metrics.contains(label), "{label} is missing in {metrics}");
    }
    assert!(
        !output.contains("patient-17"),
        "a user is named in {output}"
    );
}
