//! Runs the patient page, on an embedded sandbox unless told of real hosts.

mod args;
mod failure;

use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::Parser as _;
use humanapi::{HyperTransport, Provisioning, axum::SqliteDirectory, client::Client};
use patient_page::{Person, Sessions, connect::connect, server};
use tokio::net::TcpListener;

use args::{Args, Service};
use failure::Failure;

#[tokio::main]
async fn main() -> ExitCode {
    match run(Args::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // With no output left there is nobody to tell.
            let _ = writeln!(io::stderr(), "{failure}");
            ExitCode::FAILURE
        }
    }
}

async fn run(args: Args) -> Result<(), Failure> {
    let listener = listen(args.port).await?;
    let local = listener
        .local_addr()
        .map_err(|error| no_port(args.port, &error))?;
    let origin = args.origin(format!("http://{local}"))?;
    let sessions = Sessions::new(Person::synthetic(), &origin);

    let Service {
        credentials,
        hosts,
        sandbox,
    } = args.service(&origin)?;
    let client = Client::builder(credentials, Provisioning::Connect, HyperTransport::new());
    let client = client.hosts(hosts).build();
    let mut connect = connect(client, sessions.clone(), &origin);
    if let Some(path) = &args.database {
        connect = connect.directory(SqliteDirectory::open(path).await?);
    }
    let app = patient_page::app(connect.build()?, sessions);

    let mut out = io::stdout();
    let mut said = format!("Patient page: {origin}\n");
    if let Some(sandbox) = &sandbox {
        said.push_str(&format!(
            "Sandbox:      {} (demouser, password)\n",
            sandbox.url()
        ));
    }
    // Whoever started it may not read what it says, and it serves all the same.
    let _ = out.write_all(said.as_bytes()).and_then(|()| out.flush());
    server::serve(listener, app, server::Limits::default(), async {
        // Without signals there is nothing to wait for: the process is ended from outside.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    })
    .await;
    Ok(())
}

async fn listen(port: u16) -> Result<TcpListener, Failure> {
    let listener = TcpListener::bind(("127.0.0.1", port)).await;
    listener.map_err(|error| no_port(port, &error))
}

fn no_port(port: u16, error: &io::Error) -> Failure {
    let what = format!("port {port} cannot be used: {error}");
    Failure::new(what, "choose another by --port, or end what uses it")
}
