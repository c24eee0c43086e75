//! What every verb takes that asks the service: whose data, by which application, from where.

use std::path::PathBuf;
use std::time::Duration;

use clap::ArgAction;

use crate::adapter::Adapter;
use crate::setting::{Setup, timeout};

#[derive(Debug, clap::Args)]
pub(crate) struct UserArgs {
    /// Your own id for the user
    #[arg(long, value_name = "ID", help_heading = "What is asked for")]
    pub(crate) user: String,
}

#[cfg(feature = "store")]
#[derive(Debug, clap::Args)]
pub(crate) struct StoreArgs {
    /// Take the token from a store that processes share, and keep it there: sqlite:PATH, postgres or
    /// redis, whose address comes from HUMANAPI_STORE_URL
    #[arg(long, value_name = "STORE", help_heading = "Where")]
    pub(crate) store: Option<String>,
    /// The file of the store's keys; HUMANAPI_STORE_KEYS may hold them instead
    #[arg(long, value_name = "PATH", requires = "store", help_heading = "Where")]
    pub(crate) store_keys: Option<PathBuf>,
}

/// Where the service is, who asks it, and how patiently. What is left out comes from the environment or a profile.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct ServiceArgs {
    /// Your application's id, from the developer portal [env: HUMANAPI_CLIENT_ID]
    #[arg(long, value_name = "ID", help_heading = "Credentials")]
    pub(crate) client_id: Option<String>,
    /// A file that holds the client secret and nothing else; `-` reads standard input
    #[arg(long, value_name = "PATH", help_heading = "Credentials")]
    pub(crate) secret_file: Option<PathBuf>,
    /// Go by this profile, whatever variables say; `humanapi config` keeps them [env: HUMANAPI_PROFILE, which variables go
    /// before]
    #[arg(long, value_name = "NAME", help_heading = "Credentials")]
    pub(crate) profile: Option<String>,
    /// Where to ask instead of the production hosts, such as a sandbox [env: HUMANAPI_BASE_URL]
    #[arg(long, value_name = "URL", help_heading = "Where")]
    pub(crate) base_url: Option<String>,
    /// Where the token service is, if not there [env: HUMANAPI_AUTH_URL]
    #[arg(long, value_name = "URL", help_heading = "Where")]
    pub(crate) auth_url: Option<String>,
    /// Where the Admin API is, if not there [env: HUMANAPI_ADMIN_URL]
    #[arg(long, value_name = "URL", help_heading = "Where")]
    pub(crate) admin_url: Option<String>,
    /// Where the data API is, if not there [env: HUMANAPI_DATA_URL]
    #[arg(long, value_name = "URL", help_heading = "Where")]
    pub(crate) data_url: Option<String>,
    /// Which HTTP stack sends the requests; reqwest if nothing is said
    #[arg(long, value_enum, value_name = "STACK", help_heading = "How")]
    pub(crate) adapter: Option<Adapter>,
    /// How long one call may take, such as 30s or 2m; 20s if nothing is said [env: HUMANAPI_TIMEOUT]
    #[arg(long, value_name = "TIME", value_parser = timeout, help_heading = "How")]
    pub(crate) timeout: Option<Duration>,
    /// Tell on standard error what is sent and waited for; -vv tells more. Never a secret or a token
    #[arg(short, long, action = ArgAction::Count, help_heading = "How")]
    pub(crate) verbose: u8,
    /// Tell on standard error only what goes wrong: no notes, and not how far reading is
    #[arg(short, long, conflicts_with = "verbose", help_heading = "How")]
    pub(crate) quiet: bool,
}

/// How the vendor set the application up.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct SetupArgs {
    /// How the vendor set your application up, which decides where access tokens come from; connect
    /// if nothing is said [env: HUMANAPI_PROVISIONING]
    #[arg(
        long,
        value_enum,
        value_name = "SETUP",
        help_heading = "What is asked for"
    )]
    pub(crate) provisioning: Option<Setup>,
}
