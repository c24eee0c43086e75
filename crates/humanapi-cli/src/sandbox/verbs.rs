//! The verbs for a sandbox that runs.

use std::fmt::Write as _;

use humanapi_core::http::{HeaderValue, Method};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::orders;
use super::running::{Running, text};
use crate::args::OutputArgs;
use crate::args::sandbox::{ConnectArgs, FaultArgs, SandboxVerb};
use crate::browser;
use crate::exit::{Code, Failure};
use crate::print::{is_json, print, print_as};
use crate::signal::Stop;

pub(crate) async fn run(verb: &SandboxVerb) -> Result<(), Failure> {
    match verb {
        SandboxVerb::Connect(args) => connect(args).await,
        SandboxVerb::Advance { by, common } => {
            let running = Running::at(&common.url)?;
            if by.subsec_nanos() != 0 {
                return Err(Failure::new(
                    Code::Usage,
                    "the clock moves by whole seconds",
                    "round it, such as 1s",
                ));
            }
            let wish = json!({"seconds": by.as_secs()});
            let clock: Value = running.post("/sandbox/clock/advance", &wish).await?;
            print(&common.output, &clock, |clock| {
                format!("The clock shows {}.", text(clock, "now"))
            })
        }
        SandboxVerb::Order(args) => orders::order(args).await,
        SandboxVerb::Ledger { common } => orders::ledger(common).await,
        SandboxVerb::Fault(args) => fault(args).await,
        SandboxVerb::Reset { common } => {
            let running = Running::at(&common.url)?;
            running
                .tell(Method::POST, "/sandbox/reset", &json!({}))
                .await?;
            print(
                &common.output,
                &json!({"reset": true}),
                |_| "The sandbox starts over.",
            )
        }
        SandboxVerb::Logs { follow, common } => {
            logs(&Running::at(&common.url)?, *follow, &common.output).await
        }
        SandboxVerb::Open { common } => {
            let running = Running::at(&common.url)?;
            // A page of something else is not worth a look.
            let _: Value = running.get("/sandbox/clock").await?;
            let url = format!("{}/", running.shown());
            let opened = browser::open(&url);
            print(
                &common.output,
                &json!({"url": url, "opened": opened}),
                |_| {
                    if opened {
                        format!("{url} opens in your browser.")
                    } else {
                        format!("There is no browser here. Open {url} in one.")
                    }
                },
            )
        }
    }
}

async fn connect(args: &ConnectArgs) -> Result<(), Failure> {
    let running = Running::at(&args.common.url)?;
    let client_id = running.client_id(args.app).await?;
    let mut wish = json!({"client_id": client_id, "client_user_id": args.user});
    let mut connected = wish.clone();
    connected["source"] = json!(args.source);
    connected["start"] = json!(true);
    let mut user: Value = running.post("/sandbox/sources/connect", &connected).await?;
    if let Some(persona) = args.persona {
        wish["persona"] = json!(persona.name());
        user = running.post("/sandbox/users/persona", &wish).await?;
    }
    print(&args.common.output, &user, |user| {
        let sources = user.get("sources").and_then(Value::as_array);
        let names: Vec<_> = sources
            .into_iter()
            .flatten()
            .map(|source| text(source, "name"))
            .collect();
        format!(
            "{} is connected with {}.",
            text(user, "client_user_id"),
            names.join(", ")
        )
    })
}

async fn fault(args: &FaultArgs) -> Result<(), Failure> {
    let running = Running::at(&args.common.url)?;
    let output = &args.common.output;
    if args.clear {
        running
            .tell(Method::DELETE, "/sandbox/faults", &json!({}))
            .await?;
        return print(output, &json!([]), |_| "No fault is planned.");
    }
    let Some(kind) = args.kind else {
        let faults: Vec<Value> = running.get("/sandbox/faults").await?;
        return print(output, &faults, |faults| {
            if faults.is_empty() {
                return "No fault is planned.".to_owned();
            }
            let lines: Vec<_> = faults.iter().map(fault_line).collect();
            lines.join("\n")
        });
    };
    let mut wish = Map::new();
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            wish.insert(name.to_owned(), value);
        }
    };
    put("kind", Some(kind.name().into()));
    put("status", args.status.map(Value::from));
    put("retry_after", args.retry_after.clone().map(Value::from));
    put("error_code", args.error_code.clone().map(Value::from));
    put("body", args.body.clone().map(Value::from));
    put("takes_effect", args.after_effect.then(|| true.into()));
    let delay = args.delay.map(|delay| u64::try_from(delay.as_millis()));
    put(
        "delay_ms",
        delay.map(|delay| Value::from(delay.unwrap_or(u64::MAX))),
    );
    put("method", args.method.clone().map(Value::from));
    put("path", args.path.clone().map(Value::from));
    put("times", args.times.map(Value::from));
    let planned: Value = running
        .post("/sandbox/faults", &Value::Object(wish))
        .await?;
    print(output, &planned, |planned| {
        format!("Planned: {}", fault_line(planned))
    })
}

/// `status 503, GET, /v1/human…, 3 times`.
fn fault_line(fault: &Value) -> String {
    let mut line = text(fault, "kind");
    for (name, before, behind) in [
        ("status", " ", ""),
        ("body", " ", ""),
        ("delay_ms", " ", " ms"),
        ("retry_after", ", Retry-After ", ""),
        ("error_code", ", ", ""),
        ("method", ", ", ""),
        ("path", ", ", "…"),
        ("times", ", ", "×"),
        ("takes_effect", ", after the effect: ", ""),
    ] {
        if fault.get(name).is_some_and(|value| !value.is_null()) {
            // Writing into a String cannot fail.
            let _ = write!(line, "{before}{}{behind}", text(fault, name));
        }
    }
    line
}

/// A request as the sandbox saw it.
#[derive(Deserialize, Serialize)]
struct Logged {
    sequence: u64,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

/// What was shown: up to which request, and of which of the sandbox's lives, because a reset has them counted anew.
#[derive(Default)]
struct Seen {
    epoch: Option<HeaderValue>,
    sequence: u64,
}

impl Seen {
    /// Those that were not shown yet, and from now on are.
    fn news(&mut self, epoch: Option<HeaderValue>, mut requests: Vec<Logged>) -> Vec<Logged> {
        if self.epoch != epoch {
            *self = Self { epoch, sequence: 0 };
        }
        requests.retain(|request| request.sequence > self.sequence);
        if let Some(last) = requests.last() {
            self.sequence = last.sequence;
        }
        requests
    }
}

async fn logs(running: &Running, follow: bool, output: &OutputArgs) -> Result<(), Failure> {
    let mut seen = Seen::default();
    if !follow {
        return show(running, &mut seen, output).await;
    }
    let mut stop = Stop::listen().map_err(|error| Failure::here("cannot hear Ctrl-C", &error))?;
    let mut changes = running.follow().await?;
    show(running, &mut seen, output).await?;
    loop {
        let changed = tokio::select! {
            changed = changes.next() => changed,
            () = stop.asked() => return Ok(()),
        };
        if changed.is_none() {
            return Err(running.gone());
        }
        show(running, &mut seen, output).await?;
    }
}

/// Shows what has come since.
async fn show(running: &Running, seen: &mut Seen, output: &OutputArgs) -> Result<(), Failure> {
    let (epoch, requests) = running.requests().await?;
    let is_json = is_json(output.json, output.table);
    for request in seen.news(epoch, requests) {
        print_as(is_json, &request, |request| {
            log_line(&Value::Object(request.rest.clone()))
        })?;
    }
    Ok(())
}

fn log_line(request: &Value) -> String {
    let or = |name: &str, none: &str| match request.get(name) {
        None | Some(Value::Null) => none.to_owned(),
        Some(_) => text(request, name),
    };
    let mut line = format!(
        "{}  {:>3}  {:<6} {}",
        or("at", "–"),
        or("status", "–"),
        or("method", "–"),
        or("path", "–")
    );
    for name in ["client_user_id", "token_kind", "fault"] {
        let value = or(name, "");
        if !value.is_empty() {
            let _ = write!(line, "  {value}");
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(seen: &mut Seen, epoch: &'static str, sequences: &[u64], news: &[u64]) {
        let logged = |&sequence: &u64| Logged {
            sequence,
            rest: Map::new(),
        };
        let requests = sequences.iter().map(logged).collect();
        let shown = seen.news(Some(HeaderValue::from_static(epoch)), requests);
        let shown: Vec<_> = shown.iter().map(|request| request.sequence).collect();
        assert_eq!(shown, news);
    }

    #[test]
    fn each_request_is_shown_once() {
        let mut seen = Seen::default();
        check(&mut seen, "0", &[1, 2], &[1, 2]);
        check(&mut seen, "0", &[1, 2, 3], &[3]);
        // Somebody emptied the log, which goes on.
        check(&mut seen, "0", &[], &[]);
        check(&mut seen, "0", &[4], &[4]);
    }

    #[test]
    fn after_a_reset_all_are_shown_however_many_came_before_the_next_look() {
        let mut seen = Seen::default();
        check(&mut seen, "0", &[1, 2], &[1, 2]);
        check(&mut seen, "1", &[1, 2, 3], &[1, 2, 3]);
        check(&mut seen, "3", &[1, 2, 3], &[1, 2, 3]);
        check(&mut seen, "4", &[], &[]);
        check(&mut seen, "4", &[1], &[1]);
    }
}
