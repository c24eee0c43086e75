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
pub(crate) use order::{Order, Pace};
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
    /// The users of each application in the order in which they came.
    by_app: Vec<Vec<u32>>,
    by_email: HashMap<(usize, String), u32>,
    orders: Vec<Order>,
    due: BTreeSet<(Millis, u32)>,
    subscriptions: Vec<Subscription>,
    subscribed: u64,
    ledger: Vec<LedgerEntry>,
}

/// What an order is to be, beside what it says of the person.
pub(crate) struct Wish {
    pub(crate) order_type: &'static OrderType,
    pub(crate) pace: Pace,
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
        let is_there = |order: &&Order| self.applicants.contains_key(&order.user);
        self.orders.iter().filter(is_there)
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
        let Some(applicant) = self.applicants.get(&order.user) else {
            return Some(None);
        };
        let before = order.retrieved;
        order.step(&applicant.lacks(order.order_type));
        self.due.extend(order.due().map(|at| (at, place)));
        let user = order.user;
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
        if let Some(users) = self.by_app.get_mut(app) {
            users.push(user);
        }
    }

    /// Places an order for a user who is known; its id.
    pub(crate) fn place(&mut self, user: u32, wish: &Wish, now: Millis) -> String {
        let place = u32::try_from(self.orders.len()).unwrap_or(u32::MAX);
        let start = keyed(self.seed, &[b"order", &place.to_be_bytes()]);
        let id = Numbers::new(start).uuid();
        let order = Order::new(id.clone(), user, wish.order_type, wish.pace, now);
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

    /// Ends a user's orders and subscriptions. False where none was left to end.
    pub(crate) fn abort(&mut self, user: u32, now: Millis) -> bool {
        let aborted = self.change(user, |order| order.abort(now));
        if aborted {
            self.subscriptions.retain(|one| one.user != user);
        }
        aborted
    }

    /// Has the records of a user's latest order retrieved once more, where they were.
    pub(crate) fn retrieve_again(&mut self, user: u32, now: Millis) {
        let latest = self.latest(user).map(|order| order.id.clone());
        self.change(user, |order| {
            if Some(&order.id) == latest.as_ref() {
                order.retrieve_again(now);
            }
            true
        });
    }

    /// Opens a task of the user's orders that are under way. False where none is.
    pub(crate) fn open(&mut self, user: u32, kind: TaskKind, now: Millis) -> bool {
        self.change(user, |order| order.open(kind, now))
    }

    /// Marks a task of a user's orders as done. False where there is no such task open.
    pub(crate) fn resolve(&mut self, user: u32, kind: TaskKind, now: Millis) -> bool {
        self.change(user, |order| order.resolve(kind, now))
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
        let (gone, kept) = std::mem::take(&mut self.subscriptions)
            .into_iter()
            .partition::<Vec<_>, _>(|one| one.user == user);
        self.subscriptions = kept;
        for place in applicant.orders {
            if let Some(order) = self.orders.get_mut(place as usize)
                && let Some(at) = order.due()
            {
                self.due.remove(&(at, place));
            }
        }
        applicant.size + gone.iter().map(Subscription::size).sum::<usize>()
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

    /// The id of a report of an order.
    pub(crate) fn report_id(&self, order: &Order, report: ReportKind) -> Option<String> {
        let applicant = self.applicants.get(&order.user)?;
        let is_it = |place: &&u32| {
            let own = self.orders.get(**place as usize);
            own.is_some_and(|own| std::ptr::eq(own, order))
        };
        let place = applicant.orders.iter().find(is_it)?;
        Some(
            ReportId {
                place: *place,
                report,
            }
            .text(self.seed),
        )
    }

    /// The order and kind of a report that there is.
    pub(crate) fn report(&self, id: &str) -> Option<(&Order, ReportKind)> {
        let ReportId { place, report } = ReportId::read(self.seed, id)?;
        let order = self.orders.get(place as usize)?;
        let is_there = order.retrieved.is_some() && self.applicants.contains_key(&order.user);
        is_there.then_some((order, report))
    }
}
