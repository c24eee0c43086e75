//! The verb `config`: profiles, and what counts of them.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::io::Write as _;
use std::path::Path;

use comfy_table::Table;
use humanapi_core::Hosts;
use serde::Serialize;

use crate::args::config::{ConfigVerb, ProfileArgs};
use crate::exit::{Code, Failure};
use crate::output;
use crate::print::print;
use crate::profiles::{self, ConfigFile, Problem, is_name};
use crate::setting::Setting;
use crate::settings::{HOSTS, Origin, SecretPlace, Settings, Sourced, choice};

pub(crate) fn run(verb: ConfigVerb) -> Result<(), Failure> {
    let file = ConfigFile::find();
    match verb {
        ConfigVerb::List { output } => {
            let profiles = file.read()?;
            let used = choice(&profiles, None)?.map(|used| used.value);
            let used = used.unwrap_or_else(|| profiles::DEFAULT.to_owned());
            let line = List {
                used: profiles.all.contains_key(&used).then_some(used),
                profiles: profiles.all.into_keys().collect(),
            };
            print(&output, &line, List::text)
        }
        ConfigVerb::Show {
            service,
            setup,
            output,
        } => {
            let settings = Settings::find(&service, setup.provisioning)?;
            print(&output, &Show::of(file.path().ok(), &settings), Show::table)
        }
        ConfigVerb::Set {
            profile,
            setting,
            value,
        } => {
            setting.check(&value).map_err(|unfit| {
                Failure::new(Code::Usage, unfit.cause, unfit.remedy).about(&setting.name())
            })?;
            let profile = meant(&file, &profile)?;
            file.set(&profile, setting, &value)?;
            say(&format!("{} is kept in profile {profile}.", setting.name()))
        }
        ConfigVerb::Unset { profile, setting } => {
            let profile = meant(&file, &profile)?;
            file.unset(&profile, setting)?;
            say(&format!(
                "Profile {profile} has no {} any more.",
                setting.name()
            ))
        }
        ConfigVerb::Use { name } => {
            let name = named(&file, name)?;
            file.choose(&name)?;
            say(&format!("Profile {name} is used from now on."))
        }
        ConfigVerb::Remove { name } => {
            let name = named(&file, name)?;
            file.remove(&name)?;
            say(&format!("Profile {name} is gone."))
        }
        ConfigVerb::Path => {
            let mut out = anstream::stdout().lock();
            writeln!(
                out,
                "{}",
                output::plain(&file.path()?.display().to_string())
            )?;
            Ok(out.flush()?)
        }
    }
}

/// Which profile is to be changed. Where an option says it, the file may be one that this change is to mend.
fn meant(file: &ConfigFile, args: &ProfileArgs) -> Result<String, Failure> {
    if let Some(name) = &args.profile {
        return named(file, name.clone());
    }
    let meant = choice(&file.read()?, None)?;
    let name = meant.map_or_else(|| profiles::DEFAULT.to_owned(), |meant| meant.value);
    named(file, name)
}

/// A name that a profile may have.
fn named(file: &ConfigFile, name: String) -> Result<String, Failure> {
    match is_name(&name) {
        true => Ok(name),
        false => Err(file.problem(Problem::Name).into()),
    }
}

fn say(text: &str) -> Result<(), Failure> {
    let mut out = anstream::stdout().lock();
    writeln!(out, "{text}")?;
    Ok(out.flush()?)
}

/// What `list` prints as JSON. Its fields are a contract: new ones may come, these stay.
#[derive(Serialize)]
struct List {
    used: Option<String>,
    profiles: Vec<String>,
}

impl List {
    fn text(&self) -> String {
        if self.profiles.is_empty() {
            return "There are no profiles; `humanapi config set` makes one.".to_owned();
        }
        let line = |name: &String| match self.used.as_ref() == Some(name) {
            true => format!("* {name}"),
            false => format!("  {name}"),
        };
        let lines: Vec<String> = self.profiles.iter().map(line).collect();
        lines.join("\n")
    }
}

/// What `show` prints as JSON. Its fields are a contract: new ones may come, these stay.
#[derive(Serialize)]
struct Show {
    /// None where there is no home folder and none is named.
    file: Option<String>,
    settings: BTreeMap<&'static str, Told>,
}

#[derive(Serialize)]
struct Told {
    value: Option<String>,
    from: String,
}

impl Told {
    fn new(value: impl Display, from: &Origin) -> Self {
        Self {
            value: Some(value.to_string()),
            from: from.to_string(),
        }
    }

    fn or_none(found: Option<&Sourced<String>>) -> Self {
        match found {
            Some(found) => Self::new(&found.value, &found.from),
            None => Self {
                value: None,
                from: Origin::Default.to_string(),
            },
        }
    }
}

impl Show {
    fn of(path: Option<&Path>, settings: &Settings) -> Self {
        let hosts: &Hosts = &settings.hosts;
        let seconds = settings.timeout.value.as_secs_f64();
        let mut told = BTreeMap::from([
            ("profile", Told::or_none(settings.profile.as_ref())),
            (
                Setting::ClientId.name(),
                Told::or_none(settings.client_id.as_ref()),
            ),
            (
                "secret",
                Told::new(place(&settings.secret.value), &settings.secret.from),
            ),
            (
                Setting::Provisioning.name(),
                Told::new(settings.setup.value.name(), &settings.setup.from),
            ),
            (
                Setting::Adapter.name(),
                Told::new(settings.adapter.value.name(), &settings.adapter.from),
            ),
            (
                Setting::Timeout.name(),
                Told::new(format!("{seconds}s"), &settings.timeout.from),
            ),
        ]);
        let key = settings.app_key.as_ref().ok().and_then(Option::as_ref);
        let key = key.map(|key| Sourced {
            value: place(&key.value),
            from: key.from.clone(),
        });
        told.insert("app_key", Told::or_none(key.as_ref()));
        for ((host, setting), from) in HOSTS.iter().zip(&settings.hosts_from) {
            told.insert(setting.name(), Told::new(hosts.base(*host), from));
        }
        Self {
            file: path.map(|path| path.display().to_string()),
            settings: told,
        }
    }

    fn table(&self) -> Table {
        let mut table = Table::new();
        table.load_style(output::table_style());
        table.set_header(["setting", "value", "from"]);
        for name in ORDER {
            if let Some(told) = self.settings.get(name) {
                let value = told.value.as_deref().unwrap_or("–");
                let cells = [name, value, &told.from];
                table.add_row(cells.map(|cell| output::plain(cell).into_owned()));
            }
        }
        table
    }
}

/// In which order settings are shown to people.
const ORDER: [&str; 10] = [
    "profile",
    "client_id",
    "secret",
    "app_key",
    "provisioning",
    "auth_url",
    "admin_url",
    "data_url",
    "adapter",
    "timeout",
];

/// Where a secret is, without it. The words of a command but for the first may hold one.
fn place(place: &SecretPlace) -> String {
    match place {
        SecretPlace::File(path) if path == "-" => "standard input".to_owned(),
        SecretPlace::File(path) => format!("in the file {}", path.display()),
        SecretPlace::Variable(name) => {
            let is_set = std::env::var_os(name).is_some_and(|value| !value.is_empty());
            let note = if is_set { "" } else { ", which is not set" };
            format!("in the variable {name}{note}")
        }
        SecretPlace::Command(words) => {
            let rest = if words.len() > 1 { " …" } else { "" };
            let program = words.first().map_or("", String::as_str);
            format!("printed by `{program}{rest}`")
        }
        SecretPlace::Prompt => "asked for at the terminal".to_owned(),
    }
}
