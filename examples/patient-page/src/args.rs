//! The command line, and which Human API it names.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::Parser;
use humanapi_axum::core::{Credentials, Host, Hosts};
use humanapi_sandbox::{DemoApp, Sandbox};

/// A patient page that opens Connect
///
/// Without options it starts a sandbox of its own, so it needs neither an account nor a network.
/// With HUMANAPI_CLIENT_ID set it talks to the real Human API, or to the hosts named below.
#[derive(Debug, Parser)]
#[command(after_help = "\
Examples:
  cargo run -p patient-page
      Open the address that it prints, sign in as one of three people, connect a source.
      In the sandbox, sources take the name demouser and the password password.
  cargo run -p patient-page -- --port 4000 --database patients.db
      Remembers over restarts what Human API confirmed of each user.
  HUMANAPI_CLIENT_ID=… HUMANAPI_CLIENT_SECRET=… cargo run -p patient-page -- --origin https://app.example.test
      Real hosts, behind a proxy that ends TLS. Have the vendor list
      https://app.example.test/connect/callback as a callback.")]
pub(crate) struct Args {
    /// The port on this machine; 0 takes a free one
    #[arg(long, default_value_t = 3000)]
    pub(crate) port: u16,
    /// What browsers see in front of paths, if a proxy stands before this app
    #[arg(long, value_name = "ORIGIN")]
    pub(crate) origin: Option<String>,
    /// Where to remember what is known of users; without it, in memory
    #[arg(long, value_name = "PATH")]
    pub(crate) database: Option<PathBuf>,
    /// The application's id; with it, real hosts are asked
    #[arg(long, env = "HUMANAPI_CLIENT_ID", value_name = "ID")]
    client_id: Option<String>,
    /// The file that holds the client secret; without it, HUMANAPI_CLIENT_SECRET does
    #[arg(long, env = "HUMANAPI_CLIENT_SECRET_FILE", value_name = "PATH")]
    secret_file: Option<PathBuf>,
    /// One address for every host, such as a sandbox's
    #[arg(long, env = "HUMANAPI_BASE_URL", value_name = "URL")]
    base_url: Option<String>,
    /// The token service
    #[arg(long, env = "HUMANAPI_AUTH_URL", value_name = "URL")]
    auth_url: Option<String>,
    /// The health-data API
    #[arg(long, env = "HUMANAPI_DATA_URL", value_name = "URL")]
    data_url: Option<String>,
    /// Connect
    #[arg(long, env = "HUMANAPI_CONNECT_URL", value_name = "URL")]
    connect_url: Option<String>,
    /// Hosted Connect
    #[arg(long, env = "HUMANAPI_LINK_URL", value_name = "URL")]
    link_url: Option<String>,
}

/// Whom the app talks to, and as whom.
pub(crate) struct Service {
    pub(crate) credentials: Credentials,
    pub(crate) hosts: Hosts,
    /// Runs as long as this is kept.
    pub(crate) sandbox: Option<Sandbox>,
}

impl Args {
    /// The real Human API if an application is named, or else a sandbox that is started for this app.
    pub(crate) fn service(&self, origin: &str) -> anyhow::Result<Service> {
        if let Some(id) = &self.client_id {
            return Ok(Service {
                credentials: credentials(id, self)?,
                hosts: hosts(self)?,
                sandbox: None,
            });
        }
        let sandbox = Sandbox::builder()
            .callback(format!("{origin}/connect/callback"))
            .start()?;
        let app = sandbox.app(DemoApp::Connect);
        Ok(Service {
            credentials: Credentials::new(&*app.client_id, app.client_secret.clone())?,
            hosts: Hosts::single(sandbox.url())?,
            sandbox: Some(sandbox),
        })
    }
}

/// The secret comes from a file or from the environment, never from an argument: others could read that.
fn credentials(id: &str, args: &Args) -> anyhow::Result<Credentials> {
    let secret = match &args.secret_file {
        Some(path) => std::fs::read_to_string(path)
            .with_context(|| format!("cannot read the client secret from {}", path.display()))?,
        None => match std::env::var("HUMANAPI_CLIENT_SECRET") {
            Ok(secret) => secret,
            Err(_) => {
                bail!("there is no client secret: set HUMANAPI_CLIENT_SECRET or use --secret-file")
            }
        },
    };
    let secret = secret.trim_end_matches(['\r', '\n']).to_owned();
    Credentials::new(id, secret).map_err(|error| anyhow::anyhow!("{error}: {}", error.remedy()))
}

fn hosts(args: &Args) -> anyhow::Result<Hosts> {
    let mut hosts = match &args.base_url {
        Some(base) => Hosts::single(base)?,
        None => Hosts::production(),
    };
    for (host, url) in [
        (Host::Auth, &args.auth_url),
        (Host::Data, &args.data_url),
        (Host::Connect, &args.connect_url),
        (Host::HostedLink, &args.link_url),
    ] {
        if let Some(url) = url {
            hosts = hosts
                .with(host, url)
                .with_context(|| format!("the address of {host:?}"))?;
        }
    }
    Ok(hosts)
}
