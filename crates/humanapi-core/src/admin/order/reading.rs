//! What is made of what is there.

use std::time::Duration;

use jiff::Timestamp;

use super::entry::{Doubt, Entry};
use super::intent::Fields;
use super::policy::OrderPolicy;
use crate::admin::users::OrderedUser;
use crate::user_id::HumanId;

/// What reading tells of an order whose outcome was not known.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
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

/// The clocks of a journal and of the service may differ so much.
const CLOCKS_DIFFER: u64 = 5 * 60 * 1000;

impl Finding {
    /// What the users of the order's own id tell, as [`ListUsers`](crate::admin::ListUsers) gives them, with their orders
    /// where those were read too.
    ///
    /// A user counts as this order's if id, name and date of birth are the same, the user was made no earlier than the
    /// order was written, and, where a type of order was asked for and orders are told, one is of it.
    #[must_use]
    pub fn of(users: &[OrderedUser], entry: &Entry, policy: &OrderPolicy) -> Self {
        let subject = entry.subject.fields();
        let is_of_id = |user: &&OrderedUser| {
            (user.client_user_id.as_ref()).is_some_and(|id| id.as_str() == subject.client_user_id)
        };
        let mut of_id = users.iter().filter(is_of_id);
        let Some(user) = of_id.next() else {
            let ago = entry.left_ago.unwrap_or(Duration::ZERO);
            return match policy.absent_after {
                Some(after) if ago >= after => Self::Absent,
                _ => Self::Undecided(Doubt::NotThereYet),
            };
        };
        if of_id.next().is_some() {
            return Self::Undecided(Doubt::Several);
        }
        match difference(user, subject, entry.written_at) {
            Some(doubt) => Self::Undecided(doubt),
            None => Self::Exists(user.human_id.clone()),
        }
    }
}

fn difference(user: &OrderedUser, subject: &Fields, written_at: u64) -> Option<Doubt> {
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
    if !(first && last && told == own) {
        return Some(Doubt::OtherPerson);
    }
    let earliest = written_at.saturating_sub(CLOCKS_DIFFER);
    let is_new = |at: Timestamp| u64::try_from(at.as_millisecond()).is_ok_and(|at| at >= earliest);
    if !user.created_at.is_some_and(is_new) {
        return Some(Doubt::WasThereBefore);
    }
    let has_type = |wanted: &String| {
        let mut orders = user.orders.iter();
        user.orders.is_empty() || orders.any(|order| order.order_type.as_ref() == Some(wanted))
    };
    if !subject.order_type.as_ref().is_none_or(has_type) {
        return Some(Doubt::OtherOrderType);
    }
    None
}

/// A name as people compare it: the service may trim it or write it otherwise.
fn plain(name: &str) -> String {
    let words: Vec<_> = name.split_whitespace().collect();
    words.join(" ").to_lowercase()
}
