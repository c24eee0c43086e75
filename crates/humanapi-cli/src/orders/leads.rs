//! What orders lead to: providers, reports, the address of the Task Manager, and who is told by e-mail.

use std::io::{self, IsTerminal as _};
use std::path::Path;
use std::time::Duration;

use futures_util::TryStreamExt as _;
use humanapi_core::Host;
use humanapi_core::admin::{ListReports, NewSubscription, ReadReport, ReportFormat};
use serde::Serialize;

use super::admin_api::{AdminApi, user_ref};
use super::show::{ProviderLine, ReportLine, SubscriptionLine, table};
use crate::api;
use crate::args::orders::{
    AdminVerb, ConsumerLinkArgs, GetReportArgs, ListReportsArgs, ReportsVerb, SubscribeArgs,
    SubscriptionArgs, SubscriptionsVerb, UserRefArgs,
};
use crate::exit::{Code, Failure};
use crate::output::secrets::Shown;
use crate::output::{self, mask};
use crate::print::print;
use crate::service::user_id;

pub(crate) async fn providers(args: &UserRefArgs) -> Result<(), Failure> {
    let admin = AdminApi::open(&args.admin).await?;
    let providers = admin.orders().providers(user_ref(&args.who)?).await;
    let providers = providers.map_err(|error| admin.failure(&error))?;
    let lines: Vec<ProviderLine> = providers.into_iter().map(ProviderLine::of).collect();
    print(&args.admin.output, &lines, |lines| {
        ProviderLine::table(lines)
    })
}

pub(crate) async fn reports(verb: ReportsVerb) -> Result<(), Failure> {
    match verb {
        ReportsVerb::List(args) => list_reports(&args).await,
        ReportsVerb::Get(args) => get_report(&args).await,
    }
}

async fn list_reports(args: &ListReportsArgs) -> Result<(), Failure> {
    let admin = AdminApi::open(&args.admin).await?;
    let mut list = ListReports::new(user_ref(&args.who)?);
    if let Some(order) = &args.order {
        list = list.with_created_by_order(order);
    }
    let groups = admin.service.client.call(list).await;
    let groups = groups.map_err(|error| admin.failure(&error))?;
    let lines: Vec<ReportLine> = groups.into_iter().flat_map(ReportLine::of).collect();
    print(&args.admin.output, &lines, |lines| ReportLine::table(lines))
}

async fn get_report(args: &GetReportArgs) -> Result<(), Failure> {
    let extension = (args.output.as_deref()).and_then(Path::extension);
    let of_file = || {
        let mut known = ReportFormat::ALL.into_iter();
        known.find(|format| extension.is_some_and(|name| name.eq_ignore_ascii_case(format.name())))
    };
    let format = args.format.or_else(of_file);
    let shows_pdf =
        args.output.is_none() && !matches!(format, Some(ReportFormat::Json | ReportFormat::Html));
    if shows_pdf && io::stdout().is_terminal() {
        return Err(Failure::new(
            Code::Usage,
            "a report may be a PDF, which a terminal cannot show",
            "name a file by --output, or say --format json or html",
        ));
    }
    let mut report = ReadReport::new(args.id.as_str());
    if let Some(format) = format {
        report = report.with_format(format);
    }
    let admin = AdminApi::of(&args.service, &args.store).await?;
    let opened = admin.orders().read_report(report).open().await;
    let opened = opened.map_err(|error| admin.failure(&error))?;
    let output = args.output.as_deref();
    let shown = Shown::new(&admin.service.secrets, false);
    api::deliver(opened, output, &admin.service, Host::Admin, &shown).await
}

#[derive(Serialize)]
struct LinkLine {
    url: String,
    client_id: Option<String>,
    expires_in: u64,
    masked: bool,
}

pub(crate) async fn consumer_link(args: &ConsumerLinkArgs) -> Result<(), Failure> {
    let admin = AdminApi::open(&args.admin).await?;
    let link = admin.orders().consumer_link(user_ref(&args.who)?).await;
    let link = link.map_err(|error| admin.failure(&error))?;
    let url = match &args.callback {
        Some(callback) => link.url_with_callback(callback),
        None => link.url,
    };
    let left = link
        .expiry
        .time_left(admin.service.client.now(), Duration::ZERO);
    let shown = match args.reveal {
        true => url.expose_secret().to_owned(),
        false => mask::HIDDEN.to_owned(),
    };
    let line = LinkLine {
        url: shown,
        client_id: link.client_id,
        expires_in: left.as_secs_f64().round() as u64,
        masked: !args.reveal,
    };
    print(&args.admin.output, &line, |line| {
        let lives = output::span(line.expires_in);
        table(["address", "opens for"], vec![[line.url.clone(), lives]])
    })?;
    if !args.reveal {
        output::note("whoever has the address is let in as the user; --reveal shows it");
    }
    Ok(())
}

pub(crate) async fn subscriptions(verb: SubscriptionsVerb) -> Result<(), Failure> {
    match verb {
        SubscriptionsVerb::List(args) => {
            let admin = AdminApi::open(&args.admin).await?;
            let user = user_id(&args.subscriber.user)?;
            let list = admin
                .orders()
                .subscriptions(user, args.subscriber.email.as_str());
            let all: Result<Vec<_>, _> = list.all().try_collect().await;
            let all = all.map_err(|error| admin.failure(&error))?;
            let lines: Vec<SubscriptionLine> = all.into_iter().map(SubscriptionLine::of).collect();
            print(&args.admin.output, &lines, |lines| {
                SubscriptionLine::table(lines)
            })
        }
        SubscriptionsVerb::Add(args) => subscribe(&args).await,
        SubscriptionsVerb::Get(args) => {
            let admin = AdminApi::open(&args.admin).await?;
            let found = admin.orders().subscription(args.id.as_str()).await;
            let found = found.map_err(|error| admin.failure(&error))?;
            let line = SubscriptionLine::of(found.ok_or_else(no_subscription)?);
            print(&args.admin.output, &line, SubscriptionLine::one)
        }
        SubscriptionsVerb::Remove(args) => unsubscribe(&args).await,
    }
}

fn no_subscription() -> Failure {
    Failure::new(
        Code::Refused,
        "there is no subscription of this id",
        "`humanapi subscriptions list` shows those that there are",
    )
}

async fn subscribe(args: &SubscribeArgs) -> Result<(), Failure> {
    let wrong = |error: humanapi_core::admin::FieldError| {
        Failure::new(Code::Usage, error.to_string(), error.remedy())
    };
    let user = user_id(&args.subscriber.user)?;
    let mut new = NewSubscription::new(user, &args.subscriber.email).map_err(wrong)?;
    if let (Some(first), Some(last)) = (&args.first_name, &args.last_name) {
        new = new.with_name(first, last).map_err(wrong)?;
    }
    if let Some(office) = &args.office {
        new = new.with_office(office).map_err(wrong)?;
    }
    let admin = AdminApi::open(&args.admin).await?;
    let made = admin.orders().subscribe(new).await;
    let made = made.map_err(|error| admin.failure(&error))?;
    print(
        &args.admin.output,
        &SubscriptionLine::of(made),
        SubscriptionLine::one,
    )
}

#[derive(Serialize)]
struct Removed {
    removed: bool,
}

async fn unsubscribe(args: &SubscriptionArgs) -> Result<(), Failure> {
    let admin = AdminApi::open(&args.admin).await?;
    let ended = admin.orders().unsubscribe(args.id.as_str()).await;
    ended.map_err(|error| admin.failure(&error))?;
    let removed = Removed { removed: true };
    print(
        &args.admin.output,
        &removed,
        |_| "The subscription is ended.",
    )
}

pub(crate) async fn admin(verb: AdminVerb) -> Result<(), Failure> {
    let AdminVerb::Call(args) = verb;
    api::run_at(&args, Some(Host::Admin)).await
}
