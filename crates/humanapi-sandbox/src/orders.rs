//! Orders for records: who was ordered for, where each order stands, and what it would have cost.
//!
//! Time alone moves an order, until it lacks something: then it waits for a task. What is due happens when somebody looks,
//! at the moment at which it was due.

mod applicant;
mod beginning;
mod ledger;
mod order;
mod order_type;
mod report;
mod rules;
mod subscription;
mod task;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::clock::Millis;
use crate::seed::{Numbers, keyed};

pub(crate) use applicant::{Applicant, NamedProvider, Particular, Particulars};
pub(crate) use beginning::Beginning;
pub use ledger::LedgerEntry;
pub use order::OrderState;
pub(crate) use order::{Order, OrderSpec, Pace};
pub(crate) use order_type::OrderType;
use report::ReportId;
pub(crate) use report::{COMBINED_OF, ReportKind};
pub(crate) use rules::{BirthDate, is_phone, is_ssn};
pub(crate) use subscription::Subscription;
pub(crate) use task::Task;
pub use task::TaskKind;

/// What an order and its entry in the ledger take besides their texts.
pub(crate) const ORDER: usize = 1024;

/// Whom records were ordered for, their orders, and what these would have cost.
pub(crate) struct Orders {
    seed: u64,
    applicants: BTreeMap<u32, Applicant>,
    /// The users of each application by when they were made, the oldest first.
    by_app: Vec<Vec<u32>>,
    by_email: HashMap<(usize, String), u32>,
    orders: Vec<Order>,
    due: BTreeSet<(Millis, u32)>,
    subscriptions: Vec<Subscription>,
    subscribed: u64,
    ledger: Vec<LedgerEntry>,
}

/// An order that is over with its records there: whose it is, and since when.
pub(crate) struct Retrieved {
    pub(crate) user: u32,
    pub(crate) at: Millis,
}

impl Orders {
    pub(crate) fn new(seed: u64, apps: usize) -> Self {
        Self {
            seed,
            applicants: BTreeMap::new(),
            by_app: vec![Vec::new(); apps],
            by_email: HashMap::new(),
            orders: Vec::new(),
            due: BTreeSet::new(),
            subscriptions: Vec::new(),
            subscribed: 0,
            ledger: Vec::new(),
        }
    }

    pub(crate) fn applicant(&self, user: u32) -> Option<&Applicant> {
        self.applicants.get(&user)
    }

    /// The users of an application that were ordered for, oldest first.
    pub(crate) fn users(&self, app: usize) -> &[u32] {
        self.by_app.get(app).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn with_email(&self, app: usize, email: &str) -> Option<u32> {
        self.by_email.get(&(app, email.to_lowercase())).copied()
    }

    /// A user's orders, oldest first.
    pub(crate) fn of(&self, user: u32) -> impl DoubleEndedIterator<Item = &Order> {
        let places = self.applicant(user).map_or(&[][..], |one| &one.orders);
        places.iter().filter_map(|at| self.orders.get(*at as usize))
    }

    /// A user's latest order.
    pub(crate) fn latest(&self, user: u32) -> Option<&Order> {
        self.of(user).next_back()
    }

    /// All orders, oldest first, but of users who were deleted.
    pub(crate) fn all(&self) -> impl DoubleEndedIterator<Item = &Order> {
        self.orders.iter().filter(|order| order.user.is_some())
    }

    pub(crate) fn ledger(&self) -> &[LedgerEntry] {
        &self.ledger
    }

    pub(crate) fn note(&mut self, entry: LedgerEntry) {
        self.ledger.push(entry);
    }

    /// Does what is due first, if that is so by now; tells of records that are there since.
    pub(crate) fn step(&mut self, now: Millis) -> Option<Option<Retrieved>> {
        let (at, place) = self.due.first().copied().filter(|(at, _)| *at <= now)?;
        self.due.remove(&(at, place));
        let order = self.orders.get_mut(place as usize)?;
        let owner = order.user.and_then(|user| {
            let applicant = self.applicants.get(&user)?;
            Some((user, applicant))
        });
        let Some((user, applicant)) = owner else {
            return Some(None);
        };
        let before = order.retrieved;
        order.step(applicant);
        self.due.extend(order.due().map(|at| (at, place)));
        let is_new = order.retrieved != before;
        Some(is_new.then_some(Retrieved { user, at }))
    }

    /// Notes what an order says of a user; what is known of one who was ordered for before is brought up to date.
    pub(crate) fn know(&mut self, app: usize, user: u32, told: Particulars, now: Millis) {
        if let Some(email) = &told.email {
            self.by_email.insert((app, email.to_lowercase()), user);
        }
        let size = told.size();
        if let Some(applicant) = self.applicants.get_mut(&user) {
            applicant.learn(told, now);
            applicant.size += size;
            return;
        }
        let applicant = Applicant {
            told,
            created: now,
            updated: now,
            orders: Vec::new(),
            size,
        };
        self.applicants.insert(user, applicant);
        let applicants = &self.applicants;
        if let Some(users) = self.by_app.get_mut(app) {
            // Not every user comes last: an order can be placed as of a moment that is over.
            let is_older = |one: &u32| applicants.get(one).is_some_and(|one| one.created <= now);
            users.insert(users.partition_point(is_older), user);
        }
    }

    /// Places an order for a user who is known; its id.
    pub(crate) fn place(&mut self, user: u32, spec: OrderSpec, now: Millis) -> String {
        let place = u32::try_from(self.orders.len()).unwrap_or(u32::MAX);
        let start = keyed(self.seed, &[b"order", &place.to_be_bytes()]);
        let id = Numbers::new(start).uuid();
        let order = Order::new(id.clone(), place, user, spec, now);
        self.due.extend(order.due().map(|at| (at, place)));
        self.orders.push(order);
        if let Some(applicant) = self.applicants.get_mut(&user) {
            applicant.orders.push(place);
            applicant.updated = now;
        }
        id
    }

    /// Whether an order of the user is not over.
    pub(crate) fn is_busy(&self, user: u32) -> bool {
        self.of(user).any(|order| !order.state.is_terminal())
    }

    /// What a user's latest order will be seen to lack, as far as that is known before anybody has looked.
    pub(crate) fn unseen(&self, user: u32) -> Vec<TaskKind> {
        let order = self.latest(user).filter(|order| order.is_unseen());
        let both = order.zip(self.applicant(user));
        both.map_or_else(Vec::new, |(order, one)| order.lacks(one))
    }

    /// Whether a user's latest order waits for somebody, or will.
    pub(crate) fn waits(&self, user: u32) -> bool {
        let waits = |order: &Order| order.state == OrderState::Pended;
        self.latest(user).is_some_and(waits) || !self.unseen(user).is_empty()
    }

    /// Ends a user's orders and subscriptions; how many bytes that frees. None where no order was left to end.
    pub(crate) fn abort(&mut self, user: u32, now: Millis) -> Option<usize> {
        let aborted = self.change(user, |order| order.abort(now));
        aborted.then(|| self.unsubscribe_all(user))
    }

    /// Ends a user's latest order alone.
    pub(crate) fn abort_latest(&mut self, user: u32, now: Millis) {
        self.change_latest(user, |order| {
            order.abort(now);
        });
    }

    /// Has the records of a user's latest order retrieved once more, where they were.
    pub(crate) fn retrieve_again(&mut self, user: u32, now: Millis) {
        self.change_latest(user, |order| order.retrieve_again(now));
    }

    /// Opens a task of the user's orders that are under way. False where none is.
    pub(crate) fn open(&mut self, user: u32, kind: TaskKind, now: Millis) -> bool {
        self.change(user, |order| order.open(kind, now))
    }

    /// Marks a task of a user's orders as done. False where there is no such task open.
    pub(crate) fn resolve(&mut self, user: u32, kind: TaskKind, now: Millis) -> bool {
        self.change(user, |order| order.resolve(kind, now))
    }

    fn change_latest(&mut self, user: u32, change: impl Fn(&mut Order)) {
        let latest = self.latest(user).map(|order| order.place);
        self.change(user, |order| {
            let is_it = Some(order.place) == latest;
            if is_it {
                change(order);
            }
            is_it
        });
    }

    /// Whether it did anything to any of a user's orders.
    fn change(&mut self, user: u32, mut change: impl FnMut(&mut Order) -> bool) -> bool {
        let Some(applicant) = self.applicants.get_mut(&user) else {
            return false;
        };
        let mut any = false;
        for place in &applicant.orders {
            let Some(order) = self.orders.get_mut(*place as usize) else {
                continue;
            };
            if let Some(at) = order.due() {
                self.due.remove(&(at, *place));
            }
            any |= change(order);
            self.due.extend(order.due().map(|at| (at, *place)));
        }
        any
    }

    /// Forgets a user, but for the ledger; how many bytes that frees.
    pub(crate) fn forget(&mut self, app: usize, user: u32) -> usize {
        let Some(applicant) = self.applicants.remove(&user) else {
            return 0;
        };
        if let Some(users) = self.by_app.get_mut(app) {
            users.retain(|one| *one != user);
        }
        self.by_email.retain(|_, one| *one != user);
        for place in applicant.orders {
            if let Some(order) = self.orders.get_mut(place as usize) {
                if let Some(at) = order.due() {
                    self.due.remove(&(at, place));
                }
                order.forget();
            }
        }
        applicant.size + self.unsubscribe_all(user)
    }

    /// A user's subscriptions of one address.
    pub(crate) fn subscriptions<'a>(
        &'a self,
        user: u32,
        email: &'a str,
    ) -> impl Iterator<Item = &'a Subscription> {
        let is_it = move |one: &&Subscription| {
            one.user == user && one.subscriber_email.eq_ignore_ascii_case(email)
        };
        self.subscriptions.iter().filter(is_it)
    }

    pub(crate) fn subscription(&self, id: &str) -> Option<&Subscription> {
        self.subscriptions.iter().find(|one| one.id == id)
    }

    /// The id of the next subscription.
    pub(crate) fn next_subscription(&mut self) -> String {
        self.subscribed += 1;
        let parts = [&b"subscription"[..], &self.subscribed.to_be_bytes()];
        Numbers::new(keyed(self.seed, &parts)).hex(24)
    }

    pub(crate) fn subscribe(&mut self, subscription: Subscription) {
        self.subscriptions.push(subscription);
    }

    /// Ends a subscription; how many bytes that frees.
    pub(crate) fn unsubscribe(&mut self, id: &str) -> usize {
        let at = self.subscriptions.iter().position(|one| one.id == id);
        at.map_or(0, |at| self.subscriptions.remove(at).size())
    }

    /// Ends all subscriptions of a user; how many bytes that frees.
    fn unsubscribe_all(&mut self, user: u32) -> usize {
        let is_own = |one: &Subscription| one.user == user;
        let all = std::mem::take(&mut self.subscriptions).into_iter();
        let (gone, kept): (Vec<_>, Vec<_>) = all.partition(is_own);
        self.subscriptions = kept;
        gone.iter().map(Subscription::size).sum()
    }

    /// The id of a report of an order.
    pub(crate) fn report_id(&self, order: &Order, report: ReportKind) -> String {
        let place = order.place;
        ReportId { place, report }.text(self.seed)
    }

    /// The order and kind of a report that there is.
    pub(crate) fn report(&self, id: &str) -> Option<(&Order, ReportKind)> {
        let ReportId { place, report } = ReportId::read(self.seed, id)?;
        let order = self.orders.get(place as usize)?;
        let is_there = order.retrieved.is_some() && order.user.is_some();
        is_there.then_some((order, report))
    }
}
