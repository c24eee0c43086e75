//! The users whom records were ordered for, and where their orders stand.

use std::io::Write as _;

use futures_util::StreamExt as _;
use humanapi_core::admin::UserRef;
use humanapi_core::admin::order::user_of_id;
use humanapi_core::{ClientUserId, HumanId};
use serde::Serialize;

use super::admin_api::{AdminApi, user_ref};
use super::show::{TypeLine, UserLine, table};
use crate::args::OutputArgs;
use crate::args::orders::{AdminArgs, ListUsersArgs, UserRefArgs, Who};
use crate::exit::{Code, Failure};
use crate::output;
use crate::print::{self, print, print_as};

/// So many users are read if nobody says how many, and so many stand in one table.
const DEFAULT: u64 = 20;
const ROWS: usize = 50;

pub(super) async fn types(args: &AdminArgs) -> Result<(), Failure> {
    let admin = AdminApi::open(args).await?;
    let types = admin.orders().order_types().await;
    let types = types.map_err(|error| admin.failure(&error))?;
    let lines: Vec<TypeLine> = types.into_iter().map(TypeLine::of).collect();
    print(&args.output, &lines, |lines| TypeLine::table(lines))
}

fn nobody() -> Failure {
    Failure::new(
        Code::Refused,
        "the service knows no such user",
        "check the id; `humanapi orders list` shows the users whom records were ordered for",
    )
}

/// Human API's id for the user of this id of the application's own: only where that is certain, as for orders.
async fn human_id_of(admin: &AdminApi, id: ClientUserId) -> Result<HumanId, Failure> {
    let found = admin.orders().find(id.clone()).await;
    let found = found.map_err(|error| admin.failure(&error))?.items;
    match user_of_id(&found, id.as_str()) {
        Ok(user) => Ok(user.ok_or_else(nobody)?.human_id.clone()),
        Err(doubt) => Err(Failure::new(
            Code::Service,
            format!("it is not certain who the user is: {}", doubt.reason()),
            "name the user by --human-id, as the vendor's portal shows it",
        )),
    }
}

/// Human API's id for the user.
async fn human_id(admin: &AdminApi, who: &Who) -> Result<HumanId, Failure> {
    let id = match user_ref(who)? {
        UserRef::HumanId(id) => return Ok(id),
        UserRef::ClientUserId(id) => id,
    };
    human_id_of(admin, id).await
}

pub(super) async fn status(args: &UserRefArgs) -> Result<(), Failure> {
    let admin = AdminApi::open(&args.admin).await?;
    let id = human_id(&admin, &args.who).await?;
    let user = admin.orders().status(id).await;
    let user = user.map_err(|error| admin.failure(&error))?;
    let line = UserLine::of(&user.ok_or_else(nobody)?);
    print(&args.admin.output, &line, UserLine::text)
}

fn is_json(output: &OutputArgs) -> bool {
    print::is_json(output.json, output.table)
}

pub(super) async fn list(args: &ListUsersArgs) -> Result<(), Failure> {
    let admin = AdminApi::open(&args.admin).await?;
    let most = match args.all {
        true => u64::MAX,
        false => args.limit.unwrap_or(DEFAULT),
    };
    let is_json = is_json(&args.admin.output);
    let names = [
        "id at Human API",
        "your id",
        "status",
        "made at",
        "changed at",
    ];
    let (mut count, mut more) = (0_u64, false);
    let mut rows: Vec<[String; 5]> = Vec::new();
    let mut users = admin.orders().users().all();
    while let Some(user) = users.next().await {
        let user = user.map_err(|error| admin.failure(&error))?;
        if count == most {
            more = true;
            break;
        }
        count += 1;
        let line = UserLine::of(&user);
        if is_json {
            print_as(is_json, &line, UserLine::text)?;
            continue;
        }
        rows.push(line.row());
        // A table of its own for so many, so that no list has to be held in memory.
        if rows.len() == ROWS {
            writeln!(
                anstream::stdout(),
                "{}",
                table(names, std::mem::take(&mut rows))
            )?;
        }
    }
    if !(is_json || (rows.is_empty() && count > 0)) {
        let rest = match rows.is_empty() {
            true => "No users.".to_owned(),
            false => table(names, rows).to_string(),
        };
        writeln!(anstream::stdout(), "{rest}")?;
    }
    if more {
        output::note(&format!(
            "these are the first {count} users; --all reads all, --limit NUMBER more"
        ));
    }
    Ok(())
}

/// What was done, for whom.
#[derive(Serialize)]
struct DoneLine {
    action: &'static str,
    accepted: bool,
}

pub(super) async fn abort(args: &UserRefArgs) -> Result<(), Failure> {
    let admin = AdminApi::open(&args.admin).await?;
    let ended = admin.orders().abort(user_ref(&args.who)?).await;
    ended.map_err(|error| admin.failure(&error))?;
    done(args, "abort", "The order is ended: it becomes Cancelled.")
}

pub(super) async fn resync(args: &UserRefArgs) -> Result<(), Failure> {
    let admin = AdminApi::open(&args.admin).await?;
    let begun = admin.orders().resync(user_ref(&args.who)?).await;
    begun.map_err(|error| admin.failure(&error))?;
    done(args, "resync", "The records are retrieved again.")
}

fn done(args: &UserRefArgs, action: &'static str, text: &'static str) -> Result<(), Failure> {
    let line = DoneLine {
        action,
        accepted: true,
    };
    print(&args.admin.output, &line, |_| text)
}

pub(super) async fn watch(args: &UserRefArgs) -> Result<(), Failure> {
    let admin = AdminApi::open(&args.admin).await?;
    let id = human_id(&admin, &args.who).await?;
    let is_json = is_json(&args.admin.output);
    let mut changes = admin.orders().watch(id);
    while let Some(change) = changes.next().await {
        match change {
            Ok(change) => {
                print_as(is_json, &UserLine::of(&change.user), UserLine::text)?;
            }
            Err(error) if error.is_transient() => {
                output::warn(&format!("{error}; it is asked again"));
            }
            Err(error) => return Err(admin.failure(&error)),
        }
    }
    Ok(())
}
