//! Random histories of several users, in which core's prediction, a naive model and the sandbox's
//! verdict must agree.
//!
//! The naive model knows three facts of each user and nothing of core's types. The sandbox was
//! written from the documents and does not use core. What the SDK remembers is allowed to be wrong:
//! it is forgotten, or not told of what happened elsewhere.
//!
//! One piece: the model, its transitions and the service that they run against are one machine.

#![expect(
    clippy::unwrap_used,
    reason = "a test fails by panicking, helpers included"
)]

use std::collections::BTreeMap;
use std::env;
use std::time::{Duration, SystemTime};

use humanapi_core::auth::{IssueAccessToken, IssueIdToken, IssueSessionToken};
use humanapi_core::data::ReadProfile;
use humanapi_core::flow::{Authorized, Call, ConnectTokenFlow, SelfServed};
use humanapi_core::rules::{self, Decision, Prediction, Purpose};
use humanapi_core::{
    Body, ClientUserId, ConnectToken, Credentials, Flow, FlowError, Hosts, Input, KnownStatus,
    Leeway, Now, Provisioning, Request, RetryPolicy, SendFailure, SendFailureKind, Step, TokenKey,
    TokenKind, UserEvent, UserStatus,
};
use humanapi_sandbox::{DemoApp, Fault, OfflineSandbox, Sandbox, Source};
use proptest::prelude::*;
use proptest::strategy::Union;
use proptest::test_runner::FileFailurePersistence;
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest, prop_state_machine};

/// Two of them are the same letters in two Unicode forms, and so two users.
const USERS: [&str; 4] = ["patient-17", "Zo\u{eb}", "Zoe\u{308}", "🫀 \u{10ffff}"];

/// The three facts of a user that the documents speak of.
#[derive(Clone, Copy, Debug, Default)]
struct Facts {
    started: bool,
    connected: bool,
    /// How often the user was deleted, which tells one life from the next.
    lives: u32,
}

/// What the documents say of a request for a token.
fn documented_verdict(facts: Facts, kind: TokenKind) -> bool {
    match kind {
        TokenKind::Session => !facts.connected,
        TokenKind::Id | TokenKind::Access => facts.connected,
        TokenKind::Client => true,
    }
}

#[derive(Clone, Debug, Default)]
struct Model {
    users: [Facts; USERS.len()],
    /// The facts of the transition's user before it, for the checks after it.
    before: Facts,
}

#[derive(Clone, Copy, Debug)]
enum Trouble {
    Status503,
    DropBefore,
    DropAfter,
}

#[derive(Clone, Copy, Debug)]
enum Transition {
    /// Ask for one kind of token, while the first attempts meet with trouble.
    Ask(usize, TokenKind, Option<(Trouble, u32)>),
    /// Ask for whatever opens Connect.
    OpenConnect(usize, Option<(Trouble, u32)>),
    /// The same, offering the last token and vouching for the user's true status.
    Resume(usize),
    /// Read the profile, vouching for the user's true status or not.
    ReadData(usize, bool),
    /// The user connects a source, and the SDK is told or not.
    Connect(usize, usize, bool),
    Disconnect(usize, usize, bool),
    Delete(usize, bool),
    /// The SDK restarts with nothing remembered.
    Restart,
    /// Time passes, in seconds.
    Wait(u64),
}

impl Transition {
    const fn user(self) -> Option<usize> {
        match self {
            Self::Ask(user, ..)
            | Self::OpenConnect(user, _)
            | Self::Resume(user)
            | Self::ReadData(user, _)
            | Self::Connect(user, ..)
            | Self::Disconnect(user, ..)
            | Self::Delete(user, _) => Some(user),
            Self::Restart | Self::Wait(_) => None,
        }
    }
}

const ATTEMPTS: u32 = 4;

impl ReferenceStateMachine for Model {
    type State = Self;
    type Transition = Transition;

    fn init_state() -> BoxedStrategy<Self> {
        Just(Self::default()).boxed()
    }

    fn transitions(state: &Self) -> BoxedStrategy<Transition> {
        let user = 0..USERS.len();
        let source = 0..Source::ALL.len();
        let kind = prop_oneof![
            Just(TokenKind::Session),
            Just(TokenKind::Id),
            Just(TokenKind::Access)
        ];
        let trouble = || {
            let kind = prop_oneof![
                Just(Trouble::Status503),
                Just(Trouble::DropBefore),
                Just(Trouble::DropAfter)
            ];
            proptest::option::weighted(0.2, (kind, 1..=ATTEMPTS + 1))
        };
        let mut choices = vec![
            (
                6,
                (user.clone(), kind, trouble())
                    .prop_map(|(user, kind, trouble)| Transition::Ask(user, kind, trouble))
                    .boxed(),
            ),
            (
                6,
                (user.clone(), trouble())
                    .prop_map(|(user, trouble)| Transition::OpenConnect(user, trouble))
                    .boxed(),
            ),
            (3, user.clone().prop_map(Transition::Resume).boxed()),
            (
                3,
                (user.clone(), any::<bool>())
                    .prop_map(|(user, vouched)| Transition::ReadData(user, vouched))
                    .boxed(),
            ),
            (1, Just(Transition::Restart).boxed()),
            (2, (0..200_000_u64).prop_map(Transition::Wait).boxed()),
        ];
        // Only a user who has started can meet Connect, and only a living one can be deleted.
        let started: Vec<usize> = user.filter(|user| state.users[*user].started).collect();
        if !started.is_empty() {
            let user = proptest::sample::select(started);
            let told = any::<bool>();
            choices.push((
                5,
                (user.clone(), source.clone(), told)
                    .prop_map(|(user, source, told)| Transition::Connect(user, source, told))
                    .boxed(),
            ));
            choices.push((
                3,
                (user.clone(), source, told)
                    .prop_map(|(user, source, told)| Transition::Disconnect(user, source, told))
                    .boxed(),
            ));
            choices.push((
                2,
                (user, told)
                    .prop_map(|(user, told)| Transition::Delete(user, told))
                    .boxed(),
            ));
        }
        Union::new_weighted(choices).boxed()
    }

    fn preconditions(state: &Self, transition: &Transition) -> bool {
        match *transition {
            Transition::Connect(user, ..)
            | Transition::Disconnect(user, ..)
            | Transition::Delete(user, _) => state.users[user].started,
            _ => true,
        }
    }

    fn apply(mut state: Self, transition: &Transition) -> Self {
        let Some(index) = transition.user() else {
            return state;
        };
        state.before = state.users[index];
        let facts = &mut state.users[index];
        match *transition {
            Transition::Ask(_, TokenKind::Session, trouble) => {
                // The service may act on a request whose answer is lost.
                let acted = match trouble {
                    None => true,
                    Some((Trouble::DropAfter, _)) => true,
                    Some((_, times)) => times < ATTEMPTS,
                };
                facts.started |= acted && !facts.connected;
            }
            Transition::OpenConnect(_, trouble) => {
                let acted = trouble.is_none_or(|(_, times)| times < ATTEMPTS);
                facts.started |= acted && !facts.connected;
            }
            Transition::Resume(_) => facts.started = true,
            Transition::Connect(..) => facts.connected = true,
            Transition::Delete(..) => {
                *facts = Facts {
                    lives: facts.lives + 1,
                    ..Facts::default()
                };
            }
            Transition::Ask(..)
            | Transition::ReadData(..)
            | Transition::Disconnect(..)
            | Transition::Restart
            | Transition::Wait(_) => {}
        }
        state
    }
}

/// What the SDK and its application hold of one user.
#[derive(Clone, Debug, Default)]
struct Memory {
    /// Lost on a restart, and wrong where nobody told us.
    remembered: UserStatus,
    /// The true status by core's own transitions, told of everything.
    truth: UserStatus,
    token: Option<(ConnectToken, SystemTime)>,
    human_ids: BTreeMap<u32, String>,
}

struct Sdk {
    sandbox: OfflineSandbox,
    start: SystemTime,
    hosts: Hosts,
    policy: RetryPolicy,
    credentials: Credentials,
    client_id: String,
    users: [Memory; USERS.len()],
    sent: u32,
}

impl Sdk {
    fn now(&self) -> Now {
        let wall = self.sandbox.control().now();
        Now::new(wall.duration_since(self.start).unwrap(), wall)
    }

    fn drive<F: Flow>(&mut self, mut flow: F) -> F::Outcome {
        self.sent = 0;
        loop {
            match flow.poll(self.now()) {
                Step::Send { id, request, .. } | Step::Open { id, request, .. } => {
                    self.sent += 1;
                    let input = match self.sandbox.answer(request.map(Body::into_bytes)) {
                        Ok(response) => Input::Response {
                            id,
                            response: response.map(Body::from),
                        },
                        Err(_) => Input::SendFailed {
                            id,
                            failure: SendFailure::new(SendFailureKind::Lost),
                        },
                    };
                    flow.handle(input, self.now());
                }
                Step::WaitUntil(moment) => {
                    // The sandbox's clock counts whole milliseconds.
                    let wait = moment.saturating_sub(self.now().monotonic());
                    let wait = Duration::from_millis(1) + wait;
                    self.sandbox.control().advance_clock(wait).unwrap();
                }
                Step::NeedToken { .. } => panic!("SelfServed serves itself"),
                Step::Read { .. } => panic!("answers come whole"),
                Step::Done(outcome) => return outcome,
            }
        }
    }

    fn meet(&self, trouble: Option<(Trouble, u32)>) {
        self.sandbox.control().clear_faults();
        if let Some((trouble, times)) = trouble {
            let fault = match trouble {
                Trouble::Status503 => Fault::status(503),
                Trouble::DropBefore => Fault::drop_before(),
                Trouble::DropAfter => Fault::drop_after(),
            };
            let fault = fault.on_path("/v1/connect/token").times(times);
            self.sandbox.control().plan_fault(fault).unwrap();
        }
    }

    fn user_id(index: usize) -> ClientUserId {
        ClientUserId::new(USERS[index]).unwrap()
    }

    fn happened(&mut self, index: usize, event: UserEvent) {
        let memory = &mut self.users[index];
        memory.truth = memory.truth.after(event);
    }

    fn told(&mut self, index: usize, event: UserEvent) {
        let memory = &mut self.users[index];
        memory.remembered = memory.remembered.after(event);
    }

    /// Asks for one kind of token: whether it was issued, or nothing if the service kept failing.
    fn ask(&mut self, index: usize, kind: TokenKind) -> Option<bool> {
        let (credentials, user) = (self.credentials.clone(), Self::user_id(index));
        let (hosts, policy) = (self.hosts.clone(), self.policy.clone());
        let outcome = match kind {
            TokenKind::Session => {
                let endpoint = IssueSessionToken::new(credentials, user);
                self.drive(Call::new(endpoint, hosts, policy)).map(|_| ())
            }
            TokenKind::Id => {
                let endpoint = IssueIdToken::new(credentials, user);
                self.drive(Call::new(endpoint, hosts, policy)).map(|_| ())
            }
            TokenKind::Access => {
                let endpoint = IssueAccessToken::new(credentials, Provisioning::Connect, user);
                self.drive(Call::new(endpoint, hosts, policy)).map(|_| ())
            }
            TokenKind::Client => panic!("the demo application has no Admin API"),
        };
        match outcome {
            Ok(()) => {
                self.told(index, UserEvent::TokenIssued(kind));
                let started = self.users[index].remembered == UserStatus::Started;
                let connected = self.users[index].remembered == UserStatus::Connected;
                assert_eq!(
                    (started, connected),
                    (kind == TokenKind::Session, kind != TokenKind::Session)
                );
                Some(true)
            }
            Err(FlowError::Exhausted { .. }) => None,
            Err(error) => {
                let refusal = error.api_error().and_then(|answer| answer.token_refusal());
                let refusal = refusal.unwrap_or_else(|| panic!("{kind}: {error:?}"));
                let before = self.users[index].remembered;
                self.told(index, UserEvent::TokenRefused(refusal));
                let after = self.users[index].remembered;
                if kind == TokenKind::Session {
                    assert_eq!(after, before, "a refused session proves nothing");
                } else {
                    assert_ne!(after, UserStatus::Connected, "after a refused {kind}");
                }
                Some(false)
            }
        }
    }

    fn check_ask(
        &mut self,
        index: usize,
        kind: TokenKind,
        trouble: Option<(Trouble, u32)>,
        before: Facts,
    ) {
        let predicted = rules::predict(kind, self.users[index].truth);
        let documented = documented_verdict(before, kind);
        let expected = if documented {
            Prediction::Issued
        } else {
            Prediction::Refused
        };
        assert_eq!(predicted, expected, "core's prediction for {kind}");
        self.meet(trouble);
        let verdict = self.ask(index, kind);
        let fails = trouble.is_some_and(|(_, times)| times >= ATTEMPTS);
        assert_eq!(
            verdict,
            (!fails).then_some(documented),
            "the sandbox's verdict for {kind}"
        );
        let acted = !fails || matches!(trouble, Some((Trouble::DropAfter, _)));
        if acted && documented {
            self.happened(index, UserEvent::TokenIssued(kind));
        }
    }

    fn check_open_connect(&mut self, index: usize, trouble: Option<(Trouble, u32)>, before: Facts) {
        // A lost answer to a session request would leave the model guessing which kind was asked.
        let trouble = trouble.map(|(trouble, times)| match trouble {
            Trouble::DropAfter => (Trouble::DropBefore, times),
            other => (other, times),
        });
        self.meet(trouble);
        let remembered = self.users[index].remembered;
        let right = if before.connected {
            TokenKind::Id
        } else {
            TokenKind::Session
        };
        let flow = ConnectTokenFlow::new(
            self.credentials.clone(),
            Self::user_id(index),
            self.hosts.clone(),
            self.policy.clone(),
        )
        .with_status(KnownStatus::remembered(remembered));
        let outcome = self.drive(flow);
        let faults = trouble.map_or(0, |(_, times)| times);
        if faults >= ATTEMPTS {
            assert!(
                matches!(
                    outcome,
                    Err(FlowError::Exhausted {
                        attempts: ATTEMPTS,
                        ..
                    })
                ),
                "{outcome:?}"
            );
            return;
        }
        let grant = outcome.expect("one of the two tokens can always be had");
        assert_eq!(grant.token.kind(), right, "remembered {remembered}");
        let first = rules::decide(Purpose::OpenConnect, remembered);
        let requests = if first == Decision::Ask(right) { 1 } else { 2 };
        assert_eq!(self.sent - faults, requests, "remembered {remembered}");
        self.users[index].remembered = grant.status;
        self.happened(index, UserEvent::TokenIssued(right));
        assert_eq!(grant.status, self.users[index].truth);
        self.keep(index, &grant.token, before.lives);
    }

    fn check_resume(&mut self, index: usize, before: Facts) {
        self.meet(None);
        let leeway = Leeway::at_least(Duration::from_secs(600));
        let offered = self.users[index].token.clone();
        let truth = self.users[index].truth;
        let mut flow = ConnectTokenFlow::new(
            self.credentials.clone(),
            Self::user_id(index),
            self.hosts.clone(),
            self.policy.clone(),
        )
        .with_status(KnownStatus::asserted(truth));
        let mut reusable = false;
        if let Some((token, issued_at)) = offered {
            let age = self.now().wall().duration_since(issued_at).unwrap();
            let fits = match token.kind() {
                TokenKind::Session => before.started && !before.connected,
                _ => before.connected,
            };
            let left = token.kind().default_lifetime().saturating_sub(age);
            reusable = fits && left > Duration::from_secs(605);
            flow = flow.with_reusable(token, leeway);
        }
        let grant = self.drive(flow).expect("the status is the true one");
        assert_eq!(grant.reused, reusable, "{before:?}");
        assert_eq!(self.sent, u32::from(!reusable));
        let issued = self
            .sandbox
            .control()
            .issued_token_kind(grant.token.expose_secret());
        assert!(issued.is_some(), "a token that the service knows");
        self.users[index].remembered = grant.status;
        if !reusable {
            self.happened(index, UserEvent::TokenIssued(grant.token.kind()));
        }
        self.keep(index, &grant.token, before.lives);
    }

    /// Keeps a token for later, and checks that it is of the same person as before.
    fn keep(&mut self, index: usize, token: &ConnectToken, lives: u32) {
        let issued_at = self.now().wall();
        let memory = &mut self.users[index];
        let human_id = token.human_id().expect("the sandbox tells it").to_string();
        let known = memory
            .human_ids
            .entry(lives)
            .or_insert_with(|| human_id.clone());
        assert_eq!(*known, human_id, "a sitting is resumed by the same person");
        let is_new = memory
            .token
            .as_ref()
            .is_none_or(|(old, _)| old.expose_secret() != token.expose_secret());
        if is_new {
            memory.token = Some((token.clone(), issued_at));
        }
    }

    fn check_read_data(&mut self, index: usize, vouched: bool, before: Facts) {
        self.meet(None);
        let user = Self::user_id(index);
        let key = TokenKey::access(self.credentials.client_id().clone(), user);
        let memory = &self.users[index];
        let known = if vouched {
            KnownStatus::asserted(memory.truth)
        } else {
            KnownStatus::remembered(memory.remembered)
        };
        let (hosts, policy) = (self.hosts.clone(), self.policy.clone());
        let call = Authorized::new(ReadProfile::new(), key, hosts, policy).with_status(known);
        let flow = SelfServed::new(
            call,
            self.credentials.clone(),
            Provisioning::Connect,
            self.hosts.clone(),
            self.policy.clone(),
        );
        let outcome = self.drive(flow);
        if before.connected {
            let profile = outcome.expect("a connected user's data can be read");
            assert_eq!(self.sent, 2);
            let known = self.users[index].human_ids.get(&before.lives);
            if let Some(known) = known {
                assert_eq!(profile.human_id().as_deref(), Some(known.as_str()));
            }
        } else if vouched {
            assert!(matches!(outcome, Err(FlowError::Refused(_))), "{outcome:?}");
            assert_eq!(self.sent, 0, "a rule refuses without asking");
        } else {
            assert!(matches!(outcome, Err(FlowError::Token(_))), "{outcome:?}");
            assert_eq!(self.sent, 1, "what is merely remembered refuses nothing");
        }
    }
}

struct Histories;

impl StateMachineTest for Histories {
    type SystemUnderTest = Sdk;
    type Reference = Model;

    fn init_test(_: &Model) -> Sdk {
        let sandbox = Sandbox::builder().build_offline();
        let app = sandbox.app(DemoApp::Connect);
        let new = || Memory {
            truth: UserStatus::New,
            ..Memory::default()
        };
        Sdk {
            start: sandbox.control().now(),
            sandbox,
            hosts: Hosts::single("http://127.0.0.1").unwrap(),
            policy: RetryPolicy::default()
                .with_max_attempts(ATTEMPTS)
                .with_overall_deadline(Duration::from_secs(3_600)),
            credentials: Credentials::new(app.client_id.as_str(), app.client_secret.as_str())
                .unwrap(),
            client_id: app.client_id,
            users: [new(), new(), new(), new()],
            sent: 0,
        }
    }

    fn apply(mut sdk: Sdk, model: &Model, transition: Transition) -> Sdk {
        let before = model.before;
        let control = sdk.sandbox.control().clone();
        match transition {
            Transition::Ask(user, kind, trouble) => sdk.check_ask(user, kind, trouble, before),
            Transition::OpenConnect(user, trouble) => {
                sdk.check_open_connect(user, trouble, before);
            }
            Transition::Resume(user) => sdk.check_resume(user, before),
            Transition::ReadData(user, vouched) => sdk.check_read_data(user, vouched, before),
            Transition::Connect(user, source, told) => {
                control
                    .connect_source(&sdk.client_id, USERS[user], Source::ALL[source].id)
                    .unwrap();
                sdk.happened(user, UserEvent::SourceConnected);
                if told {
                    sdk.told(user, UserEvent::SourceConnected);
                }
            }
            Transition::Disconnect(user, source, told) => {
                let was = control
                    .find_user(&sdk.client_id, USERS[user])
                    .unwrap()
                    .unwrap();
                control
                    .disconnect_source(&sdk.client_id, USERS[user], Source::ALL[source].id)
                    .unwrap();
                // Connect reports a disconnected source only where one was connected.
                let id = Source::ALL[source].id;
                if was.sources.iter().any(|source| source.id == id) {
                    sdk.happened(user, UserEvent::SourceDisconnected);
                    if told {
                        sdk.told(user, UserEvent::SourceDisconnected);
                    }
                }
            }
            Transition::Delete(user, told) => {
                control.delete_user(&sdk.client_id, USERS[user]).unwrap();
                sdk.happened(user, UserEvent::Deleted);
                sdk.users[user].token = None;
                if told {
                    sdk.told(user, UserEvent::Deleted);
                }
            }
            Transition::Restart => {
                for memory in &mut sdk.users {
                    memory.remembered = UserStatus::Unknown;
                }
            }
            Transition::Wait(seconds) => {
                control.advance_clock(Duration::from_secs(seconds)).unwrap();
            }
        }
        sdk
    }

    fn check_invariants(sdk: &Sdk, model: &Model) {
        for (memory, facts) in sdk.users.iter().zip(model.users) {
            let expected = match facts {
                Facts {
                    connected: true, ..
                } => UserStatus::Connected,
                Facts { started: true, .. } => UserStatus::Started,
                Facts { lives: 0, .. } => UserStatus::New,
                Facts { .. } => UserStatus::Deleted,
            };
            assert_eq!(memory.truth, expected);
        }
    }
}

/// A request is never made longer than the sandbox would accept.
#[test]
fn the_driver_sends_what_flows_hand_out() {
    let sdk = Histories::init_test(&Model::default());
    let request: Request = humanapi_core::Endpoint::request(
        &IssueSessionToken::new(sdk.credentials.clone(), Sdk::user_id(3)),
        &sdk.hosts,
    )
    .unwrap();
    let response = sdk.sandbox.answer(request.map(Body::into_bytes)).unwrap();
    assert_eq!(response.status(), 200);
}

#[expect(clippy::disallowed_methods, reason = "a test may look around")]
fn histories() -> u32 {
    if env::var_os("HUMANAPI_DEEP").is_some() {
        200_000
    } else {
        10_000
    }
}

prop_state_machine! {
    #![proptest_config(ProptestConfig {
        cases: histories(),
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("regressions"))),
        .. ProptestConfig::default()
    })]

    #[test]
    fn prediction_model_and_verdict_agree(sequential 1..24 => Histories);
}
