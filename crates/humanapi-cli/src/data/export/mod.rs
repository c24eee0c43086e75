//! `data export`: the health data of many users, to a folder or as a stream; `data documents`: their documents alone.

pub(super) mod counted;
pub(super) mod given;
pub(super) mod making;
pub(super) mod progress;
#[cfg(feature = "report")]
pub(super) mod report;
pub(super) mod users;

use std::io::{self, IsTerminal as _, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use humanapi_client::{Limited, TokenStore, TokioRuntime, Transport};
#[cfg(feature = "store")]
use humanapi_core::ClientId;
use humanapi_core::data::Route;
use humanapi_core::limiter::LimiterPolicy;
use humanapi_core::{Host, RetryPolicy};
#[cfg(feature = "cloud")]
use humanapi_export::CloudFolder;
use humanapi_export::{BucketKey, Export, ExportError, Summary};
#[cfg(feature = "store")]
use humanapi_store::{RateShares, SharedRate};

use crate::args::data::name;
use crate::args::export::ExportArgs;
#[cfg(feature = "store")]
use crate::args::service::StoreArgs;
use crate::args::service::{ServiceArgs, SetupArgs};
use crate::exit::{Code, Failure};
use crate::output;
use crate::service::Service;
#[cfg(feature = "store")]
use crate::settings::Settings;
use crate::signal::Stop;
use counted::{Counted, Tries};
use given::{address, key, refused};
use making::Making;
use progress::Progress;
use users::{count, users};

/// So often each call is tried: nobody waits for a single one of them.
const ATTEMPTS: u32 = 6;
/// So long a request waits for its turn in a rate that processes share.
#[cfg(feature = "store")]
const TURN: Duration = Duration::from_secs(600);

pub(super) async fn run(args: &ExportArgs) -> Result<(), Failure> {
    let resources = args.which.resources();
    if args.out.is_none() && resources.len() != 1 {
        return Err(Failure::new(
            Code::Usage,
            "standard output takes one kind of record",
            "name it with --resources, or a folder with --out",
        ));
    }
    let making = Making::of(args, &resources)?;
    let target = Target::of(args.out.as_deref())?;
    // Of an export that tells of nobody, buckets follow from the key of its codes.
    let key_file = args
        .buckets
        .key_file
        .as_deref()
        .filter(|_| args.deidentify.is_none());
    let bucket_key = key_file.map(key::<BucketKey>).transpose()?;
    if args.how.dry_run {
        return dry_run(args, &resources, &making);
    }
    let tries = Arc::new(Tries::default());
    let (store, pace) = store(args).await?;
    let service = service(&args.how.service, &args.setup, store, pace, &tries)?;
    let mut stop =
        Stop::listen().map_err(|error| Failure::here("cannot listen for signals", &error))?;
    let progress = Progress::new(
        args.out.is_some(),
        args.how.progress.every,
        Arc::clone(&tries),
    );
    let mut export = Export::new(service.client.clone(), args.format)
        .with_resources(resources)
        .with_listener(progress.listener());
    export = making.put_into(export);
    if let Some(key) = bucket_key {
        export = export.with_key(key);
    }
    if let Some(buckets) = args.buckets.buckets {
        export = export.with_buckets(buckets);
    }
    if let Some(shard) = args.buckets.shard {
        export = export.with_shard(shard);
    }
    if let Some(since) = args.since {
        export = export.with_since(since);
    }
    if let Some(reports) = args.documents {
        export = export.with_documents(reports);
    }
    if args.retry_refused {
        export = export.with_refused_again();
    }
    if let Some(lists) = args.how.at_once {
        export = export.with_at_once(lists.into());
    }
    let users = users(&args.whose.user, args.whose.users.as_deref())?;
    let stopped = stop.asked();
    let ended = {
        let exporting = async {
            match target {
                Target::Folder(folder) => export.run(users, folder, stopped).await,
                #[cfg(feature = "cloud")]
                Target::Cloud(folder) => export.run_in_cloud(users, folder, stopped).await,
                Target::Output => export.write_to(users, io::stdout(), stopped).await,
            }
        };
        progress.beside(exporting).await
    };
    let summary = ended.map_err(|error| failure(&service, &error))?;
    tell(args, &summary, &tries, &progress, &making)?;
    outcome(args.out.is_some(), &summary)
}

/// Where it goes to.
enum Target<'a> {
    Output,
    Folder(&'a Path),
    #[cfg(feature = "cloud")]
    Cloud(CloudFolder),
}

impl<'a> Target<'a> {
    fn of(out: Option<&'a Path>) -> Result<Self, Failure> {
        let Some(out) = out else {
            return Ok(Self::Output);
        };
        let Some(address) = address(out) else {
            return Ok(Self::Folder(out));
        };
        #[cfg(feature = "cloud")]
        return match CloudFolder::from_env(address) {
            Ok(folder) => Ok(Self::Cloud(folder)),
            Err(error) => Err(refused(&ExportError::Cloud(error))),
        };
        #[cfg(not(feature = "cloud"))]
        {
            // What else the address may hold is not repeated.
            let _ = address;
            Err(making::lacking("--out with an address", "cloud"))
        }
    }
}

/// How fast requests may begin.
pub(super) enum Pace {
    /// As fast as the service bears, or at this rate.
    Own(Option<f64>),
    /// At a rate that is shared with others.
    #[cfg(feature = "store")]
    Shared {
        rate: f64,
        shares: Arc<dyn RateShares>,
        settings: Box<Settings>,
    },
}

impl From<Option<f64>> for Pace {
    fn from(rate: Option<f64>) -> Self {
        Self::Own(rate)
    }
}

/// The store of tokens, and the rate, which may be shared through it.
async fn store(args: &ExportArgs) -> Result<(Option<Arc<dyn TokenStore>>, Pace), Failure> {
    #[cfg(feature = "store")]
    return shared(
        &args.how.store,
        (&args.how.service, &args.setup),
        args.how.rate,
        args.how.shared_rate,
    )
    .await;
    #[cfg(not(feature = "store"))]
    Ok((None, args.how.rate.into()))
}

/// The same, by what says where the store is and how fast requests may begin.
#[cfg(feature = "store")]
pub(super) async fn shared(
    store: &StoreArgs,
    (service, setup): (&ServiceArgs, &SetupArgs),
    rate: Option<f64>,
    shared_rate: Option<f64>,
) -> Result<(Option<Arc<dyn TokenStore>>, Pace), Failure> {
    let Some(shared_rate) = shared_rate else {
        return Ok((crate::store::shared(store).await?, rate.into()));
    };
    let settings = Box::new(Settings::find(service, setup.provisioning)?);
    let (tokens, shares) = crate::store::sharing_rate(store).await?;
    let pace = Pace::Shared {
        rate: shared_rate,
        shares,
        settings,
    };
    Ok((Some(tokens), pace))
}

/// The service, for many calls at once.
pub(super) fn service(
    args: &ServiceArgs,
    setup: &SetupArgs,
    store: Option<Arc<dyn TokenStore>>,
    pace: impl Into<Pace>,
    tries: &Arc<Tries>,
) -> Result<Service, Failure> {
    let pace = pace.into();
    // A turn may take as long to come as all others need who share the rate, and is no failure of the service.
    let turn = match pace {
        Pace::Own(_) => Duration::ZERO,
        #[cfg(feature = "store")]
        Pace::Shared { .. } => TURN,
    };
    let tries = Arc::clone(tries);
    let stack = |stack: Box<dyn Transport>| -> Box<dyn Transport> {
        let stack = Counted::new(stack, tries);
        let limits = LimiterPolicy::default();
        match pace {
            Pace::Own(rate) => {
                let limits = match rate {
                    Some(rate) => limits.with_rate(rate),
                    None => limits,
                };
                Box::new(Limited::new(stack, TokioRuntime::new(), limits))
            }
            #[cfg(feature = "store")]
            Pace::Shared {
                rate,
                shares,
                settings,
            } => {
                // Without an id there are no credentials, and nothing is sent.
                let id = settings
                    .client_id
                    .and_then(|id| ClientId::new(id.value).ok());
                let Some(id) = id else {
                    return Box::new(stack);
                };
                let exchange = settings.timeout.value;
                let stack =
                    SharedRate::new(stack, shares, id, rate).with_exchange_timeout(exchange);
                Box::new(Limited::new(stack, TokioRuntime::new(), limits))
            }
        }
    };
    let patient = |policy: RetryPolicy, timeout: Duration| {
        let timeout = timeout.saturating_add(turn);
        policy
            .with_max_attempts(ATTEMPTS)
            .with_attempt_timeout(timeout)
            .with_overall_deadline(timeout.saturating_mul(ATTEMPTS))
    };
    Service::for_many(args, setup, store, stack, patient)
}

fn dry_run(args: &ExportArgs, resources: &[&Route], making: &Making) -> Result<(), Failure> {
    let count = count(&args.whose.user, args.whose.users.as_deref())?;
    let names: Vec<&str> = resources.iter().map(|route| name(route)).collect();
    let target = match &args.out {
        Some(folder) => folder.display().to_string(),
        None => "standard output".to_owned(),
    };
    let mut out = anstream::stdout();
    writeln!(out, "{count} users, as they stand in the list")?;
    writeln!(
        out,
        "{} kinds of records: {}",
        names.len(),
        names.join(", ")
    )?;
    writeln!(
        out,
        "{} lists, each of one request or more",
        count * names.len() as u64
    )?;
    writeln!(out, "as {} to {}", args.format, output::plain(&target))?;
    if let Some(reports) = args.documents {
        writeln!(
            out,
            "with the documents that lists name, reports as {}",
            reports.name()
        )?;
    }
    for line in making.told() {
        writeln!(out, "{line}")?;
    }
    Ok(out.flush()?)
}

/// Tells what was done: as a table where somebody looks, else as JSON.
fn tell(
    args: &ExportArgs,
    summary: &Summary,
    tries: &Tries,
    progress: &Progress,
    making: &Making,
) -> Result<(), Failure> {
    if args.out.is_some() && !io::stdout().is_terminal() {
        let mut out = io::stdout().lock();
        serde_json::to_writer(&mut out, &progress.as_json(summary, tries, making))
            .map_err(io::Error::from)?;
        writeln!(out)?;
        return Ok(out.flush()?);
    }
    let table = progress.table(summary, tries, making);
    match args.out {
        Some(_) => writeln!(anstream::stdout(), "{table}")?,
        None if output::is_quiet() => {}
        None => writeln!(anstream::stderr(), "{table}")?,
    }
    Ok(())
}

/// What scripts are told.
fn outcome(is_folder: bool, summary: &Summary) -> Result<(), Failure> {
    let again = match is_folder {
        true => "the same command again goes on with what is left",
        false => "start it again: a stream begins anew",
    };
    if summary.stopped {
        return Err(Failure::new(Code::Stopped, "stopped before the end", again));
    }
    if let Some(cause) = lacking(summary, is_folder) {
        return Err(Failure::new(Code::Service, cause, again));
    }
    if !is_folder {
        warn_of_moved(summary);
    }
    if is_folder && !summary.whole {
        return Err(Failure::new(
            Code::Service,
            "another run has written to the same buckets meanwhile, and not all of them are whole",
            "see that one run at a time writes there, then start the same command again: it goes on with what is left",
        ));
    }
    if !summary.refused.is_empty() {
        let refused: u64 = summary.refused.values().sum();
        output::warn(&format!(
            "the service refuses {refused} lists or documents; the manifests tell which{}",
            match is_folder {
                true => ", --retry-refused asks again",
                false => ", where --out names a folder",
            }
        ));
    }
    Ok(())
}

/// What could not be read, if there is any. Lists that moved are there as they came, and count only where the same export
/// again reads them anew and nothing else: what keeps no folder has to say so by itself.
fn lacking(summary: &Summary, with_moved: bool) -> Option<String> {
    let counts = |reason: &str| with_moved || reason != Summary::DRIFTED;
    let failed: Vec<(&str, u64)> = summary
        .failed
        .iter()
        .filter(|(reason, _)| counts(reason))
        .map(|(reason, lists)| (*reason, *lists))
        .collect();
    let lists: u64 = failed.iter().map(|(_, lists)| lists).sum();
    let reasons: Vec<&str> = failed.iter().map(|(reason, _)| *reason).collect();
    let moved = match reasons.contains(&Summary::DRIFTED) {
        true => ", or not without moving",
        false => "",
    };
    (lists > 0).then(|| {
        format!(
            "{lists} lists or documents could not be read{moved}: {}",
            reasons.join(", ")
        )
    })
}

/// Tells of lists that moved whenever they were read.
fn warn_of_moved(summary: &Summary) {
    if let Some(lists) = summary.failed.get(Summary::DRIFTED) {
        output::warn(&format!(
            "{lists} lists moved whenever they were read: their records are there, and some may be missing"
        ));
    }
}

pub(super) fn failure(service: &Service, error: &ExportError) -> Failure {
    match error {
        ExportError::Application(error) => service.failure(error, Host::Data),
        ExportError::GaveUp { lists, last } => service
            .failure(last, Host::Data)
            .about(&format!("{lists} lists in a row could not be read")),
        error => refused(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_another_run_has_said_is_not_whole_is_no_success() {
        let mut summary = Summary::default();
        summary.whole = true;
        assert!(outcome(true, &summary).is_ok());
        summary.whole = false;
        let told = outcome(true, &summary).unwrap_err();
        let is_told = matches!(
            &told,
            Failure::Told { code: Code::Service, remedy, .. } if remedy.contains("again")
        );
        assert!(is_told, "{}", cause(&told));
    }

    fn cause(told: &Failure) -> &str {
        match told {
            Failure::Told { cause, .. } => cause,
            _ => panic!("nothing is told"),
        }
    }

    #[test]
    fn a_list_that_moved_fails_a_folder_which_is_gone_on_with_and_no_stream() {
        let mut summary = Summary::default();
        summary.failed.insert(Summary::DRIFTED, 2);
        assert!(outcome(false, &summary).is_ok());
        let told = outcome(true, &summary).unwrap_err();
        assert!(cause(&told).ends_with("without moving: drifted"));
        summary.failed.insert("timeout", 1);
        let told = outcome(false, &summary).unwrap_err();
        let cause = cause(&told);
        assert!(cause.starts_with("1 lists") && cause.ends_with(": timeout"));
    }
}
