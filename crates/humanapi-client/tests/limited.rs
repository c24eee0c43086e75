//! A limited transport: how many requests are out, whose turn it is, and that nobody is forgotten.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::join_all;
use futures_util::{FutureExt as _, StreamExt as _, TryFutureExt as _};
use humanapi_client::core::http::header::{AUTHORIZATION, RETRY_AFTER};
use humanapi_client::core::http::{HeaderValue, Response as HttpResponse, StatusCode};
use humanapi_client::core::limiter::LimiterPolicy;
use humanapi_client::core::{Body, Now, Request, Response, SendFailure, SendFailureKind};
use humanapi_client::{
    BodyStream, Limited, Spawn, StreamedResponse, Task, Timer, TokioRuntime, Transport,
};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep, timeout};

/// A service that answers each request after 20 ms, and counts.
#[derive(Clone, Default)]
struct Service {
    out: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
    /// Whom it was asked by, in order, and when.
    asked: Arc<Mutex<Vec<(String, Instant)>>>,
    /// More than so many at once are refused; nothing for no bound.
    bears: Option<usize>,
    retry_after: Option<&'static str>,
    hangs: bool,
    panics: bool,
    /// How long an answer takes, if not 20 ms.
    slow: Option<Duration>,
}

#[async_trait]
impl Transport for Service {
    async fn send(&self, request: Request, _: Duration) -> Result<Response, SendFailure> {
        let out = self.out.fetch_add(1, Ordering::SeqCst) + 1;
        let guard = Guard(Arc::clone(&self.out));
        self.most.fetch_max(out, Ordering::SeqCst);
        let who = request.headers().get(AUTHORIZATION);
        let who = who.map_or_else(String::new, |who| {
            String::from_utf8_lossy(who.as_bytes()).into()
        });
        self.asked.lock().await.push((who, Instant::now()));
        assert!(!self.panics, "the transport broke");
        if self.hangs {
            std::future::pending::<()>().await;
        }
        sleep(self.slow.unwrap_or(Duration::from_millis(20))).await;
        drop(guard);
        let mut answer = Response::new(Body::from("[]"));
        if self.bears.is_some_and(|bears| out > bears) {
            *answer.status_mut() = StatusCode::TOO_MANY_REQUESTS;
            if let Some(after) = self.retry_after {
                answer
                    .headers_mut()
                    .insert(RETRY_AFTER, HeaderValue::from_static(after));
            }
        }
        Ok(answer)
    }

    async fn open(
        &self,
        request: Request,
        time: Duration,
    ) -> Result<StreamedResponse, SendFailure> {
        self.send(request, time).await?;
        Ok(HttpResponse::new(BodyStream::new(
            futures_util::stream::iter([Ok("a".into()), Ok("b".into())]),
        )))
    }
}

struct Guard(Arc<AtomicUsize>);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

fn request(who: &str) -> Request {
    let mut request = Request::new(Body::default());
    *request.uri_mut() = "https://api.example.test/v1/human/sleeps"
        .parse()
        .expect("an address");
    let who = HeaderValue::try_from(who).expect("a header");
    request.headers_mut().insert(AUTHORIZATION, who);
    request
}

fn limited(service: &Service, policy: LimiterPolicy) -> Limited<Service> {
    Limited::new(service.clone(), TokioRuntime::new(), policy)
}

const LONG: Duration = Duration::from_secs(3600);

#[tokio::test(start_paused = true)]
async fn no_more_than_the_policy_allows_are_out() {
    let service = Service::default();
    let limited = limited(
        &service,
        LimiterPolicy::default().with_first(2).with_most(5),
    );
    let all = (0..200).map(|number| {
        let limited = limited.clone();
        async move {
            limited
                .send(request(&format!("u{}", number % 9)), LONG)
                .await
        }
    });
    let answers = join_all(all).await;
    assert!(answers.iter().all(Result::is_ok));
    assert_eq!(service.most.load(Ordering::SeqCst), 5);
}

#[tokio::test(start_paused = true)]
async fn the_number_settles_at_what_the_service_bears() {
    let service = Service {
        bears: Some(10),
        ..Service::default()
    };
    let limited = limited(&service, LimiterPolicy::default().with_most(1000));
    let all = (0..5_000).map(|_| {
        let limited = limited.clone();
        async move {
            // What is refused is asked for again, as a flow does.
            loop {
                let answer = limited.send(request("u"), LONG).await.expect("an answer");
                if answer.status().is_success() {
                    return;
                }
            }
        }
    });
    let began = Instant::now();
    join_all(all).await;
    let most = service.most.load(Ordering::SeqCst);
    assert!((11..=12).contains(&most), "{most}");
    // 10 at once would take 10 s, and one after another 100.
    assert!(
        began.elapsed() < Duration::from_secs(15),
        "{:?}",
        began.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn a_retry_after_holds_back_everybody() {
    let service = Service {
        bears: Some(0),
        retry_after: Some("7"),
        ..Service::default()
    };
    let limited = limited(&service, LimiterPolicy::default().with_most(1));
    let all = ["a", "b", "c"].map(|who| {
        let limited = limited.clone();
        async move { limited.send(request(who), LONG).await }
    });
    let began = Instant::now();
    join_all(all).await;
    let asked = service.asked.lock().await;
    let after: Vec<_> = asked
        .iter()
        .map(|(_, when)| when.duration_since(began).as_secs())
        .collect();
    assert_eq!(after, [0, 7, 14]);
}

#[tokio::test(start_paused = true)]
async fn one_user_with_many_pages_does_not_keep_the_others_waiting() {
    let service = Service::default();
    let limited = limited(
        &service,
        LimiterPolicy::default().with_first(1).with_most(1),
    );
    let mut all: Vec<_> = (0..100)
        .map(|_| limited.send(request("many"), LONG))
        .collect();
    all.extend(["x", "y"].map(|who| limited.send(request(who), LONG)));
    join_all(all).await;
    let asked = service.asked.lock().await;
    let place = |who: &str| asked.iter().position(|(asked, _)| asked == who);
    assert!(place("x") <= Some(3) && place("y") <= Some(4), "{asked:?}");
}

#[tokio::test(start_paused = true)]
async fn whoever_is_dropped_gives_up_the_turn_to_the_next() {
    let service = Service {
        hangs: true,
        ..Service::default()
    };
    let limited = limited(&service, LimiterPolicy::default().with_most(1));
    // The first one is out and hangs; those behind it wait, and are dropped in turn.
    let mut dropped = BTreeMap::new();
    for number in 0..4_u64 {
        let who = format!("u{number}");
        let limited = limited.clone();
        let patience = Duration::from_secs(1 + number);
        let task =
            tokio::spawn(async move { timeout(patience, limited.send(request(&who), LONG)).await });
        dropped.insert(number, task);
    }
    for (_, task) in dropped {
        assert!(task.await.expect("no panic").is_err());
    }
    assert_eq!(service.asked.lock().await.len(), 4, "each one's turn came");
    assert_eq!(service.out.load(Ordering::SeqCst), 0);
}

#[tokio::test(start_paused = true)]
async fn whoever_watches_a_pause_may_be_dropped() {
    let service = Service {
        bears: Some(0),
        retry_after: Some("30"),
        ..Service::default()
    };
    let limited = limited(&service, LimiterPolicy::default().with_most(1));
    let out = tokio::spawn({
        let limited = limited.clone();
        async move { limited.send(request("a"), LONG).await }
    });
    tokio::task::yield_now().await;
    let first = tokio::spawn({
        let limited = limited.clone();
        async move { timeout(Duration::from_secs(5), limited.send(request("b"), LONG)).await }
    });
    let second = tokio::spawn({
        let limited = limited.clone();
        async move { limited.send(request("c"), LONG).await }
    });
    out.await.expect("no panic").expect("an answer");
    assert!(first.await.expect("no panic").is_err());
    let began = Instant::now();
    second.await.expect("no panic").expect("an answer");
    assert!(
        began.elapsed() < Duration::from_secs(26),
        "{:?}",
        began.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn whoever_is_dropped_when_called_leaves_the_turn_to_the_next() {
    let service = Service::default();
    let limited = limited(&service, LimiterPolicy::default().with_most(1));
    let mut out = limited.send(request("a"), LONG);
    let mut called = limited.send(request("b"), LONG);
    assert!((&mut out).now_or_never().is_none());
    assert!((&mut called).now_or_never().is_none());
    out.await.expect("an answer");
    drop(called);
    let next = timeout(Duration::from_secs(1), limited.send(request("c"), LONG)).await;
    next.expect("its turn came").expect("an answer");
}

#[tokio::test(start_paused = true)]
async fn a_request_whose_turn_never_came_was_never_sent() {
    let service = Service {
        hangs: true,
        ..Service::default()
    };
    let limited = limited(&service, LimiterPolicy::default().with_most(1));
    let out = limited.send(request("a"), Duration::from_secs(60));
    let waits = limited.send(request("b"), Duration::from_secs(2));
    let (out, waits) = tokio::join!(out, waits);
    assert_eq!(out.expect_err("it hangs").kind(), SendFailureKind::TimedOut);
    let waits = waits.expect_err("its turn did not come");
    assert_eq!(waits.kind(), SendFailureKind::NotSent);
    assert!(!waits.kind().may_have_arrived());
}

#[tokio::test(start_paused = true)]
async fn a_request_that_waited_nearly_all_its_time_says_nothing_of_the_service() {
    let service = Service {
        slow: Some(Duration::from_millis(900)),
        ..Service::default()
    };
    let policy = LimiterPolicy::default().with_first(2).with_most(2);
    let limited = limited(&service, policy);
    let all = ["a", "b", "c"].map(|who| limited.send(request(who), Duration::from_secs(1)));
    let [first, second, third] = join_all(all).await.try_into().expect("three");
    assert!(first.is_ok() && second.is_ok());
    assert_eq!(
        third.expect_err("no time").kind(),
        SendFailureKind::TimedOut
    );
    assert_eq!(limited.limit("api.example.test"), Some(2));
}

#[tokio::test(start_paused = true)]
async fn a_body_that_nobody_reads_keeps_nobody_waiting() {
    let service = Service::default();
    let limited = limited(
        &service,
        LimiterPolicy::default().with_first(1).with_most(1),
    );
    let first = limited.open(request("a"), LONG).await.expect("a head");
    let second = timeout(Duration::from_secs(1), limited.send(request("b"), LONG)).await;
    second.expect("its turn came").expect("an answer");
    let body: Vec<_> = first.into_body().collect().await;
    assert_eq!(body.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_nobody_takes_keeps_nobody_waiting() {
    let service = Service::default();
    let limited = limited(
        &service,
        LimiterPolicy::default().with_first(1).with_most(1),
    );
    let open = |who| limited.open(request(who), LONG).map_ok(|_| ());
    let send = |who| limited.send(request(who), LONG).map_ok(|_| ());
    // Each is begun, and then let lie.
    let mut waits: Vec<_> = vec![send("a").boxed(), open("b").boxed(), send("c").boxed()];
    for answer in &mut waits {
        assert!(answer.now_or_never().is_none());
    }
    let last = timeout(Duration::from_secs(1), limited.send(request("d"), LONG)).await;
    last.expect("its turn came").expect("an answer");
    assert_eq!(service.most.load(Ordering::SeqCst), 1);
    for answer in waits {
        answer.await.expect("an answer");
    }
}

#[tokio::test(start_paused = true)]
async fn a_runtime_that_ends_is_told_and_its_turns_go_to_others() {
    let service = Service::default();
    let limited = limited(
        &service,
        LimiterPolicy::default().with_first(1).with_most(1),
    );
    let mut begun = limited.send(request("a"), LONG);
    let other = tokio::runtime::Builder::new_current_thread().build();
    let other = other.expect("a runtime");
    {
        let _inside = other.enter();
        assert!((&mut begun).now_or_never().is_none());
    }
    other.shutdown_background();
    let failure = begun.await.expect_err("its task has ended");
    assert_eq!(failure.kind(), SendFailureKind::Lost);
    limited.send(request("b"), LONG).await.expect("an answer");
}

#[tokio::test(start_paused = true)]
async fn a_transport_that_panics_fails_whom_it_hits_and_keeps_no_turn() {
    let service = Service {
        panics: true,
        ..Service::default()
    };
    let limited = limited(
        &service,
        LimiterPolicy::default().with_first(1).with_most(1),
    );
    for who in ["a", "b"] {
        let limited = limited.clone();
        let hit = tokio::spawn(async move { limited.send(request(who), LONG).await });
        assert!(hit.await.expect_err("its caller panics").is_panic());
    }
    assert_eq!(service.asked.lock().await.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn no_more_begin_each_second_than_the_rate_says_and_nobody_is_forgotten() {
    for slow in [Duration::ZERO, Duration::from_secs(5)] {
        let service = Service {
            slow: Some(slow),
            ..Service::default()
        };
        let policy = LimiterPolicy::default().with_first(30).with_rate(10.0);
        let limited = limited(&service, policy);
        let begun = Instant::now();
        let all = (0..20).map(|user| {
            let limited = &limited;
            async move { limited.send(request(&user.to_string()), LONG).await }
        });
        for answer in join_all(all).await {
            answer.expect("an answer");
        }
        let asked = service.asked.lock().await;
        let last = asked.last().expect("somebody was").1 - begun;
        assert!((1_800..=2_000).contains(&last.as_millis()), "{last:?}");
    }
}

/// Time by tokio, on a machine that is suspended for an hour between any two looks at its wall clock.
#[derive(Debug)]
struct Suspended {
    runtime: TokioRuntime,
    looks: AtomicU32,
}

impl Timer for Suspended {
    fn now(&self) -> Now {
        let now = self.runtime.now();
        let slept = Duration::from_secs(3_600) * self.looks.fetch_add(1, Ordering::SeqCst);
        Now::new(now.monotonic(), now.wall() + slept)
    }

    fn sleep(&self, duration: Duration) -> Task<'static> {
        self.runtime.sleep(duration)
    }
}

impl Spawn for Suspended {
    fn spawn(&self, task: Task<'static>) -> Option<Task<'static>> {
        self.runtime.spawn(task)
    }
}

#[tokio::test(start_paused = true)]
async fn what_waited_for_its_turn_while_the_machine_slept_is_not_sent() {
    let service = Service::default();
    let runtime = Suspended {
        runtime: TokioRuntime::new(),
        looks: AtomicU32::new(0),
    };
    let limited = Limited::new(service.clone(), runtime, LimiterPolicy::default());
    let sent = limited.send(request("p17"), Duration::from_secs(60)).await;
    let failure = sent.expect_err("its time is over");
    assert_eq!(failure.kind(), SendFailureKind::NotSent);
    assert!(service.asked.lock().await.is_empty());
}
