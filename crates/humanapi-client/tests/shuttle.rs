//! The broker under many schedules: no wake-up is lost, whoever gives up and wherever.
//!
//! Built with `--cfg shuttle`, the broker's threads meet by shuttle's primitives; without it, this file
//! is empty. `cargo xtask test` runs it, in a target folder of its own.

#![cfg(shuttle)]
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed, wherever it stands"
)]

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use humanapi_client::core::{
    Body, ClientUserId, Credentials, Now, Provisioning, Rejected, Request, Response, RetryPolicy,
    SendFailure, SendFailureKind, TokenKey,
};
use humanapi_client::{Spawn, Task, Timer, TokenBroker, TokenSource, Transport};
use shuttle::future::{JoinHandle, block_on, spawn, yield_now};
use shuttle::rand::Rng as _;
use shuttle::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// How many schedules are tried.
fn schedules() -> usize {
    let deep = std::env::var_os("HUMANAPI_DEEP").is_some_and(|value| value == "1");
    if deep { 100_000 } else { 5_000 }
}

/// Answers after some turns of the scheduler, and counts.
#[derive(Clone, Default)]
struct Service {
    requests: Arc<AtomicUsize>,
    fails: Arc<AtomicBool>,
}

#[async_trait]
impl Transport for Service {
    async fn send(&self, _: Request, _: Duration) -> Result<Response, SendFailure> {
        let number = self.requests.fetch_add(1, Ordering::SeqCst) + 1;
        for _ in 0..3 {
            yield_now().await;
        }
        if self.fails.load(Ordering::SeqCst) {
            return Err(SendFailure::new(SendFailureKind::NotSent));
        }
        let body = format!(r#"{{"access_token":"at-{number}","expires_in":86400}}"#);
        Ok(Response::new(Body::from(body.into_bytes())))
    }
}

/// Time that stands still, with tasks or without.
struct Runtime {
    tasks: Option<Tasks>,
}

/// The tasks that were begun. Where a schedule ends, none may be under way: what is thrown away in the middle
/// of a lock cannot take it once more to leave.
#[derive(Clone, Default)]
struct Tasks(Arc<std::sync::Mutex<Vec<JoinHandle<()>>>>);

impl Tasks {
    async fn end(&self) {
        loop {
            let task = self.0.lock().unwrap().pop();
            let Some(task) = task else {
                return;
            };
            task.await.unwrap();
        }
    }
}

impl Timer for Runtime {
    fn now(&self) -> Now {
        let wall = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        Now::new(Duration::from_secs(1), wall)
    }

    fn sleep(&self, _: Duration) -> Task<'static> {
        Box::pin(std::future::pending())
    }
}

impl Spawn for Runtime {
    fn spawn(&self, task: Task<'static>) -> Option<Task<'static>> {
        let Some(tasks) = &self.tasks else {
            return Some(task);
        };
        let task = spawn(task);
        tasks.0.lock().unwrap().push(task);
        None
    }
}

fn broker(service: &Service, tasks: Option<&Tasks>) -> (TokenBroker, TokenKey) {
    let credentials = Credentials::new("app-1", "hush").unwrap();
    let key = TokenKey::access(
        credentials.client_id().clone(),
        ClientUserId::new("u").unwrap(),
    );
    let broker = TokenBroker::builder(credentials, Provisioning::Connect, service.clone())
        .retry(RetryPolicy::none())
        .capacity(8)
        .build_on(Runtime {
            tasks: tasks.cloned(),
        });
    (broker, key)
}

/// Polls a future so often, then gives up.
struct GivesUp<F> {
    future: Pin<Box<F>>,
    polls: usize,
}

impl<F: Future> Future for GivesUp<F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if self.polls == 0 {
            return Poll::Ready(None);
        }
        self.polls -= 1;
        if let Poll::Ready(output) = self.future.as_mut().poll(cx) {
            return Poll::Ready(Some(output));
        }
        if self.polls == 0 {
            // Comes back once more, to give up.
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }
}

#[test]
fn a_leader_who_gives_up_anywhere_leaves_nobody_behind() {
    for with_tasks in [false, true] {
        shuttle::check_random(
            move || {
                let service = Service::default();
                let tasks = Tasks::default();
                let (broker, key) = broker(&service, with_tasks.then_some(&tasks));
                let polls = shuttle::rand::thread_rng().gen_range(0..7);
                let leader = {
                    let (broker, key) = (broker.clone(), key.clone());
                    spawn(async move {
                        let future = Box::pin(async move { broker.token(&key).await.is_ok() });
                        GivesUp { future, polls }.await
                    })
                };
                let others: Vec<_> = (0..2)
                    .map(|_| {
                        let (broker, key) = (broker.clone(), key.clone());
                        spawn(async move { broker.token(&key).await.unwrap() })
                    })
                    .collect();
                block_on(async {
                    leader.await.unwrap();
                    for other in others {
                        other.await.unwrap();
                    }
                    tasks.end().await;
                });
                let requests = service.requests.load(Ordering::SeqCst);
                assert!((1..=2).contains(&requests), "{requests} exchanges");
                assert!(broker.try_token(&key).is_some());
            },
            schedules() / 2,
        );
    }
}

#[test]
fn all_who_wait_for_a_failure_are_released() {
    shuttle::check_random(
        || {
            let service = Service::default();
            service.fails.store(true, Ordering::SeqCst);
            let (broker, key) = broker(&service, None);
            let callers: Vec<_> = (0..3)
                .map(|_| {
                    let (broker, key) = (broker.clone(), key.clone());
                    spawn(async move { broker.token(&key).await.unwrap_err() })
                })
                .collect();
            let errors = block_on(async {
                let mut errors = Vec::new();
                for caller in callers {
                    errors.push(caller.await.unwrap());
                }
                errors
            });
            // Time stands still, so the pause after the failure never ends.
            assert_eq!(service.requests.load(Ordering::SeqCst), 1);
            assert!(errors.iter().all(|error| Arc::ptr_eq(error, &errors[0])));
        },
        schedules(),
    );
}

#[test]
fn refusals_that_race_renew_once() {
    shuttle::check_random(
        || {
            let service = Service::default();
            let (broker, key) = broker(&service, None);
            let first = block_on(TokenSource::token(&broker, &key, None))
                .unwrap()
                .generation();
            let callers: Vec<_> = (0..3)
                .map(|_| {
                    let (broker, key) = (broker.clone(), key.clone());
                    shuttle::thread::spawn(move || {
                        let renewed = pin!(TokenSource::token(
                            &broker,
                            &key,
                            Some(Rejected::by_the_service(first))
                        ));
                        block_on(renewed).unwrap().generation()
                    })
                })
                .collect();
            for caller in callers {
                assert!(caller.join().unwrap() > first);
            }
            assert_eq!(service.requests.load(Ordering::SeqCst), 2);
        },
        schedules(),
    );
}

#[test]
fn forgetting_while_an_exchange_ends_leaves_nobody_behind() {
    shuttle::check_random(
        || {
            let service = Service::default();
            let tasks = Tasks::default();
            let (broker, key) = broker(&service, Some(&tasks));
            let caller = {
                let (broker, key) = (broker.clone(), key.clone());
                spawn(async move { broker.token(&key).await.unwrap() })
            };
            let other = {
                let broker = broker.clone();
                shuttle::thread::spawn(move || {
                    broker.forget_here(&ClientUserId::new("u").unwrap());
                })
            };
            other.join().unwrap();
            block_on(async {
                caller.await.unwrap();
                broker.token(&key).await.unwrap();
                tasks.end().await;
            });
            assert!(service.requests.load(Ordering::SeqCst) <= 2);
        },
        schedules(),
    );
}
