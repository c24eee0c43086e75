//! A fleet: processes that share tokens through a real store, killed, paused and cut off from it.
//!
//! Each member is this very program, started again with an order in its environment. The sandbox counts
//! the exchanges of all of them.

#![cfg(unix)]
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed, wherever it stands"
)]

mod member;
mod stores;

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use humanapi_client::Client;
use humanapi_core::{Credentials, Hosts, Provisioning};
use humanapi_hyper::HyperTransport;
use humanapi_sandbox::{Assumption, DemoApp, Fault, Sandbox, Source};
use member::{Order, Report, Task};
use stores::Place;

static ALONE: Mutex<()> = Mutex::new(());

const MEMBERS: usize = 8;
const KEYS: usize = 100;
/// A lease of members that are killed or paused.
const SHORT_LEASE: Duration = Duration::from_secs(1);

/// How often a holder is killed.
fn kills() -> u32 {
    let deep = std::env::var_os("HUMANAPI_DEEP").is_some_and(|value| value == "1");
    if deep { 50 } else { 8 }
}

/// A sandbox with users who have connected a source.
struct World {
    sandbox: Sandbox,
    client: Client,
}

impl World {
    async fn with_users(users: impl Iterator<Item = usize>) -> Self {
        let sandbox = Sandbox::builder().workers(2).start().unwrap();
        let app = sandbox.app(DemoApp::Connect);
        let credentials = Credentials::new(app.client_id.as_str(), app.client_secret.as_str());
        let client = Client::builder(
            credentials.unwrap(),
            Provisioning::Connect,
            HyperTransport::new(),
        )
        .hosts(Hosts::single(sandbox.url()).unwrap())
        .build();
        let world = Self { sandbox, client };
        for user in users {
            world.add(&member::user(user)).await;
        }
        world
    }

    async fn add(&self, user: &str) {
        self.client.user(user).session_token().await.unwrap();
        let app = self.sandbox.app(DemoApp::Connect);
        let control = self.sandbox.control();
        control
            .connect_source(&app.client_id, user, Source::ALL[0].id)
            .unwrap();
    }

    fn exchanges(&self) -> u64 {
        self.sandbox.control().exchanges().access
    }

    /// The token service takes so long from now on.
    fn slow_down(&self, by: Duration) {
        let control = self.sandbox.control();
        control.clear_faults();
        let slow = Fault::delay(by)
            .on_path("/v1/connect/token")
            .times(u32::MAX);
        control.plan_fault(slow).unwrap();
    }

    /// How many requests were slowed down since.
    fn slowed_down(&self) -> u32 {
        let faults = self.sandbox.control().faults();
        faults
            .iter()
            .map(|fault| u32::MAX - fault.times_left())
            .sum()
    }

    fn order(&self, place: &Place) -> Order {
        let app = self.sandbox.app(DemoApp::Connect);
        Order {
            url: self.sandbox.url().to_owned(),
            client_id: app.client_id,
            client_secret: app.client_secret,
            store: place.url(),
            keys: place.keys(),
            lease: Duration::from_secs(30),
            seed: 0,
        }
    }
}

/// A process of the fleet.
struct Member {
    process: Child,
    orders: ChildStdin,
    reports: BufReader<ChildStdout>,
}

impl Member {
    fn start(order: &Order) -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", member::TEST, "--nocapture"])
            .env(member::ORDER, order.to_text())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let orders = process.stdin.take().unwrap();
        let reports = BufReader::new(process.stdout.take().unwrap());
        let mut member = Self {
            process,
            orders,
            reports,
        };
        assert_eq!(member.line(), "ready");
        member
    }

    fn fleet(order: &Order) -> Vec<Self> {
        (0..MEMBERS as u64)
            .map(|seed| {
                let order = Order {
                    seed,
                    ..order.clone()
                };
                Self::start(&order)
            })
            .collect()
    }

    /// The next line of its own: the test harness it runs in says things too.
    fn line(&mut self) -> String {
        loop {
            let mut line = String::new();
            let read = self.reports.read_line(&mut line).unwrap();
            assert!(read > 0, "a member ended before it reported");
            if let Some((_, line)) = line.trim_end().split_once(member::MARK) {
                return line.to_owned();
            }
        }
    }

    fn go(&mut self, task: &Task) {
        writeln!(self.orders, "{}", task.to_text()).unwrap();
    }

    fn report(&mut self) -> Report {
        Report::of_text(&self.line())
    }

    fn signal(&self, name: &str) {
        let pid = self.process.id().to_string();
        let sent = Command::new("kill")
            .args(["-s", name, &pid])
            .status()
            .unwrap();
        assert!(sent.success());
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        // Harmless for one that has ended.
        let _ended = self.process.kill();
        let _reaped = self.process.wait();
    }
}

fn go_all(members: &mut [Member], task: &Task) -> Report {
    for member in members.iter_mut() {
        member.go(task);
    }
    members
        .iter_mut()
        .map(Member::report)
        .fold(Report::default(), Report::plus)
}

fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap()
        .block_on(future)
}

/// 8 processes × 200 tasks × 100 keys: one exchange a key and life, and one a revocation.
fn one_exchange_a_key_and_life(place: &Place) {
    let world = block_on(World::with_users(0..KEYS));
    block_on(place.init());
    let mut fleet = Member::fleet(&world.order(place));
    let task = Task::Read {
        tasks: 200,
        each: 4,
        keys: KEYS,
    };
    let report = go_all(&mut fleet, &task);
    assert_eq!(report.failed, 0, "{report:?}");
    assert_eq!(report.done, MEMBERS as u64 * 200 * 4);
    assert_eq!(world.exchanges(), KEYS as u64, "{report:?}");

    // Somebody outside the fleet asks for tokens, and each new one revokes the older.
    let control = world.sandbox.control();
    control
        .set_assumption(Assumption::Reissue, "revoke-older")
        .unwrap();
    block_on(async {
        for user in 0..KEYS {
            world
                .client
                .user(member::user(user))
                .access_token()
                .await
                .unwrap();
        }
    });
    let before = world.exchanges();
    let report = go_all(&mut fleet, &task);
    assert_eq!(report.failed, 0, "{report:?}");
    assert_eq!(world.exchanges() - before, KEYS as u64, "{report:?}");
}

/// The holder of the lease is killed at some point between its first question and its commit: the
/// others go on within the lease and a second.
fn a_killed_holder_holds_nobody_up_for_long(place: &Place) {
    let world = block_on(World::with_users(0..0));
    block_on(place.init());
    let service = Duration::from_millis(200);
    world.slow_down(service);
    let order = Order {
        lease: SHORT_LEASE,
        ..world.order(place)
    };
    let mut others = [Member::start(&order), Member::start(&order)];
    for point in 0..kills() {
        let user = format!("killed-{point}");
        block_on(world.add(&user));
        let before = world.exchanges();
        let task = Task::Token { user };
        let mut holder = Member::start(&order);
        holder.go(&task);
        // From before its first question to after its commit.
        std::thread::sleep(Duration::from_millis(
            u64::from(point) * 320 / u64::from(kills()),
        ));
        holder.signal("KILL");
        let killed = Instant::now();
        let report = go_all(&mut others, &task);
        let waited = killed.elapsed();
        assert_eq!((report.done, report.failed), (2, 0), "{report:?}");
        let bound = SHORT_LEASE + Duration::from_secs(1) + service;
        assert!(waited <= bound, "{waited:?} after a kill at point {point}");
        assert_eq!(
            report.generations.len(),
            1,
            "both have the same token: {report:?}"
        );
        // The holder's own may have been counted after it died.
        let exchanges = world.exchanges() - before;
        assert!((1..=2).contains(&exchanges), "{exchanges} at point {point}");
    }
}

/// A holder that is stopped past its lease's end and wakes: its commit is refused, every time, and it
/// goes on with the token of whoever took its place.
fn a_holder_that_wakes_too_late_commits_nothing(place: &Place) {
    let world = block_on(World::with_users(0..0));
    block_on(place.init());
    let order = Order {
        lease: SHORT_LEASE,
        ..world.order(place)
    };
    let mut holder = Member::start(&order);
    let mut other = Member::start(&order);
    for round in 0..3 {
        let user = format!("paused-{round}");
        block_on(world.add(&user));
        world.slow_down(Duration::from_millis(300));
        let task = Task::Token { user };
        holder.go(&task);
        // Its request is on the way to a service that takes its time.
        let begun = Instant::now();
        while world.slowed_down() == 0 {
            assert!(
                begun.elapsed() < Duration::from_secs(5),
                "no exchange began"
            );
            std::thread::sleep(Duration::from_millis(5));
        }
        holder.signal("STOP");
        other.go(&task);
        let took_over = other.report();
        assert_eq!(took_over.done, 1, "{took_over:?}");
        holder.signal("CONT");
        let woke = holder.report();
        assert_eq!((woke.done, woke.fenced), (1, 1), "{woke:?}");
        assert_eq!(woke.generations, took_over.generations);
    }
}

/// The store is restarted twice while the fleet works, on keys it has tokens of and on others: nobody is
/// failed, and nothing is lost.
fn a_restart_loses_nothing(place: &Place) {
    let world = block_on(World::with_users(0..2 * KEYS));
    block_on(place.init());
    let order = world.order(place);
    let mut fleet = Member::fleet(&order);
    let each_once = Task::Read {
        tasks: KEYS,
        each: 1,
        keys: KEYS,
    };
    assert_eq!(go_all(&mut fleet, &each_once).failed, 0);
    assert_eq!(world.exchanges(), KEYS as u64);
    let long = Task::ReadFor {
        time: Duration::from_secs(3),
        tasks: 20,
        keys: 2 * KEYS,
    };
    for member in &mut fleet {
        member.go(&long);
    }
    for _ in 0..2 {
        std::thread::sleep(Duration::from_millis(700));
        place.restart();
    }
    let report = fleet
        .iter_mut()
        .map(Member::report)
        .fold(Report::default(), Report::plus);
    assert_eq!(report.failed, 0, "{report:?}");
    assert!(report.done > 500, "{report:?}");
    // One who remembers nothing finds in the store what was kept there before.
    let before = world.exchanges();
    let mut newcomer = Member::start(&order);
    newcomer.go(&each_once);
    assert_eq!(newcomer.report().failed, 0);
    assert_eq!(world.exchanges(), before, "none was lost");
}

/// Cut off from their store, processes whose tokens revoke each other's settle into pauses.
fn without_its_store_a_fleet_settles_into_pauses(place: &Place) {
    const FEW: usize = 3;
    let world = block_on(World::with_users(0..FEW));
    block_on(place.init());
    let control = world.sandbox.control();
    control
        .set_assumption(Assumption::Reissue, "revoke-older")
        .unwrap();
    let mut fleet = Member::fleet(&world.order(place));
    place.stop();
    let time = Duration::from_secs(6);
    let task = Task::ReadFor {
        time,
        tasks: 4,
        keys: FEW,
    };
    let report = go_all(&mut fleet, &task);
    place.start_again();
    // The first exchange, and one for each pause of about 1, 2 and 4 seconds.
    let bound = (MEMBERS * FEW * 5) as u64;
    let exchanges = world.exchanges();
    assert!(exchanges <= bound, "{exchanges} exchanges, {report:?}");
    assert!(report.done > 0, "{report:?}");
}

macro_rules! on_each_store {
    ($($scenario:ident on $($store:ident)+;)+) => {$(
        mod $scenario {
            $(
                #[test]
                fn $store() {
                    let name = concat!("fleet::", stringify!($scenario), "::", stringify!($store));
                    // One fleet at a time: their bounds are about stores, not about a crowded machine.
                    let _alone = super::ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                    if let Some(place) = super::stores::$store(name) {
                        super::$scenario(&place);
                    }
                }
            )+
        }
    )+};
}

on_each_store! {
    one_exchange_a_key_and_life on sqlite postgres redis;
    a_killed_holder_holds_nobody_up_for_long on sqlite postgres redis;
    a_holder_that_wakes_too_late_commits_nothing on sqlite postgres redis;
    a_restart_loses_nothing on postgres redis;
    without_its_store_a_fleet_settles_into_pauses on postgres redis;
}
