//! The command line, and which Human API it names.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::Parser;
use humanapi::{BaseUrl, Credentials, Host, HostError, Hosts};
use humanapi_sandbox::{DemoApp, Sandbox};

use crate::failure::Failure;

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
    /// What browsers see in front of paths: what was named, or else this app's own address.
    pub(crate) fn origin(&self, local: String) -> Result<String, Failure> {
        let origin = self.origin.clone().unwrap_or(local);
        match BaseUrl::parse(&origin) {
            Ok(base) if base.origin() == origin => Ok(origin),
            Ok(base) => Err(Failure::new(
                "--origin is not as browsers write it",
                format!("write {}", base.origin()),
            )),
            Err(error) => Err(address("--origin", error)),
        }
    }

    /// The real Human API if an application is named, or else a sandbox that is started for this app.
    pub(crate) fn service(&self, origin: &str) -> Result<Service, Failure> {
        if let Some(id) = &self.client_id {
            return Ok(Service {
                hosts: hosts(self)?,
                credentials: credentials(id, self)?,
                sandbox: None,
            });
        }
        let sandbox = Sandbox::builder().callback(format!("{origin}/connect/callback"));
        let sandbox = sandbox
            .start()
            .map_err(|error| Failure::of(&error, "end what uses the port or the threads"))?;
        let app = sandbox.app(DemoApp::Connect);
        let credentials = Credentials::new(&app.client_id, &app.client_secret);
        Ok(Service {
            credentials: credentials.map_err(|error| Failure::of(&error, error.remedy()))?,
            hosts: Hosts::single(sandbox.url()).map_err(|error| address("the sandbox", error))?,
            sandbox: Some(sandbox),
        })
    }
}

/// The secret comes from a file or from the environment, never from an argument: others could read that.
fn credentials(id: &str, args: &Args) -> Result<Credentials, Failure> {
    let secret = match &args.secret_file {
        Some(path) => secret_in(path)?,
        None => std::env::var("HUMANAPI_CLIENT_SECRET").map_err(|_| {
            Failure::new(
                "there is no client secret",
                "set HUMANAPI_CLIENT_SECRET or use --secret-file",
            )
        })?,
    };
    let secret = secret.trim_start_matches('\u{feff}');
    let secret = secret.trim_end_matches(['\r', '\n']);
    Credentials::new(id, secret).map_err(|error| Failure::of(&error, error.remedy()))
}

/// A longer file holds something else.
const LONGEST: u64 = 4096;

/// What a file holds, if it is one: a device may have no end, and a pipe may have nobody at its other end.
fn secret_in(path: &Path) -> Result<String, Failure> {
    let place = path.display();
    let unreadable = |error: &dyn std::error::Error| {
        let what = format!("cannot read the client secret from {place}: {error}");
        Failure::new(
            what,
            "name a file that holds the secret and that you may read",
        )
    };
    let none = || {
        Failure::new(
            format!("{place} holds no client secret: it is no file of at most 4 KiB of text"),
            "name a file that holds the secret and nothing else",
        )
    };
    if !std::fs::metadata(path)
        .map_err(|error| unreadable(&error))?
        .is_file()
    {
        return Err(none());
    }
    let file = File::open(path).map_err(|error| unreadable(&error))?;
    let mut bytes = Vec::new();
    let read = file.take(LONGEST + 1).read_to_end(&mut bytes);
    let length = read.map_err(|error| unreadable(&error))?;
    match String::from_utf8(bytes) {
        Ok(text) if length as u64 <= LONGEST => Ok(text),
        _ => Err(none()),
    }
}

fn hosts(args: &Args) -> Result<Hosts, Failure> {
    let mut hosts = match &args.base_url {
        Some(base) => Hosts::single(base).map_err(|error| address("--base-url", error))?,
        None => Hosts::production(),
    };
    for (host, option, url) in [
        (Host::Auth, "--auth-url", &args.auth_url),
        (Host::Data, "--data-url", &args.data_url),
        (Host::Connect, "--connect-url", &args.connect_url),
        (Host::HostedLink, "--link-url", &args.link_url),
    ] {
        if let Some(url) = url {
            let with = hosts.with(host, url);
            hosts = with.map_err(|error| address(option, error))?;
        }
    }
    Ok(hosts)
}

fn address(option: &str, error: HostError) -> Failure {
    Failure::new(format!("{option}: {error}"), error.remedy())
}
