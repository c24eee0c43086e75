//! What is wrong with a command line, in two lines, without a word of what may be a secret.

use std::error::Error as StdError;
use std::ffi::{OsStr, OsString};

use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::exit::{Code, Failure};

/// There is no option for a secret, and whoever tries one is told why, without repeating the value.
pub(super) fn refuse_secret_arguments(words: &[OsString]) -> Result<(), Failure> {
    let options = words.iter().take_while(|word| *word != "--");
    match options.skip(1).find_map(|word| secret_named(word)) {
        Some(Secret::Client) => Err(Failure::new(
            Code::Usage,
            "there is no option for the client secret: other programs can read a command line, and shells keep it",
            "set HUMANAPI_CLIENT_SECRET, use --secret-file, or type it when asked; and change the secret if it was a real one",
        )),
        Some(Secret::AppKey) => Err(Failure::new(
            Code::Usage,
            "there is no option for an app key: other programs can read a command line, and shells keep it",
            "set HUMANAPI_APP_KEY, or use --app-key-file; and change the key if it was a real one",
        )),
        None => Ok(()),
    }
}

#[derive(Clone, Copy)]
enum Secret {
    Client,
    AppKey,
}

/// Which secret somebody meant an option for, however they wrote it.
fn secret_named(word: &OsStr) -> Option<Secret> {
    // Text programs make one long dash of two.
    let dashes = ['-', '\u{2013}', '\u{2014}', '\u{2212}'];
    let word = word.to_string_lossy();
    let name = word.strip_prefix(dashes)?;
    let name = name.trim_start_matches(dashes).to_lowercase();
    let name = name.replace(['-', '_'], "");
    let meant = [
        ("clientsecret", Secret::Client),
        ("secret", Secret::Client),
        ("apisecret", Secret::Client),
        ("appsecret", Secret::Client),
        ("appkey", Secret::AppKey),
        ("apikey", Secret::AppKey),
    ];
    meant.into_iter().find_map(|(meant, secret)| {
        let rest = name.strip_prefix(meant)?;
        (!rest.starts_with("file")).then_some(secret)
    })
}

/// Says what is wrong with a command line in two lines, or shows the help that was asked for.
///
/// What was typed may be a secret in the wrong place, so it is told by its place and never repeated; only
/// words of the command's own are.
pub(super) fn mistake(error: &clap::Error, words: &[OsString], line: clap::Command) -> Failure {
    let shown = match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Some(Failure::Said),
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => Some(Failure::Taught),
        _ => None,
    };
    if let Some(shown) = shown {
        return error.print().map_or_else(Failure::from, |()| shown);
    }
    Failure::new(Code::Usage, cause(error, words, line), remedy(error))
}

fn cause(error: &clap::Error, words: &[OsString], line: clap::Command) -> String {
    let argument = context(error, ContextKind::InvalidArg);
    let value = context(error, ContextKind::InvalidValue);
    match (error.kind(), argument) {
        (ErrorKind::MissingRequiredArgument, Some(missing)) => format!("{missing} is missing"),
        // Of all that clap calls an argument, this alone is what was typed.
        (ErrorKind::UnknownArgument, Some(typed)) if is_ours(&typed, line) => {
            format!("unexpected argument '{typed}' found")
        }
        (ErrorKind::UnknownArgument, Some(typed)) => {
            format!("{} is not known here", place(&typed, words))
        }
        (ErrorKind::InvalidSubcommand, _) => {
            let typed = context(error, ContextKind::InvalidSubcommand).unwrap_or_default();
            format!("{} is not known here", place(&typed, words))
        }
        (ErrorKind::InvalidValue, Some(ours)) if value.is_none() => {
            format!("'{ours}' lacks its value")
        }
        (ErrorKind::InvalidValue, Some(ours)) => format!("'{ours}' cannot have this value"),
        (ErrorKind::ValueValidation, Some(ours)) => {
            let reason = StdError::source(error).map_or_else(String::new, |reason| {
                // Reasons begin with the value that they are about, or do not name it.
                let reason = reason.to_string();
                match value.filter(|value| !value.is_empty()) {
                    // A number is a part of other numbers, such as those that a range ends with, and reasons write it without
                    // the sign and the noughts that were typed before it.
                    Some(value) if value.parse::<i64>().is_ok() => {
                        let is_of_number = |c: char| c.is_ascii_digit() || c == '-';
                        match reason.trim_start_matches(is_of_number) {
                            rest if rest.starts_with(' ') => format!(": it{rest}"),
                            _ => format!(": {reason}"),
                        }
                    }
                    Some(value) => format!(": {}", without(&reason, &value)),
                    None => format!(": {reason}"),
                }
            });
            format!("'{ours}' cannot have this value{reason}")
        }
        (ErrorKind::TooManyValues, Some(ours)) => format!("'{ours}' takes no such value"),
        (ErrorKind::ArgumentConflict, Some(ours)) => match context(error, ContextKind::PriorArg) {
            Some(other) if other != ours => {
                format!("the argument '{ours}' cannot be used with '{other}'")
            }
            _ => format!("the argument '{ours}' cannot be used twice"),
        },
        (ErrorKind::InvalidUtf8, _) => {
            "an argument or HUMANAPI_CLIENT_ID does not hold text".to_owned()
        }
        (_, Some(ours)) if error.kind() != ErrorKind::UnknownArgument => {
            format!("'{ours}' cannot be used like this")
        }
        _ => "the command line cannot be understood".to_owned(),
    }
}

/// A reason with `it` where the value stands by itself. That a name of ours has it within, as `secret_file` has `secret`, tells
/// nothing of it.
fn without(reason: &str, value: &str) -> String {
    let is_name = |letter: Option<char>| {
        letter.is_some_and(|letter| letter.is_alphanumeric() || letter == '_')
    };
    let stands_alone = |(at, _): &(usize, &str)| {
        let (before, after) = (&reason[..*at], &reason[at + value.len()..]);
        !is_name(before.chars().next_back()) && !is_name(after.chars().next())
    };
    let mut text = String::with_capacity(reason.len());
    let mut end = 0;
    for (at, found) in reason.match_indices(value).filter(stands_alone) {
        text.push_str(&reason[end..at]);
        text.push_str("it");
        end = at + found.len();
    }
    text.push_str(&reason[end..]);
    text
}

fn remedy(error: &clap::Error) -> String {
    // An option that begins with another letter is rarely what was meant.
    let is_alike = |suggested: &String| {
        let first = |name: &str| name.trim_start_matches('-').chars().next();
        context(error, ContextKind::InvalidArg)
            .is_some_and(|given| first(&given) == first(suggested))
    };
    let suggested = context(error, ContextKind::SuggestedArg)
        .filter(is_alike)
        .or_else(|| context(error, ContextKind::SuggestedSubcommand))
        .or_else(|| context(error, ContextKind::SuggestedValue));
    match (suggested, context(error, ContextKind::ValidValue)) {
        (Some(suggested), _) => format!("did you mean {suggested}?"),
        (None, Some(valid)) => format!("it can be {valid}"),
        (None, None) => {
            "`humanapi --help` and `humanapi VERB --help` show what there is".to_owned()
        }
    }
}

fn context(error: &clap::Error, kind: ContextKind) -> Option<String> {
    match error.get(kind)? {
        ContextValue::String(text) => Some(text.clone()).filter(|text| !text.is_empty()),
        ContextValue::Strings(texts) if !texts.is_empty() => Some(texts.join(", ")),
        _ => None,
    }
}

/// Whether it is an option of some verb.
fn is_ours(typed: &str, mut line: clap::Command) -> bool {
    fn has(command: &clap::Command, name: &str) -> bool {
        let mut options = command.get_arguments().filter_map(clap::Arg::get_long);
        options.any(|option| option == name)
            || command.get_subcommands().any(|verb| has(verb, name))
    }
    line.build();
    typed
        .strip_prefix("--")
        .is_some_and(|name| has(&line, name))
}

/// Where it stands on the command line.
fn place(typed: &str, words: &[OsString]) -> String {
    let is_it = |word: &OsString| {
        let word = word.to_string_lossy();
        word == typed
            || word
                .strip_prefix(typed)
                .is_some_and(|rest| rest.starts_with('='))
    };
    let exact = words.iter().skip(1).position(is_it);
    let place = exact.or_else(|| {
        // A letter of an option with several.
        let starts = |word: &OsString| word.to_string_lossy().starts_with(typed);
        words.iter().skip(1).position(starts)
    });
    match place {
        Some(place) => format!("argument {}", place + 1),
        None => "an argument".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_left_out_of_a_reason_and_our_own_names_are_not() {
        for (reason, value, told) in [
            ("canary: it is no date", "canary", "it: it is no date"),
            (
                "no `canary` here, nor canary",
                "canary",
                "no `it` here, nor it",
            ),
            (
                "name it by app_key_file",
                "app_key",
                "name it by app_key_file",
            ),
            ("the keys of a key", "key", "the keys of a it"),
            ("nothing of it", "canary", "nothing of it"),
        ] {
            assert_eq!(without(reason, value), told);
        }
    }

    #[test]
    fn a_secret_on_the_command_line_is_refused_and_not_repeated() {
        for word in [
            "--client-secret",
            "--client-secret=canary",
            "--client-secret:canary",
            "--client-secret canary",
            "--client_secret=canary",
            "--clientSecret=canary",
            "--CLIENT-SECRET",
            "-client-secret",
            "\u{2014}client-secret",
            "\u{2013}secret=canary",
            "--secret=canary",
            "--secret:canary",
            "--secret-canary",
            "-secret",
        ] {
            let words = ["humanapi", "token", "client", word, "canary"].map(OsString::from);
            let refused = format!("{:?}", refuse_secret_arguments(&words).unwrap_err());
            assert!(
                refused.contains("Usage") && !refused.contains("canary"),
                "{word}: {refused}"
            );
        }
        for fine in [
            "--secret-file",
            "--secret-file=-",
            "secret",
            "client-secret",
            "--",
            "-",
        ] {
            let words = ["humanapi", "token", "client", fine].map(OsString::from);
            assert!(refuse_secret_arguments(&words).is_ok(), "{fine}");
        }
    }
}
