//! What is to be read, in the order in which it is written.

use std::collections::BTreeSet;
use std::sync::Arc;

use humanapi_core::ClientUserId;
use humanapi_core::data::Route;

use super::error::ExportError;
use super::key::BucketKey;
use super::manifest::{BucketManifest, Plan, WholeBuckets};
use super::output::Output;
use super::reading::{Job, ListJob};
use super::trouble::NotAsked;
use super::users::Buckets;

/// What is planned next, or what came of it.
pub(super) enum Planned<T> {
    Job(T),
    /// A bucket that is whole.
    Skip {
        bucket: u32,
        lists: u64,
    },
}

/// All that is to be read: bucket by bucket, in each resource by resource, of each user by user.
pub(super) struct Jobs<'e> {
    buckets: &'e Buckets,
    left: std::slice::Iter<'e, u32>,
    routes: Vec<&'static Route>,
    /// In whose order users are written.
    output: &'e Output,
    /// What is whole already, and the key of its folder.
    before: Option<(&'e WholeBuckets, &'e BucketKey)>,
    retries_refused: bool,
    now: Option<InBucket>,
}

struct InBucket {
    users: Vec<ClientUserId>,
    not_asked: Arc<NotAsked>,
    /// How many lists are planned already.
    planned: usize,
}

impl<'e> Jobs<'e> {
    pub(super) fn new(
        routes: &[&'static Route],
        output: &'e Output,
        buckets: &'e Buckets,
        before: Option<(&'e WholeBuckets, &'e BucketKey)>,
        retries_refused: bool,
    ) -> Self {
        Self {
            buckets,
            left: buckets.numbers().iter(),
            routes: routes.to_vec(),
            output,
            before,
            retries_refused,
            now: None,
        }
    }

    /// Whose lists they are.
    pub(super) const fn buckets(&self) -> &'e Buckets {
        self.buckets
    }

    /// Which lists of each user they are.
    pub(super) fn routes(&self) -> &[&'static Route] {
        &self.routes
    }

    /// Which buckets are read.
    pub(super) fn plan(&self) -> Result<Plan, ExportError> {
        let own: BTreeSet<u32> = self.buckets.numbers().iter().copied().collect();
        let mut plan = Plan::default();
        if let Some((whole, key)) = self.before {
            for bucket in &own {
                let check = users_check(&self.buckets.read(*bucket)?, key);
                if !whole.has(*bucket, &check, self.retries_refused) {
                    plan.left.insert(*bucket);
                }
            }
            let again = plan.left.iter().filter(|bucket| whole.is_told(**bucket));
            plan.again = again.copied().collect();
        }
        plan.own = own;
        Ok(plan)
    }

    /// Begins the next bucket, or passes it over.
    fn begin(&mut self, bucket: u32) -> Result<Planned<Job>, ExportError> {
        let mut users = self.buckets.read(bucket)?;
        let lists = (users.len() * self.routes.len()) as u64;
        let mut manifest = BucketManifest {
            bucket,
            users: users.len() as u64,
            ..BucketManifest::default()
        };
        if let Some((whole, key)) = self.before {
            manifest.users_check = users_check(&users, key);
            if whole.has(bucket, &manifest.users_check, self.retries_refused) {
                return Ok(Planned::Skip { bucket, lists });
            }
        }
        self.output.sort(&mut users);
        self.now = Some(InBucket {
            users,
            not_asked: Arc::default(),
            planned: 0,
        });
        Ok(Planned::Job(Job::Begin(Box::new(manifest))))
    }
}

/// Tells one set of users from another.
fn users_check(users: &[ClientUserId], key: &BucketKey) -> String {
    key.name("users", users.iter().map(ClientUserId::as_str))
}

impl Iterator for Jobs<'_> {
    type Item = Result<Planned<Job>, ExportError>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(now) = &mut self.now {
            let of_route = now.users.len();
            let place = now.planned;
            now.planned += 1;
            let route = place
                .checked_div(of_route)
                .and_then(|at| self.routes.get(at));
            return Some(Ok(Planned::Job(match route {
                Some(route) => Job::Read(ListJob {
                    user: now.users[place % of_route].clone(),
                    route,
                    not_asked: Arc::clone(&now.not_asked),
                }),
                None => {
                    self.now = None;
                    Job::End
                }
            })));
        }
        let bucket = *self.left.next()?;
        Some(self.begin(bucket))
    }
}
