//! What fails for a reason that may pass: of one kind of record, of one user, or all that the service has. One that is broken
//! holds nobody else up.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures_util::StreamExt as _;
use humanapi_core::ClientUserId;
use humanapi_core::data::Route;

use super::error::ExportError;
use super::reading::Reading;
use super::trouble::{NotAsked, Scope, Trouble};
use super::users::Buckets;

/// So many lists of one kind in a row may fail. Then the kind is not asked for any more in its bucket.
const OF_ONE_KIND: u32 = 20;
/// So many lists in a row may fail, of whichever kinds,
const OF_ALL: u32 = 20;
/// if they are of so many users. Then the service is asked for one list of each kind, until it answers,
const USERS: usize = 2;
/// of users of so many buckets.
const BUCKETS: usize = 8;

/// The lists that failed in a row.
#[derive(Default)]
struct InARow {
    lists: u32,
    /// How many of each kind.
    kinds: BTreeMap<&'static str, u32>,
    /// Not more of them than count.
    users: BTreeSet<ClientUserId>,
}

impl InARow {
    /// Notes what came of a list that was asked for, and says whether the service itself may be broken. What is refused to
    /// the application itself would be told of every list.
    fn note(
        &mut self,
        user: &ClientUserId,
        route: &'static Route,
        trouble: Option<&Trouble>,
        not_asked: &NotAsked,
    ) -> Result<bool, ExportError> {
        match trouble {
            Some(trouble) if trouble.scope == Scope::Application => {
                Err(ExportError::Application(Arc::clone(&trouble.error)))
            }
            Some(trouble) if trouble.scope == Scope::Passing => {
                self.lists += 1;
                let of_kind = self.kinds.entry(route.name).or_default();
                *of_kind += 1;
                if *of_kind >= OF_ONE_KIND {
                    not_asked.note_kind(route, trouble);
                }
                if self.users.len() < USERS {
                    self.users.insert(user.clone());
                }
                Ok(self.lists >= OF_ALL && self.users.len() >= USERS)
            }
            // That nothing can be had of a user says nothing of lists.
            Some(trouble) if trouble.scope == Scope::User => Ok(false),
            _ => {
                *self = Self::default();
                Ok(false)
            }
        }
    }

    /// The service has answered, so that it is not broken itself.
    fn forgive(&mut self) {
        self.lists = 0;
        self.users.clear();
    }
}

/// What failed of all lists that are read, and who can be asked whether it is the service.
pub(super) struct Failures<'e> {
    reading: Arc<Reading>,
    buckets: &'e Buckets,
    routes: Vec<&'static Route>,
    at_once: usize,
    in_a_row: InARow,
    /// Of which something came last.
    answered: Option<&'static str>,
}

impl<'e> Failures<'e> {
    pub(super) fn new(
        reading: Arc<Reading>,
        buckets: &'e Buckets,
        routes: &[&'static Route],
        at_once: usize,
    ) -> Self {
        Self {
            reading,
            buckets,
            routes: routes.to_vec(),
            at_once,
            in_a_row: InARow::default(),
            answered: None,
        }
    }

    /// Notes what came of a list that was asked for. Where too many failed in a row, it asks whether anything at all comes of
    /// the service, and gives up if nothing does.
    pub(super) async fn note(
        &mut self,
        user: &ClientUserId,
        route: &'static Route,
        trouble: Option<&Trouble>,
        not_asked: &NotAsked,
    ) -> Result<(), ExportError> {
        if trouble.is_none() {
            self.answered = Some(route.name);
        }
        let may_be_broken = self.in_a_row.note(user, route, trouble, not_asked)?;
        let Some(trouble) = trouble.filter(|_| may_be_broken) else {
            return Ok(());
        };
        if self.answers().await? {
            self.in_a_row.forgive();
            return Ok(());
        }
        Err(ExportError::GaveUp {
            lists: self.in_a_row.lists,
            last: Arc::clone(&trouble.error),
        })
    }

    /// Whether anything comes of the service, of whichever kind and user.
    async fn answers(&mut self) -> Result<bool, ExportError> {
        let asks = asks(&self.routes, &self.buckets.some(BUCKETS)?, self.answered);
        let reading = &self.reading;
        let asked = futures_util::stream::iter(asks)
            .map(|(user, route)| async move { (route, reading.ask(&user, route).await) });
        let mut asked = std::pin::pin!(asked.buffer_unordered(self.at_once));
        while let Some((route, outcome)) = asked.next().await {
            if is_answer(outcome)? {
                self.answered = Some(route.name);
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Whether something came of the service, where a list was asked for to see that.
fn is_answer(outcome: Result<(), Trouble>) -> Result<bool, ExportError> {
    match outcome {
        Ok(()) => Ok(true),
        Err(trouble) => match trouble.scope {
            Scope::Refused => Ok(true),
            // That there is no token for a user says nothing of lists.
            Scope::Passing | Scope::User => Ok(false),
            Scope::Application => Err(ExportError::Application(trouble.error)),
        },
    }
}

/// What is asked for, and of whom: each kind and each of these users once at least, what something came of last first.
fn asks(
    routes: &[&'static Route],
    users: &[ClientUserId],
    answered: Option<&'static str>,
) -> Vec<(ClientUserId, &'static Route)> {
    let mut routes = routes.to_vec();
    routes.sort_by_key(|route| Some(route.name) != answered);
    let count = match users.len() {
        0 => 0,
        users => users.max(routes.len()),
    };
    let users = users.iter().cycle().cloned();
    users.zip(routes.into_iter().cycle()).take(count).collect()
}

#[cfg(test)]
mod tests {
    use humanapi_client::Error;
    use humanapi_core::data::ROUTES;
    use humanapi_core::{BuildError, FlowError};

    use super::super::reading::is_read;
    use super::*;

    fn trouble() -> Trouble {
        scoped(Scope::Passing)
    }

    fn scoped(scope: Scope) -> Trouble {
        let error = FlowError::Build(BuildError::OutOfRange {
            name: "limit",
            rule: "left out",
        });
        Trouble {
            error: Arc::new(Error::from(Arc::new(error))),
            scope,
        }
    }

    fn user(number: usize) -> ClientUserId {
        ClientUserId::from(format!("u{number}"))
    }

    fn routes() -> Vec<&'static Route> {
        ROUTES.iter().filter(|route| is_read(route)).collect()
    }

    /// How many lists fail until the service is asked, if ever, where nothing comes of these.
    fn fails(users: usize, kinds: usize) -> Option<usize> {
        let (mut in_a_row, not_asked) = (InARow::default(), NotAsked::default());
        let asked = routes().into_iter().take(kinds);
        let asked = asked.flat_map(|route| (0..users).map(move |number| (user(number), route)));
        let mut count = 0;
        for (user, route) in asked {
            count += 1;
            let noted = in_a_row.note(&user, route, Some(&trouble()), &not_asked);
            if noted.unwrap() {
                return Some(count);
            }
        }
        None
    }

    #[test]
    fn the_service_is_asked_where_lists_of_several_users_fail_in_a_row() {
        assert_eq!(fails(1_000, 38), Some(20));
        assert_eq!(fails(3, 38), Some(20));
        assert_eq!(fails(1_000, 1), Some(20));
        // One user, who is alone in a bucket, and a few lists.
        assert_eq!(fails(1, 38), None);
        assert_eq!(fails(19, 1), None);
    }

    #[test]
    fn a_kind_is_broken_once_so_many_lists_of_it_fail_in_a_row() {
        let (mut in_a_row, not_asked) = (InARow::default(), NotAsked::default());
        let routes = routes();
        let (first, second, third) = (routes[0], routes[1], routes[2]);
        for number in 0..OF_ONE_KIND as usize {
            assert!(not_asked.find(&user(99), first).is_none());
            let noted = in_a_row.note(&user(number), first, Some(&trouble()), &not_asked);
            noted.unwrap();
            // That the service answers otherwise makes it no better.
            in_a_row.forgive();
        }
        assert!(not_asked.find(&user(99), first).is_some());
        assert!(not_asked.find(&user(99), second).is_none());
        // What comes of another ends the row.
        in_a_row.note(&user(0), second, None, &not_asked).unwrap();
        for number in 0..OF_ONE_KIND as usize - 1 {
            let noted = in_a_row.note(&user(number), third, Some(&trouble()), &not_asked);
            assert!(!noted.unwrap());
        }
        assert!(not_asked.find(&user(99), third).is_none());
    }

    #[test]
    fn users_of_whom_nothing_can_be_had_put_off_no_giving_up() {
        let (mut in_a_row, not_asked) = (InARow::default(), NotAsked::default());
        let route = routes()[0];
        let mut may_be_broken = Vec::new();
        for number in 0..OF_ALL as usize {
            for scope in [Scope::User, Scope::Passing] {
                let noted = in_a_row.note(&user(number), route, Some(&scoped(scope)), &not_asked);
                may_be_broken.push(noted.unwrap());
            }
        }
        assert_eq!(may_be_broken.iter().filter(|is| **is).count(), 1);
        assert_eq!(may_be_broken.last(), Some(&true));
        // What is refused by itself is an answer.
        let refused = scoped(Scope::Refused);
        let noted = in_a_row.note(&user(0), route, Some(&refused), &not_asked);
        noted.unwrap();
        let noted = in_a_row.note(&user(1), route, Some(&trouble()), &not_asked);
        assert!(!noted.unwrap());
    }

    #[test]
    fn an_application_that_is_refused_is_told_so_where_the_service_is_asked() {
        let told = is_answer(Err(scoped(Scope::Application)));
        assert!(matches!(told, Err(ExportError::Application(_))), "{told:?}");
        for (scope, is) in [
            (Scope::Passing, false),
            (Scope::User, false),
            (Scope::Refused, true),
        ] {
            assert_eq!(is_answer(Err(scoped(scope))).unwrap(), is);
        }
        assert!(is_answer(Ok(())).unwrap());
    }

    #[test]
    fn each_kind_is_asked_for_and_what_answered_last_first() {
        let routes = routes();
        let users: Vec<ClientUserId> = (0..3).map(user).collect();
        let asked = asks(&routes, &users, Some(routes[7].name));
        assert_eq!(asked.len(), routes.len());
        assert_eq!(asked[0].1.name, routes[7].name);
        let kinds: BTreeSet<&str> = asked.iter().map(|(_, route)| route.name).collect();
        let of: BTreeSet<&ClientUserId> = asked.iter().map(|(user, _)| user).collect();
        assert_eq!((kinds.len(), of.len()), (routes.len(), 3));
        // One kind, of each of them.
        assert_eq!(asks(&routes[..1], &users, None).len(), 3);
        assert!(asks(&routes, &[], None).is_empty());
    }
}
