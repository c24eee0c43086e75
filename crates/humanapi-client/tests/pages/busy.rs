//! Readers that are busy with something else: neither a page's time nor anybody's turn hangs on them.

use std::future::IntoFuture as _;
use std::pin::Pin;
use std::time::Duration;

use futures_util::future::join_all;
use futures_util::{FutureExt as _, StreamExt as _, TryStreamExt as _};
use humanapi_client::{Client, Limited, Spawn, Task, Timer, TokioRuntime, User};
use humanapi_core::limiter::LimiterPolicy;
use humanapi_core::{Credentials, Now, Provisioning};
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;
use tokio::time::{Instant, sleep, timeout};

use crate::server::{LATENCY, Server, client};

/// A client of which so many requests may be out at once.
fn limited(server: &Server, limit: u32) -> Client {
    let policy = LimiterPolicy::default().with_first(limit).with_most(limit);
    client(Limited::new(server.clone(), TokioRuntime::new(), policy))
}

#[tokio::test(start_paused = true)]
async fn a_page_does_not_grow_old_while_its_reader_is_busy() {
    // Longer than an attempt may take, and longer than all of them.
    for busy in [40, 150].map(Duration::from_secs) {
        for ahead in [0, 1, 4] {
            let server = Server::new(60);
            let user = server.client().user("patient-17");
            let mut pages = user.data().activities().limit(10).pages().read_ahead(ahead);
            let mut came = 0;
            while let Some(page) = pages.try_next().await.unwrap() {
                came += page.items.len();
                sleep(busy).await;
            }
            assert_eq!(came, 60);
            assert_eq!(
                server.asked(),
                [0, 9, 18, 27, 36, 45, 54],
                "{busy:?} {ahead}"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_page_does_not_grow_old_when_its_reader_gave_up_waiting() {
    for ahead in [0, 1, 4] {
        let server = Server::new(60);
        let user = server.client().user("patient-17");
        let mut pages = user.data().activities().limit(10).pages().read_ahead(ahead);
        let mut came = 0;
        loop {
            match timeout(LATENCY / 4, pages.try_next()).await {
                Ok(page) => match page.unwrap() {
                    Some(page) => came += page.items.len(),
                    None => break,
                },
                Err(_) => sleep(Duration::from_secs(150)).await,
            }
        }
        assert_eq!(came, 60);
        assert_eq!(server.asked(), [0, 9, 18, 27, 36, 45, 54], "{ahead}");
    }
}

/// Time by tokio, and no tasks.
struct NoTasks(TokioRuntime);

impl Timer for NoTasks {
    fn now(&self) -> Now {
        self.0.now()
    }

    fn sleep(&self, duration: Duration) -> Task<'static> {
        self.0.sleep(duration)
    }
}

impl Spawn for NoTasks {
    fn spawn(&self, task: Task<'static>) -> Option<Task<'static>> {
        Some(task)
    }
}

#[tokio::test(start_paused = true)]
async fn where_nothing_goes_on_by_itself_nothing_is_asked_for_ahead() {
    let server = Server::new(60);
    let policy = LimiterPolicy::default().with_first(1).with_most(1);
    let no_tasks = || NoTasks(TokioRuntime::new());
    let transport = Limited::new(server.clone(), no_tasks(), policy);
    let credentials = Credentials::new("app-1", "hush").unwrap();
    let user = Client::builder(credentials, Provisioning::Connect, transport)
        .build_on(no_tasks())
        .user("patient-17");
    let mut pages = user.data().activities().limit(10).pages().read_ahead(4);
    let mut came = 0;
    while let Some(page) = pages.try_next().await.unwrap() {
        user.data().activities().limit(1).await.unwrap();
        sleep(Duration::from_secs(150)).await;
        came += page.items.len();
    }
    assert_eq!(came, 60);
    assert_eq!(server.asked().len(), 14);
}

#[tokio::test(start_paused = true)]
async fn a_call_inside_a_loop_over_a_stream_has_its_turn() {
    for ahead in 0..=8 {
        let server = Server::new(60);
        let user = limited(&server, 1).user("patient-17");
        let mut pages = user.data().activities().limit(10).pages().read_ahead(ahead);
        let begin = Instant::now();
        while pages.try_next().await.unwrap().is_some() {
            user.data().activities().limit(1).await.unwrap();
        }
        assert_eq!(server.asked().len(), 14);
        assert_eq!(begin.elapsed(), 14 * LATENCY, "{ahead}");
        assert_eq!(server.out(), (0, 1));
    }
}

/// What a reader does before it asks for the next page.
#[derive(Clone, Copy, Debug)]
enum Act {
    /// Something else.
    Sleep(u64),
    /// Another call.
    Call,
    /// Begins a call, and lets it lie until the list has ended.
    BeginCall,
    /// Begins a call, and drops it.
    DropCall,
    /// Gives up waiting for the next page, for now.
    GiveUp,
    /// Reads two pages of another list, and leaves it.
    Nested,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        (0..200_u64).prop_map(Act::Sleep),
        Just(Act::Call),
        Just(Act::BeginCall),
        Just(Act::DropCall),
        Just(Act::GiveUp),
        Just(Act::Nested),
    ]
}

/// Reads a list of sixty to its end, and does all this meanwhile.
async fn read(user: User, ahead: usize, acts: &[Act]) {
    let call = || user.data().activities().limit(1);
    let list = || user.data().activities().limit(10).pages().read_ahead(ahead);
    let mut begun: Vec<Pin<Box<dyn Future<Output = usize>>>> = Vec::new();
    let mut acts = acts.iter();
    let (mut pages, mut came) = (list(), 0);
    while let Some(page) = pages.try_next().await.unwrap() {
        came += page.items.len();
        match acts.next() {
            None => {}
            Some(Act::Sleep(millis)) => sleep(Duration::from_millis(*millis)).await,
            Some(Act::Call) => drop(call().await.unwrap()),
            Some(Act::BeginCall) => {
                let mut call = call().into_future().map(|page| page.unwrap().items.len());
                assert!((&mut call).now_or_never().is_none());
                begun.push(Box::pin(call));
            }
            Some(Act::DropCall) => drop(timeout(LATENCY / 4, call().into_future()).await),
            Some(Act::GiveUp) => {
                let next = timeout(LATENCY / 4, pages.try_next()).await;
                if let Ok(Some(page)) = next.map(Result::unwrap) {
                    came += page.items.len();
                }
            }
            Some(Act::Nested) => {
                let came: Vec<_> = list().take(2).try_collect().await.unwrap();
                assert_eq!(came.len(), 2);
            }
        }
    }
    assert_eq!(came, 60);
    for call in begun {
        assert_eq!(call.await, 1);
    }
}

/// So many cases, and a hundred times more where a longer hunt is asked for.
fn config() -> ProptestConfig {
    let deep = std::env::var_os("HUMANAPI_DEEP").is_some_and(|value| value == "1");
    ProptestConfig {
        cases: if deep { 10_000 } else { 100 },
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("regressions"))),
        ..ProptestConfig::with_source_file(file!())
    }
}

proptest! {
    #![proptest_config(config())]
    #[test]
    fn nobody_starves_whatever_readers_do_between_pages(
        limit in 1..=3_u32,
        readers in prop::collection::vec(
            (0..=4_usize, prop::collection::vec(act(), 0..8)),
            1..=4,
        ),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(async {
            let server = Server::new(60);
            let client = limited(&server, limit);
            let begin = Instant::now();
            // All of them are polled by one task, as by a caller that looks after many reads at once.
            join_all(readers.iter().enumerate().map(|(number, (ahead, acts))| {
                read(client.user(format!("patient-{number}")), *ahead, acts)
            }))
            .await;
            // One after another, every request and every pause would have taken so long.
            let pauses = readers.iter().flat_map(|(_, acts)| acts).map(|act| match act {
                Act::Sleep(millis) => Duration::from_millis(*millis),
                Act::GiveUp | Act::DropCall => LATENCY,
                _ => Duration::ZERO,
            });
            let longest = pauses.sum::<Duration>() + LATENCY * server.asked().len() as u32;
            assert!(begin.elapsed() <= longest, "{:?} {longest:?}", begin.elapsed());
            assert!(server.out().1 <= limit as usize);
        });
    }
}
