//! A [`CacheEntry`] under random questions, outcomes and clocks, against a naive model of it.
//!
//! The model knows the token that is kept by its exact end, and of a pause only the bounds within
//! which it is drawn. What it cannot know it allows; everything else it asserts.
//!
//! One piece: the model and what is held against it make sense together alone.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use humanapi_core::auth::IssueClientToken;
use humanapi_core::broker::{BrokerPolicy, CacheDecision, CacheEntry, KeptToken, Life, Lookup};
use humanapi_core::{
    Body, BuildError, Credentials, Endpoint, Expiry, FlowError, Generation, Now, SendFailure,
    SendFailureKind, TokenKind,
};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{FileFailurePersistence, TestRunner};

#[derive(Clone, Copy, Debug)]
enum Rejected {
    Nothing,
    Older,
    Current,
    Newer,
}

#[derive(Clone, Copy, Debug)]
enum Failure {
    Rule,
    Lost,
    /// The service asks for a pause of so many seconds.
    Asked(u64),
    /// The service asks to wait until a moment so many seconds away, which may have passed.
    AskedUntil(i64),
}

/// What happens next. What makes no sense at that moment is left out.
#[derive(Clone, Copy, Debug)]
enum Event {
    Ask(Duration, Rejected),
    /// Somebody asks who is in doubt of a token.
    Doubt(Rejected),
    /// A token comes, of this life, and by this much newer than the newest one.
    Issued(Duration, i64),
    /// The same, found where tokens are kept: it came from a store.
    Held(Duration, i64),
    /// The token that is kept went for want of room.
    Evicted,
    Failed(Failure),
    Forget,
    Pass(Duration),
    /// Time passes until so many tenths of a second before the kept token's end.
    PassUntilEnd(u64),
    /// The wall clock alone is set, by so many seconds.
    SetWall(i64),
}

#[derive(Clone, Copy, Debug)]
struct Settings {
    seed: u64,
    skew: Duration,
    renew_ahead: Duration,
    base: Duration,
    cap: Duration,
    refusal_life: Duration,
}

impl Settings {
    fn policy(self) -> BrokerPolicy {
        BrokerPolicy::default()
            .with_skew(self.skew)
            .with_renew_ahead(self.renew_ahead)
            .with_backoff(self.base, self.cap)
            .with_refusal_life(self.refusal_life)
    }

    /// What a pause after so many failures doubles to; it is drawn between half of that and all.
    fn step(self, failures: u32) -> Duration {
        let mut step = self.base;
        for _ in 1..failures {
            step = step.saturating_mul(2).min(self.cap);
        }
        step.min(self.cap)
    }
}

/// The token that is kept.
#[derive(Clone, Copy, Debug)]
struct Kept {
    generation: u64,
    ends: Expiry,
    life: Duration,
}

/// What a pause is known to be: it ends between these two monotonic readings.
type Pause = (Duration, Duration);

#[derive(Debug, Default)]
struct Model {
    kept: Option<Kept>,
    refused: Option<u64>,
    newest: u64,
    exchanging: bool,
    failures: u32,
    pause: Option<Pause>,
    /// When a token was last given up because it was refused.
    given_up: Option<Duration>,
    forgotten: bool,
}

/// Readings are rounded to milliseconds, never to a longer life.
const ROUNDING: Duration = Duration::from_millis(2);

impl Model {
    /// A token that an exchange brought must be newer than all that is known; what is held elsewhere need
    /// only be newer than what was refused.
    fn learn(&mut self, token: Kept, issued: bool) {
        let newer = |than: Option<u64>| than.is_none_or(|than| token.generation > than);
        if !issued {
            self.kept = Some(token).filter(|_| newer(self.refused));
        } else if newer(self.refused) && newer(self.kept.map(|kept| kept.generation)) {
            self.kept = Some(token);
        }
    }

    /// How much longer the kept token lives than this lookup needs, and its own life.
    fn spare(&self, at_least: Duration, settings: Settings, now: Now) -> Option<Duration> {
        let needed = at_least.saturating_add(settings.skew);
        let left = self.kept?.ends.time_left(now, Duration::ZERO);
        left.checked_sub(needed).filter(|spare| !spare.is_zero())
    }
}

/// A machine beside its model.
struct Rig {
    settings: Settings,
    policy: BrokerPolicy,
    entry: CacheEntry,
    model: Model,
    now: Now,
    answers: Vec<(CacheDecision, &'static str)>,
}

impl Rig {
    fn new(settings: Settings) -> Self {
        // Half of the histories keep to whole milliseconds, where nothing is lost to rounding.
        let apart = Duration::from_nanos(settings.seed % 2 * 456_789);
        let wall = SystemTime::UNIX_EPOCH + Duration::from_millis(1_800_000_000_123) + apart;
        Self {
            settings,
            policy: settings.policy(),
            entry: CacheEntry::new(settings.seed),
            model: Model::default(),
            now: Now::new(Duration::from_secs(5) + apart, wall),
            answers: Vec::new(),
        }
    }

    fn run(settings: Settings, events: &[Event]) -> Self {
        let mut rig = Self::new(settings);
        for event in events {
            rig.happen(*event);
        }
        rig
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Ask(at_least, rejected) => self.ask(at_least, rejected),
            Event::Doubt(doubted) => self.doubt(doubted),
            Event::Issued(life, newer) if self.model.exchanging => {
                let token = self.token(life, newer, true);
                self.entry.issued(&token, &self.policy);
                self.model.exchanging = false;
                self.model.failures = 0;
                self.model.pause = None;
            }
            Event::Held(life, newer) => {
                let token = self.token(life, newer, false);
                let life = Life::of(&token, &self.policy, self.settings.seed);
                self.entry.holds(Some(life));
            }
            Event::Evicted => {
                self.entry.holds(None);
                self.model.kept = None;
            }
            Event::Failed(failure) if self.model.exchanging => self.fail(failure),
            Event::Forget => {
                self.entry.forget();
                let model = &mut self.model;
                model.refused = model.refused.max(model.kept.map(|kept| kept.generation));
                model.kept = None;
                // What the exchange that is under way brings is not handed in any more.
                model.exchanging = false;
                model.failures = 0;
                model.pause = None;
                model.given_up = None;
                model.forgotten = true;
            }
            Event::Pass(time) => self.now = self.now.after(time),
            Event::PassUntilEnd(tenths) => {
                let before = Duration::from_millis(tenths * 100);
                let left = (self.model.kept).map(|kept| kept.ends.time_left(self.now, before));
                self.now = self.now.after(left.unwrap_or_default());
            }
            Event::SetWall(seconds) => {
                let by = Duration::from_secs(seconds.unsigned_abs());
                let wall = if seconds < 0 {
                    self.now.wall().checked_sub(by)
                } else {
                    self.now.wall().checked_add(by)
                };
                // The model's arithmetic is for days after 1970; other days have a test of their own.
                let first = SystemTime::UNIX_EPOCH + Duration::from_secs(86_400);
                self.now = Now::new(self.now.monotonic(), wall.unwrap_or(first).max(first));
            }
            Event::Issued(..) | Event::Failed(_) => {}
        }
        let newest = (self.model.refused).max(self.model.kept.map(|kept| kept.generation));
        assert_eq!(self.entry.known().map(Generation::number), newest);
        assert_eq!(self.entry.failures(), self.model.failures);
    }

    /// A token for the machine, of which the model learns too.
    fn token(&mut self, life: Duration, newer: i64, issued: bool) -> KeptToken {
        let generation = self.model.newest.saturating_add_signed(newer);
        self.model.newest = self.model.newest.max(generation);
        let mut ends = Expiry::after(self.now, life);
        if !issued {
            // A store knows the wall clock alone.
            ends = Expiry::at(ends.wall());
        }
        self.model.forgotten = false;
        let kept = Kept {
            generation,
            ends,
            life,
        };
        self.model.learn(kept, issued);
        let generation = Generation::new(generation);
        KeptToken::new(TokenKind::Access, "t", generation, ends, life)
    }

    fn fail(&mut self, failure: Failure) {
        let (error, asked) = match failure {
            Failure::Rule => (BuildError::NotABearer(TokenKind::Id).into(), 0),
            Failure::Lost => (SendFailure::new(SendFailureKind::Lost).into(), 0),
            Failure::Asked(seconds) => (self.asked(&seconds.to_string()), seconds),
            Failure::AskedUntil(seconds) => {
                // An HTTP date has whole seconds.
                let since_1970 = self.now.wall().duration_since(SystemTime::UNIX_EPOCH);
                let whole = Duration::from_secs(since_1970.unwrap_or_default().as_secs());
                let seconds = whole.as_secs().saturating_add_signed(seconds);
                let moment = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds.min(LAST_DATE));
                let wait = moment.duration_since(self.now.wall()).unwrap_or_default();
                (self.asked(&httpdate::fmt_http_date(moment)), wait.as_secs())
            }
        };
        self.entry.failed(&error, &self.policy, self.now);
        let model = &mut self.model;
        model.exchanging = false;
        model.failures += 1;
        model.forgotten = false;
        let at = self.now.monotonic();
        let step = self.settings.step(model.failures);
        let (least, most) = match failure {
            Failure::Rule => {
                let life = self.settings.refusal_life;
                (life - life / 4, life)
            }
            _ => {
                // What the service asks for counts, within ten minutes.
                let asked = Duration::from_secs(asked.min(600));
                let over = Duration::from_secs(1);
                (
                    step / 2 + asked,
                    step.saturating_add(asked).saturating_add(over),
                )
            }
        };
        model.pause = Some((at.saturating_add(least), at.saturating_add(most)));
    }

    fn asked(&self, value: &str) -> FlowError {
        let answer = http::Response::builder()
            .status(429)
            .header("retry-after", value)
            .body(Body::from("{}"))
            .unwrap();
        let endpoint = IssueClientToken::new(Credentials::new("app", "secret").unwrap());
        endpoint.parse(answer, self.now).unwrap_err().into()
    }

    fn generation(&self, rejected: Rejected) -> Option<u64> {
        let known = self
            .model
            .kept
            .map_or(self.model.newest, |kept| kept.generation);
        match rejected {
            Rejected::Nothing => None,
            Rejected::Older => known.checked_sub(1),
            Rejected::Current => Some(known),
            Rejected::Newer => Some(known + 1),
        }
    }

    /// Doubt of a token can begin an exchange, and changes nothing else.
    fn doubt(&mut self, doubted: Rejected) {
        let Some(generation) = self.generation(doubted) else {
            return;
        };
        let plain = Lookup::default();
        let lookup = plain.with_doubted(Generation::new(generation));
        let unmoved = self.entry.clone().decide(plain, &self.policy, self.now);
        let answer = self.entry.decide(lookup, &self.policy, self.now);
        let serves = matches!(unmoved, CacheDecision::Serve | CacheDecision::ServeAndRenew);
        let is_it = (self.model.kept).is_some_and(|kept| kept.generation <= generation);
        if !serves || !is_it || answer == unmoved {
            assert_eq!(answer, unmoved, "nothing to doubt");
            self.judge(Duration::ZERO, answer);
        } else {
            let at = self.now.monotonic();
            let paused = (self.model.pause).is_some_and(|(least, _)| at < least);
            match answer {
                CacheDecision::Wait => assert!(self.model.exchanging, "nothing to wait for"),
                CacheDecision::Exchange => assert!(!self.model.exchanging && !paused),
                other => panic!("{other:?} in doubt"),
            }
            self.model.exchanging = true;
            // Whoever is in no doubt is served as before.
            let unmoved = self.entry.clone().decide(plain, &self.policy, self.now);
            assert_eq!(unmoved, CacheDecision::Serve);
        }
        self.answers.push((answer, "doubt"));
    }

    fn ask(&mut self, at_least: Duration, rejected: Rejected) {
        let plain = Lookup::default().with_life(at_least);
        let generation = self.generation(rejected);
        let lookup =
            generation.map_or(plain, |number| plain.with_rejected(Generation::new(number)));
        let unmoved = self.entry.clone().decide(plain, &self.policy, self.now);
        let answer = self.entry.decide(lookup, &self.policy, self.now);
        let mut about = "plain";
        if let Some(generation) = generation {
            about = self.reject(generation);
            if about == "old news" || about == "stands" {
                assert_eq!(answer, unmoved, "{about}");
            }
        }
        self.judge(at_least, answer);
        self.answers.push((answer, about));
    }

    /// Follows a refusal, and says what came of it.
    fn reject(&mut self, generation: u64) -> &'static str {
        let at = self.now.monotonic();
        let model = &mut self.model;
        model.newest = model.newest.max(generation);
        let Some(kept) = model.kept else {
            model.refused = model.refused.max(Some(generation));
            return "nothing kept";
        };
        if generation < kept.generation {
            model.refused = model.refused.max(Some(generation));
            return "old news";
        }
        // Asked by a clock at which any token lives, the machine tells whether it still has one.
        let origin = Now::new(Duration::ZERO, SystemTime::UNIX_EPOCH);
        let lenient = BrokerPolicy::default().with_skew(Duration::ZERO);
        let probe = (self.entry.clone()).decide(Lookup::default(), &lenient, origin);
        let stands = matches!(probe, CacheDecision::Serve | CacheDecision::ServeAndRenew);
        let least = self.settings.step(1) / 2;
        let since = model.given_up.map(|before| at.saturating_sub(before));
        if since.is_none_or(|since| since >= self.settings.cap) {
            assert!(!stands, "refused after {since:?}, and kept");
        }
        if since.is_some_and(|since| since < least) {
            assert!(stands, "given up again after {since:?}");
        }
        if stands {
            return "stands";
        }
        model.given_up = Some(at);
        model.refused = model.refused.max(Some(generation));
        model.kept = None;
        "given up"
    }

    /// What may be answered.
    fn judge(&mut self, at_least: Duration, answer: CacheDecision) {
        use CacheDecision::{Exchange, Failed, Serve, ServeAndRenew, Wait};
        let (now, settings) = (self.now, self.settings);
        let at = now.monotonic();
        let model = &mut self.model;
        let spare = model.spare(at_least, settings, now);
        let serves = matches!(answer, Serve | ServeAndRenew);
        let begins = matches!(answer, Exchange | ServeAndRenew);
        if serves {
            assert!(spare.is_some(), "{answer:?} of {:?}", model.kept);
        } else {
            let fit = spare.is_some_and(|spare| spare > ROUNDING);
            assert!(!fit, "{answer:?} beside {:?}", model.kept);
        }
        if begins {
            assert!(!model.exchanging, "a second exchange");
            let paused = model.pause.is_some_and(|(least, _)| at < least);
            assert!(!paused, "{answer:?} at {at:?} within {:?}", model.pause);
        }
        let may_pause = model.pause.is_some_and(|(_, most)| at < most);
        match answer {
            Wait => assert!(model.exchanging, "nothing to wait for"),
            Failed => assert!(may_pause && !model.exchanging, "no failure stands"),
            Serve | ServeAndRenew => {
                // It is renewed from between once and twice the margin before its end.
                let kept = model.kept.unwrap();
                let margin = (kept.life / 10).min(settings.renew_ahead);
                let left = kept.ends.time_left(now, Duration::ZERO);
                if answer == ServeAndRenew {
                    assert!(left <= margin * 2 + ROUNDING, "renewed {left:?} ahead");
                } else if !model.exchanging && !may_pause {
                    assert!(left + ROUNDING > margin, "not renewed {left:?} ahead");
                }
            }
            Exchange => {}
        }
        if model.forgotten {
            assert_eq!(answer, Exchange, "after it was forgotten");
        }
        model.forgotten = false;
        model.exchanging |= begins;
    }
}

/// The last second that an HTTP date can name.
const LAST_DATE: u64 = 253_402_300_799;

fn settings() -> impl Strategy<Value = Settings> {
    let millis = |most: u64| (0..=most).prop_map(Duration::from_millis);
    let other = (
        any::<u64>(),
        millis(20_000),
        millis(400_000),
        millis(2_000),
        millis(60_000),
        millis(20_000),
    );
    let other = other.prop_map(
        |(seed, skew, renew_ahead, base, cap, refusal_life)| Settings {
            seed,
            skew,
            renew_ahead,
            base,
            cap,
            refusal_life,
        },
    );
    prop_oneof![any::<u64>().prop_map(usual), other]
}

/// The settings of [`BrokerPolicy::default`].
fn usual(seed: u64) -> Settings {
    Settings {
        seed,
        skew: Duration::from_secs(5),
        renew_ahead: Duration::from_secs(300),
        base: Duration::from_secs(1),
        cap: Duration::from_secs(60),
        refusal_life: Duration::from_secs(10),
    }
}

/// Times about those at which something changes, to the nanosecond.
fn time() -> impl Strategy<Value = Duration> {
    prop_oneof![
        Just(Duration::ZERO),
        (0..5_000_000_u64).prop_map(Duration::from_nanos),
        (0..3_000_000_000_u64).prop_map(Duration::from_nanos),
        (0..120_000_u64).prop_map(Duration::from_millis),
        (0..90_000_000_u64).prop_map(Duration::from_millis),
    ]
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let rejected = prop_oneof![
        4 => Just(Rejected::Nothing),
        1 => Just(Rejected::Older),
        3 => Just(Rejected::Current),
        1 => Just(Rejected::Newer),
    ];
    let at_least = prop_oneof![
        6 => Just(Duration::ZERO),
        3 => time(),
        1 => Just(Duration::MAX),
    ];
    let newer = prop_oneof![8 => 1..3_i64, 1 => -2..1_i64];
    let life = prop_oneof![
        3 => time(),
        2 => Just(Duration::from_secs(86_400)),
        1 => Just(Duration::MAX),
    ];
    let failure = prop_oneof![
        1 => Just(Failure::Rule),
        4 => Just(Failure::Lost),
        1 => prop_oneof![0..1_000_u64, Just(u64::MAX)].prop_map(Failure::Asked),
        1 => (-100..1_000_i64).prop_map(Failure::AskedUntil),
    ];
    let years = 3_000_000_000_i64;
    let event = prop_oneof![
        4 => rejected.clone().prop_map(Event::Doubt),
        12 => (at_least, rejected).prop_map(|(at_least, rejected)| Event::Ask(at_least, rejected)),
        4 => (life.clone(), newer.clone()).prop_map(|(life, newer)| Event::Issued(life, newer)),
        1 => (life, newer).prop_map(|(life, newer)| Event::Held(life, newer)),
        4 => failure.prop_map(Event::Failed),
        1 => Just(Event::Forget),
        1 => Just(Event::Evicted),
        6 => time().prop_map(Event::Pass),
        2 => (0..7_000_u64).prop_map(Event::PassUntilEnd),
        1 => (0..120_u64).prop_map(Event::PassUntilEnd),
        1 => prop_oneof![-100_000..100_000_i64, -years..years].prop_map(Event::SetWall),
    ];
    proptest::collection::vec(event, 1..60)
}

fn config() -> ProptestConfig {
    #[expect(
        clippy::disallowed_methods,
        reason = "the runner asks for a longer hunt this way"
    )]
    let deep = std::env::var_os("HUMANAPI_DEEP").is_some_and(|value| value == "1");
    ProptestConfig {
        cases: if deep { 100_000 } else { 4_000 },
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("regressions"))),
        ..ProptestConfig::default()
    }
}

proptest! {
#![proptest_config(config())]

#[test]
fn a_keeper_does_what_its_model_allows(settings in settings(), events in events()) {
    let once = Rig::run(settings, &events);
    let again = Rig::run(settings, &events);
    prop_assert_eq!(&once.answers, &again.answers, "the same seed, another trace");
    prop_assert_eq!(&once.entry, &again.entry);
}

#[test]
fn clocks_at_their_ends_break_nothing(
    settings in settings(),
    readings in proptest::collection::vec((0..6_usize, 0..6_usize, any::<bool>()), 1..20),
) {
    let (epoch, second) = (SystemTime::UNIX_EPOCH, Duration::from_secs(1));
    let last = epoch + Duration::from_secs(u64::MAX >> 1);
    let first = epoch - Duration::from_secs(u64::MAX >> 1);
    let walls = [epoch, epoch - second, first, last, last - second, epoch + 1_000_000 * second];
    let most = Duration::MAX;
    let monotonics = [Duration::ZERO, second, most / 2, most - second, most - Duration::from_nanos(1), most];
    let policy = settings.policy();
    let mut entry = CacheEntry::new(settings.seed);
    for (number, (wall, monotonic, issued)) in (1..).zip(readings) {
        let now = Now::new(monotonics[monotonic], walls[wall]);
        let generation = Generation::new(number);
        let lookup = Lookup::default().with_rejected(generation);
        let before = entry.decide(lookup, &policy, now);
        if !matches!(before, CacheDecision::Exchange | CacheDecision::Wait) {
            continue;
        }
        if issued {
            let expiry = Expiry::after(now, most);
            let token = KeptToken::new(TokenKind::Access, "t", generation, expiry, most);
            entry.issued(&token, &policy);
        } else {
            let failure = SendFailure::new(SendFailureKind::Lost).into();
            entry.failed(&failure, &policy, now);
        }
        prop_assert_ne!(entry.decide(Lookup::default(), &policy, now), CacheDecision::Wait);
    }
}}

proptest! {
    // Each of these is thousands of questions long.
    #![proptest_config(ProptestConfig { cases: config().cases / 16, ..config() })]

    /// Ten minutes in which nothing comes back, asked all the time. A token may be kept when it begins,
    /// and the wall clock be set in the middle of it.
    #[test]
    fn an_outage_costs_few_attempts(
        seed in any::<u64>(),
        life in proptest::option::of((0..700_000_u64).prop_map(Duration::from_millis)),
        every in (5..400_u64).prop_map(Duration::from_millis),
        takes in (0..3_000_u64).prop_map(Duration::from_millis),
        set_wall in (0..600_u64, -100_000..100_000_i64),
        rejected in prop_oneof![Just(Rejected::Nothing), Just(Rejected::Older), Just(Rejected::Current)],
    ) {
        let mut rig = Rig::new(usual(seed));
        if let Some(life) = life {
            rig.happen(Event::Held(life, 1));
        }
        let begin = rig.now.monotonic();
        let end = begin + Duration::from_secs(600);
        let mut wall = Some(begin + Duration::from_secs(set_wall.0));
        let mut fails = None;
        let mut attempts = 0;
        while rig.now.monotonic() < end {
            let at = rig.now.monotonic();
            if wall.is_some_and(|moment| at >= moment) {
                wall = None;
                rig.happen(Event::SetWall(set_wall.1));
            }
            if fails.is_some_and(|moment| at >= moment) {
                fails = None;
                rig.happen(Event::Failed(Failure::Lost));
            }
            // The model holds every attempt to the pause before it.
            rig.happen(Event::Ask(Duration::ZERO, rejected));
            if rig.model.exchanging && fails.is_none() {
                attempts += 1;
                fails = Some(at + takes);
            }
            rig.happen(Event::Pass(every));
        }
        prop_assert!(attempts <= 30, "{attempts} attempts");
        prop_assert!(life.is_some() || attempts >= 10, "{attempts} attempts");
    }

    /// Every token is refused as soon as it is there, for ten minutes.
    #[test]
    fn refusals_time_and_again_cost_few_exchanges(
        seed in any::<u64>(),
        every in (5..400_u64).prop_map(Duration::from_millis),
    ) {
        let mut rig = Rig::new(usual(seed));
        let end = rig.now.monotonic() + Duration::from_secs(600);
        let mut exchanges = 0;
        while rig.now.monotonic() < end {
            rig.happen(Event::Ask(Duration::ZERO, Rejected::Current));
            if rig.model.exchanging {
                exchanges += 1;
                rig.happen(Event::Issued(Duration::from_secs(86_400), 1));
            }
            rig.happen(Event::Pass(every));
        }
        prop_assert!((12..=30).contains(&exchanges), "{exchanges} exchanges");
    }
}

/// To the two milliseconds of rounding, which random times seldom hit.
#[test]
fn a_token_is_served_until_the_margin_before_its_end_begins() {
    let mut rig = Rig::new(usual(0));
    let ask = Event::Ask(Duration::ZERO, Rejected::Nothing);
    for event in [
        Event::Held(Duration::from_secs(86_400), 1),
        Event::PassUntilEnd(51),
        ask,
        Event::Pass(Duration::from_millis(98)),
        ask,
        Event::Pass(Duration::from_millis(2)),
        Event::Failed(Failure::Rule),
        ask,
    ] {
        rig.happen(event);
    }
    let answers = rig.answers.iter().map(|(answer, _)| *answer);
    assert!(answers.eq([
        CacheDecision::ServeAndRenew,
        CacheDecision::Serve,
        CacheDecision::Failed
    ]));
}

/// What the strategy above reaches: without it the properties would say little.
#[test]
fn histories_meet_every_answer_to_every_kind_of_question() {
    let mut runner = TestRunner::deterministic();
    let mut met = BTreeSet::new();
    for _ in 0..400 {
        let settings = settings().new_tree(&mut runner).unwrap().current();
        let events = events().new_tree(&mut runner).unwrap().current();
        for (answer, about) in Rig::run(settings, &events).answers {
            met.insert((format!("{answer:?}"), about));
        }
    }
    for (about, answers) in [
        (
            "plain",
            ["Serve", "ServeAndRenew", "Exchange", "Wait", "Failed"].as_slice(),
        ),
        (
            "old news",
            &["Serve", "ServeAndRenew", "Exchange", "Wait", "Failed"],
        ),
        ("stands", &["Serve", "Exchange"]),
        ("given up", &["Exchange", "Wait", "Failed"]),
        ("nothing kept", &["Exchange", "Wait", "Failed"]),
    ] {
        for answer in answers {
            assert!(
                met.contains(&((*answer).to_owned(), about)),
                "{answer} to {about}: {met:?}"
            );
        }
    }
}
