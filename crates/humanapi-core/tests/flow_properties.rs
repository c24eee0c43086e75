//! Flows under random answers, clocks, policies and noise.
//!
//! One driver plays the part of service, wire, clocks and token broker after a random script, and
//! records what a flow does. What must hold is then read off the record, which knows nothing of how
//! flows work inside.
//!
//! One piece: the driver plays service, wire, clocks and token broker after one script, and every property reads its one
//! record.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::fmt::Debug;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use humanapi_core::flow::{Authorized, Call, ConnectGrant, ConnectTokenFlow, SelfServed};
use humanapi_core::http::{self, Method, StatusCode, header};
use humanapi_core::rules::{self, Decision, Purpose};
use humanapi_core::{
    AccessToken, ApiErrorKind, Authorization, Bearer, Body, BuildError, ClientUserId, ConnectToken,
    Credentials, Endpoint, Expiry, Flow, FlowError, Generation, Head, Host, Hosts, IdToken, Input,
    Issued, KnownStatus, Leeway, Now, Provisioning, RawCall, Rejected, Replay, Request, RequestId,
    Response, ResponseError, RetryPolicy, SendFailure, SendFailureKind, SessionToken, Step,
    TokenKey, TokenKind, UserStatus,
};
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;

/// An operation of nobody's but this test's, as a library author would write one.
#[derive(Clone, Debug)]
struct PlaceOrder {
    call: RawCall,
    /// How much of a body has to be seen, where it is handed over as it arrives.
    streamed: Option<usize>,
}

impl PlaceOrder {
    fn new(replay: Replay, authorization: Authorization) -> Self {
        let call = RawCall::new(Method::POST, Host::Data, "/orders")
            .with_json(&["order-1"])
            .unwrap()
            .with_replay(replay)
            .with_authorization(authorization);
        Self {
            call,
            streamed: None,
        }
    }

    const fn streamed(mut self, peek: usize) -> Self {
        self.streamed = Some(peek);
        self
    }
}

impl Endpoint for PlaceOrder {
    type Output = StatusCode;

    fn name(&self) -> &'static str {
        "test.order"
    }

    fn replay(&self) -> Replay {
        self.call.replay()
    }

    fn authorization(&self) -> Authorization {
        self.call.authorization()
    }

    fn request(&self, hosts: &Hosts) -> Result<Request, BuildError> {
        self.call.request(hosts)
    }

    fn streams(&self) -> bool {
        self.streamed.is_some()
    }

    fn peek(&self, head: &Head) -> usize {
        assert!(head.status.is_success(), "an error is read in any case");
        self.streamed.unwrap()
    }

    fn parse(&self, response: Response, sent_at: Now) -> Result<StatusCode, ResponseError> {
        self.call.parse(response, sent_at).map(|raw| raw.status)
    }
}

/// What becomes of one attempt.
#[derive(Clone, Copy, Debug)]
enum Reply {
    Success,
    /// A success without what was asked for.
    Hollow,
    /// A success that is no JSON.
    Garbled,
    Refusal {
        status: u16,
        says: Says,
        retry: Retry,
    },
    Fails(SendFailureKind),
    Hangs,
}

/// What the body of a refusal says.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Says {
    /// A code, in a body of the service's own.
    Code(&'static str),
    /// No code, in a body of the service's own.
    Envelope,
    /// What bears no marks of the service.
    Foreign(&'static str),
}

impl Says {
    const FOREIGN: [Self; 4] = [
        Self::Foreign(""),
        Self::Foreign("<html>"),
        Self::Foreign("denied"),
        Self::Foreign(r#"{"message":"Forbidden"}"#),
    ];

    const fn is_foreign(self) -> bool {
        matches!(self, Self::Foreign(_))
    }
}

/// What a refusal says in `Retry-After`.
#[derive(Clone, Copy, Debug)]
enum Retry {
    Silent,
    Seconds(u32),
    DatePast(u32),
    DateFuture(u32),
    Negative,
    Absurd,
    Garbage,
}

/// How the wall clock behaves while time passes.
#[derive(Clone, Copy, Debug)]
enum Drift {
    None,
    /// It is set back.
    Back(u32),
    /// The machine sleeps, or the clock is set forward: the monotonic one stands still meanwhile.
    Ahead(u32),
}

#[derive(Clone, Copy, Debug)]
struct Exchange {
    answer: Reply,
    /// How long the answer takes.
    takes: Duration,
    /// How much too late a wait ends.
    late: Duration,
    drift: Drift,
}

/// How a broker answers the need for a token.
#[derive(Clone, Copy, Debug)]
enum TokenTurn {
    Newer(u8),
    Same,
    Older,
    None,
}

/// Inputs that answer no open question.
#[derive(Clone, Copy, Debug)]
enum Noise {
    /// A success for a request answered long ago, or taken as timed out.
    StaleSuccess,
    StaleRefusal,
    StaleFailure,
    /// The head of an answer, to a request that did not ask for one alone.
    StaleHead,
    /// A body that nobody asked for.
    StaleBody,
    Token,
    FailedToken,
}

#[derive(Clone, Debug)]
struct Script {
    turns: Vec<Exchange>,
    /// How each need for a token is answered, and how long that takes.
    tokens: Vec<(TokenTurn, Duration)>,
}

/// How much is fed in beyond what the script says.
#[derive(Clone, Debug, Default)]
struct Extras {
    noise: Vec<Noise>,
    polls: u32,
    /// The answer to a request that is opened comes in pieces, and not whole. The flow wants to see so many bytes of a
    /// success.
    pieces: Option<usize>,
    /// What hangs does so behind the head of a success whose beginning the flow wants to see.
    silent: bool,
}

/// One attempt as the driver saw it.
#[derive(Clone, Debug, PartialEq)]
struct Attempt {
    at: Duration,
    timeout: Duration,
    /// The token type that was asked for, or nothing for the operation itself.
    kind: Option<String>,
    authorization: Option<String>,
    end: End,
    ended_at: Duration,
    /// How long the answer asked to wait.
    asked: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    Open,
    /// The status, and whether a token or a result was in it.
    Answered(u16, bool),
    /// The status, of an answer without the service's marks.
    Foreign(u16),
    Failed(SendFailureKind),
}

#[derive(Debug)]
struct Record<T> {
    started: Duration,
    finished: Duration,
    attempts: Vec<Attempt>,
    /// The rejected generation of each need for a token, and the number handed in.
    needs: Vec<(Option<u64>, Option<u64>)>,
    /// Until when the beginning of each success was to be read.
    reads: Vec<Duration>,
    /// The longest that a wait went on too long.
    latest: Duration,
    /// How far the wall clock was set forward, in all.
    ahead: Duration,
    outcome: Result<T, FlowError>,
}

impl<T: Debug> Record<T> {
    /// All that can be seen from outside.
    fn trace(&self) -> String {
        format!(
            "{:?} {:?} {:?} {:?}",
            self.attempts, self.needs, self.finished, self.outcome
        )
    }
}

struct Pending {
    id: RequestId,
    turn: Exchange,
    arrives: Duration,
    /// Whether it was asked for its head.
    opened: bool,
    /// Whether the head that was handed in is that of a success.
    succeeds: bool,
    /// What follows a head that was handed in.
    rest: Option<Rest>,
}

/// What follows a head.
enum Rest {
    Body(Body, End, Duration),
    Failure(SendFailureKind),
    Nothing,
}

struct Driver<'a> {
    now: Now,
    script: &'a Script,
    extras: &'a Extras,
    turn: usize,
    noise: usize,
    ids: Vec<RequestId>,
    pending: Option<Pending>,
    attempts: Vec<Attempt>,
    needs: Vec<(Option<u64>, Option<u64>)>,
    reads: Vec<Duration>,
    latest: Duration,
    /// How far the wall clock was set forward, in all.
    ahead: Duration,
}

/// A flow that takes more steps than this goes round in circles.
const MANY_STEPS: usize = 400;

fn run<F, T>(mut flow: F, script: &Script, extras: &Extras) -> Record<T>
where
    F: Flow<Outcome = Result<T, FlowError>>,
{
    let mut driver = Driver {
        now: start(),
        script,
        extras,
        turn: 0,
        noise: 0,
        ids: Vec::new(),
        pending: None,
        attempts: Vec::new(),
        needs: Vec::new(),
        reads: Vec::new(),
        latest: Duration::ZERO,
        ahead: Duration::ZERO,
    };
    driver.disturb(&mut flow, false);
    for _ in 0..MANY_STEPS {
        match flow.poll(driver.now) {
            Step::Send {
                id,
                request,
                timeout,
            } => driver.send(id, &request, timeout, false),
            Step::Open {
                id,
                request,
                timeout,
                chunk_timeout,
            } => {
                assert_eq!(chunk_timeout, CHUNK_TIMEOUT);
                driver.send(id, &request, timeout, true);
            }
            Step::Read {
                id,
                at_least,
                timeout,
            } => driver.read(&mut flow, id, at_least, timeout),
            Step::NeedToken {
                key,
                rejected,
                timeout,
            } => {
                assert_eq!(key.purpose(), Purpose::ReadData);
                let last = driver.attempts.last().map(|attempt| attempt.end);
                if let Some(rejected) = rejected {
                    let by_the_service = matches!(last, Some(End::Answered(401, _)));
                    assert_eq!(rejected.is_certain(), by_the_service);
                }
                assert!(!timeout.is_zero(), "there is no time for a token");
                driver.hand_in_token(&mut flow, rejected.map(Rejected::generation));
            }
            Step::WaitUntil(until) => driver.wait(&mut flow, until),
            Step::Done(outcome) => {
                for _ in 0..extras.noise.len() {
                    driver.disturb(&mut flow, true);
                }
                return Record {
                    started: start().monotonic(),
                    finished: driver.now.monotonic(),
                    attempts: driver.attempts,
                    needs: driver.needs,
                    reads: driver.reads,
                    latest: driver.latest,
                    ahead: driver.ahead,
                    outcome,
                };
            }
        }
    }
    panic!("the flow goes round in circles: {:?}", driver.attempts);
}

fn start() -> Now {
    Now::new(
        Duration::from_secs(5_000),
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000),
    )
}

impl Driver<'_> {
    fn send(&mut self, id: RequestId, request: &Request, timeout: Duration, opened: bool) {
        assert!(!self.ids.contains(&id), "an id is used twice");
        self.ids.push(id);
        let authorization = request
            .headers()
            .get(header::AUTHORIZATION)
            .map(|value| value.to_str().unwrap().to_owned());
        self.attempts.push(Attempt {
            at: self.now.monotonic(),
            timeout,
            kind: kind_asked_for(request),
            authorization,
            end: End::Open,
            ended_at: Duration::ZERO,
            asked: Duration::ZERO,
        });
        let turn = self.turn();
        self.pending = Some(Pending {
            id,
            turn,
            arrives: self.now.monotonic() + turn.takes,
            opened,
            succeeds: false,
            rest: None,
        });
        if timeout.is_zero() {
            self.close(End::Failed(SendFailureKind::TimedOut));
        }
    }

    /// The script goes on with successes for ever.
    fn turn(&mut self) -> Exchange {
        let turn = self.script.turns.get(self.turn).copied();
        self.turn += 1;
        turn.unwrap_or(Exchange {
            answer: Reply::Success,
            takes: Duration::from_millis(10),
            late: Duration::ZERO,
            drift: Drift::None,
        })
    }

    fn close(&mut self, end: End) {
        if self.pending.take().is_some() {
            let attempt = self.attempts.last_mut().unwrap();
            attempt.end = end;
            attempt.ended_at = self.now.monotonic();
        }
    }

    fn wait<F: Flow>(&mut self, flow: &mut F, until: Duration) {
        assert!(until > self.now.monotonic(), "a wait that is over already");
        self.disturb(flow, false);
        let Some(pending) = &self.pending else {
            let late = self.late();
            self.pass(flow, until, until.saturating_add(late), Drift::None);
            return;
        };
        let turn = pending.turn;
        let arrives = pending.arrives;
        let hangs = matches!(turn.answer, Reply::Hangs);
        let begins = self.ends_at_a_head() || self.extras.silent;
        if hangs && begins && self.in_pieces() && pending.rest.is_none() {
            self.begin(flow, Rest::Nothing);
            return;
        }
        if hangs || arrives >= until {
            let late = self.late();
            self.pass(flow, until, until.saturating_add(late), turn.drift);
            self.close(End::Failed(SendFailureKind::TimedOut));
            return;
        }
        self.pass(flow, arrives, arrives, turn.drift);
        self.answer(flow, turn.answer);
        self.disturb(flow, false);
    }

    fn late(&mut self) -> Duration {
        let late = self.pending.as_ref().map_or_else(
            || {
                let last = self.turn.checked_sub(1);
                last.and_then(|last| self.script.turns.get(last))
                    .map_or(Duration::ZERO, |turn| turn.late)
            },
            |pending| pending.turn.late,
        );
        self.latest = self.latest.max(late);
        late
    }

    /// Lets time pass up to `to`, with polls in between while they ask for nothing new.
    fn pass<F: Flow>(&mut self, flow: &mut F, quiet: Duration, to: Duration, drift: Drift) {
        let from = self.now;
        let span = quiet.saturating_sub(from.monotonic());
        for step in 0..self.extras.polls {
            let now = from.after(span / self.extras.polls * step);
            if now.monotonic() < quiet {
                assert!(matches!(flow.poll(now), Step::WaitUntil(_)));
            }
        }
        let elapsed = to.saturating_sub(from.monotonic());
        let on = from.after(elapsed);
        if let Drift::Ahead(seconds) = drift {
            self.ahead += Duration::from_secs(seconds.into());
        }
        let wall = match drift {
            Drift::None => on.wall(),
            Drift::Back(seconds) => on.wall() - Duration::from_secs(seconds.into()),
            Drift::Ahead(seconds) => on.wall() + Duration::from_secs(seconds.into()),
        };
        self.now = Now::new(on.monotonic(), wall);
    }

    fn answer<F: Flow>(&mut self, flow: &mut F, answer: Reply) {
        let id = self.pending.as_ref().unwrap().id;
        let kind = self.attempts.last().unwrap().kind.clone();
        let number = self.attempts.len();
        let in_pieces = self.in_pieces();
        if in_pieces && let Reply::Fails(SendFailureKind::CutShort) = answer {
            self.begin(flow, Rest::Failure(SendFailureKind::CutShort));
            return;
        }
        let (end, asked, input) = match answer {
            Reply::Fails(failure) => (
                End::Failed(failure),
                Duration::ZERO,
                Input::SendFailed {
                    id,
                    failure: SendFailure::new(failure),
                },
            ),
            answer => {
                let (response, asked) = respond(answer, kind.as_deref(), number, self.now);
                let full = matches!(answer, Reply::Success)
                    || (kind.is_none() && response.status().is_success());
                let status = response.status().as_u16();
                let end = match answer {
                    Reply::Refusal { says, .. } if says.is_foreign() => End::Foreign(status),
                    _ => End::Answered(status, full),
                };
                if in_pieces {
                    let (head, body) = response.into_parts();
                    let pending = self.pending.as_mut().unwrap();
                    pending.succeeds = head.status.is_success();
                    pending.rest = Some(Rest::Body(body, end, asked));
                    flow.handle(Input::Head { id, head }, self.now);
                    if matches!(end, End::Answered(200, _)) && self.ends_at_a_head() {
                        self.close(end);
                    }
                    return;
                }
                (end, asked, Input::Response { id, response })
            }
        };
        self.close(end);
        self.attempts.last_mut().unwrap().asked = asked;
        flow.handle(input, self.now);
    }

    fn in_pieces(&self) -> bool {
        self.extras.pieces.is_some() && self.pending.as_ref().unwrap().opened
    }

    /// Whether the head of a success is all that the flow wants to see.
    fn ends_at_a_head(&self) -> bool {
        self.extras.pieces == Some(0)
    }

    /// Hands in the head of an answer whose body is to fail.
    fn begin<F: Flow>(&mut self, flow: &mut F, rest: Rest) {
        let ends_at_a_head = self.ends_at_a_head();
        let pending = self.pending.as_mut().unwrap();
        let id = pending.id;
        pending.rest = Some(rest);
        // After the head of a success that is all the flow wants to see nothing could fail any more.
        let status = if ends_at_a_head { 503 } else { 200 };
        pending.succeeds = !ends_at_a_head;
        let head = http::Response::builder().status(status).body(()).unwrap();
        let head = head.into_parts().0;
        flow.handle(Input::Head { id, head }, self.now);
    }

    fn read<F: Flow>(&mut self, flow: &mut F, id: RequestId, at_least: usize, timeout: Duration) {
        self.disturb(flow, false);
        assert!(at_least > 0, "nothing is read");
        assert!(!timeout.is_zero(), "there is no time to read");
        let now = self.now.monotonic();
        let pending = self.pending.as_mut().unwrap();
        assert_eq!(pending.id, id);
        let attempt = self.attempts.last().unwrap();
        if pending.succeeds {
            self.reads.push(now.saturating_add(timeout));
        } else {
            let left = (attempt.at.saturating_add(attempt.timeout)).saturating_sub(now);
            assert!(timeout <= left, "longer than the attempt");
        }
        match pending.rest.take().unwrap() {
            Rest::Body(body, end, asked) => {
                self.close(end);
                self.attempts.last_mut().unwrap().asked = asked;
                flow.handle(Input::read(id, Ok(body)), self.now);
            }
            Rest::Failure(kind) => self.break_off(flow, id, kind),
            Rest::Nothing => {
                pending.rest = Some(Rest::Nothing);
                // A driver ends what is silent for too long, unless its time is over before.
                if self.extras.silent && timeout > CHUNK_TIMEOUT {
                    let until = now.saturating_add(CHUNK_TIMEOUT);
                    self.pass(flow, until, until, Drift::None);
                    self.break_off(flow, id, SendFailureKind::TimedOut);
                }
            }
        }
        self.disturb(flow, false);
    }

    /// The body fails.
    fn break_off<F: Flow>(&mut self, flow: &mut F, id: RequestId, kind: SendFailureKind) {
        self.close(End::Failed(kind));
        let failure = SendFailure::new(kind);
        flow.handle(Input::read(id, Err(failure)), self.now);
    }

    fn hand_in_token<F: Flow>(&mut self, flow: &mut F, rejected: Option<Generation>) {
        for _ in 0..self.extras.polls {
            assert!(matches!(flow.poll(self.now), Step::NeedToken { .. }));
        }
        let rejected = rejected.map(Generation::number);
        let turn = self.script.tokens.get(self.needs.len());
        let (turn, takes) = turn
            .copied()
            .unwrap_or((TokenTurn::Newer(1), Duration::ZERO));
        self.now = self.now.after(takes);
        self.latest = self.latest.max(takes);
        let last = rejected.unwrap_or(7);
        let generation = match turn {
            TokenTurn::Newer(by) => Some(last + u64::from(by)),
            TokenTurn::Same => Some(last),
            TokenTurn::Older => Some(last - 1),
            TokenTurn::None => None,
        };
        self.needs.push((rejected, generation));
        let token = match generation {
            Some(generation) => Ok(bearer(generation)),
            None => Err(Arc::new(FlowError::from(BuildError::NoTokenSource))),
        };
        flow.handle(Input::Token(token), self.now);
    }

    /// Feeds in one input that must change nothing.
    fn disturb<F: Flow>(&mut self, flow: &mut F, ended: bool) {
        let open = self.pending.as_ref().map(|pending| pending.id);
        let Some(noise) = self.extras.noise.get(self.noise).copied() else {
            return;
        };
        self.noise += 1;
        let kind = if self.noise.is_multiple_of(2) {
            "session"
        } else {
            "access"
        };
        let opened = self.pending.as_ref().is_some_and(|pending| pending.opened);
        let reading = (self.pending.as_ref()).is_some_and(|pending| pending.rest.is_some());
        let is_stale = |id: &RequestId| match noise {
            _ if ended || Some(*id) != open => true,
            Noise::StaleHead => !opened || reading,
            Noise::StaleBody => !reading,
            Noise::StaleSuccess => reading,
            _ => false,
        };
        let stale: Vec<RequestId> = self.ids.iter().copied().filter(is_stale).collect();
        for id in stale {
            let refusal = Reply::Refusal {
                status: 503,
                says: Says::Envelope,
                retry: Retry::Absurd,
            };
            let input = match noise {
                Noise::StaleSuccess => Input::Response {
                    id,
                    response: respond(Reply::Success, Some(kind), 99, self.now).0,
                },
                Noise::StaleRefusal => Input::Response {
                    id,
                    response: respond(refusal, None, 99, self.now).0,
                },
                Noise::StaleFailure => Input::SendFailed {
                    id,
                    failure: SendFailure::new(SendFailureKind::NotSent),
                },
                Noise::StaleHead => Input::Head {
                    id,
                    head: respond(Reply::Success, None, 99, self.now).0.into_parts().0,
                },
                Noise::StaleBody => Input::Body {
                    id,
                    body: Body::from("[]"),
                },
                Noise::Token | Noise::FailedToken => continue,
            };
            flow.handle(input, self.now);
        }
        match noise {
            Noise::Token => flow.handle(Input::Token(Ok(bearer(99))), self.now),
            Noise::FailedToken => {
                let error = Arc::new(FlowError::from(BuildError::NoTokenSource));
                flow.handle(Input::Token(Err(error)), self.now);
            }
            _ => {}
        }
    }
}

fn bearer(generation: u64) -> Bearer {
    let token = AccessToken::new(format!("token-{generation}"));
    Bearer::access(&token, Generation::new(generation)).unwrap()
}

fn kind_asked_for(request: &Request) -> Option<String> {
    if !request.uri().path().ends_with("/token") {
        return None;
    }
    let body: serde_json::Value = serde_json::from_slice(request.body().as_bytes()).unwrap();
    Some(body["type"].as_str().unwrap().to_owned())
}

/// The answer, and how long it asks to wait.
fn respond(answer: Reply, kind: Option<&str>, number: usize, now: Now) -> (Response, Duration) {
    let reply = |status: u16, body: String| {
        let mut response = Response::new(Body::from(body.into_bytes()));
        *response.status_mut() = StatusCode::from_u16(status).unwrap();
        response
    };
    match answer {
        Reply::Success => {
            let body = match kind {
                Some(kind) => format!(r#"{{"{kind}_token":"made-{number}"}}"#),
                None => "[]".to_owned(),
            };
            (reply(200, body), Duration::ZERO)
        }
        Reply::Hollow => (reply(200, "{}".to_owned()), Duration::ZERO),
        Reply::Garbled => (reply(200, "<html>".to_owned()), Duration::ZERO),
        Reply::Refusal {
            status,
            says,
            retry,
        } => {
            let body = match says {
                Says::Code(code) => format!(r#"{{"errorCode":"{code}"}}"#),
                Says::Envelope => {
                    format!(r#"{{"statusCode":{status},"error":"A Reason","message":"m"}}"#)
                }
                Says::Foreign(body) => body.to_owned(),
            };
            let mut response = reply(status, body);
            let (text, asked) = retry_header(retry, now);
            if let Some(text) = text {
                let value = text.parse().unwrap();
                response.headers_mut().insert(header::RETRY_AFTER, value);
            }
            (response, asked)
        }
        Reply::Fails(_) | Reply::Hangs => panic!("no answer comes"),
    }
}

fn retry_header(retry: Retry, now: Now) -> (Option<String>, Duration) {
    let nothing = Duration::ZERO;
    let seconds = |count: u32| Duration::from_secs(count.into());
    match retry {
        Retry::Silent => (None, nothing),
        Retry::Seconds(count) => (Some(count.to_string()), seconds(count)),
        Retry::DatePast(count) => {
            let date = httpdate::fmt_http_date(now.wall() - seconds(count));
            (Some(date), nothing)
        }
        Retry::DateFuture(count) => {
            let date = httpdate::fmt_http_date(now.wall() + seconds(count));
            // A date has no fractions of a second.
            let fraction = now.wall().duration_since(SystemTime::UNIX_EPOCH).unwrap();
            let fraction = Duration::from_nanos(fraction.subsec_nanos().into());
            (Some(date), seconds(count).saturating_sub(fraction))
        }
        Retry::Negative => (Some("-60".to_owned()), nothing),
        Retry::Absurd => (Some("9".repeat(40)), Duration::MAX),
        Retry::Garbage => (Some("Mon, 99 Foo 2026 25:61:61 GMT".to_owned()), nothing),
    }
}

// What must hold of every record.

fn is_transient(status: u16) -> bool {
    matches!(status, 408 | 429 | 500..=599)
}

/// Whether another attempt may follow one that ended so.
fn may_follow(end: End, replay: Replay) -> bool {
    match end {
        End::Open => false,
        End::Answered(status, _) => is_transient(status) && replay == Replay::Safe,
        End::Foreign(status) => !matches!(status, 300..=399 | 407) && replay == Replay::Safe,
        End::Failed(SendFailureKind::NotSent) => true,
        End::Failed(SendFailureKind::TooLarge) => false,
        End::Failed(_) => replay == Replay::Safe,
    }
}

fn is_unauthorized(end: End) -> bool {
    matches!(end, End::Answered(401, _) | End::Foreign(401))
}

/// Whether a newer token and another attempt may follow.
fn may_renew(end: End, replay: Replay) -> bool {
    match end {
        End::Answered(401, _) => true,
        End::Foreign(401) => replay == Replay::Safe,
        _ => false,
    }
}

/// Checks the attempts of one operation that began at `started`. `renewed` allows one answer of 401
/// to be followed by one more attempt.
fn check_attempts(
    attempts: &[&Attempt],
    policy: &RetryPolicy,
    replay: Replay,
    started: Duration,
    renewable: bool,
) {
    let deadline = started.saturating_add(policy.overall_deadline());
    let mut renewals = 0;
    for attempt in attempts {
        assert!(attempt.at < deadline, "a send past the deadline");
        assert!(attempt.timeout <= policy.attempt_timeout());
        assert!(
            attempt.timeout <= deadline - attempt.at,
            "it may end too late"
        );
    }
    for pair in attempts.windows(2) {
        let [before, after] = pair else {
            continue;
        };
        assert!(after.at >= before.ended_at);
        if renewable && is_unauthorized(before.end) {
            assert!(
                matches!(before.end, End::Answered(..)) || replay == Replay::Safe,
                "repeated though nobody knows whether the service saw it"
            );
            renewals += 1;
            assert_ne!(
                before.authorization, after.authorization,
                "the refused token"
            );
            continue;
        }
        assert!(may_follow(before.end, replay), "{before:?} was repeated");
        let earliest = before.ended_at.saturating_add(before.asked);
        assert!(
            after.at >= earliest,
            "earlier than asked: {before:?} {after:?}"
        );
        assert_eq!(before.authorization, after.authorization);
    }
    assert!(renewals <= 1, "renewed twice");
    let most = policy.max_attempts() as usize + renewals;
    assert!(attempts.len() <= most, "{} attempts", attempts.len());
}

/// Checks how one operation ended against its attempts.
fn check_end<T: Debug>(
    record: &Record<T>,
    outcome: &Result<T, &FlowError>,
    attempts: &[&Attempt],
    policy: &RetryPolicy,
    replay: Replay,
) {
    let made = u32::try_from(attempts.len()).unwrap();
    let last = attempts.last();
    match outcome {
        Ok(_) => assert!(
            matches!(last.unwrap().end, End::Answered(200, true)),
            "{last:?}"
        ),
        Err(FlowError::Exhausted { attempts, last }) => {
            assert_eq!(*attempts, made);
            assert!(made >= policy.max_attempts() && made > 1);
            let told = [
                last.api_error().is_some(),
                last.intermediary().is_some(),
                last.send_failure().is_some(),
            ];
            assert!(told.contains(&true), "{last:?}");
        }
        Err(FlowError::OutOfTime {
            attempts,
            last: error,
        }) => {
            assert_eq!(*attempts, made);
            let of_token = matches!(error.as_deref(), Some(FlowError::Token(_)));
            assert_eq!(
                error.is_some(),
                made > 0 || of_token,
                "the last error is told"
            );
            // Nobody gives up while there is time for another attempt.
            let asked = last.map_or(Duration::ZERO, |last| last.asked);
            let wait = longest_wait(made).saturating_add(asked);
            let could = last.map_or(record.started, |last| last.ended_at);
            let deadline = record.started.saturating_add(policy.overall_deadline());
            // What must not be repeated may not leave late by the wall clock either.
            let passed = (record.finished - record.started).saturating_add(record.ahead);
            let is_late = replay == Replay::OnlyIfNotSent && passed >= policy.overall_deadline();
            assert!(
                is_late || could.saturating_add(wait).saturating_add(record.latest) >= deadline,
                "gave up with time left: {record:?}"
            );
            // And nobody waits for a moment that lies past the deadline.
            assert!(
                record.finished == could
                    || record.finished < deadline.saturating_add(record.latest),
                "gave up too late: {record:?}"
            );
        }
        Err(FlowError::Response(ResponseError::Api(error))) => {
            let End::Answered(status, _) = last.unwrap().end else {
                panic!("no such answer: {last:?}");
            };
            assert_eq!(error.status().as_u16(), status);
            let final_one = !may_follow(last.unwrap().end, replay) || policy.max_attempts() == 1;
            assert!(final_one, "gave up too early: {record:?}");
        }
        Err(FlowError::Response(ResponseError::Intermediary(error))) => {
            let end = last.unwrap().end;
            assert_eq!(end, End::Foreign(error.status().as_u16()));
            let renewable = last.unwrap().authorization.is_some() && is_unauthorized(end);
            let final_one = renewable || !may_follow(end, replay) || policy.max_attempts() == 1;
            assert!(final_one, "gave up too early: {record:?}");
        }
        Err(FlowError::Response(_)) => {
            assert!(matches!(last.unwrap().end, End::Answered(200, false)));
        }
        Err(FlowError::Send(failure)) => {
            assert_eq!(last.unwrap().end, End::Failed(failure.kind()));
            let final_one = !may_follow(last.unwrap().end, replay) || policy.max_attempts() == 1;
            assert!(final_one, "gave up too early: {record:?}");
        }
        Err(other) => panic!("{other:?}"),
    }
}

/// The longest own wait after so many attempts, by the documented formula.
fn longest_wait(attempts: u32) -> Duration {
    let doublings = 2_u32.saturating_pow(attempts.saturating_sub(1));
    BASE.saturating_mul(doublings).min(CAP)
}

const BASE: Duration = Duration::from_millis(700);
const CAP: Duration = Duration::from_secs(9);
const CHUNK_TIMEOUT: Duration = Duration::from_secs(77);

// Strategies.

fn policies() -> impl Strategy<Value = RetryPolicy> {
    let timeout = prop_oneof![
        1 => Just(Duration::ZERO),
        8 => (1_u64..40_000).prop_map(Duration::from_millis),
        1 => Just(Duration::MAX),
    ];
    let deadline = prop_oneof![
        1 => Just(Duration::ZERO),
        9 => (1_u64..200_000).prop_map(Duration::from_millis),
        2 => Just(Duration::MAX),
    ];
    (0_u32..6, timeout, deadline, any::<u64>()).prop_map(|(attempts, timeout, deadline, seed)| {
        RetryPolicy::default()
            .with_base(BASE)
            .with_cap(CAP)
            .with_max_attempts(attempts)
            .with_attempt_timeout(timeout)
            .with_overall_deadline(deadline)
            .with_chunk_timeout(CHUNK_TIMEOUT)
            .with_seed(seed)
    })
}

fn retries() -> impl Strategy<Value = Retry> {
    prop_oneof![
        4 => Just(Retry::Silent),
        3 => (0_u32..90).prop_map(Retry::Seconds),
        1 => (0_u32..9_000).prop_map(Retry::DatePast),
        2 => (0_u32..90).prop_map(Retry::DateFuture),
        1 => Just(Retry::Negative),
        1 => Just(Retry::Absurd),
        1 => Just(Retry::Garbage),
    ]
}

const CODES: [&str; 9] = [
    "INVALID_TOKEN_TYPE",
    "INVALID_CLIENT_ID",
    "INVALID_CLIENT_ID_OR_SECRET",
    "UNKNOWN_CLIENT_USER_ID",
    "ACCESS_TOKEN_GENERATION_NOT_ALLOWED",
    "CLIENT_TOKEN_GENERATION_NOT_ALLOWED",
    "NOT_AUTHORIZED",
    "SESSION_TOKEN_GENERATION_NOT_ALLOWED",
    "of no known form",
];

fn answers() -> impl Strategy<Value = Reply> {
    let refusal = |statuses: Vec<u16>, says: Vec<Says>| {
        let status = proptest::sample::select(statuses);
        let says = proptest::sample::select(says);
        (status, says, retries()).prop_map(|(status, says, retry)| Reply::Refusal {
            status,
            says,
            retry,
        })
    };
    // A documented code decides whatever the status is, so it would make a failure definite.
    let transient = refusal(
        vec![408, 429, 500, 502, 503, 599],
        vec![Says::Envelope, Says::Code("OVERLOADED")],
    );
    let mut says = vec![Says::Envelope; CODES.len()];
    says.extend(CODES.map(Says::Code));
    let statuses = vec![302, 400, 401, 401, 403, 403, 404, 409, 409, 418];
    let definite = refusal(statuses.clone(), says);
    let foreign = refusal(
        [statuses, vec![407, 429, 500, 503]].concat(),
        Says::FOREIGN.to_vec(),
    );
    let failure = proptest::sample::select(vec![
        SendFailureKind::NotSent,
        SendFailureKind::NotSent,
        SendFailureKind::TimedOut,
        SendFailureKind::Lost,
        SendFailureKind::CutShort,
        SendFailureKind::TooLarge,
    ]);
    prop_oneof![
        2 => Just(Reply::Success),
        1 => Just(Reply::Hollow),
        1 => Just(Reply::Garbled),
        5 => transient,
        5 => definite,
        4 => foreign,
        4 => failure.prop_map(Reply::Fails),
        2 => Just(Reply::Hangs),
    ]
}

fn drifts() -> impl Strategy<Value = Drift> {
    prop_oneof![
        6 => Just(Drift::None),
        1 => (0_u32..200_000).prop_map(Drift::Back),
        1 => (0_u32..200_000).prop_map(Drift::Ahead),
    ]
}

fn scripts() -> impl Strategy<Value = Script> {
    let millis =
        |most: u64| prop_oneof![Just(0), 0_u64..50, 0..most].prop_map(Duration::from_millis);
    let turn = (answers(), millis(45_000), millis(5_000), drifts()).prop_map(
        |(answer, takes, late, drift)| Exchange {
            answer,
            takes,
            late,
            drift,
        },
    );
    let token = prop_oneof![
        5 => (1_u8..4).prop_map(TokenTurn::Newer),
        1 => Just(TokenTurn::Same),
        1 => Just(TokenTurn::Older),
        1 => Just(TokenTurn::None),
    ];
    (
        proptest::collection::vec(turn, 0..14),
        proptest::collection::vec((token, millis(45_000)), 0..3),
    )
        .prop_map(|(turns, tokens)| Script { turns, tokens })
}

fn noises() -> impl Strategy<Value = Vec<Noise>> {
    let noise = proptest::sample::select(vec![
        Noise::StaleSuccess,
        Noise::StaleRefusal,
        Noise::StaleFailure,
        Noise::StaleHead,
        Noise::StaleBody,
        Noise::Token,
        Noise::FailedToken,
    ]);
    proptest::collection::vec(noise, 1..30)
}

fn replays() -> impl Strategy<Value = Replay> {
    prop_oneof![Just(Replay::Safe), Just(Replay::OnlyIfNotSent)]
}

fn statuses() -> impl Strategy<Value = UserStatus> {
    proptest::sample::select(UserStatus::ALL.to_vec())
}

fn credentials() -> Credentials {
    Credentials::new("app-1", "hush").unwrap()
}

fn user() -> ClientUserId {
    ClientUserId::new("patient-17").unwrap()
}

fn order(policy: &RetryPolicy, replay: Replay) -> Call<PlaceOrder> {
    let order = PlaceOrder::new(replay, Authorization::InRequest);
    Call::new(order, Hosts::production(), policy.clone())
}

fn authorized(policy: &RetryPolicy, replay: Replay) -> Authorized<PlaceOrder> {
    let key = TokenKey::access(credentials().client_id().clone(), user());
    Authorized::new(
        PlaceOrder::new(replay, Authorization::AccessToken),
        key,
        Hosts::production(),
        policy.clone(),
    )
}

fn self_served(policy: &RetryPolicy, replay: Replay) -> SelfServed<Authorized<PlaceOrder>> {
    SelfServed::new(
        authorized(policy, replay),
        credentials(),
        Provisioning::Connect,
        Hosts::production(),
        policy.clone(),
    )
}

fn connect_token(policy: &RetryPolicy, status: UserStatus) -> ConnectTokenFlow {
    ConnectTokenFlow::new(credentials(), user(), Hosts::production(), policy.clone())
        .with_status(KnownStatus::remembered(status))
}

/// Runs the same script plain, again, with noise and with more polls: nothing may differ.
fn check_same_trace<F, T>(make: impl Fn() -> F, script: &Script, noise: &[Noise]) -> Record<T>
where
    F: Flow<Outcome = Result<T, FlowError>>,
    T: Debug,
{
    let plain = run(make(), script, &Extras::default());
    let again = run(make(), script, &Extras::default());
    assert_eq!(plain.trace(), again.trace(), "the same seed");
    let noisy = Extras {
        noise: noise.to_vec(),
        ..Extras::default()
    };
    assert_eq!(plain.trace(), run(make(), script, &noisy).trace(), "noise");
    let polled = Extras {
        polls: 3,
        ..Extras::default()
    };
    assert_eq!(plain.trace(), run(make(), script, &polled).trace(), "polls");
    plain
}

/// Runs the same script against a flow that has its answer handed over as it arrives: whole, in pieces, and in pieces
/// with noise and with more polls. Nothing may differ from the flow that waits for the whole answer.
fn check_streamed<F, T>(
    make: impl Fn(PlaceOrder) -> F,
    (replay, authorization): (Replay, Authorization),
    script: &Script,
    noise: &[Noise],
) -> Result<(), TestCaseError>
where
    F: Flow<Outcome = Result<T, FlowError>>,
    T: Debug,
{
    let order = PlaceOrder::new(replay, authorization);
    let plain = run(make(order.clone()), script, &Extras::default()).trace();
    for peek in [0, 1] {
        let streamed = || make(order.clone().streamed(peek));
        let whole = run(streamed(), script, &Extras::default());
        prop_assert_eq!(&plain, &whole.trace(), "whole, {}", peek);
        let pieces = Extras {
            pieces: Some(peek),
            ..Extras::default()
        };
        prop_assert_eq!(
            &plain,
            &run(streamed(), script, &pieces).trace(),
            "in pieces, {}",
            peek
        );
        let disturbed = Extras {
            noise: noise.to_vec(),
            polls: 3,
            ..pieces
        };
        prop_assert_eq!(
            &plain,
            &run(streamed(), script, &disturbed).trace(),
            "disturbed, {}",
            peek
        );
    }
    Ok(())
}

fn all<T>(record: &Record<T>) -> Vec<&Attempt> {
    record.attempts.iter().collect()
}

fn of_kind<'a, T>(record: &'a Record<T>, kind: Option<&str>) -> Vec<&'a Attempt> {
    let wanted = |attempt: &&Attempt| attempt.kind.as_deref() == kind;
    record.attempts.iter().filter(wanted).collect()
}

fn cases() -> u32 {
    #[expect(
        clippy::disallowed_methods,
        reason = "the runner asks for a longer hunt this way"
    )]
    let deep = std::env::var_os("HUMANAPI_DEEP").is_some_and(|value| value == "1");
    if deep { 100_000 } else { 2_000 }
}

fn config() -> ProptestConfig {
    ProptestConfig {
        cases: cases(),
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("regressions"))),
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_call_keeps_to_its_policy_and_to_what_the_service_asks(
        policy in policies(),
        replay in replays(),
        script in scripts(),
        noise in noises(),
    ) {
        let record = check_same_trace(|| order(&policy, replay), &script, &noise);
        let attempts = all(&record);
        check_attempts(&attempts, &policy, replay, record.started, false);
        prop_assert!(record.needs.is_empty());
        check_end(&record, &record.outcome.as_ref().map(|status| *status), &attempts, &policy, replay);
    }

    #[test]
    fn up_to_the_head_a_streamed_call_does_what_any_other_does(
        policy in policies(),
        replay in replays(),
        script in scripts(),
        noise in noises(),
    ) {
        let hosts = Hosts::production;
        let key = TokenKey::access(credentials().client_id().clone(), user());
        let call = |order| Call::new(order, hosts(), policy.clone());
        check_streamed(call, (replay, Authorization::InRequest), &script, &noise)?;
        let authorized = |order| Authorized::new(order, key.clone(), hosts(), policy.clone());
        let with_token = (replay, Authorization::AccessToken);
        check_streamed(authorized, with_token, &script, &noise)?;
        let self_served = |order| SelfServed::new(
            authorized(order), credentials(), Provisioning::Connect, hosts(), policy.clone(),
        );
        check_streamed(self_served, with_token, &script, &noise)?;
    }

    #[test]
    fn the_beginning_of_a_success_may_take_until_the_deadline_and_be_silent_for_no_longer_than_agreed(
        policy in policies(),
        replay in replays(),
        script in scripts(),
    ) {
        let order = PlaceOrder::new(replay, Authorization::InRequest).streamed(1);
        let extras = Extras { pieces: Some(1), silent: true, ..Extras::default() };
        let record = run(Call::new(order, Hosts::production(), policy.clone()), &script, &extras);
        let deadline = record.started.saturating_add(policy.overall_deadline());
        prop_assert!(record.reads.iter().all(|until| *until == deadline), "{:?}", record.reads);
        let attempts = all(&record);
        check_attempts(&attempts, &policy, replay, record.started, false);
        let outcome = record.outcome.as_ref().map(|status| *status);
        check_end(&record, &outcome, &attempts, &policy, replay);
    }

    #[test]
    fn an_authorized_call_renews_at_most_once(
        policy in policies(),
        replay in replays(),
        script in scripts(),
        noise in noises(),
    ) {
        let record = check_same_trace(|| authorized(&policy, replay), &script, &noise);
        let attempts = all(&record);
        check_attempts(&attempts, &policy, replay, record.started, true);
        prop_assert!(record.needs.len() <= 2);
        for (attempt, expected) in attempts.iter().zip(expected_tokens(&record)) {
            prop_assert_eq!(attempt.authorization.as_deref(), Some(expected.as_str()));
        }
        let out_of_time = matches!(record.outcome, Err(FlowError::OutOfTime { .. }));
        match record.needs.as_slice() {
            [] => prop_assert!(attempts.is_empty()),
            [(rejected, generation)] => {
                prop_assert_eq!(*rejected, None);
                prop_assert!(generation.is_some() || attempts.is_empty());
                let refused = attempts.last().is_some_and(|last| may_renew(last.end, replay));
                prop_assert!(!refused || out_of_time, "a refused token is renewed");
            }
            [(_, first), (rejected, second)] => {
                prop_assert_eq!(first, rejected, "it names the token that was refused");
                let newer = second.is_some_and(|second| Some(second) > *rejected);
                let replays = attempts.iter().skip_while(|attempt| !is_unauthorized(attempt.end)).count() - 1;
                prop_assert!(newer || replays == 0, "replayed without a newer token");
                prop_assert!(!newer || replays > 0 || out_of_time, "a newer token is used");
                if second.is_some() && !newer {
                    let error = record.outcome.as_ref().unwrap_err();
                    let marked = error.api_error().map(|error| error.status().as_u16());
                    let foreign = error.intermediary().map(|error| error.status().as_u16());
                    prop_assert_eq!(marked.or(foreign), Some(401));
                }
            }
            more => prop_assert!(false, "{:?}", more),
        }
        match (&record.outcome, record.needs.last()) {
            (Err(FlowError::Token(_)), Some((_, generation))) => prop_assert_eq!(*generation, None),
            (outcome, _) => {
                let outcome = outcome.as_ref().map(|status| *status);
                check_end(&record, &outcome, &attempts, &policy, replay);
            }
        }
    }

    #[test]
    fn a_self_served_call_fetches_at_most_two_tokens(
        policy in policies(),
        replay in replays(),
        script in scripts(),
        noise in noises(),
    ) {
        let record = check_same_trace(|| self_served(&policy, replay), &script, &noise);
        prop_assert!(record.needs.is_empty(), "nobody outside is asked");
        let calls = of_kind(&record, None);
        check_attempts(&calls, &policy, replay, record.started, true);
        // The exchanges lie before the first call and after one that was answered with 401.
        let mut exchanges = record.attempts.split(|attempt| attempt.kind.is_none()).filter(|run| !run.is_empty());
        let mut fetched = Vec::new();
        for exchange in exchanges.by_ref() {
            let exchange: Vec<&Attempt> = exchange.iter().collect();
            prop_assert!(exchange.iter().all(|attempt| attempt.kind.as_deref() == Some("access")));
            prop_assert!(exchange.iter().all(|attempt| attempt.authorization.is_none()));
            check_attempts(&exchange, &policy, Replay::Safe, exchange[0].at, false);
            fetched.push(exchange.last().unwrap().end);
        }
        prop_assert!(fetched.len() <= 2);
        let refused = calls.iter().any(|call| may_renew(call.end, replay));
        let out_of_time = matches!(record.outcome, Err(FlowError::OutOfTime { .. }));
        prop_assert!(!refused || fetched.len() == 2 || out_of_time, "a refused token is renewed");
        for end in fetched.iter().rev().skip(1) {
            prop_assert_eq!(*end, End::Answered(200, true), "a call without a token");
        }
        if let Err(FlowError::Token(error)) = &record.outcome {
            prop_assert_ne!(fetched.last().copied(), Some(End::Answered(200, true)), "{:?}", error);
        }
    }

    #[test]
    fn a_connect_token_asks_for_two_kinds_at_most(
        policy in policies(),
        status in statuses(),
        script in scripts(),
        noise in noises(),
    ) {
        let record = check_same_trace(|| connect_token(&policy, status), &script, &noise);
        let kinds: Vec<&str> = record.attempts.iter().filter_map(|attempt| attempt.kind.as_deref()).collect();
        let mut runs = kinds.clone();
        runs.dedup();
        prop_assert!(runs.len() <= 2, "{:?}", runs);
        let first = match rules::decide(Purpose::OpenConnect, status) {
            Decision::Ask(kind) => kind.name(),
            Decision::Refuse(_) => panic!("opening Connect is never refused"),
        };
        prop_assert!(runs.first().is_none_or(|kind| *kind == first));
        for kind in &runs {
            let attempts = of_kind(&record, Some(kind));
            check_attempts(&attempts, &policy, Replay::Safe, record.started, false);
        }
        match &record.outcome {
            Ok(ConnectGrant { token, reused, status, .. }) => {
                prop_assert!(!reused);
                prop_assert_eq!(Some(token.kind().name()), runs.last().copied());
                let after = if token.kind() == TokenKind::Id { UserStatus::Connected } else { UserStatus::Started };
                prop_assert_eq!(*status, after);
                let made = format!("made-{}", record.attempts.len());
                prop_assert_eq!(token.expose_secret(), made.as_str());
            }
            Err(FlowError::BothRefused { first, second }) => {
                prop_assert_eq!(runs.len(), 2);
                let asked = [first, second].map(|error| error.asked_for().unwrap().name());
                prop_assert_eq!(asked.as_slice(), runs.as_slice());
                let ends = runs.iter().map(|kind| of_kind(&record, Some(kind)).last().unwrap().end);
                for (error, end) in [first, second].iter().zip(ends) {
                    let End::Answered(status, _) = end else { panic!("{end:?}") };
                    prop_assert_eq!(error.status().as_u16(), status);
                }
            }
            Err(FlowError::OutOfTime { attempts, last }) => {
                prop_assert_eq!(*attempts as usize, record.attempts.len());
                prop_assert_eq!(last.is_some(), !record.attempts.is_empty(), "the last error is told");
            }
            Err(error) => {
                let last = of_kind(&record, runs.last().copied());
                check_end(&record, &Err(error), &last, &policy, Replay::Safe);
            }
        }
    }

    #[test]
    fn an_ended_token_is_never_handed_out_again(
        id in any::<bool>(),
        stored in any::<bool>(),
        status in statuses(),
        lifetime in prop_oneof![0_u64..20, 0_u64..90_000],
        at_least in prop_oneof![Just(0), 0_u64..4_000],
        skew in prop_oneof![Just(5), 0_u64..700],
        steps in proptest::collection::vec((0_u64..20_000, -60_000_i64..60_000), 0..6),
    ) {
        let issued_at = start();
        let lifetime = Duration::from_secs(lifetime);
        let expiry = if stored {
            Expiry::at(issued_at.wall() + lifetime)
        } else {
            Expiry::after(issued_at, lifetime)
        };
        let mut now = issued_at;
        for (passed, shift) in steps {
            let on = now.after(Duration::from_secs(passed));
            let shifted = Duration::from_secs(shift.unsigned_abs());
            let wall = if shift < 0 { on.wall() - shifted } else { on.wall() + shifted };
            now = Now::new(on.monotonic(), wall);
        }
        let token: ConnectToken = if id {
            Issued::new(IdToken::new("kept"), expiry).into()
        } else {
            Issued::new(SessionToken::new("kept"), expiry).into()
        };
        let leeway = Leeway::at_least(Duration::from_secs(at_least)).with_skew(Duration::from_secs(skew));
        let mut flow = connect_token(&RetryPolicy::none(), status).with_reusable(token, leeway);
        let step = flow.poll(now);

        let needed = Duration::from_secs(at_least + skew);
        let by_wall = now.wall() + needed < issued_at.wall() + lifetime;
        let by_monotonic = stored || now.monotonic() + needed < issued_at.monotonic() + lifetime;
        let fits = if id { status == UserStatus::Connected } else { status == UserStatus::Started };
        match step {
            Step::Done(Ok(grant)) => {
                prop_assert!(grant.reused && grant.token.expose_secret() == "kept");
                prop_assert!(by_wall && by_monotonic && fits, "an ended token");
                prop_assert_eq!(grant.status, status);
            }
            Step::Send { .. } => prop_assert!(!(by_wall && by_monotonic && fits), "a good token was wasted"),
            other => prop_assert!(false, "{:?}", other),
        }
    }
}

/// The token that each attempt has to carry, by what the broker handed in.
fn expected_tokens<T>(record: &Record<T>) -> Vec<String> {
    let mut handed_in = record
        .needs
        .iter()
        .filter_map(|(_, generation)| *generation);
    let mut token = handed_in.next();
    let mut refused = false;
    let mut expected = Vec::new();
    for attempt in &record.attempts {
        expected.push(format!("Bearer token-{}", token.unwrap_or_default()));
        if is_unauthorized(attempt.end) && !refused {
            refused = true;
            token = handed_in.next();
        }
    }
    expected
}

/// One refusal of the first token that opens Connect: which kind is asked for next, or how it ends.
fn check_fallback(status: UserStatus, answer: (u16, Says), then: Result<TokenKind, ApiErrorKind>) {
    let turn = Exchange {
        answer: Reply::Refusal {
            status: answer.0,
            says: answer.1,
            retry: Retry::Silent,
        },
        takes: Duration::ZERO,
        late: Duration::ZERO,
        drift: Drift::None,
    };
    let script = Script {
        turns: vec![turn],
        tokens: Vec::new(),
    };
    let policy = RetryPolicy::default();
    let record = run(connect_token(&policy, status), &script, &Extras::default());
    let got = match record.outcome {
        Ok(grant) => Ok(grant.token.kind()),
        Err(error) => Err(error.api_error().unwrap().kind()),
    };
    assert_eq!(got, then, "{status} {answer:?}");
    let attempts = 1 + usize::from(then.is_ok());
    assert_eq!(record.attempts.len(), attempts, "{status} {answer:?}");
}

#[test]
fn a_session_refused_with_403_leads_to_an_id_token_unless_the_code_speaks_of_the_credentials() {
    let without_an_id_token = [
        UserStatus::Unknown,
        UserStatus::New,
        UserStatus::Started,
        UserStatus::Deleted,
    ];
    for status in without_an_id_token {
        check_fallback(status, (403, Says::Envelope), Ok(TokenKind::Id));
        for code in CODES {
            let then = match code {
                "INVALID_TOKEN_TYPE" => Err(ApiErrorKind::InvalidTokenType),
                "INVALID_CLIENT_ID" => Err(ApiErrorKind::InvalidClientId),
                "INVALID_CLIENT_ID_OR_SECRET" => Err(ApiErrorKind::InvalidCredentials),
                _ => Ok(TokenKind::Id),
            };
            check_fallback(status, (403, Says::Code(code)), then);
        }
    }
}

#[test]
fn a_session_refused_with_409_leads_to_an_id_token_unless_a_documented_code_says_otherwise() {
    for says in [
        Says::Envelope,
        Says::Code("SESSION_TOKEN_GENERATION_NOT_ALLOWED"),
        Says::Code("not_authorized"),
        Says::Code("of no known form"),
    ] {
        check_fallback(UserStatus::New, (409, says), Ok(TokenKind::Id));
    }
    for (code, kind) in [
        ("INVALID_TOKEN_TYPE", ApiErrorKind::InvalidTokenType),
        ("INVALID_CLIENT_ID", ApiErrorKind::InvalidClientId),
        (
            "INVALID_CLIENT_ID_OR_SECRET",
            ApiErrorKind::InvalidCredentials,
        ),
        ("UNKNOWN_CLIENT_USER_ID", ApiErrorKind::UnknownUser),
        (
            "ACCESS_TOKEN_GENERATION_NOT_ALLOWED",
            ApiErrorKind::NothingConnected,
        ),
        (
            "CLIENT_TOKEN_GENERATION_NOT_ALLOWED",
            ApiErrorKind::AdminApiDisabled,
        ),
        ("NOT_AUTHORIZED", ApiErrorKind::NotAuthorized),
    ] {
        check_fallback(UserStatus::New, (409, Says::Code(code)), Err(kind));
    }
    let other = [
        (400, ApiErrorKind::InvalidRequest),
        (401, ApiErrorKind::InvalidCredentials),
        (404, ApiErrorKind::NotFound),
    ];
    for (http_status, kind) in other {
        let answer = (http_status, Says::Envelope);
        check_fallback(UserStatus::Unknown, answer, Err(kind));
    }
}

#[test]
fn a_refused_id_token_leads_to_a_session_where_a_documented_code_names_the_user_as_the_reason() {
    let connected = UserStatus::Connected;
    let session = Ok(TokenKind::Session);
    for http_status in [403, 404] {
        let other = Err(ApiErrorKind::Other);
        check_fallback(connected, (http_status, Says::Envelope), other);
        let odd = Says::Code("of no known form");
        check_fallback(connected, (http_status, odd), other);
        check_fallback(
            connected,
            (http_status, Says::Code("NOT_AUTHORIZED")),
            Err(ApiErrorKind::NotAuthorized),
        );
    }
    for http_status in [400, 401, 403, 404, 409] {
        for code in [
            "UNKNOWN_CLIENT_USER_ID",
            "ACCESS_TOKEN_GENERATION_NOT_ALLOWED",
        ] {
            check_fallback(connected, (http_status, Says::Code(code)), session);
        }
    }
    check_fallback(
        connected,
        (409, Says::Envelope),
        Err(ApiErrorKind::Conflict),
    );
    check_fallback(
        connected,
        (401, Says::Envelope),
        Err(ApiErrorKind::InvalidCredentials),
    );
}

#[test]
fn what_something_in_between_answers_leads_to_no_other_token() {
    for says in Says::FOREIGN {
        for http_status in [401, 403, 404, 409, 500] {
            for status in UserStatus::ALL {
                let turn = Exchange {
                    answer: Reply::Refusal {
                        status: http_status,
                        says,
                        retry: Retry::Silent,
                    },
                    takes: Duration::ZERO,
                    late: Duration::ZERO,
                    drift: Drift::None,
                };
                let policy = RetryPolicy::default();
                let script = Script {
                    turns: vec![turn; policy.max_attempts() as usize],
                    tokens: Vec::new(),
                };
                let record = run(connect_token(&policy, status), &script, &Extras::default());
                let first = record.attempts[0].kind.clone();
                assert_eq!(record.attempts.len(), policy.max_attempts() as usize);
                assert!(record.attempts.iter().all(|attempt| attempt.kind == first));
                let error = record.outcome.unwrap_err();
                let told = error.intermediary().unwrap();
                assert_eq!(told.status().as_u16(), http_status);
                assert!(error.api_error().is_none() && !error.is_rule());
            }
        }
    }
}

#[test]
fn both_refusals_are_shown() {
    let refused = |(status, kind)| Exchange {
        answer: Reply::Refusal {
            status,
            says: match kind {
                TokenKind::Id => Says::Code("UNKNOWN_CLIENT_USER_ID"),
                _ => Says::Envelope,
            },
            retry: Retry::Silent,
        },
        takes: Duration::ZERO,
        late: Duration::ZERO,
        drift: Drift::None,
    };
    let check = |status, answers: [u16; 2], kinds: [TokenKind; 2]| {
        let script = Script {
            turns: answers.into_iter().zip(kinds).map(refused).collect(),
            tokens: Vec::new(),
        };
        let flow = connect_token(&RetryPolicy::default(), status);
        let record = run(flow, &script, &Extras::default());
        let Err(FlowError::BothRefused { first, second }) = record.outcome else {
            panic!("{:?}", record.outcome);
        };
        assert_eq!(
            [&first, &second].map(|error| error.status().as_u16()),
            answers
        );
        assert_eq!(
            [&first, &second].map(|error| error.asked_for()),
            kinds.map(Some)
        );
    };
    let (session, id) = (TokenKind::Session, TokenKind::Id);
    check(UserStatus::Unknown, [403, 404], [session, id]);
    check(UserStatus::New, [409, 403], [session, id]);
    check(UserStatus::New, [403, 401], [session, id]);
    check(UserStatus::Connected, [404, 403], [id, session]);
    check(UserStatus::Connected, [403, 409], [id, session]);
}
