//! What a journal keeps for one intent, and how each operation changes it.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::before::Before;
use super::entry::{Claim, Doubt, Entry, EntryState};
use super::intent::Subject;
use super::reading::Finding;
use super::report::Report;
use crate::error::DecodeError;
use crate::hidden::hidden_debug;
use crate::json;
use crate::secret_buffer::SecretBuffer;
use crate::user_id::HumanId;

/// What a journal keeps for one intent.
///
/// Every journal does what [`apply`](Self::apply) does, each operation at once and undivided, and has it on durable storage
/// before it answers. Times are milliseconds since 1970-01-01 UTC **by the journal's own clock**.
///
/// ```
/// use std::time::Duration;
///
/// use humanapi_core::ClientUserId;
/// use humanapi_core::admin::NewOrder;
/// use humanapi_core::admin::order::{Before, Effect, EntryState, Op, Row, Subject};
///
/// let order = NewOrder::new(ClientUserId::new("policy-000417")?);
/// let ttl = Duration::from_secs(60);
/// let begin = || Op::Begin { ttl, subject: Subject::of(&order) };
/// let mut row = None;
///
/// // One worker may send, and another is told to wait.
/// let Effect::Send(claim) = Row::apply(&mut row, 1_000, begin()) else { panic!() };
/// assert!(matches!(Row::apply(&mut row, 2_000, begin()), Effect::Held { .. }));
/// let before = Before::Nobody;
/// assert_eq!(Row::apply(&mut row, 3_000, Op::Depart { claim, ttl, before }), Effect::Departed);
///
/// // It was marked as sent and not heard of again: whoever comes next reads, and does not send.
/// assert!(matches!(Row::apply(&mut row, 63_001, begin()), Effect::Read(..)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Row(Kept);

hidden_debug!(Row);

/// As it is kept: the names of its fields are the form of what journals hold.
///
/// A field that is not known here was written by a later version, and would be lost with the next operation: such a row
/// is not read.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    /// The number of the last claim or decision.
    fence: u64,
    claim_ends: Option<u64>,
    written_at: u64,
    phase: Phase,
    subject: Subject,
    handed_back: bool,
}

#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
enum Phase {
    Written,
    Sent(Departure),
    Unknown(Departure, Doubt),
    Absent(Departure),
    Exists { human_id: String },
}

/// That an order was marked as sent.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Departure {
    /// The claim under which it was.
    by: u64,
    /// When it was.
    at: u64,
    /// Until when it may leave: after that, whoever holds the claim does not send any more.
    until: u64,
    /// What the service had of the user just before. Rows of earlier versions do not say so.
    #[serde(default)]
    before: Before,
}

/// What is done to the row of one intent.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "a journal does exactly these")]
pub enum Op {
    /// Writes the intent if it is new, and takes the claim to go on with it, so long.
    Begin {
        /// How long the claim lasts.
        ttl: Duration,
        /// Whom the order is for.
        subject: Subject,
    },
    /// Takes the claim to find out what became of an intent, and never the right to send it.
    Take {
        /// How long the claim lasts.
        ttl: Duration,
    },
    /// Marks it as sent, before the first byte leaves. The claim lasts so long from here on, and nothing may leave after
    /// that.
    Depart {
        /// The claim of whoever sends.
        claim: Claim,
        /// How long the claim lasts.
        ttl: Duration,
        /// What the service has of the user.
        before: Before,
    },
    /// Writes what came of sending, or that nothing was sent.
    Settle {
        /// The claim under which it was, or would have been, marked as sent.
        claim: Claim,
        /// What came.
        report: Report,
    },
    /// Writes what reading tells.
    Conclude {
        /// The claim of whoever read.
        claim: Claim,
        /// What was found.
        finding: Finding,
    },
    /// Writes what somebody decided who knows more than reading tells.
    Decide {
        /// The version that the decision is about.
        version: u64,
        /// What was decided.
        decision: Decision,
    },
    /// Writes that the caller is told, just before it is.
    HandBack {
        /// The version that the caller was told of.
        version: u64,
    },
}

/// What somebody decides of an order of which reading cannot tell whether it is there, or tells that it is not.
#[derive(Clone, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "an order is there, or it is not")]
pub enum Decision {
    /// It is not there: it may be sent, once more.
    SendAgain,
    /// It is there, for this user.
    Exists(HumanId),
}

/// Shows no id.
impl fmt::Debug for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SendAgain => "SendAgain",
            Self::Exists(_) => "Exists(…)",
        })
    }
}

/// What an operation brought.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[expect(
    clippy::exhaustive_enums,
    reason = "whoever goes on with an intent answers each: a forgotten one could place an order twice"
)]
pub enum Effect {
    /// The claim is yours, and nothing has left: read what is there, mark it as [sent](Op::Depart), then send.
    Send(Claim),
    /// The claim is yours, and something may have left: read, then [conclude](Op::Conclude). Never send.
    Read(Claim, Entry),
    /// It is marked as sent: send it now, once.
    Departed,
    /// Another has the claim.
    Held {
        /// How long it lasts at most from now.
        remaining: Duration,
    },
    /// How the intent stands now.
    Stands(Entry),
    /// There is no such intent.
    Missing,
    /// The intent was written for another order: another user, name, date of birth, e-mail address or type.
    OtherOrder,
    /// Another took over, or decided, meanwhile, or the decision names nobody. Nothing changed.
    Fenced,
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl Row {
    /// Does `op` to the row of an intent, which may be none yet.
    pub fn apply(row: &mut Option<Self>, now: u64, op: Op) -> Effect {
        match (row, op) {
            (row @ None, Op::Begin { ttl, subject }) => {
                let new = row.insert(Self(Kept {
                    fence: 0,
                    claim_ends: None,
                    written_at: now,
                    phase: Phase::Written,
                    subject,
                    handed_back: false,
                }));
                Effect::Send(new.0.claim(now, ttl))
            }
            (None, _) => Effect::Missing,
            (Some(Self(kept)), op) => kept.apply(now, op),
        }
    }

    /// How it stands.
    #[must_use]
    pub fn entry(&self, now: u64) -> Entry {
        self.0.entry(now)
    }

    /// Whether somebody still has to go on with it or to be told of it.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        let is_unsettled = matches!(self.0.phase, Phase::Sent(_) | Phase::Unknown(..));
        is_unsettled || !self.0.handed_back
    }

    /// As a journal keeps it, sealed where others can read the journal: it names a person.
    ///
    /// # Panics
    ///
    /// Never: what it holds can be written.
    #[must_use]
    pub fn to_bytes(&self) -> SecretBuffer {
        let mut bytes = SecretBuffer::new();
        serde_json::to_writer(&mut bytes, &self.0).expect("texts and numbers can be written");
        bytes
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote.
    ///
    /// # Errors
    ///
    /// When it is nothing that this version of the crate reads. What stands there must not be taken for no row.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        json::decode(bytes).map(Self)
    }
}

impl Kept {
    fn apply(&mut self, now: u64, op: Op) -> Effect {
        match op {
            Op::Begin { ttl, subject } => {
                if self.subject == subject {
                    self.begin(now, ttl)
                } else {
                    Effect::OtherOrder
                }
            }
            Op::Take { ttl } => self.take(now, ttl),
            Op::Depart { claim, ttl, before } => self.depart(now, claim, ttl, before),
            Op::Settle { claim, report } => self.settle(now, claim, report),
            Op::Conclude { claim, finding } => self.conclude(now, claim, finding),
            Op::Decide { version, decision } => self.decide(now, version, decision),
            Op::HandBack { version } => {
                if self.fence != version {
                    return Effect::Fenced;
                }
                self.handed_back = true;
                Effect::Stands(self.entry(now))
            }
        }
    }

    fn begin(&mut self, now: u64, ttl: Duration) -> Effect {
        match &self.phase {
            Phase::Exists { .. } | Phase::Absent(_) => Effect::Stands(self.entry(now)),
            Phase::Written => match self.held(now) {
                Some(remaining) => Effect::Held { remaining },
                None => Effect::Send(self.claim(now, ttl)),
            },
            Phase::Sent(_) | Phase::Unknown(..) => self.take(now, ttl),
        }
    }

    fn take(&mut self, now: u64, ttl: Duration) -> Effect {
        if matches!(self.phase, Phase::Exists { .. }) {
            return Effect::Stands(self.entry(now));
        }
        if let Some(remaining) = self.held(now) {
            return Effect::Held { remaining };
        }
        if self.phase == Phase::Written {
            return Effect::Stands(self.entry(now));
        }
        let claim = self.claim(now, ttl);
        if let Phase::Sent(departure) = &self.phase {
            self.phase = Phase::Unknown(departure.clone(), Doubt::Interrupted);
        }
        Effect::Read(claim, self.entry(now))
    }

    fn depart(&mut self, now: u64, claim: Claim, ttl: Duration, before: Before) -> Effect {
        if self.phase != Phase::Written || !self.holds(now, claim) {
            return Effect::Fenced;
        }
        let until = now.saturating_add(millis(ttl));
        self.claim_ends = Some(until);
        let by = claim.0;
        let departure = Departure {
            by,
            at: now,
            until,
            before,
        };
        self.become_(Phase::Sent(departure));
        Effect::Departed
    }

    /// What is certain counts whenever it comes: it is about one departure, and nobody else can know it better. What is
    /// not certain counts only where nobody has found out more.
    fn settle(&mut self, now: u64, claim: Claim, report: Report) -> Effect {
        let is_own = |departure: &Departure| departure.by == claim.0;
        match (report, &self.phase) {
            (_, Phase::Exists { .. }) => {}
            (Report::Placed(human_id), _) => {
                self.free();
                let human_id = human_id.as_str().to_owned();
                self.become_(Phase::Exists { human_id });
            }
            (
                Report::NoEffect,
                Phase::Sent(departure) | Phase::Unknown(departure, _) | Phase::Absent(departure),
            ) if is_own(departure) => {
                // Whoever reads meanwhile would conclude from what is over.
                self.free();
                self.become_(Phase::Written);
            }
            // Whoever has the claim gives it back.
            (Report::NoEffect, Phase::Written) if self.fence == claim.0 => self.free(),
            (Report::Unknown(doubt), Phase::Sent(departure)) if is_own(departure) => {
                let departure = departure.clone();
                self.free();
                self.become_(Phase::Unknown(departure, doubt));
            }
            _ => return Effect::Fenced,
        }
        Effect::Stands(self.entry(now))
    }

    fn conclude(&mut self, now: u64, claim: Claim, finding: Finding) -> Effect {
        let (Phase::Unknown(departure, _) | Phase::Absent(departure)) = &self.phase else {
            return Effect::Fenced;
        };
        if !self.holds(now, claim) {
            return Effect::Fenced;
        }
        let departure = departure.clone();
        self.claim_ends = None;
        self.become_(match finding {
            Finding::Exists(human_id) => Phase::Exists {
                human_id: human_id.as_str().to_owned(),
            },
            Finding::Absent => Phase::Absent(departure),
            Finding::Undecided(doubt) => Phase::Unknown(departure, doubt),
        });
        Effect::Stands(self.entry(now))
    }

    fn decide(&mut self, now: u64, version: u64, decision: Decision) -> Effect {
        let names_nobody = matches!(&decision, Decision::Exists(id) if id.checked().is_err());
        let may_be_decided = matches!(self.phase, Phase::Unknown(..) | Phase::Absent(_));
        if names_nobody || !may_be_decided || self.fence != version || self.held(now).is_some() {
            return Effect::Fenced;
        }
        self.free();
        self.become_(match decision {
            Decision::SendAgain => Phase::Written,
            Decision::Exists(human_id) => Phase::Exists {
                human_id: human_id.as_str().to_owned(),
            },
        });
        Effect::Stands(self.entry(now))
    }

    fn become_(&mut self, phase: Phase) {
        if self.phase != phase {
            self.handed_back = false;
        }
        self.phase = phase;
    }

    fn held(&self, now: u64) -> Option<Duration> {
        let left = self.claim_ends?.checked_sub(now)?;
        (left > 0).then(|| Duration::from_millis(left))
    }

    fn holds(&self, now: u64, claim: Claim) -> bool {
        self.fence == claim.0 && self.held(now).is_some()
    }

    /// Gives out a claim with a number that none had before.
    fn claim(&mut self, now: u64, ttl: Duration) -> Claim {
        self.fence += 1;
        self.claim_ends = Some(now.saturating_add(millis(ttl)));
        Claim(self.fence)
    }

    /// Ends whatever claim runs.
    fn free(&mut self) {
        self.fence += 1;
        self.claim_ends = None;
    }

    fn entry(&self, now: u64) -> Entry {
        let (state, departure) = match &self.phase {
            Phase::Written => (EntryState::Written, None),
            Phase::Sent(departure) => (EntryState::Sent, Some(departure)),
            Phase::Unknown(departure, doubt) => (EntryState::Unknown(*doubt), Some(departure)),
            Phase::Absent(departure) => (EntryState::Absent, Some(departure)),
            Phase::Exists { human_id } => {
                (EntryState::Exists(HumanId::new(human_id.as_str())), None)
            }
        };
        let ago =
            |departure: &Departure| (now.checked_sub(departure.until)).map(Duration::from_millis);
        Entry {
            state,
            subject: self.subject.clone(),
            written_at: self.written_at,
            sent_at: departure.map(|departure| departure.at),
            left_ago: departure.and_then(ago),
            may_leave_until: departure.map(|departure| departure.until),
            before: departure.map_or_else(Before::default, |departure| departure.before.clone()),
            handed_back: self.handed_back,
            version: self.fence,
        }
    }
}
