//! The verb `sandbox`: runs the sandbox until told to stop, or acts on one that runs.

mod orders;
mod running;
mod verbs;

use std::io::{self, IsTerminal as _, Write};
use std::path::Path;

use humanapi_sandbox::{AppCredentials, DemoApp, Sandbox, SandboxBuilder, Scenario, StartError};
use serde::Serialize;

use crate::args::SandboxArgs;
use crate::bounded::read_all;
use crate::browser;
use crate::exit::{self, Code, Failure};
use crate::output::palette::{NAME, QUIET, TITLE};
use crate::signal::Stop;

pub(crate) async fn run(args: &SandboxArgs) -> Result<(), Failure> {
    if let Some(verb) = &args.verb {
        return verbs::run(verb).await;
    }
    let sandbox = set_up(args)?.start().map_err(|error| not_started(&error))?;
    // Before the URL is told: whoever reads it may stop the sandbox at once.
    let mut stop = Stop::listen().map_err(|error| Failure::here("cannot hear Ctrl-C", &error))?;
    let mut out = anstream::stdout();
    if args.json {
        let line = Line {
            url: sandbox.url(),
            seed: args.seed,
            apps: sandbox.control().apps(),
            control_token: sandbox.control_token(),
        };
        // In one piece: whoever waits for the line in a file reads all of it or nothing.
        let line = serde_json::to_string(&line).map_err(io::Error::from)?;
        out.write_all(format!("{line}\n").as_bytes())?;
    } else {
        welcome(&mut out, &sandbox, args.seed)?;
    }
    out.flush()?;
    // A script that reads the address opens what it wants by itself.
    if args.browser && io::stdout().is_terminal() {
        browser::open(&format!("{}/", sandbox.url()));
    }
    stop.asked().await;
    if !args.json {
        writeln!(out, "\nStopped.")?;
    }
    Ok(())
}

/// The sandbox that the options ask for.
fn set_up(args: &SandboxArgs) -> Result<SandboxBuilder, Failure> {
    let mut builder = Sandbox::builder()
        .seed(args.seed)
        .port(args.port)
        .bind(args.bind);
    for name in &args.allow_host {
        builder = builder.allow_host(name);
    }
    for origin in &args.app_origin {
        builder = builder.callback(format!("{origin}/*"));
    }
    for callback in &args.callback {
        builder = builder.callback(callback);
    }
    if let Some(path) = &args.state {
        builder = builder.scenario(read_scenario(path)?);
    }
    if let Some(instant) = args.frozen_at {
        builder = builder.frozen_at(instant.into());
    }
    for (assumption, value) in &args.assume {
        builder = builder.assume(*assumption, value).map_err(|error| {
            Failure::new(
                Code::Usage,
                error.to_string(),
                "`humanapi sandbox --help` shows what there is",
            )
        })?;
    }
    Ok(builder)
}

/// The longest file of a scenario that is read.
const SCENARIO: usize = 64 * 1024 * 1024;

fn read_scenario(path: &Path) -> Result<Scenario, Failure> {
    let shown = path.display();
    let unread = |error: io::Error| {
        Failure::new(
            Code::Usage,
            format!("cannot read {shown}: {}", exit::system_text(&error)),
            "--state takes a file of JSON; the README of humanapi-sandbox shows one",
        )
    };
    let mut json = Vec::new();
    let file = std::fs::File::open(path).map_err(unread)?;
    if !read_all(file, SCENARIO, &mut json).map_err(unread)? {
        return Err(Failure::new(
            Code::Usage,
            format!("{shown} is longer than 64 MiB"),
            "--state takes a file of JSON; the README of humanapi-sandbox shows one",
        ));
    }
    Scenario::from_json(&json).map_err(|error| {
        Failure::new(
            Code::Usage,
            format!("{shown}: {error}"),
            "mend that place of the file, then start again",
        )
    })
}

fn not_started(error: &StartError) -> Failure {
    let reason = match error {
        StartError::Bind { source, .. } | StartError::Threads(source) => {
            format!(": {}", exit::system_text(source))
        }
        _ => String::new(),
    };
    Failure::new(
        Code::Machine,
        format!("{error}{reason}"),
        "choose another --port or --bind, or leave them out to take a free port",
    )
}

/// The answer to `--json`.
#[derive(Serialize)]
struct Line<'a> {
    url: &'a str,
    seed: u64,
    apps: Vec<AppCredentials>,
    /// What calls of the control API need when the sandbox listens beyond this machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    control_token: Option<&'a str>,
}

fn welcome(out: &mut impl Write, sandbox: &Sandbox, seed: u64) -> io::Result<()> {
    let url = sandbox.url();
    writeln!(
        out,
        "\n{TITLE}Human API sandbox{TITLE:#} on {NAME}{url}{NAME:#} (seed {seed})"
    )?;
    match sandbox.control_token() {
        None => writeln!(
            out,
            "For development and tests, on this machine alone. All of it is made up,\n\
             the secrets too, so they are shown in clear."
        )?,
        Some(token) => writeln!(
            out,
            "For development and tests. All of it is made up, the secrets too, so they are\n\
             shown in clear. It listens beyond this machine, on {NAME}{}{NAME:#}:\n\
             calls of the control API need `X-Sandbox-Token: {token}`.",
            sandbox.addr()
        )?,
    }
    writeln!(out, "\n{TITLE}Applications{TITLE:#}")?;
    for app in sandbox.control().apps() {
        writeln!(
            out,
            "  {}\n    {QUIET}{}{QUIET:#}",
            app.app.name(),
            about(&app)
        )?;
        writeln!(out, "    client id      {}", app.client_id)?;
        writeln!(out, "    client secret  {}", app.client_secret)?;
    }
    let app = sandbox.app(DemoApp::Connect);
    let (id, secret) = (&app.client_id, &app.client_secret);
    writeln!(
        out,
        "
{TITLE}Point an application or the command at it{TITLE:#}
  export HUMANAPI_BASE_URL={url}
  export HUMANAPI_CLIENT_ID={id}
  export HUMANAPI_CLIENT_SECRET={secret}
  humanapi token connect --user patient-17
  let client = humanapi::Client::from_env()?; // in a program

{TITLE}Be the world around it, from another terminal{TITLE:#}
  export HUMANAPI_SANDBOX_URL={url}
  humanapi sandbox connect --user patient-17 --source strider
  humanapi sandbox logs --follow

{TITLE}Or curl{TITLE:#}
  curl -s {url}/v1/connect/token \\
    -H 'content-type: application/json' \\
    -d '{{\"type\": \"session\", \"client_user_id\": \"patient-17\",
         \"client_id\": \"{id}\",
         \"client_secret\": \"{secret}\"}}'

{TITLE}Look inside{TITLE:#}
  {NAME}{url}/{NAME:#}  the dashboard: users, tokens, requests

Ctrl-C stops it."
    )
}

fn about(app: &AppCredentials) -> &'static str {
    match (app.hip, app.admin_api) {
        (false, _) => "access tokens from /v1/connect/token",
        (true, true) => "access and client tokens from /v1/admin/token",
        (true, false) => "access tokens from /v1/admin/token, no client tokens",
    }
}
