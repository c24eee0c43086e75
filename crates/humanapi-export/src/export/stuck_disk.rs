//! A disk that does not answer, and runtimes of one thread on which others are to run all the same.

use std::fs::File;
use std::future::{Future, pending};
use std::io;
use std::path::Path;
use std::pin::pin;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use futures_util::future::{self, Either};
use futures_util::stream;
use humanapi_client::MemoryCursorStore;
use humanapi_core::data::ReportFormat;
use humanapi_testing::{ForTests as _, OfflineSandbox, Sandbox, Scenario};
use tempfile::TempDir;

use super::disk::{Disk, MOST_OPEN};
use super::event::Event;
use super::folder::Folder;
use super::key::Shard;
use super::reading::name;
use super::{Export, ExportError, Synchronization};
use crate::Format;

#[derive(Default)]
struct Stuck {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    is_stuck: bool,
    /// Files that were put onto it while it was,
    waiting: usize,
    /// and of which so many were let through.
    let_through: usize,
    /// Whether nobody freed it for very long: whoever should have could not run.
    gave_up: bool,
}

impl Stuck {
    fn disk(self: &Arc<Self>) -> Disk {
        let stuck = Arc::clone(self);
        Disk::with(move |file| stuck.sync(file)).unwrap()
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        let mut state = self.state.lock().unwrap();
        state.waiting += usize::from(state.is_stuck);
        let (own, long) = (state.waiting, Duration::from_secs(60));
        let waits = |state: &mut State| state.is_stuck && own > state.let_through && !state.gave_up;
        let wait = self.changed.wait_timeout_while(state, long, waits);
        let (mut state, over) = wait.unwrap();
        state.gave_up |= over.timed_out();
        drop(state);
        file.sync_all()
    }

    fn set(&self, is_stuck: bool) {
        self.state.lock().unwrap().is_stuck = is_stuck;
        self.changed.notify_all();
    }

    fn waiting(&self) -> usize {
        self.state.lock().unwrap().waiting
    }

    /// Lets those through that wait now.
    fn let_through(&self) {
        let mut state = self.state.lock().unwrap();
        state.let_through = state.waiting;
        self.changed.notify_all();
    }

    fn gave_up(&self) -> bool {
        self.state.lock().unwrap().gave_up
    }
}

/// Is over once something is so, and leaves the thread to others until then. What does not come about in two minutes does not
/// come.
async fn until(is_so: impl Fn() -> bool) {
    let patience = Instant::now() + Duration::from_secs(120);
    while !is_so() {
        assert!(Instant::now() < patience, "it did not come about");
        tokio::task::yield_now().await;
    }
}

fn people(count: usize) -> (OfflineSandbox, Vec<String>) {
    let users: Vec<String> = (0..count).map(|number| format!("u-{number}")).collect();
    let of = r#""persona": "child", "sources": ["sandbox_clinic"]"#;
    let people = users
        .iter()
        .map(|id| format!(r#"{{"client_user_id": "{id}", {of}}}"#));
    let people = people.collect::<Vec<_>>().join(",");
    let scenario = Scenario::from_json(format!(r#"{{"users": [{people}]}}"#).as_bytes()).unwrap();
    (Sandbox::builder().scenario(scenario).build_offline(), users)
}

fn folder(root: &Path, disk: Disk) -> Folder {
    Folder::open(root, Shard::ALL).unwrap().on(disk)
}

/// An export of documents, whose disk is stuck from the moment at which it begins to read.
fn export_on(
    stuck: &Arc<Stuck>,
    root: &Path,
) -> (
    Disk,
    impl Future<Output = Result<super::Summary, ExportError>> + use<>,
) {
    let (sandbox, users) = people(24);
    let (disk, told) = (stuck.disk(), Arc::clone(stuck));
    let reports = Export::all_resources().filter(|route| name(route) == "reports");
    let export = Export::new(sandbox.client(), Format::Ndjson)
        .with_resources(reports)
        .with_documents(ReportFormat::Json)
        .with_buckets(1)
        .with_listener(move |event| {
            if matches!(event, Event::Planned { .. }) {
                told.set(true);
            }
        });
    let users = stream::iter(users.into_iter().map(|user| Ok(user.into())));
    let ran = export.write(users, folder(root, disk.clone()), pending());
    (disk, ran)
}

#[tokio::test]
async fn documents_that_wait_for_the_disk_keep_nobody_else_from_running() {
    let (stuck, root) = (Arc::new(Stuck::default()), TempDir::new().unwrap());
    let (disk, ran) = export_on(&stuck, root.path());
    let beside = async {
        until(|| disk.under_way() > MOST_OPEN).await;
        let gave_up = stuck.gave_up();
        stuck.set(false);
        gave_up
    };
    let (ran, gave_up) = future::join(ran, beside).await;
    assert!(!gave_up, "the runtime's thread waited for the disk");
    let summary = ran.unwrap();
    assert!(
        summary.whole && summary.documents > MOST_OPEN as u64,
        "{summary:?}"
    );
}

#[tokio::test]
async fn an_export_that_nobody_waits_for_any_more_keeps_its_folder_until_the_disk_has_answered() {
    let (stuck, root) = (Arc::new(Stuck::default()), TempDir::new().unwrap());
    let (disk, ran) = export_on(&stuck, root.path());
    {
        let (ran, full) = (pin!(ran), pin!(until(|| disk.under_way() > MOST_OPEN)));
        match future::select(ran, full).await {
            Either::Left(_) => panic!("the disk did not answer"),
            Either::Right(((), _)) => {}
        }
    }
    assert!(!stuck.gave_up(), "the runtime's thread waited for the disk");
    let taken = Folder::open(root.path(), Shard::ALL);
    assert!(matches!(taken, Err(ExportError::InUse)), "{taken:?}");
    stuck.set(false);
    until(|| Folder::open(root.path(), Shard::ALL).is_ok()).await;
}

#[tokio::test]
async fn a_synchronization_that_waits_for_the_disk_keeps_nobody_else_from_running() {
    let (stuck, root) = (Arc::new(Stuck::default()), TempDir::new().unwrap());
    let (sandbox, users) = people(2);
    let cursors = Arc::new(MemoryCursorStore::new());
    let sync = Synchronization::new(sandbox.client(), cursors).with_buckets(1);
    let users = users.iter().map(|user| Ok(user.as_str().into()));
    let folder = folder(root.path(), stuck.disk());
    let over = Mutex::new(false);
    let is_over = || *over.lock().unwrap();
    let ran = async {
        let ran = sync.write(stream::iter(users), folder, pending()).await;
        *over.lock().unwrap() = true;
        ran
    };
    stuck.set(true);
    let beside = async {
        let mut let_through = 0;
        loop {
            until(|| stuck.waiting() > let_through || is_over()).await;
            let_through = stuck.waiting();
            stuck.let_through();
            if is_over() {
                return let_through;
            }
        }
    };
    let (ran, let_through) = future::join(ran, beside).await;
    assert!(!stuck.gave_up(), "the runtime's thread waited for the disk");
    assert!(ran.unwrap().whole && let_through > 2, "{let_through}");
}
