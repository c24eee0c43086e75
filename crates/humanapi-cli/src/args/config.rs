//! What `humanapi config` takes.

use std::ffi::OsStr;

use clap::builder::{EnumValueParser, PossibleValue, TypedValueParser};
use clap::error::Error;
use clap::{Arg, Command, Subcommand};

use super::output::OutputArgs;
use super::service::{ServiceArgs, SetupArgs};
use crate::setting::{Secret, Setting};

/// What to do with the profiles.
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigVerb {
    /// Name the profiles that there are, and the one in use
    List {
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Tell what a command would go by: each setting, its value, and where that comes from
    #[command(long_about = SHOW_ABOUT)]
    Show {
        #[command(flatten)]
        service: ServiceArgs,
        #[command(flatten)]
        setup: SetupArgs,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Keep a setting in a profile; one that is not there yet is made
    #[command(long_about = SET_ABOUT, after_help = settings_help())]
    Set {
        #[command(flatten)]
        profile: ProfileArgs,
        /// The setting, such as base_url
        #[arg(value_name = "SETTING", value_parser = SettingParser, hide_possible_values = true)]
        setting: Setting,
        /// Its value; secret_command and app_key_command take the words of a command, options too
        #[arg(
            value_name = "VALUE",
            required = true,
            trailing_var_arg = true,
            allow_hyphen_values = true
        )]
        value: Vec<String>,
    },
    /// Forget a setting of a profile
    #[command(after_help = settings_help())]
    Unset {
        #[command(flatten)]
        profile: ProfileArgs,
        /// The setting, such as base_url
        #[arg(value_name = "SETTING", value_parser = SettingParser, hide_possible_values = true)]
        setting: Setting,
    },
    /// Use a profile from now on, unless an option or HUMANAPI_PROFILE says otherwise
    Use {
        /// Its name
        #[arg(value_name = "NAME")]
        name: String,
    },
    /// Drop a profile and all that is kept in it
    Remove {
        /// Its name
        #[arg(value_name = "NAME")]
        name: String,
    },
    /// Tell where the file of profiles is, whether or not it is there
    Path,
}

/// Which profile.
#[derive(Debug, clap::Args)]
pub(crate) struct ProfileArgs {
    /// The profile; the one in use if nothing is said, or `default` [env: HUMANAPI_PROFILE]
    #[arg(long, value_name = "NAME")]
    pub(crate) profile: Option<String>,
}

/// Reads the name of a setting, and tells whoever means to keep a secret why none is kept.
#[derive(Clone)]
struct SettingParser;

impl TypedValueParser for SettingParser {
    type Value = Setting;

    fn parse_ref(
        &self,
        command: &Command,
        argument: Option<&Arg>,
        value: &OsStr,
    ) -> Result<Setting, Error> {
        let named = EnumValueParser::<Setting>::new().parse_ref(command, argument, value);
        if named.is_err()
            && let Some(secret) = Secret::meant_by(&value.to_string_lossy())
        {
            let refuse = move |_: &str| Err::<Setting, _>(not_kept(secret));
            return refuse.parse_ref(command, argument, value);
        }
        named
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        let values = Setting::ALL
            .iter()
            .map(|setting| PossibleValue::new(setting.name()));
        Some(Box::new(values))
    }
}

/// What somebody is told who would keep a secret.
const fn not_kept(secret: Secret) -> &'static str {
    match secret {
        Secret::Client => {
            "the client secret is not kept in the file of profiles; name where it is by secret_file, \
    secret_variable or secret_command, and change the secret if a real one stands on this command line"
        }
        Secret::AppKey => {
            "the app key is not kept in the file of profiles; name where it is by app_key_file, \
    app_key_variable or app_key_command, and change the key if a real one stands on this command line"
        }
    }
}

fn settings_help() -> String {
    let lines = Setting::ALL.iter().map(|setting| {
        let about = setting.about();
        format!("  {:<17}{about}\n", setting.name())
    });
    format!("Settings:\n{}", String::from_iter(lines).trim_end())
}

pub(super) const ABOUT: &str = "\
Keep settings in profiles, and tell which ones count.

A profile has a name and keeps what would else be said each time: the client id, where the client secret \
and the app key are, the addresses of the hosts. Profiles stand in one file, in TOML, which its owner alone can read; \
`humanapi config path` tells where. Secret and key themselves are not kept there.

What counts is, in this order: an option, the profile that --profile names, an environment variable, the \
profile in use, what is usual. In use is the one of HUMANAPI_PROFILE or `humanapi config use`; else `default`.

The client id, the client secret and the hosts are one application's, so they come from one place: the first \
that says any of them. What it leaves out is not taken from another place, which would send one application's \
secret with another's id or to another's host: the command says so instead, and what to do. An option replaces \
what it names, and no more. The app key goes with them: where variables say who asks, no profile's is taken.";

pub(super) const EXAMPLES: &str = "  humanapi config set client_id 5a9db0c5…
  humanapi config set secret_command pass show humanapi/client-secret
  humanapi config set --profile sandbox base_url http://127.0.0.1:8080
  humanapi config use sandbox
  humanapi data show --user p17 --profile default
  humanapi config show";

const SHOW_ABOUT: &str = "\
Tell what a command would go by: each setting, its value, and where that comes from.

It takes the options of the other commands, to try them out. Where the client secret and the app key are, is \
told; they are not, and no command is run for them.";

const SET_ABOUT: &str = "\
Keep a setting in a profile; one that is not there yet is made.

The file is replaced as a whole, comments in it stay, and its owner alone can read it. A profile says in one \
way where the client secret is: setting one of secret_file, secret_variable and secret_command drops the others. \
The same holds for the app key, with app_key_file, app_key_variable and app_key_command.";
