//! What every verb takes that asks the service: whose data, by which application, from where.

use std::path::PathBuf;

use humanapi_core::Provisioning;

use crate::adapter::Adapter;

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

#[derive(Debug, clap::Args)]
pub(crate) struct ServiceArgs {
    /// Your application's id, from the developer portal
    #[arg(
        long,
        env = "HUMANAPI_CLIENT_ID",
        hide_env_values = true,
        value_name = "ID",
        help_heading = "Credentials"
    )]
    pub(crate) client_id: Option<String>,
    /// A file that holds the client secret and nothing else; `-` reads standard input
    #[arg(long, value_name = "PATH", help_heading = "Credentials")]
    pub(crate) secret_file: Option<PathBuf>,
    /// Where to ask instead of the production hosts, such as a sandbox
    #[arg(long, value_name = "URL", help_heading = "Where")]
    pub(crate) base_url: Option<String>,
    /// Which HTTP stack sends the requests
    #[arg(
        long,
        value_enum,
        default_value_t,
        value_name = "STACK",
        help_heading = "Where"
    )]
    pub(crate) adapter: Adapter,
}

/// How the vendor set an application up.
#[derive(Clone, Copy, Debug, Default, clap::ValueEnum)]
pub(crate) enum Setup {
    /// Access tokens come from `/v1/connect/token`.
    #[default]
    Connect,
    /// On the Health Intelligence Platform: access tokens come from `/v1/admin/token`.
    Hip,
}

impl From<Setup> for Provisioning {
    fn from(setup: Setup) -> Self {
        match setup {
            Setup::Connect => Self::Connect,
            Setup::Hip => Self::Hip,
        }
    }
}
