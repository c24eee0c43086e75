//! Runs the patient page, on an embedded sandbox unless told of real hosts.

mod args;

use std::io::Write as _;

use anyhow::Context as _;
use clap::Parser as _;
use humanapi_axum::{SqliteDirectory, client::Client, core::Provisioning};
use humanapi_hyper::HyperTransport;
use patient_page::{Person, Sessions, connect::connect};
use tokio::net::TcpListener;

use args::{Args, Service};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let listener = TcpListener::bind(("127.0.0.1", args.port))
        .await
        .with_context(|| {
            format!(
                "port {} cannot be used: choose another by --port",
                args.port
            )
        })?;
    let local = format!("http://{}", listener.local_addr()?);
    let origin = args.origin.clone().unwrap_or(local);
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

    let mut out = std::io::stdout();
    writeln!(out, "Patient page: {origin}")?;
    if let Some(sandbox) = &sandbox {
        writeln!(out, "Sandbox:      {} (demouser, password)", sandbox.url())?;
    }
    out.flush()?;
    axum::serve(listener, app)
        .with_graceful_shutdown(async {
            // Without signals there is nothing to wait for: the process is ended from outside.
            if tokio::signal::ctrl_c().await.is_err() {
                std::future::pending::<()>().await;
            }
        })
        .await?;
    Ok(())
}
