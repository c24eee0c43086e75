//! Everything that requests change: users, tokens, what was done under each token, and orders.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use crate::clock::Millis;
use crate::orders::{Orders, Retrieved, Subscription};
use crate::source::Source;
use crate::token::{Claim, Mint, Minted, TokenKind, TokenState};
use crate::user::{RequestedProvider, User};

/// What was done under one token since it was issued.
#[derive(Debug, Default, Clone)]
pub(crate) struct Sitting {
    pub(crate) connected: Vec<&'static Source>,
    pub(crate) disconnected: Vec<&'static Source>,
    pub(crate) requested: Vec<Arc<RequestedProvider>>,
    /// The source whose password was right and whose one-time code is still to come.
    pub(crate) awaiting_code: Option<AwaitingCode>,
}

/// A sign-in that is half done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AwaitingCode {
    pub(crate) source: &'static Source,
    pub(crate) wrong_codes: u8,
}

impl Sitting {
    pub(crate) fn note_connected(&mut self, source: &'static Source) {
        self.disconnected.retain(|other| *other != source);
        if !self.connected.contains(&source) {
            self.connected.push(source);
        }
    }

    pub(crate) fn note_disconnected(&mut self, source: &'static Source) {
        self.connected.retain(|other| *other != source);
        if !self.disconnected.contains(&source) {
            self.disconnected.push(source);
        }
    }
}

pub(crate) struct State {
    pub(crate) mint: Mint,
    pub(crate) orders: Orders,
    users: Vec<User>,
    by_id: Vec<HashMap<Box<str>, u32>>,
    by_human_id: HashMap<Box<str>, u32>,
    sittings: BTreeMap<u64, Sitting>,
    /// Bytes that callers have filled with what they chose.
    held: usize,
    recent: VecDeque<Claim>,
    seed: u64,
}

/// Where records come from, if nothing else was suggested.
const CLINIC: &str = "sandbox_clinic";

/// How many requested providers are kept for one user.
const REQUESTS: usize = 100;

/// How many of the latest tokens the dashboard can show.
const RECENT_TOKENS: usize = 40;

/// How many sittings are kept: the oldest one makes room, as if it had told nothing.
const SITTINGS: usize = 16_384;

/// What a user takes besides the text that they come with.
const USER: usize = 512;

/// There is no room for what a caller wants kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Full;

impl State {
    /// How many bytes of users and their wishes are kept, until a reset makes room.
    pub(crate) const HELD: usize = 64 * 1024 * 1024;

    /// What a user takes; the id is kept twice: in the user and where it is looked up.
    pub(crate) const fn size_of_user(client_user_id: &str) -> usize {
        USER + 2 * client_user_id.len()
    }

    pub(crate) fn new(seed: u64, apps: usize) -> Self {
        Self {
            mint: Mint::new(seed),
            orders: Orders::new(seed, apps),
            users: Vec::new(),
            by_id: vec![HashMap::new(); apps],
            by_human_id: HashMap::new(),
            sittings: BTreeMap::new(),
            held: 0,
            recent: VecDeque::with_capacity(RECENT_TOKENS),
            seed,
        }
    }

    pub(crate) fn users(&self) -> &[User] {
        &self.users
    }

    pub(crate) fn find(&self, app: usize, client_user_id: &str) -> Option<u32> {
        self.by_id.get(app)?.get(client_user_id).copied()
    }

    /// The user of an id of the service's own; whose it was before it was given anew does not matter.
    pub(crate) fn find_human(&self, human_id: &str) -> Option<u32> {
        self.by_human_id.get(human_id).copied()
    }

    pub(crate) fn user(&self, at: u32) -> Option<&User> {
        self.users.get(at as usize)
    }

    pub(crate) fn user_mut(&mut self, at: u32) -> Option<&mut User> {
        self.users.get_mut(at as usize)
    }

    /// The user of this id, made or started over where needed.
    pub(crate) fn begin(
        &mut self,
        app: usize,
        client_user_id: &str,
        same_human_id: bool,
        now: Millis,
    ) -> Result<u32, Full> {
        if let Some(at) = self.find(app, client_user_id) {
            let user = &mut self.users[at as usize];
            if user.is_deleted() {
                self.by_human_id.remove(&*user.human_id);
                user.start_over(self.seed, same_human_id, now);
                self.by_human_id.insert(user.human_id.as_str().into(), at);
            }
            return Ok(at);
        }
        self.hold(Self::size_of_user(client_user_id))?;
        let at = u32::try_from(self.users.len()).unwrap_or(u32::MAX);
        let user = User::new(self.seed, app, client_user_id, now);
        self.by_human_id.insert(user.human_id.as_str().into(), at);
        self.users.push(user);
        self.by_id[app].insert(client_user_id.into(), at);
        Ok(at)
    }

    pub(crate) fn set_email(&mut self, at: u32, email: &str) -> Result<(), Full> {
        let before = self
            .user(at)
            .and_then(|user| user.email.as_ref())
            .map_or(0, String::len);
        self.hold(email.len().saturating_sub(before))?;
        self.release(before.saturating_sub(email.len()));
        if let Some(user) = self.user_mut(at) {
            user.email = Some(email.to_owned());
        }
        Ok(())
    }

    /// Notes a wish for a provider; what was wished for before changes nothing.
    pub(crate) fn request(
        &mut self,
        claim: Claim,
        wish: &RequestedProvider,
        now: Millis,
    ) -> Result<(), Full> {
        let is_new = self.user(claim.holder).is_some_and(|user| {
            user.requested.len() < REQUESTS && !user.requested.iter().any(|own| **own == *wish)
        });
        if !is_new {
            return Ok(());
        }
        self.hold(wish.size())?;
        let wish = Arc::new(wish.clone());
        if let Some(user) = self.user_mut(claim.holder) {
            user.requested.push(Arc::clone(&wish));
        }
        self.sitting_mut(claim, now).requested.push(wish);
        Ok(())
    }

    /// Lets happen what is due with orders.
    pub(crate) fn settle(&mut self, now: Millis) {
        while let Some(retrieved) = self.orders.step(now) {
            if let Some(Retrieved { user, at }) = retrieved {
                self.connect_ordered(user, at);
            }
        }
    }

    /// What an order led to can be read as any user's data: of a source that was suggested, or of a clinic.
    fn connect_ordered(&mut self, user: u32, at: Millis) {
        let suggested = self.orders.applicant(user).and_then(|applicant| {
            let mut names = applicant.told.suggested_sources.iter();
            names.find_map(|name| Source::find(name).filter(|source| source.holds_charts()))
        });
        let source = suggested.or_else(|| Source::find(CLINIC));
        if let Some((user, source)) = self.user_mut(user).zip(source) {
            user.connect(source, at);
        }
    }

    /// Ends a user's orders and subscriptions. False where no order was left to end.
    pub(crate) fn abort(&mut self, user: u32, now: Millis) -> bool {
        let freed = self.orders.abort(user, now);
        self.release(freed.unwrap_or_default());
        freed.is_some()
    }

    pub(crate) fn subscribe(&mut self, subscription: Subscription) -> Result<(), Full> {
        self.hold(subscription.size())?;
        self.orders.subscribe(subscription);
        Ok(())
    }

    pub(crate) fn unsubscribe(&mut self, id: &str) {
        let freed = self.orders.unsubscribe(id);
        self.release(freed);
    }

    pub(crate) fn hold(&mut self, bytes: usize) -> Result<(), Full> {
        let held = self.held.saturating_add(bytes);
        if held > Self::HELD {
            return Err(Full);
        }
        self.held = held;
        Ok(())
    }

    pub(crate) fn release(&mut self, bytes: usize) {
        self.held = self.held.saturating_sub(bytes);
    }

    pub(crate) fn delete(&mut self, at: u32) {
        let next = self.mint.next_serial();
        let app = self.user(at).map_or(0, |user| user.app);
        let ordered = self.orders.forget(app, at);
        let Some(user) = self.user_mut(at) else {
            return;
        };
        let freed = ordered
            + user.email.as_ref().map_or(0, String::len)
            + user.requested.iter().map(|wish| wish.size()).sum::<usize>();
        user.delete(next);
        self.release(freed);
    }

    pub(crate) fn issue(
        &mut self,
        kind: TokenKind,
        holder: u32,
        revoke_older: bool,
        now: Millis,
    ) -> Minted {
        let token = self.mint.issue(kind, holder, now);
        if revoke_older
            && kind != TokenKind::Client
            && let Some(user) = self.user_mut(holder)
        {
            user.retire_older(token.claim);
        }
        if self.recent.len() == RECENT_TOKENS {
            self.recent.pop_front();
        }
        self.recent.push_back(token.claim);
        token
    }

    /// The standing of a token, its user's fate included.
    pub(crate) fn judge(&self, token: &str, now: Millis) -> TokenState {
        self.with_fate(self.mint.judge(token, now))
    }

    /// The latest tokens, newest first.
    pub(crate) fn recent(&self, now: Millis) -> Vec<(String, Claim, TokenState)> {
        self.recent
            .iter()
            .rev()
            .map(|claim| {
                let token_state = self.with_fate(self.mint.judge_claim(*claim, now));
                (self.mint.text(*claim), *claim, token_state)
            })
            .collect()
    }

    pub(crate) fn sitting(&self, claim: Claim) -> Sitting {
        self.sittings
            .get(&claim.serial)
            .cloned()
            .unwrap_or_default()
    }

    pub(crate) fn sitting_mut(&mut self, claim: Claim, now: Millis) -> &mut Sitting {
        // Serials grow with time, so whatever has ended stands in front.
        while let Some(oldest) = self.sittings.first_entry()
            && !self.mint.is_live(*oldest.key(), now)
        {
            oldest.remove();
        }
        if self.sittings.len() >= SITTINGS && !self.sittings.contains_key(&claim.serial) {
            self.sittings.pop_first();
        }
        self.sittings.entry(claim.serial).or_default()
    }

    fn with_fate(&self, token_state: TokenState) -> TokenState {
        match token_state {
            TokenState::Valid { claim, .. } if claim.kind != TokenKind::Client => {
                match self.user(claim.holder) {
                    Some(user) if user.accepts(claim) => token_state,
                    _ => TokenState::Revoked(claim),
                }
            }
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{DAY, DEFAULT_START};

    fn sitting_of(state: &mut State, holder: u32, now: Millis) -> Claim {
        let claim = state.issue(TokenKind::Session, holder, false, now).claim;
        state.sitting_mut(claim, now).awaiting_code = Some(AwaitingCode {
            source: &Source::ALL[0],
            wrong_codes: 0,
        });
        claim
    }

    #[test]
    fn sittings_that_have_ended_make_room_and_then_the_oldest_does() {
        let mut state = State::new(1, 1);
        let user = state.begin(0, "u", false, DEFAULT_START).unwrap();
        for number in 0..100 {
            sitting_of(&mut state, user, DEFAULT_START + number);
        }
        let later = DEFAULT_START + 2 * DAY;
        let first = sitting_of(&mut state, user, later);
        assert_eq!(state.sittings.len(), 1);
        for _ in 0..SITTINGS {
            sitting_of(&mut state, user, later);
        }
        assert_eq!(state.sittings.len(), SITTINGS);
        assert!(state.sitting(first).awaiting_code.is_none());
    }

    /// A scan over all of them at each call would take minutes here.
    #[test]
    fn a_sitting_among_many_costs_as_little_as_the_only_one() {
        let mut state = State::new(1, 1);
        let user = state.begin(0, "u", false, DEFAULT_START).unwrap();
        for _ in 0..20 * SITTINGS {
            sitting_of(&mut state, user, DEFAULT_START);
        }
        assert_eq!(state.sittings.len(), SITTINGS);
    }

    #[test]
    fn users_are_kept_until_there_is_no_room_and_deletion_gives_back_what_they_wished() {
        let mut state = State::new(1, 1);
        let long = "x".repeat(1024 * 1024);
        let mut made = 0;
        while state.begin(0, &format!("{made}{long}"), false, 0).is_ok() {
            made += 1;
        }
        assert!((31..32).contains(&made), "{made}");
        assert!(state.held <= State::HELD);
        // Whoever is there already is served all the same.
        let user = state.begin(0, &format!("0{long}"), false, 0).unwrap();
        let before = state.held;
        state.set_email(user, "a@example.test").unwrap();
        let claim = state.issue(TokenKind::Session, user, false, 0).claim;
        let wish = RequestedProvider {
            physician: "Dr. Test".to_owned(),
            ..RequestedProvider::default()
        };
        for _ in 0..2 {
            state.request(claim, &wish, 0).unwrap();
        }
        assert!(state.held > before);
        state.delete(user);
        assert_eq!(state.held, before);
    }
}
