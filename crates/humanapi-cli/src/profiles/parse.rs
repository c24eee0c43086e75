//! What the text of a configuration says, and on which line.

use std::ops::Range;

use toml_edit::{Document, Item, Key, TableLike, TomlError};

use super::{ConfigError, ConfigFile, Problem, Profile, Profiles, Value, is_name};
use crate::setting::{Secret, Setting};

impl ConfigFile {
    pub(super) fn parse(&self, text: &str) -> Result<Profiles, ConfigError> {
        let parser = Parser { file: self, text };
        let document = Document::parse(text).map_err(|error| self.no_toml(text, &error))?;
        let mut profiles = Profiles::default();
        for (key, item) in entries(document.as_table()) {
            match key.get() {
                "profile" => {
                    let name = parser.text(key, item, "profile")?;
                    if !is_name(&name) {
                        return Err(parser.problem(item.span(), Problem::Name));
                    }
                    profiles.used = Some((name, parser.line(key.span())));
                }
                "profiles" => {
                    let form = "a table of profiles, such as [profiles.sandbox]";
                    let all = parser.table(key, item, "profiles", form)?;
                    for (name, item) in entries(all) {
                        if !is_name(name.get()) {
                            return Err(parser.problem(name.span(), Problem::Name));
                        }
                        let form = "a table of settings, such as [profiles.sandbox]";
                        let table = parser.table(name, item, "a profile", form)?;
                        let profile = parser.profile(table)?;
                        profiles.all.insert(name.get().to_owned(), profile);
                    }
                }
                other => return Err(parser.unknown(other, key)),
            }
        }
        Ok(profiles)
    }

    /// What is wrong with a text that is no TOML.
    pub(super) fn no_toml(&self, text: &str, error: &TomlError) -> ConfigError {
        // What the error shows beside its message is the line itself, which may hold anything.
        let problem = Problem::Toml(error.message().to_owned());
        Parser { file: self, text }.problem(error.span(), problem)
    }
}

fn entries(table: &dyn TableLike) -> impl Iterator<Item = (&Key, &Item)> {
    let names: Vec<&str> = table.iter().map(|(name, _)| name).collect();
    names
        .into_iter()
        .filter_map(|name| table.get_key_value(name))
}

struct Parser<'a> {
    file: &'a ConfigFile,
    text: &'a str,
}

impl Parser<'_> {
    fn profile(&self, table: &dyn TableLike) -> Result<Profile, ConfigError> {
        let mut profile = Profile::default();
        for (key, item) in entries(table) {
            let Some(setting) = Setting::named(key.get()) else {
                return Err(self.unknown(key.get(), key));
            };
            let words = match item.as_array() {
                Some(words) if setting.has_words() => {
                    let words: Option<_> = words
                        .iter()
                        .map(|word| word.as_str().map(str::to_owned))
                        .collect();
                    let (name, form) = (setting.name(), WORDS);
                    let problem = Problem::Form { name, form };
                    words
                        .ok_or_else(|| self.problem(item.span().or_else(|| key.span()), problem))?
                }
                _ => match item.as_integer() {
                    Some(seconds) if setting == Setting::Timeout => vec![seconds.to_string()],
                    _ => vec![self.text(key, item, setting.name())?],
                },
            };
            setting.check(&words).map_err(|unfit| {
                let span = item.span().or_else(|| key.span());
                self.problem(span, Problem::Value(setting, unfit))
            })?;
            let line = self.line(key.span());
            profile.0.insert(setting, Value { words, line });
        }
        for secret in Secret::ALL {
            let settings = secret.settings();
            let said = settings.iter().filter_map(|setting| profile.get(*setting));
            let lines: Vec<usize> = said.map(|value| value.line).collect();
            if let (Some(line), true) = (lines.iter().max(), lines.len() > 1) {
                return Err(self.file.problem_on(*line, Problem::TwoPlaces(secret)));
            }
        }
        Ok(profile)
    }

    fn text(&self, key: &Key, item: &Item, name: &'static str) -> Result<String, ConfigError> {
        let form = match Setting::named(name) {
            Some(setting) if setting.has_words() => WORDS,
            _ => "text in quotes",
        };
        let wrong = || {
            self.problem(
                item.span().or_else(|| key.span()),
                Problem::Form { name, form },
            )
        };
        item.as_str().map(str::to_owned).ok_or_else(wrong)
    }

    fn table<'i>(
        &self,
        key: &Key,
        item: &'i Item,
        name: &'static str,
        form: &'static str,
    ) -> Result<&'i dyn TableLike, ConfigError> {
        let wrong = || self.problem(key.span(), Problem::Form { name, form });
        item.as_table_like().ok_or_else(wrong)
    }

    /// A secret under any name is one that somebody means to keep here.
    fn unknown(&self, name: &str, key: &Key) -> ConfigError {
        let problem =
            Secret::meant_by(name).map_or(Problem::UnknownSetting, Problem::SecretInClear);
        self.problem(key.span(), problem)
    }

    fn problem(&self, span: Option<Range<usize>>, problem: Problem) -> ConfigError {
        self.file.problem_on(self.line(span), problem)
    }

    fn line(&self, span: Option<Range<usize>>) -> usize {
        let before = span.map_or(0, |span| span.start).min(self.text.len());
        let breaks = self.text.as_bytes()[..before].iter();
        1 + breaks.filter(|byte| **byte == b'\n').count()
    }
}

const WORDS: &str = r#"text in quotes, or a list of words such as ["pass", "show", "humanapi"]"#;
