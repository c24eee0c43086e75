//! What is made of what is there.

use std::fmt;
use std::time::Duration;

use super::before::Before;
use super::entry::{Doubt, Entry};
use super::intent::{Fields, Subject};
use super::policy::OrderPolicy;
use crate::admin::users::{OrderedUser, PlacedOrder};
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
    /// Whether a user's orders tell something of this one.
    pub(super) fn needs_orders(entry: &Entry) -> bool {
        entry.subject.order_type().is_some() || matches!(entry.before, Before::Orders(_))
    }

    /// What the users tell that were asked for by the order's own id, all of them, as
    /// [`ListUsers`](crate::admin::ListUsers) gives them, with their orders where those were read too.
    ///
    /// A [user of the id](user_of_id) counts as this order's if name and date of birth are the same, the user was made
    /// about when the order left, and, where a type of order was asked for, one is told to be of it. Of a user who was
    /// there before, an order has to be there that was not.
    ///
    /// Only where no user came at all, and none is known to have been there before, can the order be absent.
    #[must_use]
    pub fn of(users: &[OrderedUser], entry: &Entry, policy: &OrderPolicy) -> Self {
        if users.is_empty() {
            return Self::of_nobody(entry, policy);
        }
        let subject = entry.subject.fields();
        let user = match user_of_id(users, &subject.client_user_id) {
            Ok(Some(user)) => user,
            Ok(None) => return Self::Undecided(Doubt::OtherUsers),
            Err(doubt) => return Self::Undecided(doubt),
        };
        let doubt = person_doubt(user, subject).or_else(|| match &entry.before {
            Before::Nobody | Before::NotKnown => {
                let of_type = || type_doubt(user.orders.iter(), subject);
                time_doubt(user, entry, policy).or_else(of_type)
            }
            Before::Orders(known) => new_order_doubt(user, known, entry, policy),
            Before::Untold => Some(Doubt::BeforeUntold),
        });
        match doubt {
            Some(doubt) => Self::Undecided(doubt),
            None => Self::Exists(user.human_id.clone()),
        }
    }

    fn of_nobody(entry: &Entry, policy: &OrderPolicy) -> Self {
        if matches!(entry.before, Before::Orders(_) | Before::Untold) {
            // What does not show the user may not show the order either.
            return Self::Undecided(Doubt::Gone);
        }
        match policy.absent_after.zip(entry.left_ago) {
            Some((after, ago)) if ago >= after => Self::Absent,
            _ => Self::Undecided(Doubt::NotThereYet),
        }
    }
}

impl Before {
    /// What the users tell that were asked for by the order's own id, with their orders.
    #[must_use]
    pub fn of(users: &[OrderedUser], subject: &Subject) -> Self {
        match user_of_id(users, subject.client_user_id()) {
            Ok(None) => Self::Nobody,
            Ok(Some(user)) => {
                let ids = user.orders.iter().map(|order| order.order_id.clone());
                match ids.collect::<Option<Vec<_>>>() {
                    // Who was ordered for has an order: it is not told, or not shown yet.
                    None => Self::Untold,
                    Some(ids) if ids.is_empty() => Self::Untold,
                    Some(ids) => Self::Orders(ids),
                }
            }
            Err(Doubt::Several) => Self::Untold,
            Err(_) => Self::NotKnown,
        }
    }
}

/// The users who may be of this id of the application's own, of all that the service gave when it was asked for that id.
///
/// The service's documents do not promise an id with each user: one without counts unless others show that the service did
/// not look for the id.
pub fn users_of_id<'a>(
    users: &'a [OrderedUser],
    client_user_id: &str,
) -> impl Iterator<Item = &'a OrderedUser> {
    let is_of_id =
        move |user: &OrderedUser| Some(user.client_user_id.as_ref()?.as_str() == client_user_id);
    let has_strangers = users.iter().any(|user| is_of_id(user) == Some(false));
    users
        .iter()
        .filter(move |user| is_of_id(user).unwrap_or(!has_strangers))
}

/// The one [user of this id](users_of_id); nothing where no user came.
///
/// # Errors
///
/// [`Doubt::OtherUsers`] where only users came who are or may be of other ids, and [`Doubt::Several`] where more than one
/// may be meant.
pub fn user_of_id<'a>(
    users: &'a [OrderedUser],
    client_user_id: &str,
) -> Result<Option<&'a OrderedUser>, Doubt> {
    let mut candidates = users_of_id(users, client_user_id);
    match (candidates.next(), candidates.next()) {
        (None, _) if users.is_empty() => Ok(None),
        (None, _) => Err(Doubt::OtherUsers),
        (Some(user), None) => Ok(Some(user)),
        (Some(_), Some(_)) => Err(Doubt::Several),
    }
}

fn person_doubt(user: &OrderedUser, subject: &Fields) -> Option<Doubt> {
    let same = same_person(user, subject);
    if same.contains(&None) {
        return Some(Doubt::NothingToCompare);
    }
    same.contains(&Some(false)).then_some(Doubt::OtherPerson)
}

/// Whether first name, last name and date of birth are the same; nothing where one of two is not told.
pub(super) fn same_person(user: &OrderedUser, subject: &Fields) -> [Option<bool>; 3] {
    let is_same = |told: &Option<String>, own: &Option<String>| {
        let both = told.as_deref().zip(own.as_deref());
        both.map(|(told, own)| plain(told) == plain(own))
    };
    let born = user.birth_date.zip(subject.birth_date);
    [
        is_same(&user.first_name, &subject.first_name),
        is_same(&user.last_name, &subject.last_name),
        born.map(|(told, own)| told == own),
    ]
}

/// Another order of the same user, under another key, made the user at another time.
fn time_doubt(user: &OrderedUser, entry: &Entry, policy: &OrderPolicy) -> Option<Doubt> {
    let (Some(made), Some(sent), Some(until)) =
        (user.created_at, entry.sent_at, entry.may_leave_until)
    else {
        return Some(Doubt::NoMomentToCompare);
    };
    let made = Duration::from_millis(u64::try_from(made.as_millisecond()).unwrap_or(0));
    let sent = Duration::from_millis(sent);
    if made < sent.saturating_sub(CLOCKS_DIFFER) {
        return Some(Doubt::WasThereBefore);
    }
    // Whoever sent it may have been given more time than whoever reads.
    let until = Duration::from_millis(until);
    let latest = until.saturating_add(policy.absent_after?);
    let latest = latest.saturating_add(CLOCKS_DIFFER);
    (made > latest).then_some(Doubt::MadeLater)
}

/// A user who was there before shows the order by one more: the service tells no time of an order.
fn new_order_doubt(
    user: &OrderedUser,
    known: &[String],
    entry: &Entry,
    policy: &OrderPolicy,
) -> Option<Doubt> {
    let is_new = |order: &&PlacedOrder| {
        let id = order.order_id.as_ref();
        id.is_some_and(|id| !known.contains(id))
    };
    let new = user.orders.iter().filter(is_new);
    if new.clone().next().is_none() {
        return Some(Doubt::NoNewOrder);
    }
    let is_late = |(after, ago): (Duration, Duration)| ago > after.saturating_add(CLOCKS_DIFFER);
    if policy.absent_after.zip(entry.left_ago).is_some_and(is_late) {
        return Some(Doubt::SeenTooLate);
    }
    type_doubt(new, entry.subject.fields())
}

fn type_doubt<'a>(
    orders: impl Iterator<Item = &'a PlacedOrder> + Clone,
    subject: &Fields,
) -> Option<Doubt> {
    let wanted = subject.order_type.as_ref()?;
    let mut told = orders.map(|order| order.order_type.as_ref());
    if told.clone().any(|told| told == Some(wanted)) {
        return None;
    }
    let is_told = told.clone().next().is_some() && told.all(|told| told.is_some());
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
