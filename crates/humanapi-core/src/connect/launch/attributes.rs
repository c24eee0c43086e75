//! The attributes that make the vendor's widget a button.

use std::fmt;

use secrecy::{ExposeSecret as _, SecretString};

use super::{Launch, Mode};
use crate::hosts::{Host, Hosts};

impl Launch<'_> {
    /// The attributes of an element that the vendor's widget turns into a button. The element stands
    /// inside one of class `hapi__token-container`.
    #[must_use]
    pub fn data_attributes(&self, hosts: &Hosts) -> DataAttributes {
        let mut pairs = vec![(
            "data-hapi-token",
            SecretString::from(self.token.expose_secret()),
        )];
        let mut push = |name, value: Option<&str>| {
            pairs.extend(value.map(|value| (name, SecretString::from(value))));
        };
        push("data-hapi-mode", self.mode.as_ref().map(Mode::name));
        push("data-hapi-preseed", self.preseed.then_some("true"));
        push("data-hapi-segment", self.segment.as_deref());
        push(
            "data-hapi-pinned-providers",
            self.pinned_providers.as_deref(),
        );
        push(
            "data-hapi-focus-trap",
            self.focus_trap
                .map(|trap| if trap { "true" } else { "false" }),
        );
        push(
            "data-hapi-use-sentinel-trap",
            self.sentinel_trap
                .map(|trap| if trap { "true" } else { "false" }),
        );
        let base = hosts.base(Host::Connect);
        if base != Hosts::production().base(Host::Connect) {
            push("data-hapi-base-url", Some(&base.to_string()));
        }
        DataAttributes { pairs }
    }
}

/// Attributes of an HTML element, one of which holds a token.
#[derive(Clone)]
pub struct DataAttributes {
    pairs: Vec<(&'static str, SecretString)>,
}

impl DataAttributes {
    /// Names and values in clear, not escaped: escape the values for HTML.
    pub fn expose_secret(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.pairs
            .iter()
            .map(|(name, value)| (*name, value.expose_secret()))
    }
}

impl fmt::Debug for DataAttributes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.pairs.iter().map(|(name, _)| name);
        f.debug_list().entries(names).finish()
    }
}
