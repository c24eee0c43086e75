//! What the service's documentation leaves open, each point with the answers that the sandbox can give.

use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicU8, Ordering};

use serde::{Deserialize, Serialize};

macro_rules! assumptions {
    ($( $(#[doc = $doc:literal])+ $variant:ident = $name:literal: [$($value:literal),+ $(,)?]; )+) => {
        /// A point that the service's documentation leaves open.
        ///
        /// Each has a name and a list of values, both plain text, so that a program, a command
        /// line and the control API can set it alike. The first value is the default.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Assumption {
            $(
                $(#[doc = $doc])+
                #[doc = concat!("\n\nName `", $name, "`; values:" $(, " `", $value, "`")+, ".")]
                $variant,
            )+
        }

        impl Assumption {
            /// All of them, in the order of this page.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The name used by [`FromStr`] and the control API.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// The values it can take; the first is the default.
            #[must_use]
            pub const fn values(self) -> &'static [&'static str] {
                match self { $(Self::$variant => &[$($value),+],)+ }
            }

            /// What it is about, in plain text.
            #[must_use]
            pub const fn about(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc),+),)+ }
            }
        }
    };
}

assumptions! {
    /// The status of a refused session request of a user who has connected.
    SessionRefusalStatus = "session-refusal-status": ["403", "409"];
    /// The `errorCode` of that refusal; none is documented, so the sandbox's own is made up, and a documented one of another meaning may come as well.
    SessionRefusalCode = "session-refusal-code": [
        "made-up",
        "absent",
        "NOT_AUTHORIZED",
        "ACCESS_TOKEN_GENERATION_NOT_ALLOWED",
        "CLIENT_TOKEN_GENERATION_NOT_ALLOWED",
        "UNKNOWN_CLIENT_USER_ID",
    ];
    /// Whether session and id requests must carry the client secret. A wrong one is always refused.
    ClientSecret = "client-secret": ["optional", "required"];
    /// Whether an id response has all fields, or only the token, its prefixed lifetime and its refresh token.
    IdResponse = "id-response": ["full", "lean"];
    /// What a new token does to older ones of its kind and user.
    Reissue = "reissue": ["keep-older", "revoke-older"];
    /// The `human_id` of a user who starts over after being deleted.
    HumanIdAfterDelete = "human-id-after-delete": ["new", "same"];
    /// The form of an error body.
    ErrorBody = "error-body": ["boom", "bare-error", "nested-code", "empty", "html"];
    /// Where an answer carries its request id.
    RequestId = "request-id": ["both", "header", "body", "neither"];
    /// Whether a refusal shows in the status line, or hides in the body of a 200.
    RefusalStatusLine = "refusal-status-line": ["status", "200"];
    /// The status of a wrong client id or secret.
    BadCredentialsStatus = "bad-credentials-status": ["401", "400", "403"];
    /// The status of an id request for a user who has not connected.
    IdRefusalStatus = "id-refusal-status": ["404", "403"];
    /// How an access request for an unknown user is refused.
    UnknownUserAccess = "unknown-user-access": ["unknown-user", "not-allowed"];
    /// Access for a HIP application at the Connect token service.
    HipAccessAtConnect = "hip-access-at-connect": ["refuse", "allow"];
    /// Access for an ordinary application at the admin token service.
    ConnectAccessAtAdmin = "connect-access-at-admin": ["refuse", "allow"];
    /// What disconnecting the last source does to a user's right to an access token.
    LastSource = "last-source": ["stays-connected", "back-to-started"];
    /// Whether a session token still opens Connect once its user has connected.
    SessionAfterConnect = "session-after-connect": ["usable", "ended"];
    /// Whether token responses carry refresh tokens.
    RefreshTokens = "refresh-tokens": ["present", "absent"];
    /// Whether token responses say how long the token lives.
    Lifetimes = "lifetimes": ["present", "absent"];
    /// Whether `client_user_email` must contain an `@`.
    EmailFormat = "email-format": ["checked", "any"];
    /// The greatest length of a `client_user_id` in bytes.
    UserIdLength = "user-id-length": ["1024", "512", "255", "none"];
    /// The `last` link: the multiple of `limit` at or below the total, or the last page with a record.
    LastLink = "last-link": ["multiple", "exact"];
    /// Whether a list on one page has a `Link` header.
    SinglePageLinks = "single-page-links": ["absent", "present"];
    /// Whether lists tell their total.
    TotalCount = "total-count": ["present", "absent"];
    /// Whether the `*_since` and `*_before` filters leave out a record of exactly that instant.
    FilterBounds = "filter-bounds": ["strict", "inclusive"];
    /// Whether the data API takes the literal token `demo`.
    DemoToken = "demo-token": ["accepted", "refused"];
    /// How many records a page has when the query does not say.
    DefaultLimit = "default-limit": ["50", "20"];
    /// Whether `start_date` or `end_date` may stand alone.
    DatesAlone = "dates-alone": ["allowed", "refused"];
    /// By whose clock a record belongs to a day: the user's own, or UTC.
    DayBoundary = "day-boundary": ["local", "utc"];
    /// The greatest `offset` that is taken.
    GreatestOffset = "greatest-offset": ["none", "10000"];
    /// Which of the lists go on over pages where nobody knows: the timeline and the organizations, all, or none.
    UncertainPages = "uncertain-pages": ["timeline-and-organizations", "all", "none"];
    /// The latest measurement or summary of a user who has none.
    NoLatest = "no-latest": ["empty-object", "404"];
    /// The medical profile of a user who has none.
    NoMedicalProfile = "no-medical-profile": ["404", "empty-object"];
    /// The summary of a day of which several sources have one: the one that changed last, or all in an array.
    SummaryOfDay = "summary-of-day": ["newest", "array"];
    /// What a list of genotypes looks like: an object for each place, or one object of all places.
    Genotypes = "genotypes": ["array", "object"];
    /// Whether the places of old clients are served: a measurement by its id without `readings`, and `summary` for `summaries`.
    OldPaths = "old-paths": ["served", "404"];
    /// Whether the records of a day are served below `daily/`, or by the filters alone.
    DailyPaths = "daily-paths": ["served", "404"];
    /// What stands at a path below `/v1/human/` that no trace was found of.
    UnknownPaths = "unknown-paths": ["404", "empty-list"];
    /// Whether a document of care is told of by its id, without `raw`.
    CcdById = "ccd-by-id": ["metadata", "404"];
    /// Whether the documents of care can be read, or are not ready.
    RawCcd = "raw-ccd": ["ready", "not-ready"];
    /// What a report is sent as when the query names no format.
    ReportFormat = "report-format": ["json", "html", "pdf"];
    /// Whether an item of the list of reports has all fields, or `id`, `name` and `createdAt`.
    ReportItem = "report-item": ["full", "lean"];
    /// Whether functional statuses and instructions have all fields that similar records have, or their `name` alone.
    AssumedFields = "assumed-fields": ["all", "name-only"];
    /// Whether an organization has all fields, or those of 2015.
    OrganizationFields = "organization-fields": ["full", "lean"];
    /// How medical records write `dateTime`: as ISO 8601, or as the text of a JavaScript date.
    MedicalDates = "medical-dates": ["iso", "javascript"];
    /// How the values of a time series stand: by their index, or with their time in objects or in pairs.
    TimeSeries = "time-series": ["indexed", "timestamped-objects", "timestamped-pairs"];
    /// Under which name the `amount` of a meal has its number, if under any.
    MealAmount = "meal-amount": ["amount", "value", "unit-only"];
    /// The `source` of wellness records: a name, or an id.
    WellnessSource = "wellness-source": ["name", "id"];
    /// The `syncStatus` of medical sources.
    SyncStatus = "sync-status": ["ok", "in-progress", "no-data-available", "error"];
    /// Which health data an access token opens.
    TokenScope = "token-scope": ["all", "wellness", "medical"];
    /// Whether a deleted record is gone, or leaves a record that tells of it.
    DeletedRecords = "deleted-records": ["gone", "tombstone"];
    /// Which answers with health data carry an `ETag`: all, or those of more than 1024 bytes, or none.
    Etag = "etag": ["all", "large", "none"];
    /// Whether health data can be asked for by HEAD.
    Head = "head": ["answered", "405"];
    /// Which health data comes compressed: none, or what is asked for so, or all.
    Gzip = "gzip": ["never", "when-asked", "always"];
}

impl fmt::Display for Assumption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// No assumption has this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no assumption is named {name:?}")]
#[non_exhaustive]
pub struct UnknownAssumption {
    /// The name asked for.
    pub name: String,
}

impl FromStr for Assumption {
    type Err = UnknownAssumption;

    fn from_str(name: &str) -> Result<Self, UnknownAssumption> {
        Self::ALL
            .iter()
            .copied()
            .find(|assumption| assumption.name() == name)
            .ok_or_else(|| UnknownAssumption {
                name: name.to_owned(),
            })
    }
}

impl Serialize for Assumption {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Assumption {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        name.parse().map_err(serde::de::Error::custom)
    }
}

/// How one assumption stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct AssumptionSetting {
    /// Which one.
    pub name: Assumption,
    /// The value in force.
    pub value: &'static str,
    /// The values it can take; the first is the default.
    pub values: &'static [&'static str],
    /// What it is about.
    pub about: &'static str,
}

/// The values in force.
#[derive(Debug)]
pub(crate) struct Assumptions {
    chosen: Vec<AtomicU8>,
    at_start: Vec<u8>,
}

impl Assumptions {
    pub(crate) fn new(overrides: &[(Assumption, &'static str)]) -> Self {
        let mut at_start = vec![0; Assumption::ALL.len()];
        for (assumption, value) in overrides {
            if let Some(index) = index_of(*assumption, value) {
                at_start[*assumption as usize] = index;
            }
        }
        Self {
            chosen: at_start.iter().copied().map(AtomicU8::new).collect(),
            at_start,
        }
    }

    pub(crate) fn value(&self, assumption: Assumption) -> &'static str {
        let index = self.chosen[assumption as usize].load(Ordering::Relaxed);
        assumption.values()[usize::from(index)]
    }

    pub(crate) fn is(&self, assumption: Assumption, value: &'static str) -> bool {
        debug_assert!(assumption.values().contains(&value));
        self.value(assumption) == value
    }

    /// False when the assumption has no such value.
    pub(crate) fn set(&self, assumption: Assumption, value: &str) -> bool {
        index_of(assumption, value).is_some_and(|index| {
            self.chosen[assumption as usize].store(index, Ordering::Relaxed);
            true
        })
    }

    pub(crate) fn settings(&self) -> Vec<AssumptionSetting> {
        Assumption::ALL
            .iter()
            .map(|assumption| AssumptionSetting {
                name: *assumption,
                value: self.value(*assumption),
                values: assumption.values(),
                about: assumption.about().trim(),
            })
            .collect()
    }

    pub(crate) fn reset(&self) {
        for (chosen, start) in self.chosen.iter().zip(&self.at_start) {
            chosen.store(*start, Ordering::Relaxed);
        }
    }
}

/// The assumption's own spelling of a value, if it has it.
pub(crate) fn spelling(assumption: Assumption, value: &str) -> Option<&'static str> {
    assumption
        .values()
        .iter()
        .copied()
        .find(|own| *own == value)
}

fn index_of(assumption: Assumption, value: &str) -> Option<u8> {
    let at = assumption.values().iter().position(|own| *own == value)?;
    u8::try_from(at).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_lead_back() {
        for assumption in Assumption::ALL {
            assert_eq!(assumption.name().parse(), Ok(*assumption));
            assert!(
                assumption.values().len() > 1,
                "{assumption} leaves no choice"
            );
        }
        assert!("no-such".parse::<Assumption>().is_err());
    }

    #[test]
    fn a_value_that_does_not_exist_changes_nothing() {
        let assumptions = Assumptions::new(&[(Assumption::IdResponse, "lean")]);
        assert!(!assumptions.set(Assumption::IdResponse, "fat"));
        assert_eq!(assumptions.value(Assumption::IdResponse), "lean");
        assert!(assumptions.set(Assumption::IdResponse, "full"));
        assumptions.reset();
        assert_eq!(assumptions.value(Assumption::IdResponse), "lean");
    }
}
