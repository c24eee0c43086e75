//! A call of a route: what a handler is given, whichever area it is of.

use std::sync::Arc;

use http::{HeaderMap, Method};

use crate::guard::Guard;
use crate::incoming::Incoming;
use crate::world::World;

/// A request that a route was found for.
#[derive(Clone, Copy)]
pub(crate) struct Call<'a> {
    pub(crate) world: &'a Arc<World>,
    pub(crate) guard: &'a Guard,
    pub(crate) incoming: &'a Incoming,
    pub(crate) body: &'a [u8],
    pub(crate) parameters: &'a Parameters,
}

impl<'a> Call<'a> {
    pub(crate) fn method(&self) -> &'a Method {
        &self.incoming.head.method
    }

    pub(crate) fn headers(&self) -> &'a HeaderMap {
        &self.incoming.head.headers
    }

    pub(crate) fn query(&self) -> Option<&'a str> {
        self.incoming.head.uri.query()
    }

    /// The host that was asked, or nothing.
    pub(crate) fn host(&self) -> &'a str {
        self.incoming.host.as_deref().unwrap_or_default()
    }
}

/// What stands in the places of a pattern's parameters, as it stands there: what is encoded still is.
#[derive(Debug, Default)]
pub(crate) struct Parameters(Vec<(String, String)>);

impl Parameters {
    pub(crate) fn new<'p>(pairs: impl IntoIterator<Item = (&'p str, &'p str)>) -> Self {
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        Self(pairs.into_iter().map(owned).collect())
    }

    /// The parameter of this name; empty where the pattern has none.
    pub(crate) fn get(&self, name: &str) -> &str {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map_or("", |(_, value)| value)
    }

    /// The last one, whatever it is called: what is asked for, of all that the path leads through.
    pub(crate) fn last(&self) -> &str {
        self.0.last().map_or("", |(_, value)| value)
    }
}
