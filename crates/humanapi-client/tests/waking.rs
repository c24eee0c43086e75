//! Exchanges whose work is woken while it is polled, and waits for the very thread that polls it.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed, wherever it stands"
)]

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use async_trait::async_trait;
use humanapi_client::core::{
    Body, ClientUserId, Credentials, Now, Provisioning, Request, Response, SendFailure, TokenKey,
};
use humanapi_client::{Runtime, Spawn, Task, Timer, TokenBroker, TokioRuntime, Transport};

/// As an HTTP stack that is told of a connection while it makes one: the first poll wakes its own waker, then
/// waits until a task on the same runtime wants what it has.
#[derive(Clone, Default)]
struct HandsOver {
    polls: Arc<AtomicUsize>,
}

#[async_trait]
impl Transport for HandsOver {
    async fn send(&self, _: Request, _: Duration) -> Result<Response, SendFailure> {
        let (mut giver, mut taker) = want::new();
        // Woken by what is parked, it parks another time.
        drop(tokio::spawn(async move {
            tokio::task::yield_now().await;
            taker.want();
            std::future::pending::<()>().await;
        }));
        let mut first = true;
        let wanted = poll_fn(|cx| {
            self.polls.fetch_add(1, Ordering::SeqCst);
            if std::mem::take(&mut first) {
                cx.waker().wake_by_ref();
            }
            giver.poll_want(cx)
        });
        wanted.await.unwrap();
        let body = r#"{"access_token":"at-1","expires_in":86400}"#;
        Ok(Response::new(Body::from(body)))
    }
}

/// Time by tokio, and no tasks: whoever waits polls the exchange.
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

/// One exchange for several who wait, on a runtime of its own in a thread of its own: a thread that never comes
/// back cannot end by itself.
#[track_caller]
fn check(runtime: tokio::runtime::Runtime, broker_on: impl Runtime + 'static) {
    let transport = HandsOver::default();
    let polls = Arc::clone(&transport.polls);
    let (done, ended) = mpsc::channel();
    std::thread::spawn(move || {
        let credentials = Credentials::new("app-1", "hush").unwrap();
        let user = ClientUserId::new("u").unwrap();
        let key = TokenKey::access(credentials.client_id().clone(), user);
        let broker =
            TokenBroker::builder(credentials, Provisioning::Connect, transport).build_on(broker_on);
        runtime.block_on(async {
            let callers: Vec<_> = (0..3)
                .map(|_| {
                    let (broker, key) = (broker.clone(), key.clone());
                    tokio::spawn(async move { broker.token(&key).await.is_ok() })
                })
                .collect();
            assert!(broker.token(&key).await.is_ok());
            for caller in callers {
                assert!(caller.await.unwrap());
            }
        });
        runtime.shutdown_background();
        done.send(()).unwrap();
    });
    let ended = ended.recv_timeout(Duration::from_secs(60));
    let polls = polls.load(Ordering::SeqCst);
    assert!(ended.is_ok(), "no answer after {polls} polls");
    assert!(polls <= 20, "{polls} polls for one answer");
}

fn runtimes() -> impl Iterator<Item = tokio::runtime::Runtime> {
    let current = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let workers = [1, 2].map(|workers| {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(workers)
            .enable_all()
            .build()
    });
    [current].into_iter().chain(workers).map(Result::unwrap)
}

#[test]
fn an_exchange_that_wakes_itself_gives_the_thread_back() {
    for runtime in runtimes() {
        check(runtime, TokioRuntime::new());
    }
    for runtime in runtimes() {
        check(runtime, NoTasks(TokioRuntime::new()));
    }
}
