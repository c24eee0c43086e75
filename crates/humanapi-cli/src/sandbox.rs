//! The verb `sandbox`: runs the sandbox until told to stop.

use std::io::{self, Write};

use humanapi_sandbox::{AppCredentials, DemoApp, Sandbox, StartError};
use serde::Serialize;

use crate::args::SandboxArgs;
use crate::exit::{self, Code, Failure};
use crate::output::palette::{NAME, QUIET, TITLE};
use crate::signal::Stop;

pub(crate) async fn run(args: &SandboxArgs) -> Result<(), Failure> {
    let sandbox = Sandbox::builder()
        .seed(args.seed)
        .port(args.port)
        .start()
        .map_err(|error| not_started(&error))?;
    // Before the URL is told: whoever reads it may stop the sandbox at once.
    let mut stop = Stop::listen().map_err(|error| Failure::here("cannot hear Ctrl-C", &error))?;
    let mut out = anstream::stdout();
    if args.json {
        let line = Line {
            url: sandbox.url(),
            seed: args.seed,
            apps: sandbox.control().apps(),
        };
        serde_json::to_writer(&mut out, &line).map_err(io::Error::from)?;
        writeln!(out)?;
    } else {
        welcome(&mut out, &sandbox, args.seed)?;
    }
    out.flush()?;
    stop.asked().await;
    if !args.json {
        writeln!(out, "\nStopped.")?;
    }
    Ok(())
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
        "choose another --port, or leave it out to take a free one",
    )
}

/// The answer to `--json`.
#[derive(Serialize)]
struct Line<'a> {
    url: &'a str,
    seed: u64,
    apps: Vec<AppCredentials>,
}

fn welcome(out: &mut impl Write, sandbox: &Sandbox, seed: u64) -> io::Result<()> {
    let url = sandbox.url();
    writeln!(
        out,
        "\n{TITLE}Human API sandbox{TITLE:#} on {NAME}{url}{NAME:#} (seed {seed})"
    )?;
    writeln!(
        out,
        "For development and tests, on this machine alone. All of it is made up,\n\
         the secrets too, so they are shown in clear."
    )?;
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
{TITLE}Point the SDK at it{TITLE:#}
  let hosts = Hosts::single(\"{url}\")?;
  let client = Client::builder(credentials, Provisioning::Connect, transport)
      .hosts(hosts)
      .build();

{TITLE}Or the command{TITLE:#}
  export HUMANAPI_CLIENT_ID={id}
  export HUMANAPI_CLIENT_SECRET={secret}
  humanapi token connect --user patient-17 --base-url {url}

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
