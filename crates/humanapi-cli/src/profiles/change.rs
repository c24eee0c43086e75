//! How the configuration is changed: under a lock, all or nothing, and with people's comments kept.

use std::fs::{self, DirBuilder, File, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use toml_edit::{Array, DocumentMut, Item, RawString, Table, TableLike, value};

use super::{ConfigError, ConfigFile, Problem, is_name};
use crate::atomic_file;
use crate::setting::{Secret, Setting};

/// How long a change waits for those of others, each of which takes as long as a disk takes for a small file.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often a waiting change looks again.
const PAUSE: Duration = Duration::from_millis(5);

impl ConfigFile {
    /// Keeps a setting in a profile, which is made where there is none.
    pub(crate) fn set(
        &self,
        profile: &str,
        setting: Setting,
        words: &[String],
    ) -> Result<(), ConfigError> {
        self.text()?;
        make(&self.folder()?).map_err(|error| self.system("written", &error))?;
        self.change(|document| {
            let table = made(document, profile).ok_or(Problem::Form {
                name: "profiles",
                form: "tables of settings",
            })?;
            let mut kept = String::new();
            if let Some(secret) = Secret::of(setting) {
                for other in secret.settings().iter().filter(|other| **other != setting) {
                    kept.push_str(&comments(table, other.name()));
                    table.remove(other.name());
                }
            }
            let new = match words {
                [word] if !setting.has_words() => value(word),
                words => value(words.iter().collect::<Array>()),
            };
            match table.get_mut(setting.name()).and_then(Item::as_value_mut) {
                // What is said beside it on its line stays.
                Some(old) => {
                    let decor = old.decor().clone();
                    if let Ok(new) = new.into_value() {
                        *old = new;
                    }
                    *old.decor_mut() = decor;
                }
                None => {
                    table.insert(setting.name(), new);
                }
            }
            keep(document, kept);
            Ok(())
        })
    }

    /// Forgets a setting of a profile.
    pub(crate) fn unset(&self, profile: &str, setting: Setting) -> Result<(), ConfigError> {
        self.change(|document| {
            let known = names(document);
            let table = found(document, profile).ok_or(Problem::NoProfile { known })?;
            let kept = comments(table, setting.name());
            table.remove(setting.name()).ok_or(Problem::NotSet)?;
            keep(document, kept);
            Ok(())
        })
    }

    /// Has a profile used where nothing else is said.
    pub(crate) fn choose(&self, profile: &str) -> Result<(), ConfigError> {
        self.change(|document| {
            let known = names(document);
            if !known.iter().any(|known| known == profile) {
                return Err(Problem::NoProfile { known });
            }
            match document.get_mut("profile").and_then(Item::as_value_mut) {
                Some(old) => {
                    let decor = old.decor().clone();
                    *old = profile.into();
                    *old.decor_mut() = decor;
                }
                None => {
                    document.insert("profile", value(profile));
                }
            }
            Ok(())
        })
    }

    /// Drops a profile, and its choice.
    pub(crate) fn remove(&self, profile: &str) -> Result<(), ConfigError> {
        self.change(|document| {
            let known = names(document);
            let profiles = document
                .get_mut("profiles")
                .and_then(Item::as_table_like_mut)
                .ok_or_else(|| Problem::NoProfile {
                    known: known.clone(),
                })?;
            let above = profiles
                .get(profile)
                .and_then(Item::as_table)
                .and_then(|table| table.decor().prefix())
                .map(apart);
            profiles
                .remove(profile)
                .ok_or(Problem::NoProfile { known })?;
            keep(document, above.unwrap_or_default());
            if document.get("profile").and_then(Item::as_str) == Some(profile) {
                let kept = comments(document.as_table(), "profile");
                document.remove("profile");
                keep(document, kept);
            }
            Ok(())
        })
    }

    /// Where the file is, whatever links lead to it: a link to it stays one.
    fn real(&self) -> Result<PathBuf, ConfigError> {
        let path = self.path()?;
        match fs::canonicalize(path) {
            Ok(path) => Ok(path),
            Err(error) if super::is_missing(&error) => Ok(path.to_owned()),
            Err(error) => Err(self.system("written", &error)),
        }
    }

    fn folder(&self) -> Result<PathBuf, ConfigError> {
        Ok(match self.real()?.parent() {
            Some(folder) if folder != Path::new("") => folder.to_owned(),
            _ => PathBuf::from("."),
        })
    }

    /// Changes the file as it stands now. What would come of it has to be a configuration that can be read.
    fn change(
        &self,
        edit: impl FnOnce(&mut DocumentMut) -> Result<(), Problem>,
    ) -> Result<(), ConfigError> {
        let unwritten = |error: io::Error| self.system("written", &error);
        let (path, folder) = (self.real()?, self.folder()?);
        if !folder.is_dir() {
            // Nothing is made for a change of nothing.
            let mut nothing = DocumentMut::new();
            return edit(&mut nothing).map_err(|problem| self.problem(problem));
        }
        // Before anything is made beside it: it may be no file at all.
        self.text()?;
        let _lock = self.lock(&path)?;
        // Lines end in one way, so that those that are empty are known.
        let text = self.text()?.unwrap_or_default().replace("\r\n", "\n");
        let mut document: DocumentMut =
            text.parse().map_err(|error| self.no_toml(&text, &error))?;
        edit(&mut document).map_err(|problem| self.problem(problem))?;
        let text = document.to_string();
        // What was wrong before may be mended so, but nothing wrong is written.
        self.parse(&text)?;
        // Readable by its owner alone, whatever it was before.
        let mut file = atomic_file::beside(&path).map_err(unwritten)?;
        file.write_all(text.as_bytes()).map_err(unwritten)?;
        atomic_file::keep(file, &path).map_err(unwritten)
    }

    /// Held by whoever changes the file: for as long as what comes of it lives.
    fn lock(&self, path: &Path) -> Result<File, ConfigError> {
        let mut name = path.as_os_str().to_owned();
        name.push(".lock");
        let lock = File::options()
            .write(true)
            .create(true)
            .truncate(false)
            .open(name)
            .map_err(|error| self.system("locked", &error))?;
        let gives_up = Instant::now() + PATIENCE;
        loop {
            match lock.try_lock() {
                Ok(()) => return Ok(lock),
                Err(TryLockError::WouldBlock) if Instant::now() < gives_up => {
                    std::thread::sleep(PAUSE);
                }
                Err(TryLockError::WouldBlock) => return Err(self.problem(Problem::Busy)),
                Err(TryLockError::Error(error)) => return Err(self.system("locked", &error)),
            }
        }
    }
}

/// Makes a folder that its owner alone enters, where there is none.
fn make(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// What the profiles are called, but for names that none may have: those are for nobody's eyes.
fn names(document: &DocumentMut) -> Vec<String> {
    let profiles = document.get("profiles").and_then(Item::as_table_like);
    let names = profiles.into_iter().flat_map(TableLike::iter);
    let names = names.map(|(name, _)| name).filter(|name| is_name(name));
    names.map(str::to_owned).collect()
}

fn found<'a>(document: &'a mut DocumentMut, profile: &str) -> Option<&'a mut dyn TableLike> {
    let profiles = document.get_mut("profiles")?.as_table_like_mut()?;
    profiles.get_mut(profile)?.as_table_like_mut()
}

/// The same, made where it is missing; nothing where something else stands in its place.
fn made<'a>(document: &'a mut DocumentMut, profile: &str) -> Option<&'a mut dyn TableLike> {
    let is_empty = document.is_empty();
    let profiles = document.entry("profiles").or_insert_with(|| {
        let mut profiles = Table::new();
        // Without a head of its own.
        profiles.set_implicit(true);
        Item::Table(profiles)
    });
    let profiles = profiles.as_table_like_mut()?;
    if profiles.get(profile).is_none() {
        let mut table = Table::new();
        if !is_empty {
            table.decor_mut().set_prefix("\n");
        }
        profiles.insert(profile, Item::Table(table));
    }
    profiles.get_mut(profile)?.as_table_like_mut()
}

/// The comments above a setting that are not its own, since an empty line stands between.
fn comments(table: &dyn TableLike, name: &str) -> String {
    let prefix = table.key(name).and_then(|key| key.leaf_decor().prefix());
    prefix.map(apart).unwrap_or_default()
}

/// What of these lines stands before the last empty one.
fn apart(prefix: &RawString) -> String {
    let prefix = prefix.as_str().unwrap_or_default();
    match prefix.rfind("\n\n") {
        Some(end) if prefix[..end].contains('#') => prefix[..end + 2].to_owned(),
        _ => String::new(),
    }
}

/// Puts comments where they are not lost.
fn keep(document: &mut DocumentMut, comments: String) {
    if comments.is_empty() {
        return;
    }
    if let Some(first) = first_table(document) {
        let prefix = first.decor().prefix().and_then(RawString::as_str);
        let prefix = prefix.unwrap_or_default().trim_start_matches('\n');
        let prefix = format!("{comments}{prefix}");
        first.decor_mut().set_prefix(prefix);
        return;
    }
    let rest = document.trailing().as_str().unwrap_or_default();
    let rest = format!("{comments}{rest}");
    document.set_trailing(rest);
}

fn first_table(document: &mut DocumentMut) -> Option<&mut Table> {
    let profiles = document.get_mut("profiles")?.as_table_mut()?;
    let mut items = profiles.iter_mut();
    items.find_map(|(_, item)| item.as_table_mut())
}
