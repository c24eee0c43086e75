//! Profiles: named settings in a file, which holds no secret but says where one is.

mod change;
mod error;
mod parse;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy as _;

use crate::bounded::read_all;
use crate::exit::system_text;
use crate::setting::Setting;
use error::Place;
pub(crate) use error::{ConfigError, Problem};

/// The environment variable that names another file.
pub(crate) const VARIABLE: &str = "HUMANAPI_CONFIG";

/// The name of the profile that is used where nothing chooses another.
pub(crate) const DEFAULT: &str = "default";

/// The file that profiles are in, which need not be there.
pub(crate) struct ConfigFile {
    /// None where there is no home folder and none is named: a file of the folder that somebody happens to stand in is
    /// not theirs, and what is in it can have a command run.
    path: Option<PathBuf>,
}

/// What the file says.
#[derive(Default)]
pub(crate) struct Profiles {
    /// The profile that it chooses, and on which line.
    pub(crate) used: Option<(String, usize)>,
    pub(crate) all: BTreeMap<String, Profile>,
}

/// What is set in one profile.
#[derive(Default)]
pub(crate) struct Profile(BTreeMap<Setting, Value>);

/// A value, in one word or in several, and the line that it stands on.
pub(crate) struct Value {
    pub(crate) words: Vec<String>,
    pub(crate) line: usize,
}

impl Profile {
    pub(crate) fn get(&self, setting: Setting) -> Option<&Value> {
        self.0.get(&setting)
    }
}

/// More than this is no configuration.
const LARGEST: usize = 64 * 1024;

impl ConfigFile {
    /// The one that `HUMANAPI_CONFIG` names, or else the one in this platform's folder for configuration.
    pub(crate) fn find() -> Self {
        let named = std::env::var_os(VARIABLE).filter(|path| !path.is_empty());
        let usual = || {
            let folders = etcetera::choose_base_strategy().ok()?;
            let folder = folders.config_dir();
            folder
                .is_absolute()
                .then(|| folder.join("humanapi/config.toml"))
        };
        Self {
            path: named.map(PathBuf::from).or_else(usual),
        }
    }

    pub(crate) fn path(&self) -> Result<&Path, ConfigError> {
        self.path
            .as_deref()
            .ok_or_else(|| self.problem(Problem::NoHome))
    }

    /// Reads it; where there is none, nothing is set.
    pub(crate) fn read(&self) -> Result<Profiles, ConfigError> {
        match self.text()? {
            Some(text) => self.parse(&text),
            None => Ok(Profiles::default()),
        }
    }

    /// What stands in it; nothing where there is none.
    fn text(&self) -> Result<Option<String>, ConfigError> {
        let unreadable = |error| self.system("read", &error);
        let Some(path) = &self.path else {
            return Ok(None);
        };
        // Before it is opened: a pipe would have us wait for whoever writes into it.
        match fs::metadata(path) {
            Ok(found) if !found.is_file() => return Err(self.problem(Problem::NoFile)),
            Ok(_) => {}
            Err(error) if is_missing(&error) => return Ok(None),
            Err(error) => return Err(unreadable(error)),
        }
        let file = File::open(path).map_err(unreadable)?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;

            let mode = file.metadata().map_err(unreadable)?.permissions().mode();
            if mode & 0o022 != 0 {
                return Err(self.problem(Problem::OpenToOthers));
            }
        }
        let mut bytes = Vec::new();
        if !read_all(file, LARGEST, &mut bytes).map_err(unreadable)? {
            return Err(self.problem(Problem::TooLarge));
        }
        let text = String::from_utf8(bytes);
        text.map(Some).map_err(|_| self.problem(Problem::NotText))
    }

    pub(crate) fn problem(&self, problem: Problem) -> ConfigError {
        let place = Place::File(self.shown());
        ConfigError { place, problem }
    }

    pub(crate) fn problem_on(&self, line: usize, problem: Problem) -> ConfigError {
        let path = self.shown();
        let place = Place::Line { path, line };
        ConfigError { place, problem }
    }

    /// The path as an error tells it: as much of it as somebody reads.
    fn shown(&self) -> String {
        const MOST: usize = 400;
        let Some(path) = &self.path else {
            return "the configuration".to_owned();
        };
        let path = path.display().to_string();
        match path.char_indices().nth(MOST) {
            Some((end, _)) => format!("{}…", &path[..end]),
            None => path,
        }
    }

    fn system(&self, what: &'static str, error: &io::Error) -> ConfigError {
        self.problem(Problem::System(what, system_text(error)))
    }
}

/// Whether there is no such file, nor a folder that it could be in.
fn is_missing(error: &io::Error) -> bool {
    use io::ErrorKind::{NotADirectory, NotFound};

    matches!(error.kind(), NotFound | NotADirectory)
}

/// Whether a profile may have this name: one that needs no quotes, and steers no terminal.
pub(crate) fn is_name(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (1..=64).contains(&name.len()) && name.bytes().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_home_nothing_is_set_and_nothing_can_be() {
        let nowhere = ConfigFile { path: None };
        assert!(nowhere.read().unwrap().all.is_empty());
        let words = ["mine".to_owned()];
        let refused = nowhere.set("default", Setting::ClientId, &words);
        assert_eq!(
            refused.unwrap_err().to_string(),
            "the configuration: there is no home folder to keep it in"
        );
    }
}
