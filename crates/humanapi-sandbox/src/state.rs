//! Everything that requests change: users, tokens, and what was done under each token.

use std::collections::{HashMap, VecDeque};

use crate::clock::Millis;
use crate::source::Source;
use crate::token::{Claim, Mint, Minted, Standing, TokenKind};
use crate::user::{RequestedProvider, User};

/// What was done under one token since it was issued.
#[derive(Debug, Default, Clone)]
pub(crate) struct Sitting {
    pub(crate) connected: Vec<&'static Source>,
    pub(crate) disconnected: Vec<&'static Source>,
    pub(crate) requested: Vec<RequestedProvider>,
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

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) mint: Mint,
    users: Vec<User>,
    by_id: Vec<HashMap<Box<str>, u32>>,
    sittings: HashMap<u64, Sitting>,
    recent: VecDeque<Claim>,
    seed: u64,
}

/// How many of the latest tokens the dashboard can show.
const RECENT_TOKENS: usize = 40;

/// Sittings are looked through for ended ones when there are this many.
const SITTINGS: usize = 4096;

impl State {
    pub(crate) fn new(seed: u64, apps: usize) -> Self {
        Self {
            mint: Mint::new(seed),
            users: Vec::new(),
            by_id: vec![HashMap::new(); apps],
            sittings: HashMap::new(),
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
    ) -> u32 {
        if let Some(at) = self.find(app, client_user_id) {
            let user = &mut self.users[at as usize];
            if user.is_deleted() {
                user.start_over(self.seed, same_human_id, now);
            }
            return at;
        }
        let at = u32::try_from(self.users.len()).unwrap_or(u32::MAX);
        self.users
            .push(User::new(self.seed, app, client_user_id, now));
        self.by_id[app].insert(client_user_id.into(), at);
        at
    }

    pub(crate) fn delete(&mut self, at: u32) {
        let next = self.mint.next_serial();
        if let Some(user) = self.user_mut(at) {
            user.delete(next);
        }
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
    pub(crate) fn judge(&self, token: &str, now: Millis) -> Standing {
        self.with_fate(self.mint.judge(token, now))
    }

    /// The latest tokens, newest first.
    pub(crate) fn recent(&self, now: Millis) -> Vec<(String, Claim, Standing)> {
        self.recent
            .iter()
            .rev()
            .map(|claim| {
                let standing = self.with_fate(self.mint.judge_claim(*claim, now));
                (self.mint.text(*claim), *claim, standing)
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
        if self.sittings.len() >= SITTINGS {
            let mint = &self.mint;
            self.sittings.retain(|serial, _| mint.is_live(*serial, now));
        }
        self.sittings.entry(claim.serial).or_default()
    }

    fn with_fate(&self, standing: Standing) -> Standing {
        match standing {
            Standing::Valid { claim, .. } if claim.kind != TokenKind::Client => {
                match self.user(claim.holder) {
                    Some(user) if user.accepts(claim) => standing,
                    _ => Standing::Revoked(claim),
                }
            }
            other => other,
        }
    }
}
