//! What a worker does about one intent, step by step.

use std::time::Duration;

use super::before::Before;
use super::entry::{Claim, Doubt, Entry, EntryState};
use super::intent::Subject;
use super::outcome::Outcome;
use super::policy::OrderPolicy;
use super::reading::Finding;
use super::report::Report;
use super::row::{Effect, Op};
use crate::admin::users::OrderedUser;
use crate::now::Now;

/// What a worker does about one intent, from asking the journal to telling the caller.
///
/// A driver does what [`step`](Self::step) says and hands in what came of it. Time is an input, by both clocks: the
/// monotonic one may stand still while the machine is suspended, and the wall clock may be set back.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Submission {
    /// Whom to order for; nothing where only what became of the intent is to be found out.
    subject: Option<Subject>,
    policy: OrderPolicy,
    /// When it stops to wait for others.
    gives_up_at: Duration,
    /// How often another went on with the intent just before this one could.
    overtaken: u8,
    /// Whether something may have left for this intent, as far as this submission knows.
    may_have_left: bool,
    state: State,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum State {
    Asking,
    Waiting(Duration),
    Looking {
        claim: Claim,
        subject: Subject,
    },
    Departing {
        claim: Claim,
        since: Now,
        before: Before,
    },
    Sending {
        claim: Claim,
        since: Now,
        before: Before,
    },
    Settling {
        claim: Claim,
        report: Report,
        tries: u8,
    },
    Pausing {
        claim: Claim,
        report: Report,
        tries: u8,
    },
    Reading {
        claim: Claim,
        entry: Entry,
        since: Duration,
        pause: Duration,
    },
    ReadingAgain {
        claim: Claim,
        entry: Entry,
        since: Duration,
        pause: Duration,
    },
    Concluding {
        claim: Claim,
        entry: Entry,
        finding: Finding,
    },
    HandingBack(Outcome, u64),
    Done(Outcome),
}

/// What a driver does next.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "a driver does exactly these")]
pub enum SubmissionStep {
    /// Do this to the intent's row, and hand in [`SubmissionInput::Journal`].
    Apply(Op),
    /// Send the order, and hand in [`SubmissionInput::Sent`]. This is said once.
    Send {
        /// It has to be over so soon, answered or broken off: others look after that, and what they do not find must not
        /// leave later.
        within: Duration,
        /// What was there before, for [`Report::of`].
        before: Before,
    },
    /// Read the users of this one's id, and hand in [`SubmissionInput::Read`].
    Read {
        /// Whose id it is.
        subject: Subject,
        /// Whether the user's orders are read, too.
        with_orders: bool,
    },
    /// Wait so long, and hand in [`SubmissionInput::Waited`].
    Wait(Duration),
    /// It is over.
    Done(Outcome),
}

/// What came of a step.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_enums, reason = "a driver does exactly these")]
pub enum SubmissionInput {
    /// What the journal did; nothing where it could not be asked, or did not answer.
    Journal(Option<Effect>),
    /// What sending brought.
    Sent(Report),
    /// Which users there are; nothing where they could not be read.
    Read(Option<Vec<OrderedUser>>),
    /// The time is over.
    Waited,
}

/// The longest wait between two looks at what another worker does.
const LOOK: Duration = Duration::from_secs(2);
/// The first wait between two readings; each later one is twice as long.
const READ_AGAIN: Duration = Duration::from_secs(1);
/// So often may another go on just before.
const OVERTAKEN: u8 = 3;
/// So often a journal is told what came of sending.
const TELLS: u8 = 4;

impl Submission {
    /// Has an order placed once, whoever else tries, and whatever was done about it before.
    #[must_use]
    pub fn submit(subject: Subject, policy: OrderPolicy, now: Now) -> Self {
        Self::new(Some(subject), policy, now)
    }

    /// Finds out what became of an intent. Sends nothing.
    #[must_use]
    pub fn reconcile(policy: OrderPolicy, now: Now) -> Self {
        Self::new(None, policy, now)
    }

    fn new(subject: Option<Subject>, policy: OrderPolicy, now: Now) -> Self {
        Self {
            subject,
            gives_up_at: now.monotonic().saturating_add(policy.wait_for_others),
            policy,
            overtaken: 0,
            may_have_left: false,
            state: State::Asking,
        }
    }

    /// What to do next, now.
    #[must_use]
    pub fn step(&mut self, now: Now) -> SubmissionStep {
        let ttl = self.policy.claim_ttl;
        if let State::Sending { claim, since, .. } = self.state
            && now.since(since) >= ttl
        {
            // Others may look by now, and what they do not find is not to come later.
            self.state = nothing_sent(claim, 1);
        }
        match &self.state {
            State::Asking => SubmissionStep::Apply(match &self.subject {
                Some(subject) => Op::Begin {
                    ttl,
                    subject: subject.clone(),
                },
                None => Op::Take { ttl },
            }),
            State::Waiting(wait) => SubmissionStep::Wait(*wait),
            State::Looking { subject, .. } => SubmissionStep::Read {
                subject: subject.clone(),
                with_orders: true,
            },
            State::Departing { claim, before, .. } => SubmissionStep::Apply(Op::Depart {
                claim: *claim,
                ttl,
                before: before.clone(),
            }),
            State::Sending { since, before, .. } => SubmissionStep::Send {
                within: ttl.saturating_sub(now.since(*since)),
                before: before.clone(),
            },
            State::Settling { claim, report, .. } => SubmissionStep::Apply(Op::Settle {
                claim: *claim,
                report: report.clone(),
            }),
            State::Pausing { .. } => SubmissionStep::Wait(READ_AGAIN),
            State::Reading { entry, .. } => SubmissionStep::Read {
                subject: entry.subject.clone(),
                with_orders: Finding::needs_orders(entry),
            },
            State::ReadingAgain { pause, .. } => SubmissionStep::Wait(*pause),
            State::Concluding { claim, finding, .. } => SubmissionStep::Apply(Op::Conclude {
                claim: *claim,
                finding: finding.clone(),
            }),
            State::HandingBack(_, version) => {
                SubmissionStep::Apply(Op::HandBack { version: *version })
            }
            State::Done(outcome) => SubmissionStep::Done(outcome.clone()),
        }
    }

    /// Takes what came of the step. What does not belong to it changes nothing.
    pub fn handle(&mut self, input: SubmissionInput, now: Now) {
        let state = std::mem::replace(&mut self.state, State::Asking);
        self.state = match (state, input) {
            (State::Asking, SubmissionInput::Journal(effect)) => self.asked(effect, now),
            (State::Waiting(_), SubmissionInput::Waited) => State::Asking,
            (State::Looking { claim, subject }, SubmissionInput::Read(users)) => match users {
                Some(users) => State::Departing {
                    claim,
                    since: now,
                    before: Before::of(&users, &subject),
                },
                // What is not looked at before could not be told from this order afterwards.
                None => nothing_sent(claim, 1),
            },
            (
                State::Departing {
                    claim,
                    since,
                    before,
                },
                SubmissionInput::Journal(effect),
            ) => self.departed(claim, (since, before), effect),
            (State::Sending { claim, .. }, SubmissionInput::Sent(report)) => {
                // Whatever comes, a submission sends once.
                self.subject = None;
                State::Settling {
                    claim,
                    report,
                    tries: 1,
                }
            }
            (
                State::Settling {
                    claim,
                    report,
                    tries,
                },
                SubmissionInput::Journal(effect),
            ) => self.settled(claim, report, tries, effect),
            (
                State::Pausing {
                    claim,
                    report,
                    tries,
                },
                SubmissionInput::Waited,
            ) => State::Settling {
                claim,
                report,
                tries: tries + 1,
            },
            (
                State::Reading {
                    claim,
                    entry,
                    since,
                    pause,
                },
                SubmissionInput::Read(users),
            ) => self.read(claim, entry, (since, pause), users, now),
            (
                State::ReadingAgain {
                    claim,
                    entry,
                    since,
                    pause,
                },
                SubmissionInput::Waited,
            ) => State::Reading {
                claim,
                entry,
                since,
                pause: pause.saturating_mul(2),
            },
            (State::Concluding { entry, finding, .. }, SubmissionInput::Journal(effect)) => {
                self.concluded(entry, finding, effect)
            }
            (State::HandingBack(..), SubmissionInput::Journal(Some(Effect::Fenced))) => {
                // What the caller would be told may be over.
                self.overtaken()
            }
            (State::HandingBack(Outcome::Absent(entry), _), SubmissionInput::Journal(None)) => {
                // Another may have gone on with it and placed it since.
                State::Done(Outcome::Unknown(Some(entry)))
            }
            // Where the journal did not take it, the intent stays open and is told of once more.
            (State::HandingBack(outcome, _), SubmissionInput::Journal(_)) => State::Done(outcome),
            (state, _) => state,
        };
        self.may_have_left |= match &self.state {
            State::Settling { report, .. } => *report != Report::NoEffect,
            State::Reading { .. } => true,
            State::HandingBack(outcome, _) => *outcome != Outcome::NotPlaced,
            _ => false,
        };
    }

    fn asked(&self, effect: Option<Effect>, now: Now) -> State {
        match (effect, &self.subject) {
            (Some(Effect::Send(claim)), Some(subject)) => State::Looking {
                claim,
                subject: subject.clone(),
            },
            (Some(Effect::Read(claim, entry)), _) => State::Reading {
                claim,
                entry,
                since: now.monotonic(),
                pause: READ_AGAIN,
            },
            (Some(Effect::Held { remaining }), _) => {
                let left = self.gives_up_at.saturating_sub(now.monotonic());
                if left.is_zero() {
                    State::Done(Outcome::InProgress)
                } else {
                    State::Waiting(remaining.min(left).min(LOOK).max(Duration::from_millis(1)))
                }
            }
            (Some(Effect::Stands(entry)), _) => stands(entry),
            (Some(Effect::OtherOrder), _) => State::Done(Outcome::OtherOrder),
            (Some(Effect::Missing), _) => State::Done(Outcome::Missing),
            (None | Some(Effect::Send(_) | Effect::Departed | Effect::Fenced), _) => {
                State::Done(if self.may_have_left {
                    Outcome::Unknown(None)
                } else {
                    Outcome::NotWritten
                })
            }
        }
    }

    /// Somebody else went on with the intent: how it stands now is asked again, and not for ever.
    fn overtaken(&mut self) -> State {
        self.overtaken += 1;
        if self.overtaken < OVERTAKEN {
            State::Asking
        } else {
            State::Done(Outcome::InProgress)
        }
    }

    /// `since` is when it was asked for, which is no later than when the journal wrote it.
    fn departed(
        &mut self,
        claim: Claim,
        (since, before): (Now, Before),
        effect: Option<Effect>,
    ) -> State {
        match effect {
            Some(Effect::Departed) => State::Sending {
                claim,
                since,
                before,
            },
            Some(Effect::Fenced) => self.overtaken(),
            // Whether it is marked as sent is not known. Nothing was sent, and that is certain.
            _ => nothing_sent(claim, TELLS),
        }
    }

    fn settled(
        &mut self,
        claim: Claim,
        report: Report,
        tries: u8,
        effect: Option<Effect>,
    ) -> State {
        match (effect, &report) {
            // What reading tells is to be found out next.
            (Some(_), Report::Unknown(_)) => State::Asking,
            (Some(Effect::Stands(entry)), _) => stands(entry),
            (Some(Effect::Fenced), Report::NoEffect) => self.overtaken(),
            (None, _) if tries < TELLS => State::Pausing {
                claim,
                report,
                tries,
            },
            // The journal did not hear of it, and whoever reads later will find the same. What is certain is certain.
            (_, Report::Placed(human_id)) => State::Done(Outcome::Exists(human_id.clone())),
            (_, Report::NoEffect) => State::Done(Outcome::NotWritten),
            (None, Report::Unknown(_)) => State::Done(Outcome::Unknown(None)),
        }
    }

    fn concluded(&mut self, entry: Entry, finding: Finding, effect: Option<Effect>) -> State {
        match (effect, finding) {
            (Some(Effect::Stands(entry)), _) => stands(entry),
            (Some(_), _) => self.overtaken(),
            (None, Finding::Exists(human_id)) => State::Done(Outcome::Exists(human_id)),
            (None, _) => State::Done(Outcome::Unknown(Some(entry))),
        }
    }

    fn read(
        &self,
        claim: Claim,
        entry: Entry,
        (since, pause): (Duration, Duration),
        users: Option<Vec<OrderedUser>>,
        now: Now,
    ) -> State {
        // A wall clock that was set forward must not make an absence of what is only late.
        let spent = now.monotonic().saturating_sub(since);
        let finding = match users {
            Some(users) => {
                // What is read now is there so much later.
                let ago = entry.left_ago.map(|ago| ago.saturating_add(spent));
                let entry = Entry {
                    left_ago: ago,
                    ..entry.clone()
                };
                Finding::of(&users, &entry, &self.policy)
            }
            None => Finding::Undecided(Doubt::NotRead),
        };
        let may_change = matches!(
            finding,
            Finding::Undecided(
                Doubt::NotThereYet | Doubt::NotRead | Doubt::NoNewOrder | Doubt::Gone
            )
        );
        let patience = self.policy.read_patience.min(self.policy.claim_ttl / 2);
        if may_change && spent.saturating_add(pause) <= patience {
            return State::ReadingAgain {
                claim,
                entry,
                since,
                pause,
            };
        }
        State::Concluding {
            claim,
            entry,
            finding,
        }
    }
}

/// What a caller is told of an intent that nobody is at.
fn stands(entry: Entry) -> State {
    let version = entry.version;
    let outcome = match &entry.state {
        EntryState::Exists(human_id) => Outcome::Exists(human_id.clone()),
        EntryState::Written => Outcome::NotPlaced,
        EntryState::Absent => Outcome::Absent(entry),
        EntryState::Sent | EntryState::Unknown(_) => Outcome::Unknown(Some(entry)),
    };
    State::HandingBack(outcome, version)
}

/// Nothing left under this claim: the journal is to know that.
const fn nothing_sent(claim: Claim, tries: u8) -> State {
    State::Settling {
        claim,
        report: Report::NoEffect,
        tries,
    }
}
