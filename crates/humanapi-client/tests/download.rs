//! Answers that are read while they arrive, in virtual time: each way in which one can fail.
//!
//! One piece: each test breaks the same arrival at another point of it.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_core::Stream;
use futures_util::{StreamExt as _, stream};
use humanapi_client::testing::{Reply, ScriptedTransport, VirtualRuntime};
use humanapi_client::{
    BodyStream, Download, Error, ErrorKind, SaveError, Timer as _, TokenSource, TokioRuntime,
    drive, drive_blocking, drive_open,
};
use humanapi_core::data::medical::{Ccd, Report};
use humanapi_core::data::{Raw, ReportFormat};
use humanapi_core::flow::Authorized;
use humanapi_core::http::{self, StatusCode};
use humanapi_core::{
    AccessToken, ApiErrorKind, Bearer, ClientId, ClientUserId, FlowError, Generation, Hosts,
    Rejected, Response, RetryPolicy, SendFailure, SendFailureKind, TokenKey,
};
use static_assertions::assert_impl_all;

assert_impl_all!(Download: Stream<Item = Result<Bytes, Error>>, Send, Unpin);

/// Hands out a newer token each time.
#[derive(Default)]
struct Tokens(Mutex<u64>);

#[async_trait]
impl TokenSource for Tokens {
    async fn token(&self, _: &TokenKey, _: Option<Rejected>) -> Result<Bearer, Arc<FlowError>> {
        let mut number = self.0.lock().unwrap();
        *number += 1;
        let token = AccessToken::new(format!("at-{number}"));
        Ok(Bearer::access(&token, Generation::new(*number)).unwrap())
    }
}

const CCD: &str = r#"<?xml version="1.0" encoding="UTF-8"?><ClinicalDocument/>"#;

fn ccd() -> Raw<Ccd> {
    Raw::<Ccd>::new("ccd-1")
}

fn flow<R>(endpoint: Raw<R>, policy: RetryPolicy) -> Authorized<Raw<R>>
where
    R: humanapi_core::data::HasDocument,
{
    let user = ClientUserId::new("patient-17").unwrap();
    let key = TokenKey::access(ClientId::new("app-1").unwrap(), user);
    Authorized::new(endpoint, key, Hosts::production(), policy)
}

fn head(status: u16, content_type: &str) -> http::response::Builder {
    http::Response::builder()
        .status(status)
        .header("content-type", content_type)
}

type Piece = Result<Bytes, SendFailure>;

fn piece(text: &'static str) -> Piece {
    Ok(Bytes::from_static(text.as_bytes()))
}

/// An answer whose body brings these pieces and then ends.
fn answer(head: http::response::Builder, pieces: impl IntoIterator<Item = Piece>) -> Reply {
    let pieces: Vec<_> = pieces.into_iter().collect();
    Reply::streamed(head.body(BodyStream::new(stream::iter(pieces))).unwrap())
}

struct Opened {
    outcome: Result<Download, Error>,
    transport: ScriptedTransport,
    runtime: VirtualRuntime,
}

async fn open<R>(endpoint: Raw<R>, answers: impl IntoIterator<Item = Reply>) -> Opened
where
    R: humanapi_core::data::HasDocument,
{
    let transport = ScriptedTransport::new(answers);
    let runtime = VirtualRuntime::new();
    let mut flow = flow(endpoint, RetryPolicy::default());
    let timer = Arc::new(runtime.clone());
    let outcome = drive_open(&mut flow, &transport, &Tokens::default(), timer).await;
    Opened {
        outcome: outcome.map_err(Error::from),
        transport,
        runtime,
    }
}

/// What came, and how it failed.
async fn read(mut body: Download) -> (Vec<u8>, Option<ErrorKind>) {
    let mut read = Vec::new();
    let mut failed = None;
    while let Some(piece) = body.next().await {
        assert_eq!(failed, None, "nothing follows an error");
        match piece {
            Ok(piece) => read.extend_from_slice(&piece),
            Err(error) => failed = Some(error.kind()),
        }
    }
    assert!(body.next().await.is_none(), "the end stays the end");
    (read, failed)
}

fn network(kind: SendFailureKind) -> Option<ErrorKind> {
    Some(ErrorKind::Network(kind))
}

#[tokio::test]
async fn a_document_arrives_with_what_its_head_tells() {
    let head = head(200, "text/xml; charset=utf-8")
        .header("content-length", CCD.len())
        .header("content-disposition", "attachment; filename=\"../ccd.xml\"");
    let (first, second) = CCD.split_at(7);
    let opened = open(
        ccd(),
        [answer(head, [piece(first), piece(""), piece(second)])],
    )
    .await;
    let body = opened.outcome.unwrap();
    assert_eq!(body.content_type(), Some("text/xml; charset=utf-8"));
    assert_eq!(body.length(), Some(CCD.len() as u64));
    assert_eq!(body.file_name(), Some("ccd.xml"));
    let shown = format!("{body:?}");
    assert!(
        !shown.contains("ccd.xml") && !shown.contains("utf-8"),
        "{shown}"
    );
    assert_eq!(read(body).await, (CCD.into(), None));
    let [request] = &opened.transport.requests()[..] else {
        panic!("one request is enough");
    };
    assert_eq!(request.headers()["authorization"], "Bearer at-1");
    assert_eq!(opened.runtime.now().monotonic(), Duration::ZERO);
}

#[tokio::test]
async fn a_body_cut_short_is_an_error_wherever_it_is_cut() {
    let broken = || Err(SendFailure::new(SendFailureKind::CutShort));
    for place in 0..CCD.len() {
        let begun = || piece(&CCD[..place]);
        let measured = || head(200, "text/xml").header("content-length", CCD.len());
        for answer in [
            // The length tells, or the transport does.
            answer(measured(), [begun()]),
            answer(measured(), [begun(), broken()]),
            answer(head(200, "text/xml"), [begun(), broken()]),
        ] {
            // The first bytes are looked at before there is a document, so that a body which breaks there is asked for
            // again; all of these fit into them.
            let whole = Reply::streamed(
                head(200, "text/xml")
                    .body(BodyStream::once(CCD.into()))
                    .unwrap(),
            );
            let opened = open(ccd(), [answer, whole]).await;
            match opened.outcome {
                Ok(body) => match opened.transport.requests().len() {
                    1 => assert_eq!(
                        read(body).await,
                        (CCD[..place].into(), network(SendFailureKind::CutShort)),
                        "{place}"
                    ),
                    _ => assert_eq!(read(body).await, (CCD.into(), None), "{place}"),
                },
                Err(error) => assert_eq!((error.kind(), place), (ErrorKind::Unreadable, 0)),
            }
        }
    }
}

/// A beginning that is longer than what is looked at before there is a document.
fn long() -> Bytes {
    let mut text = CCD.to_owned();
    text.push_str(&" ".repeat(4096));
    text.into()
}

#[tokio::test]
async fn what_breaks_behind_the_head_is_not_asked_for_again() {
    for kind in [
        SendFailureKind::CutShort,
        SendFailureKind::Lost,
        SendFailureKind::TimedOut,
    ] {
        let broken = [Ok(long()), Err(SendFailure::new(kind)), piece("more")];
        let answers = [
            answer(head(200, "text/xml"), broken),
            Reply::json(200, "{}"),
        ];
        let opened = open(ccd(), answers).await;
        let outcome = read(opened.outcome.unwrap()).await;
        assert_eq!(outcome, (long().into(), network(kind)));
        assert_eq!(opened.transport.requests().len(), 1);
    }
}

#[tokio::test]
async fn a_body_longer_than_announced_is_an_error() {
    let announced = CCD.len() - 1;
    for pieces in [vec![piece(CCD)], vec![piece(&CCD[..9]), piece(&CCD[9..])]] {
        let head = head(200, "text/xml").header("content-length", announced);
        let opened = open(ccd(), [answer(head, pieces)]).await;
        let (came, failed) = read(opened.outcome.unwrap()).await;
        assert!(came.len() <= announced);
        assert_eq!(failed, network(SendFailureKind::TooLong));
    }
}

/// Brings pieces, and never ends.
fn stalling(pieces: impl IntoIterator<Item = Piece>) -> BodyStream {
    let pieces: Vec<_> = pieces.into_iter().collect();
    BodyStream::new(stream::iter(pieces).chain(stream::pending()))
}

#[tokio::test]
async fn a_body_that_falls_silent_ends_when_its_time_is_over() {
    let transport = ScriptedTransport::new([Reply::streamed(
        head(200, "text/xml")
            .body(stalling([Ok(long()), piece("more")]))
            .unwrap(),
    )]);
    let runtime = VirtualRuntime::new();
    let patience = Duration::from_secs(9);
    let policy = RetryPolicy::default().with_chunk_timeout(patience);
    let mut flow = flow(ccd(), policy);
    let timer = Arc::new(runtime.clone());
    let body = drive_open(&mut flow, &transport, &Tokens::default(), timer).await;
    let (came, failed) = read(body.unwrap()).await;
    assert_eq!(came.len(), long().len() + 4);
    assert_eq!(failed, network(SendFailureKind::TimedOut));
    assert_eq!(runtime.now().monotonic(), patience);
}

/// A timer whose sleeps end when the test says so.
#[derive(Clone)]
struct Hand {
    runtime: VirtualRuntime,
    sleeps: Arc<Mutex<VecDeque<Duration>>>,
}

impl humanapi_client::Timer for Hand {
    fn now(&self) -> humanapi_core::Now {
        self.runtime.now()
    }

    fn sleep(&self, duration: Duration) -> humanapi_client::Task<'static> {
        self.sleeps.lock().unwrap().push_back(duration);
        let (runtime, end) = (self.runtime.clone(), self.now().monotonic() + duration);
        Box::pin(std::future::poll_fn(move |_| {
            if runtime.now().monotonic() < end {
                return Poll::Pending;
            }
            Poll::Ready(())
        }))
    }
}

/// Brings a piece each time that the test fills it in.
#[derive(Clone, Default)]
struct Slow(Arc<Mutex<VecDeque<Piece>>>);

impl Stream for Slow {
    type Item = Piece;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Piece>> {
        match self.0.lock().unwrap().pop_front() {
            Some(piece) => Poll::Ready(Some(piece)),
            None => Poll::Pending,
        }
    }
}

#[tokio::test]
async fn time_counts_while_the_reader_waits_and_starts_anew_with_each_piece() {
    let slow = Slow::default();
    slow.0.lock().unwrap().push_back(Ok(long()));
    let body = BodyStream::new(slow.clone());
    let transport =
        ScriptedTransport::new([Reply::streamed(head(200, "text/xml").body(body).unwrap())]);
    let timer = Hand {
        runtime: VirtualRuntime::new(),
        sleeps: Arc::default(),
    };
    let policy = RetryPolicy::default().with_chunk_timeout(Duration::from_secs(10));
    let mut flow = flow(ccd(), policy);
    let tokens = Tokens::default();
    let opened = drive_open(&mut flow, &transport, &tokens, Arc::new(timer.clone()));
    let mut body = opened.await.unwrap();
    let mut context = Context::from_waker(std::task::Waker::noop());
    assert!(body.poll_next_unpin(&mut context).is_ready());
    // The reader is busy with something else.
    timer.runtime.advance(Duration::from_secs(60));
    for _ in 0..20 {
        assert!(body.poll_next_unpin(&mut context).is_pending());
        timer.runtime.advance(Duration::from_secs(9));
        assert!(body.poll_next_unpin(&mut context).is_pending());
        slow.0.lock().unwrap().push_back(piece("more"));
        assert!(body.poll_next_unpin(&mut context).is_ready());
    }
    assert!(body.poll_next_unpin(&mut context).is_pending());
    timer.runtime.advance(Duration::from_secs(10));
    let Poll::Ready(Some(Err(error))) = body.poll_next_unpin(&mut context) else {
        panic!("its time is over");
    };
    assert!(error.is_timeout());
    // No more alarms than time can hold, and none longer than the patience.
    let sleeps = timer.sleeps.lock().unwrap();
    assert!(sleeps.len() <= 41, "{}", sleeps.len());
    assert!(sleeps.iter().all(|sleep| *sleep <= Duration::from_secs(10)));
}

/// Tells when it is dropped.
struct Watched(BodyStream, Arc<AtomicBool>);

impl Stream for Watched {
    type Item = Piece;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Piece>> {
        self.0.poll_next_unpin(cx)
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.1.store(true, Ordering::SeqCst);
    }
}

#[tokio::test]
async fn a_body_is_given_up_when_it_is_dropped_fails_or_ends() {
    let failed = || vec![Ok(long()), Err(SendFailure::new(SendFailureKind::Lost))];
    for (pieces, steps) in [(vec![Ok(long())], 1), (failed(), 2), (vec![Ok(long())], 2)] {
        let gone = Arc::new(AtomicBool::new(false));
        let body = Watched(BodyStream::new(stream::iter(pieces)), Arc::clone(&gone));
        let head = head(200, "text/xml");
        let answers = [Reply::streamed(head.body(BodyStream::new(body)).unwrap())];
        let mut body = open(ccd(), answers).await.outcome.unwrap();
        for _ in 0..steps {
            assert!(!gone.load(Ordering::SeqCst));
            let _ = body.next().await;
        }
        if steps == 1 {
            assert!(!gone.load(Ordering::SeqCst));
            drop(body);
        }
        assert!(gone.load(Ordering::SeqCst));
    }
}

#[tokio::test]
async fn a_refused_token_and_a_busy_service_come_before_the_stream() {
    let refusal = r#"{"statusCode":401,"error":"Unauthorized","message":"m"}"#;
    let (gone, busy) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicBool::new(false)),
    );
    let watched = |text: &'static str, gone: &Arc<AtomicBool>| {
        BodyStream::new(Watched(BodyStream::once(text.into()), Arc::clone(gone)))
    };
    let opened = open(
        ccd(),
        [
            Reply::streamed(
                head(401, "application/json")
                    .body(watched(refusal, &gone))
                    .unwrap(),
            ),
            Reply::streamed(
                head(503, "text/html")
                    .header("retry-after", "42")
                    .body(watched("<html>", &busy))
                    .unwrap(),
            ),
            answer(head(200, "text/xml"), [piece(CCD)]),
        ],
    )
    .await;
    assert_eq!(read(opened.outcome.unwrap()).await, (CCD.into(), None));
    let requests = opened.transport.requests();
    let tokens: Vec<_> = (requests.iter())
        .map(|request| request.headers()["authorization"].to_str().unwrap())
        .collect();
    assert_eq!(tokens, ["Bearer at-1", "Bearer at-2", "Bearer at-2"]);
    let waited = opened.runtime.now().monotonic();
    assert!(waited >= Duration::from_secs(42) && waited < Duration::from_secs(43));
    assert!(gone.load(Ordering::SeqCst) && busy.load(Ordering::SeqCst));
}

#[tokio::test]
async fn an_error_whose_body_never_ends_is_judged_within_its_attempt() {
    let policy = || RetryPolicy::default().with_attempt_timeout(Duration::from_secs(8));
    let stalls = stalling([piece("{\"errorCode\":\"NOT_")]);
    let transport = ScriptedTransport::new([
        Reply::streamed(head(403, "application/json").body(stalls).unwrap()),
        answer(head(200, "text/xml"), [piece(CCD)]),
    ]);
    let runtime = VirtualRuntime::new();
    let timer = Arc::new(runtime.clone());
    let mut flow = flow(ccd(), policy());
    let body = drive_open(&mut flow, &transport, &Tokens::default(), timer).await;
    assert_eq!(read(body.unwrap()).await, (CCD.into(), None));
    assert_eq!(transport.requests().len(), 2);
    let waited = runtime.now().monotonic();
    assert!(waited >= Duration::from_secs(8) && waited < Duration::from_secs(9));
}

/// Brings a piece each time that so long has passed.
fn dribbling(every: Duration, pieces: impl IntoIterator<Item = Piece>) -> BodyStream {
    let pieces: Vec<_> = pieces.into_iter().collect();
    BodyStream::new(stream::iter(pieces).then(move |piece| async move {
        tokio::time::sleep(every).await;
        piece
    }))
}

/// Opens a report that is judged as a whole, and says how long that took.
async fn open_report(
    policy: RetryPolicy,
    bodies: impl IntoIterator<Item = BodyStream>,
) -> (Result<Download, FlowError>, usize, Duration) {
    let report = |body| Reply::streamed(head(200, "application/json").body(body).unwrap());
    let transport = ScriptedTransport::new(bodies.into_iter().map(report));
    let mut flow = flow(Raw::<Report>::new("r-1", ReportFormat::Json), policy);
    let timer = Arc::new(TokioRuntime::new());
    let since = tokio::time::Instant::now();
    let opened = drive_open(&mut flow, &transport, &Tokens::default(), timer).await;
    (opened, transport.requests().len(), since.elapsed())
}

const REPORT: [&str; 5] = ["{\"demographics\"", ":", "{}", " ", "}"];

#[tokio::test(start_paused = true)]
async fn a_report_that_comes_slowly_is_waited_for_and_asked_for_once() {
    let slow = dribbling(Duration::from_secs(20), REPORT.map(piece));
    let (opened, requests, took) = open_report(RetryPolicy::default(), [slow]).await;
    assert_eq!(read(opened.unwrap()).await, (REPORT.concat().into(), None));
    assert_eq!((requests, took), (1, Duration::from_secs(100)));
}

#[tokio::test(start_paused = true)]
async fn a_report_that_falls_silent_before_it_can_be_judged_is_asked_for_again() {
    let patience = Duration::from_secs(9);
    let policy = RetryPolicy::default().with_chunk_timeout(patience);
    let slow = dribbling(patience - Duration::from_secs(1), [piece(REPORT[0])]);
    let silent = BodyStream::new(slow.chain(stream::pending()));
    let whole = BodyStream::once(REPORT.concat().into());
    let (opened, requests, took) = open_report(policy, [silent, whole]).await;
    assert_eq!(read(opened.unwrap()).await, (REPORT.concat().into(), None));
    assert_eq!(requests, 2);
    let silence = Duration::from_secs(8) + patience;
    assert!(
        took >= silence && took < silence + Duration::from_secs(1),
        "{took:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_report_that_comes_to_no_end_is_given_up_once_all_time_is_over() {
    let endless = (0..1000).map(|_| piece(" "));
    let body = dribbling(Duration::from_secs(20), endless);
    let (opened, requests, took) = open_report(RetryPolicy::default(), [body]).await;
    let error = opened.unwrap_err();
    assert!(
        matches!(error, FlowError::OutOfTime { attempts: 1, .. }),
        "{error:?}"
    );
    assert_eq!((requests, took), (1, Duration::from_secs(120)));
}

#[tokio::test]
async fn a_report_that_is_never_waited_for_is_given_up_once_all_time_is_over() {
    let runtime = VirtualRuntime::new();
    let clock = runtime.clone();
    // It blocks each time, and always has a piece at hand then, as the body of a blocking stack.
    let body = stream::repeat_with(move || {
        clock.advance(Duration::from_secs(20));
        piece(" ")
    });
    let body = BodyStream::new(body.take(1000));
    let answer = Reply::streamed(head(200, "application/json").body(body).unwrap());
    let transport = ScriptedTransport::new([answer]);
    let report = Raw::<Report>::new("r-1", ReportFormat::Json);
    let mut flow = flow(report, RetryPolicy::default());
    let timer = Arc::new(runtime.clone());
    let opened = drive_open(&mut flow, &transport, &Tokens::default(), timer).await;
    let error = opened.unwrap_err();
    assert!(
        matches!(error, FlowError::OutOfTime { attempts: 1, .. }),
        "{error:?}"
    );
    assert_eq!(transport.requests().len(), 1);
    assert_eq!(runtime.now().monotonic(), Duration::from_secs(120));
}

#[tokio::test]
async fn no_more_is_read_of_an_error_than_an_error_has() {
    // No marks can stand behind so many bytes; what follows is never asked for.
    let endless = BodyStream::new(stream::repeat_with(|| Ok(Bytes::from(vec![b'x'; 4096]))));
    let opened = open(
        ccd(),
        [Reply::streamed(
            head(302, "text/plain").body(endless).unwrap(),
        )],
    )
    .await;
    let error = opened.outcome.unwrap_err();
    assert_eq!(error.intermediary().unwrap().status(), StatusCode::FOUND);
}

#[tokio::test]
async fn what_is_no_document_is_asked_for_again_and_told_as_such() {
    let page = "<!DOCTYPE html><title>canary</title>";
    let pdf = || Raw::<Report>::new("r-1", ReportFormat::Pdf);
    for (declared, body) in [("text/html", page), ("text/xml", "\0 canary")] {
        let answers = || (0..4).map(|_| answer(head(200, declared), [piece(body)]));
        for opened in [open(ccd(), answers()).await, open(pdf(), answers()).await] {
            let error = opened.outcome.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Intermediary);
            let text = format!("{error} {error:?} {}", error.report());
            assert!(
                text.contains(declared) && !text.contains("canary"),
                "{text}"
            );
            // It may be gone by the next time.
            assert_eq!(opened.transport.requests().len(), 4);
        }
        let document = answer(head(200, "text/xml"), [piece(CCD)]);
        let opened = open(ccd(), answers().take(3).chain([document])).await;
        assert_eq!(read(opened.outcome.unwrap()).await, (CCD.into(), None));
    }
}

#[tokio::test]
async fn a_refusal_is_told_as_one() {
    let refusal = r#"{"statusCode":404,"error":"Not Found","message":"m"}"#;
    let opened = open(ccd(), [Reply::json(404, refusal)]).await;
    let kind = opened.outcome.unwrap_err().kind();
    assert_eq!(kind, ErrorKind::Api(ApiErrorKind::NotFound));
}

#[tokio::test]
async fn a_head_that_does_not_come_is_waited_for_as_long_as_an_attempt_takes() {
    let answers = [Reply::hang(), answer(head(200, "text/xml"), [piece(CCD)])];
    let opened = open(ccd(), answers).await;
    assert_eq!(read(opened.outcome.unwrap()).await, (CCD.into(), None));
    assert!(opened.runtime.now().monotonic() >= Duration::from_secs(30));
}

#[tokio::test]
async fn a_bound_holds_whether_the_length_is_announced_or_not() {
    let report = || Raw::<Report>::new("r-1", ReportFormat::Json);
    let text = r#"{"a":[1,2]}"#;
    for measured in [false, true] {
        let answer = || {
            let mut head = head(200, "application/json");
            if measured {
                head = head.header("content-length", text.len());
            }
            [answer(head, [piece(&text[..4]), piece(&text[4..])])]
        };
        for (limit, fits) in [(text.len(), true), (text.len() - 1, false), (0, false)] {
            let body = open(report(), answer()).await.outcome.unwrap();
            match body.bytes(limit).await {
                Ok(bytes) => assert!(fits && bytes == text),
                Err(error) => {
                    assert!(!fits);
                    assert_eq!(Some(error.kind()), network(SendFailureKind::TooLarge));
                }
            }
        }
        let body = open(report(), answer()).await.outcome.unwrap();
        let value: serde_json::Value = body.json(1000).await.unwrap();
        assert_eq!(value, serde_json::json!({"a": [1, 2]}));
    }
    let broken = [answer(head(200, "application/json"), [piece("{\"canary")])];
    let body = open(report(), broken).await.outcome.unwrap();
    let error = body.json::<serde_json::Value>(1000).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unreadable);
    assert!(!format!("{error} {error:?}").contains("canary"));
}

#[tokio::test]
async fn a_length_that_no_memory_has_is_no_reason_to_end_the_program() {
    let measured = head(200, "text/xml").header("content-length", i64::MAX);
    let opened = open(ccd(), [answer(measured, [piece(CCD)])]).await;
    let error = opened.outcome.unwrap().bytes(usize::MAX).await.unwrap_err();
    assert_eq!(Some(error.kind()), network(SendFailureKind::CutShort));
}

#[tokio::test]
async fn a_loop_that_hands_over_no_body_has_it_whole() {
    let transport = ScriptedTransport::new([answer(
        head(200, "text/xml"),
        [piece(&CCD[..9]), piece(&CCD[9..])],
    )]);
    let mut whole = flow(ccd(), RetryPolicy::default());
    let runtime = VirtualRuntime::new();
    let answer = drive(&mut whole, &transport, &Tokens::default(), &runtime).await;
    assert_eq!(
        answer.unwrap().into_body().unwrap().as_bytes(),
        CCD.as_bytes()
    );

    let endpoint = humanapi_core::RawCall::new(http::Method::GET, humanapi_core::Host::Auth, "/x");
    let (hosts, policy) = (Hosts::production(), RetryPolicy::none());
    let mut blocking = humanapi_core::flow::Call::new(endpoint.streamed(), hosts, policy);
    let answer = drive_blocking(&mut blocking, |_, _| Ok(Response::new(CCD.into())));
    assert_eq!(
        answer.unwrap().into_body().unwrap().as_bytes(),
        CCD.as_bytes()
    );
}

#[tokio::test]
async fn a_users_documents_are_opened_or_read_whole() {
    use humanapi_client::Client;
    use humanapi_core::{Credentials, Provisioning};

    let report = r#"{"demographics":{}}"#;
    let transport = ScriptedTransport::new([
        Reply::json(200, r#"{"access_token":"at-1","expires_in":86400}"#),
        answer(head(200, "text/xml"), [Ok(long()), piece("more")]),
        Reply::json(200, report),
        answer(head(200, "application/pdf"), [piece("%PDF-"), piece("1.7")]),
    ]);
    let credentials = Credentials::new("app-1", "hush").unwrap();
    let client = Client::builder(credentials, Provisioning::Connect, transport.clone())
        .build_on(VirtualRuntime::new());
    let data = client.user("patient-17").data();

    let (ccd, failed) = read(data.ccd("ccd-1").open().await.unwrap()).await;
    assert_eq!((ccd.len(), failed), (long().len() + 4, None));
    let json = data.report("r-1", ReportFormat::Json).open().await.unwrap();
    let json: serde_json::Value = json.json(1000).await.unwrap();
    assert_eq!(json, serde_json::json!({"demographics": {}}));
    let pdf = data.report("r-1", ReportFormat::Pdf).await.unwrap();
    assert_eq!(pdf.content_type(), Some("application/pdf"));
    assert_eq!(pdf.into_body().unwrap().as_bytes(), b"%PDF-1.7");

    let requests = transport.requests();
    let targets: Vec<_> = (requests[1..].iter())
        .map(|request| request.uri().path_and_query().unwrap().as_str())
        .collect();
    let documents = "/v1/human/medical";
    assert_eq!(
        targets,
        [
            format!("{documents}/ccds/ccd-1/raw"),
            format!("{documents}/reports/r-1/raw?format=json"),
            format!("{documents}/reports/r-1/raw?format=pdf"),
        ]
    );
    let is_ours =
        |request: &humanapi_core::Request| request.headers()["authorization"] == "Bearer at-1";
    assert!(requests[1..].iter().all(is_ours));
    let nobody = client.user("").data().ccd("ccd-1").open().await;
    assert_eq!(nobody.unwrap_err().kind(), ErrorKind::InvalidInput);
}

/// A folder of the test's own, and what is in it.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self) -> std::path::PathBuf {
        self.0.path().join("ccd.xml")
    }

    fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.0.path()).unwrap();
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

#[tokio::test]
async fn a_document_is_saved_whole() {
    let folder = Folder::new();
    for before in ["", "what stood there"] {
        if !before.is_empty() {
            std::fs::write(folder.file(), before).unwrap();
        }
        let answers = [answer(head(200, "text/xml"), [Ok(long()), piece("more")])];
        let body = open(ccd(), answers).await.outcome.unwrap();
        let size = body.save(folder.file()).await.unwrap();
        let saved = std::fs::read(folder.file()).unwrap();
        assert_eq!(saved, [&long()[..], b"more"].concat());
        assert_eq!(size, saved.len() as u64);
        assert_eq!(folder.names(), ["ccd.xml"]);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = folder.file().metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "others may not read it");
        }
    }
}

#[tokio::test]
async fn a_document_is_saved_under_the_longest_name() {
    let folder = Folder::new();
    let path = folder.file().with_file_name("n".repeat(255));
    let answers = [answer(head(200, "text/xml"), [piece(CCD)])];
    let body = open(ccd(), answers).await.outcome.unwrap();
    assert_eq!(body.save(&path).await.unwrap(), CCD.len() as u64);
    assert_eq!(std::fs::read(&path).unwrap(), CCD.as_bytes());
}

#[tokio::test]
async fn what_is_not_whole_is_not_saved() {
    let folder = Folder::new();
    std::fs::write(folder.file(), "what stood there").unwrap();
    let broken = [Ok(long()), Err(SendFailure::new(SendFailureKind::CutShort))];
    let body = open(ccd(), [answer(head(200, "text/xml"), broken)]).await;
    let outcome = body.outcome.unwrap().save(folder.file()).await;
    assert!(
        matches!(outcome, Err(SaveError::Download(_))),
        "{outcome:?}"
    );
    assert_eq!(folder.names(), ["ccd.xml"]);
    assert_eq!(std::fs::read(folder.file()).unwrap(), b"what stood there");

    // A place that no file can be put into.
    for place in [
        folder.0.path().to_owned(),
        folder.file().join("below"),
        "..".into(),
    ] {
        let answers = [answer(head(200, "text/xml"), [Ok(long())])];
        let body = open(ccd(), answers).await.outcome.unwrap();
        let outcome = body.save(&place).await;
        assert!(matches!(outcome, Err(SaveError::File(_))), "{outcome:?}");
        assert_eq!(folder.names(), ["ccd.xml"]);
        let beside = folder.0.path().with_file_name("");
        let mut left = std::fs::read_dir(beside).unwrap();
        let name = folder.0.path().file_name().unwrap().to_str().unwrap();
        assert!(!left.any(|entry| {
            let entry = entry.unwrap().file_name();
            entry.to_string_lossy().starts_with(&format!(".{name}"))
        }));
    }
}

#[tokio::test]
async fn a_call_that_may_have_had_an_effect_is_sent_once_however_its_body_ends() {
    use humanapi_client::Client;
    use humanapi_core::http::Method;
    use humanapi_core::{Credentials, Host, Provisioning, RawCall, Replay};

    let post = || RawCall::new(Method::POST, Host::Admin, "/api/v1/exports");
    let get = RawCall::new(Method::GET, Host::Admin, "/api/v1/exports/e-1");
    for (call, is_whole) in [
        (post(), false),
        (post().with_replay(Replay::OnlyIfNotSent), false),
        (post().with_replay(Replay::Safe), true),
        (get, true),
    ] {
        let cut = Err(SendFailure::new(SendFailureKind::CutShort));
        let transport = ScriptedTransport::new([
            Reply::json(200, r#"{"client_token":"ct-1","expires_in":86400}"#),
            answer(head(200, "text/csv"), [Ok(long()), cut]),
            answer(head(200, "text/csv"), [piece("whole")]),
        ]);
        let credentials = Credentials::new("app-1", "hush").unwrap();
        let client = Client::builder(credentials, Provisioning::Hip, transport.clone())
            .build_on(VirtualRuntime::new());
        let folder = Folder::new();
        let call = client.call(call.streamed());
        let outcome = call.download_to_file(folder.file()).await;
        assert_eq!(outcome.is_ok(), is_whole, "{outcome:?}");
        let calls = if is_whole { 2 } else { 1 };
        assert_eq!(transport.requests().len(), 1 + calls);
        assert_eq!(folder.names().len(), usize::from(is_whole));
    }
}

#[tokio::test]
async fn nothing_is_left_of_a_save_that_is_dropped() {
    let folder = Folder::new();
    let slow = Slow::default();
    slow.0.lock().unwrap().push_back(Ok(long()));
    let timer = Hand {
        runtime: VirtualRuntime::new(),
        sleeps: Arc::default(),
    };
    let body = BodyStream::new(slow.clone());
    let transport =
        ScriptedTransport::new([Reply::streamed(head(200, "text/xml").body(body).unwrap())]);
    let mut flow = flow(ccd(), RetryPolicy::default());
    let tokens = Tokens::default();
    let opened = drive_open(&mut flow, &transport, &tokens, Arc::new(timer));
    let mut saving = Box::pin(opened.await.unwrap().save(folder.file()));
    // It waits for more once what there is was written.
    let begun = async {
        while folder.names().is_empty() || !slow.0.lock().unwrap().is_empty() {
            assert!(poll_once(&mut saving).await.is_pending());
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(AMPLE, begun).await.unwrap();
    drop(saving);
    // A write that was under way is finished first.
    let gone = async {
        while !folder.names().is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(AMPLE, gone).await.unwrap();
}

/// Files are written in threads of their own, in real time: a test that waits for one in vain has to end.
const AMPLE: Duration = Duration::from_secs(60);

async fn poll_once<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    std::future::poll_fn(|cx| Poll::Ready(Pin::new(&mut *future).poll(cx))).await
}
