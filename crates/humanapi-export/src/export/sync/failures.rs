//! Which failures are of a kind of record, and which of the service: one that is broken holds nobody else up.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use humanapi_core::ClientUserId;

use super::super::error::ExportError;
use super::super::reading::{Scope, Trouble};

/// So many lists of one kind in a row may fail for a reason that may pass. Then the kind is not asked for again in its bucket.
const OF_ONE_KIND: u32 = 20;
/// So many lists in a row may fail, of whichever kinds. Then the service itself is broken,
const OF_ALL: u32 = 20;
/// if they are of so many kinds, or of all that are read,
const KINDS: usize = 4;
/// and of so many users.
const USERS: usize = 2;

/// The kinds of one bucket that are not asked for any more.
#[derive(Default)]
pub(super) struct Broken(Mutex<BTreeMap<&'static str, Trouble>>);

impl Broken {
    /// Why a kind is not asked for.
    pub(super) fn find(&self, kind: &str) -> Option<Trouble> {
        let kinds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kinds.get(kind).cloned()
    }

    fn note(&self, kind: &'static str, trouble: &Trouble) {
        let mut kinds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kinds.insert(kind, trouble.clone());
    }
}

/// The lists that failed in a row for a reason that may pass.
pub(super) struct Failures {
    /// How many kinds are read.
    read: usize,
    lists: u32,
    /// How many of each kind.
    kinds: BTreeMap<&'static str, u32>,
    /// Not more of them than count.
    users: BTreeSet<ClientUserId>,
}

impl Failures {
    pub(super) const fn new(kinds: usize) -> Self {
        Self {
            read: kinds,
            lists: 0,
            kinds: BTreeMap::new(),
            users: BTreeSet::new(),
        }
    }

    /// Notes what came of a list that was asked for. What is refused to the application itself, and what fails over many
    /// kinds and users, would be told of every list.
    pub(super) fn note(
        &mut self,
        user: &ClientUserId,
        kind: &'static str,
        trouble: Option<&Trouble>,
        broken: &Broken,
    ) -> Result<(), ExportError> {
        match trouble {
            Some(trouble) if trouble.scope == Scope::Application => {
                return Err(ExportError::Application(Arc::clone(&trouble.error)));
            }
            Some(trouble) if trouble.scope == Scope::Passing => {
                self.lists += 1;
                let of_kind = self.kinds.entry(kind).or_default();
                *of_kind += 1;
                if *of_kind >= OF_ONE_KIND {
                    broken.note(kind, trouble);
                }
                if self.users.len() < USERS {
                    self.users.insert(user.clone());
                }
                let is_of_all = self.lists >= OF_ALL
                    && self.users.len() >= USERS
                    && self.kinds.len() >= KINDS.min(self.read);
                if is_of_all {
                    let last = Arc::clone(&trouble.error);
                    let lists = self.lists;
                    return Err(ExportError::GaveUp { lists, last });
                }
            }
            _ => *self = Self::new(self.read),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use humanapi_client::Error;
    use humanapi_core::{BuildError, FlowError};

    use super::*;

    fn trouble() -> Trouble {
        let error = FlowError::Build(BuildError::OutOfRange {
            name: "limit",
            rule: "left out",
        });
        Trouble {
            error: Arc::new(Error::from(Arc::new(error))),
            scope: Scope::Passing,
        }
    }

    /// How many lists may fail until it gives up, if ever, and whether the first kind is broken by then.
    fn fails(users: usize, kinds: &[&'static str]) -> (Option<usize>, bool) {
        let (mut failures, broken) = (Failures::new(kinds.len()), Broken::default());
        let mut asked = 0;
        for &kind in kinds {
            for user in 0..users {
                if broken.find(kind).is_some() {
                    continue;
                }
                asked += 1;
                let user = ClientUserId::from(format!("u{user}"));
                let noted = failures.note(&user, kind, Some(&trouble()), &broken);
                if noted.is_err() {
                    return (Some(asked), broken.find(kinds[0]).is_some());
                }
            }
        }
        (None, broken.find(kinds[0]).is_some())
    }

    const ALL: [&str; 30] = [
        "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p", "q", "r",
        "s", "t", "u", "v", "w", "x", "y", "z", "aa", "ab", "ac", "ad",
    ];

    #[test]
    fn a_service_that_is_broken_is_given_up_and_neither_a_kind_nor_a_user() {
        // Everything of everybody.
        assert_eq!(fails(1_000, &ALL), (Some(61), true));
        assert_eq!(fails(3, &ALL), (Some(20), false));
        // One user, who is alone in a bucket.
        assert_eq!(fails(1, &ALL), (None, false));
        // All that is asked for.
        assert_eq!(fails(1_000, &ALL[..1]), (Some(20), true));

        let (mut failures, broken) = (Failures::new(ALL.len()), Broken::default());
        let user = |number| ClientUserId::from(format!("u{number}"));
        for number in 0..OF_ONE_KIND {
            assert!(broken.find("a").is_none());
            let noted = failures.note(&user(number), "a", Some(&trouble()), &broken);
            noted.unwrap();
        }
        assert!(broken.find("a").is_some() && broken.find("b").is_none());
        // What comes of another ends the row.
        failures.note(&user(0), "b", None, &broken).unwrap();
        for number in 0..OF_ONE_KIND - 1 {
            let noted = failures.note(&user(number), "c", Some(&trouble()), &broken);
            noted.unwrap();
        }
        assert!(broken.find("c").is_none());
    }
}
