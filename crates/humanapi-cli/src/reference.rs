//! The command line as pages: manual pages for a terminal, and the command reference in Markdown.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::Path;

use clap::{Arg, Command};

use crate::exit::{Code, Failure, system_text};

/// Prints the manual page of the command, or writes a page for each verb into a folder.
pub(crate) fn man(mut command: Command, folder: Option<&Path>) -> Result<(), Failure> {
    let Some(folder) = folder else {
        let page = manual(&command)?;
        let mut out = std::io::stdout().lock();
        out.write_all(page.as_bytes())?;
        return Ok(out.flush()?);
    };
    command.build();
    let mut verbs = Vec::new();
    collect(&command, &mut verbs);
    let write = || -> std::io::Result<()> {
        fs::create_dir_all(folder)?;
        for verb in verbs {
            let name = full_name(verb).replace(' ', "-");
            fs::write(folder.join(format!("{name}.1")), manual(verb)?)?;
        }
        Ok(())
    };
    write().map_err(|error| {
        Failure::new(
            Code::Machine,
            format!("cannot write manual pages: {}", system_text(&error)),
            "check the folder that --folder names, and its permissions",
        )
    })
}

/// A manual page, whose examples stand in lines as they were written.
fn manual(command: &Command) -> std::io::Result<String> {
    let man = clap_mangen::Man::new(command.clone());
    let mut page = Vec::new();
    man.render(&mut page)?;
    let page = String::from_utf8_lossy(&page);
    let Some((before, extra)) = page.split_once(".SH EXTRA\n") else {
        return Ok(page.into_owned());
    };
    let (extra, after) = extra.split_at(extra.find("\n.SH ").map_or(extra.len(), |end| end + 1));
    Ok(format!("{before}.SH NOTES\n.nf\n{extra}.fi\n{after}"))
}

/// Prints the command reference.
pub(crate) fn markdown(mut command: Command) -> Result<(), Failure> {
    command.build();
    let mut page = HEAD.to_owned();
    let mut verbs = Vec::new();
    collect(&command, &mut verbs);
    for verb in &verbs {
        let name = full_name(verb);
        let anchor = name.replace(' ', "-");
        let about = verb.get_about().map(ToString::to_string);
        let _ = writeln!(
            page,
            "* [`{name}`](#{anchor}): {}",
            about.unwrap_or_default()
        );
    }
    for verb in verbs {
        describe(verb, &mut page);
    }
    let mut out = std::io::stdout().lock();
    out.write_all(page.as_bytes())?;
    Ok(out.flush()?)
}

const HEAD: &str = "\
<!-- Generated from crates/humanapi-cli/src/args.rs by `cargo xtask codegen`. Do not edit. -->

# Command reference

Every verb of the command `humanapi` with all that it takes, as `humanapi VERB --help` tells it.
[The command's own page](../crates/humanapi-cli/README.md) shows it at work.
`humanapi man` prints the same as manual pages.

";

/// The command and its verbs, in the order of the help.
fn collect<'a>(command: &'a Command, verbs: &mut Vec<&'a Command>) {
    verbs.push(command);
    for verb in command.get_subcommands().filter(|verb| !verb.is_hide_set()) {
        collect(verb, verbs);
    }
}

fn full_name(verb: &Command) -> String {
    let name = verb.get_bin_name().unwrap_or_else(|| verb.get_name());
    name.to_owned()
}

fn describe(verb: &Command, page: &mut String) {
    let _ = writeln!(page, "\n## `{}`\n", full_name(verb));
    let about = verb.get_long_about().or_else(|| verb.get_about());
    let about = about.map(ToString::to_string).unwrap_or_default();
    let _ = writeln!(page, "{}\n", text(&about));
    let usage = verb.clone().render_usage().to_string();
    let usage = usage.trim_start_matches("Usage: ");
    let _ = writeln!(page, "```text\n{usage}\n```");
    let arguments: Vec<&Arg> = verb
        .get_positionals()
        .filter(|arg| !arg.is_hide_set())
        .collect();
    table(page, "Arguments", &arguments);
    let mut headings: Vec<&str> = Vec::new();
    let options = || {
        verb.get_arguments()
            .filter(|arg| !arg.is_positional() && is_told(arg))
    };
    for option in options() {
        let heading = option.get_help_heading().unwrap_or(PLAIN);
        if !headings.contains(&heading) {
            headings.push(heading);
        }
    }
    for heading in headings {
        let of_heading = |arg: &&Arg| arg.get_help_heading().unwrap_or(PLAIN) == heading;
        let options: Vec<&Arg> = options().filter(of_heading).collect();
        table(page, heading, &options);
    }
    let after = verb.get_after_long_help().or_else(|| verb.get_after_help());
    if let Some(after) = after {
        let after = after.to_string();
        let _ = writeln!(page, "\n```text\n{}\n```", after.trim_end());
    }
}

/// The heading of options that have none of their own.
const PLAIN: &str = "Options";

/// Whether it is more than what every verb has.
fn is_told(option: &Arg) -> bool {
    !option.is_hide_set() && !matches!(option.get_id().as_str(), "help" | "version")
}

fn table(page: &mut String, heading: &str, arguments: &[&Arg]) {
    if arguments.is_empty() {
        return;
    }
    let _ = writeln!(page, "\n| {heading} | |\n| --- | --- |");
    for argument in arguments {
        let help = argument.get_long_help().or_else(|| argument.get_help());
        let mut help = help.map(ToString::to_string).unwrap_or_default();
        let values = argument.get_possible_values();
        let values: Vec<&str> = values.iter().map(|value| value.get_name()).collect();
        if !values.is_empty() && !argument.is_hide_possible_values_set() {
            let _ = write!(help, ": `{}`", values.join("`, `"));
        }
        let defaults = argument.get_default_values();
        // Those whose default `--help` does not show say it in words of their own.
        let is_shown =
            argument.get_action().takes_values() && !argument.is_hide_default_value_set();
        if !defaults.is_empty() && is_shown {
            let defaults: Vec<_> = defaults
                .iter()
                .map(|value| value.to_string_lossy())
                .collect();
            let _ = write!(help, "; `{}` if nothing is said", defaults.join(" "));
        }
        let help = help.replace('\n', " ").replace('|', "\\|");
        let _ = writeln!(page, "| `{}` | {} |", name(argument), escaped(&help));
    }
}

/// What is typed for it.
fn name(argument: &Arg) -> String {
    let shown = argument.to_string();
    match (argument.get_short(), argument.get_long()) {
        (Some(short), Some(_)) => format!("-{short}, {shown}"),
        _ => shown,
    }
    .replace('|', "\\|")
}

/// Sentences, one on a line each.
fn text(about: &str) -> String {
    escaped(&about.replace(". ", ".\n"))
}

/// Text in which nothing is taken for a tag.
fn escaped(text: &str) -> String {
    text.replace('<', "\\<")
}
