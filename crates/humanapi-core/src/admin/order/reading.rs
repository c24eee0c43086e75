//! What is made of what is there.

use std::fmt;
use std::time::Duration;

use super::entry::{Doubt, Entry};
use super::intent::Fields;
use super::policy::OrderPolicy;
use crate::admin::users::OrderedUser;
use crate::user_id::HumanId;

/// What reading tells of an order whose outcome was not known.
#[derive(Clone, PartialEq, Eq, Hash)]
#[expect(
    clippy::exhaustive_enums,
    reason = "an order is there, is not there, or reading cannot tell"
)]
pub enum Finding {
    /// It is there, for this user.
    Exists(HumanId),
    /// It is not there.
    Absent,
    /// Reading cannot tell.
    Undecided(Doubt),
}

/// Shows no id.
impl fmt::Debug for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exists(_) => f.write_str("Exists(…)"),
            Self::Absent => f.write_str("Absent"),
            Self::Undecided(doubt) => write!(f, "Undecided({doubt:?})"),
        }
    }
}

/// The clocks of a journal and of the service may differ so much.
const CLOCKS_DIFFER: Duration = Duration::from_secs(5 * 60);

impl Finding {
    /// What the users tell that were asked for by the order's own id, all of them, as
    /// [`ListUsers`](crate::admin::ListUsers) gives them, with their orders where those were read too.
    ///
    /// A user counts as this order's if name and date of birth are the same, the id is not another's, the user was made
    /// about when the order left, and, where a type of order was asked for, one is told to be of it. The service's documents
    /// do not promise an id with each user: one without counts unless others show that the service did not look for the id.
    ///
    /// Only where no user came at all can the order be absent.
    #[must_use]
    pub fn of(users: &[OrderedUser], entry: &Entry, policy: &OrderPolicy) -> Self {
        if users.is_empty() {
            return match policy.absent_after.zip(entry.left_ago) {
                Some((after, ago)) if ago >= after => Self::Absent,
                _ => Self::Undecided(Doubt::NotThereYet),
            };
        }
        let subject = entry.subject.fields();
        let is_of_id = |user: &OrderedUser| {
            (user.client_user_id.as_ref()).map(|id| id.as_str() == subject.client_user_id)
        };
        let has_strangers = users.iter().any(|user| is_of_id(user) == Some(false));
        let may_be_it = |user: &&OrderedUser| is_of_id(user).unwrap_or(!has_strangers);
        let mut candidates = users.iter().filter(may_be_it);
        let Some(user) = candidates.next() else {
            return Self::Undecided(Doubt::OtherUsers);
        };
        if candidates.next().is_some() {
            return Self::Undecided(Doubt::Several);
        }
        let doubt = (person_doubt(user, subject))
            .or_else(|| time_doubt(user, entry, policy))
            .or_else(|| type_doubt(user, subject));
        match doubt {
            Some(doubt) => Self::Undecided(doubt),
            None => Self::Exists(user.human_id.clone()),
        }
    }
}

fn person_doubt(user: &OrderedUser, subject: &Fields) -> Option<Doubt> {
    let names = [
        (&user.first_name, &subject.first_name),
        (&user.last_name, &subject.last_name),
    ];
    let is_same = |(told, own): (&Option<String>, &Option<String>)| match (told, own) {
        (Some(told), Some(own)) => Some(plain(told) == plain(own)),
        _ => None,
    };
    let (Some(first), Some(last)) = (is_same(names[0]), is_same(names[1])) else {
        return Some(Doubt::NothingToCompare);
    };
    let (Some(told), Some(own)) = (user.birth_date, subject.birth_date) else {
        return Some(Doubt::NothingToCompare);
    };
    (!(first && last && told == own)).then_some(Doubt::OtherPerson)
}

/// Another order of the same user, under another key, made the user at another time.
fn time_doubt(user: &OrderedUser, entry: &Entry, policy: &OrderPolicy) -> Option<Doubt> {
    let (Some(made), Some(sent)) = (user.created_at, entry.sent_at) else {
        return Some(Doubt::NoMomentToCompare);
    };
    let made = Duration::from_millis(u64::try_from(made.as_millisecond()).unwrap_or(0));
    let sent = Duration::from_millis(sent);
    if made < sent.saturating_sub(CLOCKS_DIFFER) {
        return Some(Doubt::WasThereBefore);
    }
    let longest = policy.absent_after?.saturating_add(policy.claim_ttl);
    let latest = sent.saturating_add(longest).saturating_add(CLOCKS_DIFFER);
    (made > latest).then_some(Doubt::MadeLater)
}

fn type_doubt(user: &OrderedUser, subject: &Fields) -> Option<Doubt> {
    let wanted = subject.order_type.as_ref()?;
    let mut told = user.orders.iter().map(|order| order.order_type.as_ref());
    if told.clone().any(|told| told == Some(wanted)) {
        return None;
    }
    let is_told = !user.orders.is_empty() && told.all(|told| told.is_some());
    Some(if is_told {
        Doubt::OtherOrderType
    } else {
        Doubt::NoTypeToCompare
    })
}

/// A name as people compare it: the service may trim it or write it otherwise.
fn plain(name: &str) -> String {
    let words: Vec<_> = name.split_whitespace().collect();
    words.join(" ").to_lowercase()
}
