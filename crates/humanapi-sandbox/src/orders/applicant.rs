//! Whom records were ordered for: what an order said of them, as far as it is kept.
//!
//! Numbers, addresses and papers are checked and let go: that they came is all that anybody needs to know.

use std::collections::BTreeSet;

use super::order_type::OrderType;
use super::task::TaskKind;
use crate::clock::Millis;

/// What an order can say of the person, and what a task can ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Particular {
    FirstName,
    LastName,
    BirthDate,
    Gender,
    Address,
    Ssn,
}

impl Particular {
    pub(crate) const ALL: [Self; 6] = [
        Self::FirstName,
        Self::LastName,
        Self::BirthDate,
        Self::Gender,
        Self::Address,
        Self::Ssn,
    ];
}

/// Somebody who keeps records, as an order names them.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct NamedProvider {
    pub(crate) id: String,
    pub(crate) name: String,
    /// The id that the order gave.
    pub(crate) client_id: Option<String>,
}

/// What an order says, as far as it is kept.
#[derive(Default)]
pub(crate) struct Particulars {
    pub(crate) email: Option<String>,
    pub(crate) first_name: Option<String>,
    pub(crate) last_name: Option<String>,
    /// Midnight in UTC of the day.
    pub(crate) birth_date: Option<Millis>,
    pub(crate) suggested_sources: Vec<String>,
    pub(crate) providers: Vec<NamedProvider>,
    /// Whether an authorization of the person came along.
    pub(crate) is_authorized: bool,
    pub(crate) invites: bool,
    /// What came, of that which is not kept too.
    pub(crate) given: BTreeSet<Particular>,
}

impl Particulars {
    /// How many bytes are kept of it, roughly.
    pub(crate) fn size(&self) -> usize {
        let texts = [&self.email, &self.first_name, &self.last_name];
        let providers = self.providers.iter().map(|provider| {
            provider.name.len() + provider.client_id.as_ref().map_or(0, String::len) + PART
        });
        let sources = self.suggested_sources.iter();
        texts
            .iter()
            .map(|text| text.as_ref().map_or(0, String::len))
            .sum::<usize>()
            + providers.sum::<usize>()
            + sources.map(|source| source.len() + PART).sum::<usize>()
    }
}

/// What a part of a list takes besides its text.
const PART: usize = 64;

/// Somebody whom records were ordered for.
pub(crate) struct Applicant {
    pub(crate) told: Particulars,
    pub(crate) created: Millis,
    pub(crate) updated: Millis,
    /// The places of the orders, oldest first.
    pub(crate) orders: Vec<u32>,
    /// How many bytes are kept of it.
    pub(crate) size: usize,
}

impl Applicant {
    /// What a later order or a task says too. What was known is replaced by what comes.
    pub(crate) fn learn(&mut self, told: Particulars, now: Millis) {
        let own = &mut self.told;
        own.email = told.email.or_else(|| own.email.take());
        own.first_name = told.first_name.or_else(|| own.first_name.take());
        own.last_name = told.last_name.or_else(|| own.last_name.take());
        own.birth_date = told.birth_date.or(own.birth_date);
        own.is_authorized |= told.is_authorized;
        own.invites |= told.invites;
        own.given.extend(told.given);
        if !told.suggested_sources.is_empty() {
            own.suggested_sources = told.suggested_sources;
        }
        for provider in told.providers {
            if !own.providers.contains(&provider) {
                own.providers.push(provider);
            }
        }
        self.updated = now;
    }

    /// What is not known of the person.
    pub(crate) fn unknown(&self) -> Vec<Particular> {
        let is_unknown = |one: &Particular| !self.told.given.contains(one);
        Particular::ALL.into_iter().filter(is_unknown).collect()
    }

    /// What an order of this type lacks.
    pub(crate) fn lacks(&self, order_type: &OrderType) -> Vec<TaskKind> {
        let mut tasks = Vec::new();
        if !self.unknown().is_empty() {
            tasks.push(TaskKind::Particulars);
        }
        if !self.told.is_authorized {
            tasks.push(TaskKind::Authorization);
        }
        if order_type.needs_provider && self.told.providers.is_empty() {
            tasks.push(TaskKind::Provider);
        }
        tasks
    }
}
