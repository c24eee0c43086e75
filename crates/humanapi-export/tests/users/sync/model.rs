//! Random histories of a service, of runs that are killed, stopped, gone on with in other ways and by other stores: who takes
//! each commit that has ended once has what the service has, nothing is told twice, and nothing as gone that is there.
//!
//! One piece: the steps of a history and what must hold after them are one machine.

mod service;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::pending;
use futures_util::stream;
use humanapi_export::{BucketKey, Event, SyncSummary, Synchronization};
use humanapi_testing::client::{
    BucketCursors, Client, CursorName, CursorStore, ListsWhole, StoreError,
};
use humanapi_testing::core::Provisioning;
use humanapi_testing::core::data::{ROUTES, Route};
use humanapi_testing::{ForTests as _, OfflineSandbox, Sandbox, Scenario};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use tempfile::TempDir;
use tokio::sync::Notify;

use super::clocks::Skewed;
use super::interrupted::{Key, Reader};
use super::{HOUR, copy_folder};
use service::{Change, KINDS, Service, What};

const USERS: usize = 6;
const BUCKETS: u32 = 3;

/// What happens, and the run that follows.
#[derive(Clone, Debug)]
struct Step {
    changes: Vec<Change>,
    /// So many seconds pass.
    passes: u64,
    restored: Restored,
    /// Who is read, and what: those at whose place there is a one, or all.
    users: u8,
    kinds: u8,
    full_every: Duration,
    lag: u64,
    at_once: usize,
    /// What happens before which request.
    meanwhile: Vec<(u64, Change)>,
    fails: Option<u64>,
    ends: Ends,
}

/// What is another than it was left.
#[derive(Clone, Copy, Debug)]
enum Restored {
    Nothing,
    /// The store has forgotten everything.
    Lost,
    /// The store is as it was before one of the runs.
    Older(usize),
    /// The folder, and who reads from it, are as they were when it was saved.
    Folder,
    /// The folder is saved.
    Saved,
}

/// How a run ends.
#[derive(Clone, Copy, Debug)]
enum Ends {
    Whole,
    Stopped(u32),
    Request(u64),
    /// Before so many buckets are kept: so much of what it put into its place is there.
    BeforeKeep(u32, Torn),
    AfterKeep(u32),
    BeforeEnd,
    AfterEnd,
}

#[derive(Clone, Copy, Debug)]
enum Torn {
    Nothing,
    Manifest,
    /// And a file beside it.
    File,
}

fn change() -> impl Strategy<Value = Change> {
    let what = prop_oneof![
        4 => Just(What::Insert),
        2 => Just(What::Update),
        1 => Just(What::Bump),
        2 => Just(What::Delete),
    ];
    let late = prop_oneof![4 => Just(0_u64), 2 => 1..110_u64, 1 => 700..90_000_u64];
    (0..USERS, 0..KINDS.len(), what, 0..12_usize, late).prop_map(|(user, kind, what, at, late)| {
        Change {
            user,
            kind,
            what,
            at,
            late,
        }
    })
}

fn step() -> impl Strategy<Value = Step> {
    let ends = prop_oneof![
        5 => Just(Ends::Whole),
        1 => (0..14_u32).prop_map(Ends::Stopped),
        2 => (1..40_u64).prop_map(Ends::Request),
        2 => (0..BUCKETS, prop_oneof![Just(Torn::Nothing), Just(Torn::Manifest), Just(Torn::File)])
            .prop_map(|(keeps, torn)| Ends::BeforeKeep(keeps, torn)),
        1 => (1..=BUCKETS).prop_map(Ends::AfterKeep),
        1 => Just(Ends::BeforeEnd),
        1 => Just(Ends::AfterEnd),
    ];
    let restored = prop_oneof![
        12 => Just(Restored::Nothing),
        1 => Just(Restored::Lost),
        2 => any::<usize>().prop_map(Restored::Older),
        1 => Just(Restored::Folder),
        1 => Just(Restored::Saved),
    ];
    let passes = prop_oneof![Just(0_u64), 1..100_u64, Just(700_u64), Just(90_000_u64)];
    let some = || prop_oneof![2 => Just(u8::MAX), 1 => any::<u8>()];
    let full_every = prop_oneof![
        1 => Just(Duration::ZERO),
        1 => Just(30 * HOUR),
        2 => Just(365 * 24 * HOUR),
    ];
    let lag = prop_oneof![4 => Just(600_u64), 1 => Just(4_000)];
    let meanwhile = prop_oneof![
        2 => Just(Vec::new()),
        1 => prop::collection::vec((1..40_u64, change()), 1..4),
    ];
    let fails = prop_oneof![4 => Just(None), 1 => (1..9_u64).prop_map(Some)];
    (
        (prop::collection::vec(change(), 0..6), passes, restored),
        (some(), some(), full_every, lag, 1..4_usize),
        (meanwhile, fails, ends),
    )
        .prop_map(|(before, how, during)| Step {
            changes: before.0,
            passes: before.1,
            restored: before.2,
            users: how.0,
            kinds: how.1,
            full_every: how.2,
            lag: how.3,
            at_once: how.4,
            meanwhile: during.0,
            fails: during.1,
            ends: during.2,
        })
}

/// All that is read of everybody, by nobody who is disturbed.
fn last() -> Step {
    Step {
        changes: Vec::new(),
        passes: 0,
        restored: Restored::Nothing,
        users: u8::MAX,
        kinds: u8::MAX,
        full_every: Duration::ZERO,
        lag: 600,
        at_once: 2,
        meanwhile: Vec::new(),
        fails: None,
        ends: Ends::Whole,
    }
}

type OfSync = (u64, bool, BTreeMap<u32, BucketCursors>);

/// A store before which, and behind which, the process is killed.
struct Store {
    kept: Mutex<BTreeMap<CursorName, OfSync>>,
    ends: Mutex<Ends>,
    killed: Arc<Notify>,
    /// Whose cursors were not kept any more.
    torn: Mutex<Option<(u64, u32)>>,
}

impl Store {
    async fn kill<T>(&self) -> T {
        self.killed.notify_one();
        pending().await
    }
}

#[async_trait]
impl CursorStore for Store {
    async fn init(&self) -> Result<(), StoreError> {
        Ok(())
    }

    async fn begin(&self, sync: CursorName, newest: u64) -> Result<u64, StoreError> {
        let mut kept = self.kept.lock().unwrap();
        let (run, is_running, _) = kept.entry(sync).or_default();
        if !*is_running || *run < newest {
            (*run, *is_running) = ((*run).max(newest) + 1, true);
        }
        Ok(*run)
    }

    async fn bucket(&self, sync: CursorName, bucket: u32) -> Result<BucketCursors, StoreError> {
        let kept = self.kept.lock().unwrap();
        let found = kept
            .get(&sync)
            .and_then(|(.., buckets)| buckets.get(&bucket));
        Ok(found.cloned().unwrap_or_default())
    }

    async fn keep(
        &self,
        sync: CursorName,
        bucket: u32,
        mut new: BucketCursors,
        _: Vec<ListsWhole>,
    ) -> Result<(), StoreError> {
        let (before, after) = match &mut *self.ends.lock().unwrap() {
            Ends::BeforeKeep(0, _) => (true, false),
            Ends::BeforeKeep(left, _) => {
                *left -= 1;
                (false, false)
            }
            Ends::AfterKeep(left) => {
                *left -= 1;
                (false, *left == 0)
            }
            _ => (false, false),
        };
        if before {
            *self.torn.lock().unwrap() = Some((new.run, bucket));
            self.kill::<()>().await;
        }
        {
            let mut kept = self.kept.lock().unwrap();
            let own = kept.entry(sync).or_default().2.entry(bucket).or_default();
            let mut users = std::mem::take(&mut own.users);
            users.append(&mut new.users);
            *own = BucketCursors { users, ..new };
        }
        if after {
            self.kill::<()>().await;
        }
        Ok(())
    }

    async fn end(&self, sync: CursorName, run: u64) -> Result<(), StoreError> {
        let ends = *self.ends.lock().unwrap();
        if matches!(ends, Ends::BeforeEnd) {
            self.kill::<()>().await;
        }
        if let Some((own, is_running, _)) = self.kept.lock().unwrap().get_mut(&sync)
            && *own == run
        {
            *is_running = false;
        }
        if matches!(ends, Ends::AfterEnd) {
            self.kill::<()>().await;
        }
        Ok(())
    }

    async fn whole(&self, _: CursorName) -> Result<Vec<(u32, ListsWhole)>, StoreError> {
        Ok(Vec::new())
    }
}

/// A service, a folder that is kept in step with it, and who reads from that.
struct Model {
    service: Service,
    users: Vec<String>,
    place: TempDir,
    kept: BTreeMap<CursorName, OfSync>,
    /// What was kept before each run.
    older: Vec<BTreeMap<CursorName, OfSync>>,
    reader: Reader,
    /// As it was when the folder was saved.
    saved: Option<Reader>,
    /// What there was as the run began that is gone on with; nothing where something was restored since.
    begun: Option<BTreeMap<Key, String>>,
    is_over: bool,
}

impl Model {
    fn new(sandbox: &OfflineSandbox, users: &[String]) -> Self {
        Self {
            service: Service::new(sandbox, users),
            users: users.to_vec(),
            place: TempDir::new().unwrap(),
            kept: BTreeMap::new(),
            older: Vec::new(),
            reader: Reader::default(),
            saved: None,
            begun: None,
            is_over: true,
        }
    }

    fn restore(&mut self, restored: Restored) {
        let (folder, saved) = (
            self.place.path().join("in-step"),
            self.place.path().join("saved"),
        );
        match restored {
            Restored::Nothing => {}
            Restored::Lost => self.kept = BTreeMap::new(),
            Restored::Older(which) => {
                if !self.older.is_empty() {
                    self.kept = self.older[which % self.older.len()].clone();
                }
            }
            Restored::Folder => {
                if let Some(reader) = &self.saved {
                    self.reader = reader.clone();
                    fs::remove_dir_all(&folder).unwrap();
                    copy_folder(&saved, &folder);
                    // Whatever is restored from now on knows of the folder that there is, or of none.
                    self.older.clear();
                }
            }
            Restored::Saved => {
                if folder.exists() {
                    let _ = fs::remove_dir_all(&saved);
                    copy_folder(&folder, &saved);
                    self.saved = Some(self.reader.clone());
                }
            }
        }
    }

    async fn step(&mut self, step: &Step) -> Option<SyncSummary> {
        step.changes
            .iter()
            .for_each(|change| self.service.change(*change));
        let passes = Duration::from_secs(step.passes);
        self.service
            .sandbox
            .control()
            .advance_clock(passes)
            .unwrap();
        self.restore(step.restored);
        self.older.push(self.kept.clone());
        if std::mem::take(&mut self.is_over) {
            self.begun = Some(self.service.world().truth());
        } else if !matches!(step.restored, Restored::Nothing | Restored::Saved) {
            self.begun = None;
        }
        let (summary, is_of_all) = self.run(step).await;
        self.reader.take(&self.place.path().join("in-step"));
        let mut world = self.service.world();
        for key in &self.reader.gone {
            assert!(world.gone.contains(key), "{key:?} is told as gone");
        }
        let summary = summary?;
        if summary.whole && is_of_all {
            // Whatever it skipped was read since it began.
            let truth = world.truth();
            for (key, sent) in self.begun.iter().flatten() {
                let is_there = self.reader.records.get(key) == Some(sent);
                let has_changed = truth.get(key) != Some(sent);
                let is_exempt = has_changed || world.late.contains(key);
                assert!(is_there || is_exempt, "{key:?} was skipped");
            }
        }
        self.is_over = !summary.stopped;
        if summary.whole && summary.skipped == 0 && is_of_all && step.meanwhile.is_empty() {
            let truth = world.truth();
            for (key, sent) in &truth {
                let is_there = self.reader.records.get(key) == Some(sent);
                assert!(is_there || world.late.contains(key), "{key:?} is lost");
            }
            if step.full_every.is_zero() {
                assert_eq!(self.reader.records, truth);
                world.late.clear();
            }
        }
        drop(world);
        Some(summary)
    }

    /// Runs once, and tells how it ended, unless it was killed, and whether it was to read all of everybody.
    async fn run(&mut self, step: &Step) -> (Option<SyncSummary>, bool) {
        let folder = self.place.path().join("in-step");
        {
            let mut world = self.service.world();
            world.begin();
            world.meanwhile.clone_from(&step.meanwhile);
            world.fails = step.fails;
            if let Ends::Request(at) = step.ends {
                world.killed_at = Some(at);
            }
        }
        let killed = Arc::new(Notify::new());
        self.service.killed = Arc::clone(&killed);
        let store = Arc::new(Store {
            kept: Mutex::new(std::mem::take(&mut self.kept)),
            ends: Mutex::new(step.ends),
            killed: Arc::clone(&killed),
            torn: Mutex::default(),
        });
        let is_set = |mask: u8, place: usize| mask >> place & 1 == 1;
        let users: Vec<_> = (0..USERS)
            .filter(|user| is_set(step.users, *user))
            .collect();
        let kinds: Vec<_> = (0..KINDS.len())
            .filter(|kind| is_set(step.kinds, *kind))
            .collect();
        let is_of_all = users.len() == USERS && kinds.len() == KINDS.len();
        let routes = kinds.iter().map(|kind| route(KINDS[*kind].1));
        let ids = users
            .iter()
            .map(|user| Ok(self.users[*user].as_str().into()));
        let sandbox = &self.service.sandbox;
        let client = Client::builder(
            sandbox.credentials(),
            Provisioning::Connect,
            self.service.clone(),
        )
        .build_on(Skewed::new(sandbox.clock()));
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let (mut stop, mut read) = (Some(stop), 0);
        let stops_after = match step.ends {
            Ends::Stopped(lists) => lists,
            _ => u32::MAX,
        };
        let run = Synchronization::new(client, Arc::clone(&store) as _)
            .with_key(BucketKey::new([7; 32]))
            .with_buckets(BUCKETS)
            .with_resources(routes)
            .with_full_every(step.full_every)
            .with_lag(Duration::from_secs(step.lag))
            .with_at_once(step.at_once)
            .with_listener(move |event| {
                read += u32::from(matches!(event, Event::Read { .. }));
                if read > stops_after
                    && let Some(stop) = stop.take()
                {
                    stop.send(()).unwrap();
                }
            })
            .run(stream::iter(ids.collect::<Vec<_>>()), &folder, async {
                if stopped.await.is_err() {
                    pending().await
                }
            });
        let summary = tokio::select! {
            ended = run => Some(ended.unwrap()),
            () = killed.notified() => None,
        };
        if summary.is_none() {
            // Threads that waited for the disk may still be about to see that it is over. A process takes them with it.
            for lock in [".lock", ".lock-1-of-1"] {
                let lock = folder.join("_manifest").join(lock);
                let lock = File::options().write(true).open(lock).unwrap();
                lock.lock().unwrap();
            }
            self.tear(*store.torn.lock().unwrap(), step.ends, &folder);
        }
        self.kept = std::mem::take(&mut *store.kept.lock().unwrap());
        (summary, is_of_all)
    }

    /// Takes away what would not have been there yet.
    fn tear(&self, torn: Option<(u64, u32)>, ends: Ends, folder: &Path) {
        let (Some((run, bucket)), Ends::BeforeKeep(_, torn)) = (torn, ends) else {
            return;
        };
        let manifest = format!("_manifest/commit-{run:012}/bucket-{bucket:04}.json");
        let manifest = folder.join(manifest);
        if matches!(torn, Torn::Nothing) || !manifest.exists() {
            return;
        }
        fs::remove_file(manifest).unwrap();
        if matches!(torn, Torn::File) {
            let of_run = format!("bucket={bucket:04}/commit-{run:012}.ndjson");
            let mut files = crate::files(folder).into_iter();
            let file = files.find(|path| path.ends_with(&of_run)).unwrap();
            fs::remove_file(file).unwrap();
        }
    }
}

/// Who has nothing of the sandbox's own.
fn people() -> (OfflineSandbox, Vec<String>) {
    let users: Vec<String> = (0..USERS)
        .map(|user| format!("user-{user}-canary"))
        .collect();
    let of = |user: &String| {
        format!(r#"{{"client_user_id":"{user}","persona":"empty","sources":["strider"]}}"#)
    };
    let of: Vec<String> = users.iter().map(of).collect();
    let scenario = format!(r#"{{"users":[{}]}}"#, of.join(","));
    let scenario = Scenario::from_json(scenario.as_bytes()).unwrap();
    let sandbox = Sandbox::builder().scenario(scenario).build_offline();
    (sandbox, users)
}

fn route(path: &str) -> &'static Route {
    ROUTES.iter().find(|route| route.path == path).unwrap()
}

#[test]
fn whatever_happens_who_takes_each_commit_once_has_what_the_service_has() {
    let is_deep = std::env::var_os("HUMANAPI_DEEP").is_some_and(|deep| deep == "1");
    let mut runner = TestRunner::new(Config {
        cases: if is_deep { 4_000 } else { 60 },
        max_shrink_iters: 400,
        failure_persistence: None,
        ..Config::default()
    });
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let written = RefCell::new(BTreeSet::new());
    let held = runner.run(&prop::collection::vec(step(), 1..14), |steps| {
        runtime.block_on(async {
            let (sandbox, users) = people();
            let mut model = Model::new(&sandbox, &users);
            for step in &steps {
                model.step(step).await;
            }
            // What was broken off is gone on with, and what is left is read; then there is nothing left.
            for _ in 0..2 {
                let summary = model.step(&last()).await.unwrap();
                assert!(summary.whole, "{summary:?}");
            }
            let folder = model.place.path().join("in-step/resource=vitals");
            let buckets = fs::read_dir(folder).into_iter().flatten();
            let buckets = buckets.map(|bucket| bucket.unwrap().file_name());
            written.borrow_mut().extend(buckets);
            let none = model.step(&last()).await.unwrap();
            assert_eq!(
                (none.commit, none.skipped, none.files),
                (None, 0, 0),
                "{none:?}"
            );
        });
        Ok(())
    });
    if let Err(error) = held {
        panic!("{error}");
    }
    assert!(written.borrow().len() > 1, "users are in several buckets");
}

/// The run that was broken off and gone on with bears one number, and the folder is a copy from between the two.
#[tokio::test]
async fn a_folder_from_before_its_run_was_gone_on_with_gets_what_it_lacks() {
    let (sandbox, users) = people();
    let mut model = Model::new(&sandbox, &users);
    let insert = |user| Change {
        user,
        kind: 0,
        what: What::Insert,
        at: 0,
        late: 0,
    };
    let broken_off = Step {
        changes: vec![insert(2)],
        at_once: 1,
        ends: Ends::BeforeKeep(0, Torn::Nothing),
        ..last()
    };
    let gone_on_with = Step {
        restored: Restored::Saved,
        meanwhile: vec![(1, insert(0))],
        ..last()
    };
    let put_back = Step {
        restored: Restored::Folder,
        ..last()
    };
    assert!(model.step(&broken_off).await.is_none());
    for step in [&gone_on_with, &put_back, &last()] {
        let summary = model.step(step).await.unwrap();
        assert!(summary.whole, "{summary:?}");
        // A manifest of another writing is whole.
        assert!(summary.mended.is_empty(), "{summary:?}");
    }
    let truth = model.service.world().truth();
    assert_eq!(model.reader.records, truth);
}
