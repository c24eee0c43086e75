//! `release`: from a green main to published crates, in steps that each may be run again.

mod changelog;
pub(crate) mod dist;
mod history;
mod manifest;
mod plan;
mod prepare;
mod publish;
mod registry;
mod verified;
pub(crate) mod verify;
mod work_tree;

use clap::{Args, Subcommand};

use crate::step::Session;

/// Which part of a release.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum Action {
    /// Show what would be released, as which version, why, and in which order; changes nothing
    Plan(PlanOptions),
    /// Write versions, requirements and changelogs, and commit them
    Prepare(prepare::Options),
    /// Check everything that a stranger's machine would, and mark the commit as verified
    Verify(verify::Options),
    /// Build the command for this platform, with completions, licences, bill of materials and checksum
    Dist,
    /// Publish what is prepared, in order, and tag it; only shows how unless --execute is given
    Publish(publish::Options),
}

/// How to show the plan.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct PlanOptions {
    /// As JSON
    #[arg(long)]
    json: bool,
    /// Do not compare public APIs with the last release
    #[arg(long)]
    no_api: bool,
}

/// Runs the parts that are made of steps, and prints the plan, which is the output itself. True if nothing failed.
pub(crate) fn run(session: &mut Session, action: &Action) -> anyhow::Result<bool> {
    match action {
        Action::Plan(options) => return show_plan(session, options),
        Action::Prepare(options) => {
            session.verb("prepare", |session| prepare::run(session, options));
        }
        Action::Verify(options) => {
            session.verb("verify", |session| verify::run(session, options));
        }
        Action::Dist => session.verb("dist", |session| {
            // Half the papers are no papers.
            if session.step("tools", |session| verify::missing(session, &dist::NEEDED)) {
                dist::run(session)?;
            }
            Ok(())
        }),
        Action::Publish(options) => {
            session.verb("publish", |session| publish::run(session, options));
        }
    }
    Ok(session.finish())
}

fn show_plan(session: &Session, options: &PlanOptions) -> anyhow::Result<bool> {
    let history = history::gather(session, !options.no_api)?;
    let plan = plan::plan(&history.crates);
    if options.json {
        anstream::println!("{}", serde_json::to_string_pretty(&plan)?);
    } else {
        anstream::print!("{}", plan.to_text());
    }
    for gap in &history.gaps {
        anstream::eprintln!("note: {gap}");
    }
    Ok(plan.conflicts.is_empty())
}
