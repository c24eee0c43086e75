//! Whose life a user's records tell.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

macro_rules! personas {
    ($( $(#[doc = $doc:literal])+ $variant:ident = $name:literal; )+) => {
        /// Whose life the records of a user tell.
        ///
        /// A user of a scenario or of the control API has the one that is given; any other user has
        /// one that follows from the user's id.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Persona {
            $( $(#[doc = $doc])+ #[doc = concat!("\n\nName `", $name, "`.")] $variant, )+
        }

        impl Persona {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The name that scenarios and the control API know it by.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }
        }
    };
}

personas! {
    /// An athlete: many activities, readings and nights, few medical records.
    Athlete = "athlete";
    /// Fifteen years of diabetes and heart disease: many medical records and readings.
    Chronic = "chronic";
    /// A child: vaccinations and growth.
    Child = "child";
    /// Nobody has written anything about this one.
    Empty = "empty";
    /// The odd one, whose records have every oddity that records were seen to have.
    Odd = "odd";
}

/// There is no such persona.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no persona is named {name:?}")]
#[non_exhaustive]
pub struct UnknownPersona {
    /// The name asked for.
    pub name: String,
}

impl fmt::Display for Persona {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Persona {
    type Err = UnknownPersona;

    fn from_str(name: &str) -> Result<Self, UnknownPersona> {
        Self::ALL
            .iter()
            .copied()
            .find(|persona| persona.name() == name)
            .ok_or_else(|| UnknownPersona {
                name: name.to_owned(),
            })
    }
}

impl Serialize for Persona {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}
