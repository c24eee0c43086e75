//! The verb `store`, and the store behind `token … --store`.

mod open;
mod report;

use std::error::Error as _;
use std::io;

use humanapi_client::{StoreError, StoreErrorKind};
use humanapi_store::{OtherMark, SealingKeys};

use crate::args::{OutputArgs, RotateArgs, StorePlace, StoreVerb};
use crate::exit::{self, Code, Failure};
use crate::output::progress::Progress;
use crate::print::print;
use open::{Store, code, key_failure, key_file, keys, system};
use report::{Changed, Purged, Rotated, SetUp, StatusLine, status_table};

#[cfg(feature = "export")]
pub(crate) use open::sharing_rate;
#[cfg(feature = "sync")]
pub(crate) use open::url;
#[cfg(feature = "orders")]
pub(crate) use open::{Journal, journal};
pub(crate) use open::{failure, shared, without};

pub(crate) async fn run(verb: StoreVerb) -> Result<(), Failure> {
    match verb {
        StoreVerb::Init {
            place,
            new_keys: false,
            output,
        } => {
            let keys = keys(&place)?;
            let store = Store::at(&place.store, keys.clone()).await?;
            store.init().await.map_err(|error| store.failure(&error))?;
            print(&output, &SetUp::of(&keys, None), SetUp::text)
        }
        StoreVerb::Init { place, output, .. } => init_with_new_keys(&place, &output).await,
        StoreVerb::Status { place, output } => {
            let store = Store::open(&place).await?;
            let status = store
                .status()
                .await
                .map_err(|error| store.failure(&error))?;
            print(&output, &StatusLine::of(&status), |line| {
                status_table(line, &status)
            })
        }
        StoreVerb::Purge { place, output } => {
            let store = Store::open(&place).await?;
            let purged = store
                .purge()
                .await
                .map_err(|error| store.unfinished(&error))?;
            print(&output, &Purged { purged }, Purged::table)
        }
        StoreVerb::RotateKey(args) => rotate(&args).await,
    }
}

/// Whether a store was set up with its keys although `init` failed with this error; nothing where that is not sure.
/// Who then throws the keys away may throw away the only ones.
async fn is_set_up(store: &Store, init: &StoreError) -> Option<bool> {
    let has_other_keys = |error: &StoreError| {
        error
            .source()
            .is_some_and(|source| source.is::<OtherMark>())
    };
    if has_other_keys(init) {
        return Some(false);
    }
    match store.check().await {
        // The answer was lost, and was a yes.
        Ok(()) => Some(true),
        Err(check) if has_other_keys(&check) => Some(false),
        // What was not answered may still be under way.
        Err(check) if check.kind() == StoreErrorKind::NotSetUp => {
            (init.kind() != StoreErrorKind::Unavailable).then_some(false)
        }
        Err(_) => None,
    }
}

/// Sets a store up with new keys. Nothing is touched until the store can be, and keys that surely no store
/// took do not stay.
async fn init_with_new_keys(place: &StorePlace, output: &OutputArgs) -> Result<(), Failure> {
    let file = key_file(place)?;
    let keys = SealingKeys::generate("first").map_err(|error| failure(&error))?;
    let store = Store::at(&place.store, keys.clone()).await?;
    let reached = store.reach().await;
    reached.map_err(|error| store.failure(&error))?;
    file.create(&keys).map_err(|error| match system(&error) {
        Some(io::ErrorKind::NotFound) => Failure::new(
            Code::Machine,
            error.to_string(),
            "check the path, and make its folder first",
        ),
        _ => key_failure(&error),
    })?;
    if let Err(error) = store.init().await {
        let path = file.path().display();
        match is_set_up(&store, &error).await {
            Some(true) => {}
            Some(false) => {
                std::fs::remove_file(file.path()).map_err(|error| {
                    Failure::here(&format!("cannot remove {path}"), &exit::system_text(&error))
                })?;
                return Err(store.failure(&error));
            }
            None => {
                return Err(Failure::new(
                    code(&error),
                    format!(
                        "{error}; whether it was set up with the new keys in {path} is unknown"
                    ),
                    format!(
                        "{}; keep that file, and run the same again without --new-keys",
                        error.remedy()
                    ),
                ));
            }
        }
    }
    let path = file.path().display().to_string();
    print(output, &SetUp::of(&keys, Some(path)), SetUp::text)
}

async fn rotate(args: &RotateArgs) -> Result<(), Failure> {
    let (file, id, add) = match (&args.add, &args.promote) {
        (Some(id), _) => (key_file(&args.place)?, id, true),
        (None, Some(id)) => (key_file(&args.place)?, id, false),
        (None, None) => return reseal(args).await,
    };
    // Before anything is changed: a wrong address, or keys of another store, change no file.
    let store = Store::open(&args.place).await?;
    store.check().await.map_err(|error| store.failure(&error))?;
    let keys = if add { file.add(id) } else { file.promote(id) };
    let keys = keys.map_err(|error| match error.source() {
        // The id is wrong, and not the file.
        None if error.kind() == StoreErrorKind::Misconfigured => failure(&error),
        _ => key_failure(&error),
    })?;
    let changed = if add {
        Changed::added(id, &keys)
    } else {
        Changed::promoted(id, &keys)
    };
    print(&args.output, &changed, Changed::text)
}

/// Seals anew what older keys sealed.
async fn reseal(args: &RotateArgs) -> Result<(), Failure> {
    let store = Store::open(&args.place).await?;
    let status = store.status().await;
    let status = status.map_err(|error| store.failure(&error))?;
    let todo = status.tokens_to_rotate() + status.orders_to_rotate();
    let progress = Progress::begin("rows", todo, None, true);
    let resealing = store.rotate(|so_far| progress.set_done(so_far.resealed));
    let rotation = progress.beside(resealing, || ()).await;
    progress.end();
    let rotation = rotation.map_err(|error| store.unfinished(&error))?;
    print(&args.output, &Rotated::of(&rotation), Rotated::table)
}
