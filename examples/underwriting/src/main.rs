//! Runs the underwriter's desk, on an embedded sandbox unless an application is named.

use std::error::Error;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use humanapi::store::{SealingKeys, SqliteStore};
use humanapi::{Client, Provisioning};
use humanapi_sandbox::{Assumption, DemoApp, Sandbox};
use tempfile::TempDir;
use tokio::net::TcpListener;
use underwriting::{Desk, DeskJournal, app};

/// An underwriter's desk that orders medical records, each once
///
/// Without options it starts a sandbox of its own, in which an order takes seconds, and needs neither an account nor a
/// network. With HUMANAPI_CLIENT_ID and HUMANAPI_CLIENT_SECRET set it orders for real, and keeps its journal in --journal.
#[derive(Debug, Parser)]
struct Args {
    /// The port on this machine; 0 takes a free one
    #[arg(long, default_value_t = 3001)]
    port: u16,
    /// What browsers see in front of paths, if a proxy stands before this app
    #[arg(long, value_name = "ORIGIN")]
    origin: Option<String>,
    /// The SQLite file that says which orders were sent; one that is lost has them ordered twice
    #[arg(long, value_name = "PATH", requires = "keys")]
    journal: Option<PathBuf>,
    /// The file with the keys that the journal is sealed with: `humanapi store init --new-keys` makes both
    #[arg(long, value_name = "PATH", requires = "journal")]
    keys: Option<PathBuf>,
}

/// How often it is looked for what is not settled.
const LOOK: Duration = Duration::from_secs(5 * 60);

#[tokio::main]
async fn main() -> ExitCode {
    match run(Args::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tell(&*error, None);
            ExitCode::FAILURE
        }
    }
}

/// Says what went wrong, with all that is behind it, and what to do. With no output left there is nobody to tell.
fn tell(error: &dyn Error, remedy: Option<&str>) {
    let mut what = format!("error: {error}");
    let mut behind = error.source();
    while let Some(error) = behind {
        what = format!("{what}: {error}");
        behind = error.source();
    }
    let help = remedy.map(|remedy| format!("\nhelp: {remedy}"));
    let _ = writeln!(io::stderr(), "{what}{}", help.unwrap_or_default());
}

async fn run(args: Args) -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind(("127.0.0.1", args.port)).await?;
    let local = format!("http://{}", listener.local_addr()?);
    let origin = args.origin.unwrap_or(local);

    let is_real = std::env::var_os("HUMANAPI_CLIENT_ID").is_some();
    let sandbox = if is_real {
        None
    } else {
        Some(start_sandbox(&origin)?)
    };
    // Orders of a sandbox are forgotten with it, and so is what was written of them.
    let folder = TempDir::new()?;
    let journal = match (&args.journal, &args.keys) {
        // What it says is about real orders, and a sandbox knows of none: they would count as not there.
        (Some(_), _) if !is_real => return Err("a journal goes with an application: set HUMANAPI_CLIENT_ID and HUMANAPI_CLIENT_SECRET, or leave --journal out".into()),
        (Some(journal), Some(keys)) => SqliteStore::open(journal, SealingKeys::from_file(keys)?).await,
        _ if is_real => return Err("name the journal with --journal and its keys with --keys: without them an order could be placed twice".into()),
        _ => {
            let file = folder.path().join("orders.sqlite");
            SqliteStore::open(file, SealingKeys::generate("sandbox")?).await
        }
    };
    journal.init().await?;
    let journal = Arc::new(DeskJournal::over(Arc::new(journal)));
    let client = client(sandbox.as_ref())?;
    let client = client
        .provisioning(Provisioning::Hip)
        .order_journal(journal.clone());
    let desk = Desk::new((*client).clone(), journal);

    let mut said = format!("Underwriting: {origin}\n");
    if let Some(sandbox) = &sandbox {
        said.push_str(&format!("Sandbox:      {}\n", sandbox.url()));
    }
    // Whoever started it may not read what it says, and it serves all the same.
    let mut out = io::stdout();
    let _ = out.write_all(said.as_bytes()).and_then(|()| out.flush());
    tokio::spawn(keep_looking(desk.clone()));
    axum::serve(listener, app(desk, &origin))
        .with_graceful_shutdown(async {
            // Without signals there is nothing to wait for: the process is ended from outside.
            if tokio::signal::ctrl_c().await.is_err() {
                std::future::pending::<()>().await;
            }
        })
        .await?;
    Ok(())
}

/// A sandbox in which an order does not take days.
fn start_sandbox(origin: &str) -> Result<Sandbox, Box<dyn Error>> {
    let sandbox = Sandbox::builder()
        .callback(format!("{origin}/back"))
        .assume(Assumption::OrderPace, "seconds")?;
    Ok(sandbox.start()?)
}

fn client(sandbox: Option<&Sandbox>) -> Result<Client, Box<dyn Error>> {
    Ok(match sandbox {
        Some(sandbox) => {
            let app = sandbox.app(DemoApp::Hip);
            Client::new(&app.client_id, &app.client_secret)?.base_url(sandbox.url())?
        }
        None => Client::from_env()?,
    })
}

/// Finds out what became of orders that an earlier run, or a lost answer, left open.
async fn keep_looking(desk: Desk) {
    loop {
        if let Err(error) = desk.reconcile().await {
            tell(&error, Some(error.remedy()));
        }
        tokio::time::sleep(LOOK).await;
    }
}
