//! The faults on the dashboard: those still to come, and the form that plans one.

use std::borrow::Cow;

use maud::{Markup, html};

use crate::fault::{Fault, FaultKind, IntermediaryBody};
use crate::world::World;

pub(super) fn fault_section(world: &World) -> Markup {
    let planned = world.faults.planned();
    html! {
        section aria-labelledby="faults" {
            h2 #faults { "Faults" }
            div #live-faults data-live {
                @if planned.is_empty() {
                    p { "None planned." }
                } @else {
                    ol .planned aria-label="Planned faults" {
                        @for fault in &planned { li { (fault_text(fault)) } }
                    }
                }
            }
            form #fault .row data-needs-script hidden data-path="/sandbox/faults" {
                div {
                    label for="kind" { "Kind" }
                    select #kind name="kind" {
                        @for kind in FaultKind::NAMES { option value=(kind) { (kind) (when(kind)) } }
                    }
                }
                div data-for="status intermediary" {
                    label for="status" { "Status" }
                    input #status name="status" type="number" min="200" max="599" value="503" required;
                }
                div data-for="intermediary" {
                    label for="body" { "Body" }
                    select #body name="body" {
                        @for body in IntermediaryBody::ALL { option { (body.name()) } }
                    }
                }
                div data-for="status" {
                    label for="retry-after" { "Retry-After" }
                    input #retry-after name="retry_after" autocomplete="off";
                }
                div data-for="status" {
                    label for="error-code" { "Error code" }
                    input #error-code name="error_code" autocomplete="off";
                }
                // The other kinds say by their names whether they come before the effect, after it or within the answer.
                div data-for="status intermediary" {
                    label for="effect" { "The request" }
                    select #effect name="takes_effect" {
                        option value="" { "has no effect" }
                        option value="true" { "takes effect all the same" }
                    }
                }
                div data-for="delay" {
                    label for="delay" { "Delay in ms" }
                    input #delay name="delay_ms" type="number" min="0" max="3600000" value="1000" required;
                }
                div {
                    label for="method" { "Method" }
                    select #method name="method" {
                        option value="" { "any" }
                        @for method in ["GET", "POST", "DELETE"] { option { (method) } }
                    }
                }
                div {
                    label for="path" { "Path begins with" }
                    input #path name="path" autocomplete="off" placeholder="/v1/connect/token";
                }
                div {
                    label for="times" { "Times" }
                    input #times name="times" type="number" min="1" max="1000000" value="1" required;
                }
                div .buttons {
                    button type="submit" { "Plan fault" }
                    button type="submit" formnovalidate data-method="DELETE" data-path="/sandbox/faults" { "Clear faults" }
                }
            }
        }
    }
}

/// Where on a request's way a fault of this kind hits, if that is one place.
fn when(kind: &str) -> &'static str {
    match kind {
        "drop-before" => ": no answer, before the effect",
        "drop-after" => ": no answer, after the effect",
        "truncated-body" => ": breaks off in the middle of the answer",
        "garbage-body" => ": no JSON, after the effect",
        _ => "",
    }
}

fn fault_text(fault: &Fault) -> String {
    let what: Cow<'_, str> = match fault.kind() {
        FaultKind::Status {
            status,
            retry_after,
            error_code,
            ..
        } => {
            let mut text = format!("status {status}");
            for (name, value) in [("Retry-After", retry_after), ("code", error_code)] {
                if let Some(value) = value {
                    text.push_str(&format!(", {name} {value}"));
                }
            }
            text.into()
        }
        FaultKind::Intermediary { status, body, .. } => format!(
            "status {status} of something in between, body {}",
            body.name()
        )
        .into(),
        FaultKind::Delay(by) => format!("delay of {} ms", by.as_millis()).into(),
        other => other.name().into(),
    };
    let method = fault
        .method()
        .map_or("any method", |method| method.as_str());
    let path = fault.path().unwrap_or("any path");
    let tells_effect = matches!(
        fault.kind(),
        FaultKind::Status { .. } | FaultKind::Intermediary { .. }
    );
    let effect = if tells_effect && fault.kind().takes_effect() {
        ", after the effect"
    } else {
        ""
    };
    format!(
        "{what}{effect} · {method} · {path} · {} times",
        fault.times_left()
    )
}
