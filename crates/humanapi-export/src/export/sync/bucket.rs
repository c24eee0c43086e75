//! The users of a bucket, and what came of them in a run.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use humanapi_client::{BucketCursors, CursorName, ListsWhole};
use humanapi_core::ClientUserId;
use humanapi_core::data::{ROUTES, Route};

use super::super::key::BucketKey;
use super::super::manifest::Missing;
use super::super::reading::{is_read, name};
use super::super::trouble::{NotAsked, Scope};
use super::cursor::{Cursors, cursors_of, kind};
use super::summary::whole;

/// The users of a bucket and what came of them.
pub(super) struct Bucket {
    pub(super) users: BTreeMap<ClientUserId, (CursorName, Cursors)>,
    /// Whose lists are not read in this run.
    others: BTreeMap<CursorName, Cursors>,
    /// Whether theirs are to be kept anew all the same.
    keeps_others: bool,
    /// By which run something of it was written before.
    pub(super) commit: u64,
    pub(super) missing: Vec<Missing>,
    pub(super) has_failed: bool,
    /// Users who are told as refused once for all of their lists.
    refused: BTreeSet<ClientUserId>,
    pub(super) not_asked: Arc<NotAsked>,
}

impl Bucket {
    /// Cursors count only where what was written by them is in the folder, and are in doubt where more is there than they
    /// know of. That is so for all users of the bucket, whether they are read in this run or not: what is kept of it is of
    /// this run from here on.
    pub(super) fn new(
        key: &BucketKey,
        users: Vec<ClientUserId>,
        kept: BucketCursors,
        is_there: bool,
        newest: u64,
    ) -> Self {
        let is_behind = newest > kept.commit;
        let mut others: BTreeMap<CursorName, Cursors> = BTreeMap::new();
        for (name, bytes) in kept.users {
            let mut cursors = match is_there {
                true => Cursors::from_bytes(&bytes),
                false => Cursors::default(),
            };
            if is_behind {
                cursors.doubt();
            }
            others.insert(name, cursors);
        }
        let users = users.into_iter().map(|user| {
            let name = cursors_of(key, &user);
            let cursors = others.remove(&name).unwrap_or_default();
            (user, (name, cursors))
        });
        let users = users.collect();
        Self {
            users,
            others,
            keeps_others: !is_there || is_behind,
            commit: newest,
            missing: Vec::new(),
            has_failed: false,
            refused: BTreeSet::new(),
            not_asked: Arc::default(),
        }
    }

    pub(super) fn miss(
        &mut self,
        user: &ClientUserId,
        resource: &'static str,
        reason: &'static str,
        scope: Scope,
    ) {
        self.has_failed |= matches!(scope, Scope::Passing | Scope::Application);
        if scope == Scope::User && !self.refused.insert(user.clone()) {
            return;
        }
        self.missing.push(Missing {
            user: user.as_str().to_owned(),
            resource: (scope != Scope::User).then(|| resource.to_owned()),
            reason: reason.to_owned(),
        });
    }

    /// How whole its lists are, over all users that were ever read.
    pub(super) fn whole(&self) -> Vec<ListsWhole> {
        let users = self.users.values().map(|(_, cursors)| cursors);
        whole(users.chain(self.others.values()))
    }

    /// Which lists came to nothing when they were asked for last, as far as their cursors tell: of users of this run, and
    /// not why.
    pub(super) fn unread(&self) -> Vec<Missing> {
        let routes = ROUTES.iter().filter(|route| is_read(route));
        let lists = routes.flat_map(|route| {
            let users = self.users.iter();
            users.filter_map(move |(user, (_, cursors))| {
                let unread = cursors.of(kind(route))?.unread?;
                Some(Missing {
                    user: user.as_str().to_owned(),
                    resource: Some(name(route).to_owned()),
                    reason: unread.word().to_owned(),
                })
            })
        });
        lists.collect()
    }

    /// Whether what was told as missing is asked for in this run, so that it is told anew or is there.
    pub(super) fn is_read(&self, routes: &[&'static Route], before: &Missing) -> bool {
        let is_kind = |kind: &String| routes.iter().any(|route| name(route) == kind);
        self.users
            .contains_key(&ClientUserId::from(before.user.as_str()))
            && before.resource.as_ref().is_none_or(is_kind)
    }

    pub(super) fn cursors(&self) -> BTreeMap<CursorName, Vec<u8>> {
        let users = self.users.values().map(|(name, cursors)| (name, cursors));
        users
            .chain(self.others.iter().filter(|_| self.keeps_others))
            .map(|(name, cursors)| (*name, cursors.to_bytes()))
            .collect()
    }
}
