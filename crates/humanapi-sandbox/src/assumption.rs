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
    /// In which form Connect tells the page around it what happened: as an object, as JSON in a text, or as a text that is the event's name alone and says nothing of sources.
    ConnectMessage = "connect-message": ["object", "json-text", "event-name"];
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
    /// Under which names a refusal of the Admin API has its status: as documented, `code` or, for an order that is not valid, `statusCode`; or both; or one of them always.
    AdminErrorNumber = "admin-error-number": ["as-documented", "both", "code", "status-code"];
    /// Which refusals of the Admin API name the fields that are wrong: those of orders, as documented, or all.
    ValidationEnvelope = "validation-envelope": ["orders", "all"];
    /// Whether a refused order repeats the value that is wrong, as the service's library for checking does.
    ValidationMessage = "validation-message": ["names-field", "echoes-value"];
    /// What a client token is good for at the Admin API; what it is not is refused with 403.
    AdminScope = "admin-scope": ["all", "read", "none"];
    /// Whether the types of order can be had without a token: that they need one is documented for all operations but this.
    OrderTypesToken = "order-types-token": ["needed", "not-needed"];
    /// Whether an order must have the user's e-mail address.
    OrderEmail = "order-email": ["optional", "required"];
    /// Which genders an order may name: `male`, `female` and `other`, or the first two.
    Genders = "genders": ["three", "two"];
    /// What the `zip` of an address may be: a text or a whole number, or one of them alone.
    ZipType = "zip-type": ["any", "string", "integer"];
    /// What a provider of an order must have: a name of any kind, or all that the schema requires.
    ProviderFields = "provider-fields": ["lenient", "as-schema"];
    /// The status of an order of a type that there is not.
    UnknownOrderType = "unknown-order-type": ["400", "404"];
    /// The status of an order that was taken: 201 for a new user and 202 for a known one, or one of them always.
    CreateStatus = "create-status": ["by-user", "201", "202"];
    /// Whether the answer to an order is a list of one user, or the user.
    CreateForm = "create-form": ["array", "object"];
    /// What an order for a known user does: places one once the last is over, or always, or never. Where it places none it is answered as if it did.
    SecondOrder = "second-order": ["once-over", "always", "never"];
    /// Whether an e-mail address that another user has refuses an order.
    KnownEmail = "known-email": ["conflict", "ignored"];
    /// Which fields beyond the schema a user has: `clientUserId` and, in the answer to an order that lacks something, `consumerLink`; the first alone; or none.
    UserExtras = "user-extras": ["id-and-link", "id", "none"];
    /// The `status` of a user who was ordered for, once records are there.
    OrderedUserStatus = "ordered-user-status": ["connected", "always-invited"];
    /// Whether a user who was to be invited has an `inviteLink`.
    InviteLink = "invite-link": ["pis-id", "absent"];
    /// Which of the two forms a user's details have: with orders, or with a status.
    UserDetails = "user-details": ["orders", "status"];
    /// How the state of an order is written: `In Progress`, `in progress` or `in_progress`.
    OrderStateCase = "order-state-case": ["capitalised", "lower", "underscores"];
    /// How many users a page has.
    UsersPage = "users-page": ["50", "20", "100"];
    /// In which order users are listed.
    UsersOrder = "users-order": ["oldest-first", "newest-first"];
    /// What a list is answered with whose filters leave nothing.
    NoSuchUsers = "no-such-users": ["empty-list", "404"];
    /// When what was made at the Admin API can be read there, by the sandbox's clock.
    ReadAfterWrite = "read-after-write": ["at-once", "1-second", "30-seconds", "10-minutes"];
    /// How long orders stay in their states: records are there an hour after an order was placed that lacks nothing, or a few seconds after.
    OrderPace = "order-pace": ["hours", "seconds"];
    /// Which actions are enabled for applications; one that is not is refused with 404.
    ActionsEnabled = "actions-enabled": ["all", "abort", "none"];
    /// What `resync` does: nothing that can be seen, or has the records of a completed order retrieved again.
    Resync = "resync": ["accepted", "retrieves-again"];
    /// What `query` and `sort` do to the list of subscriptions, whose syntax is not documented.
    SubscriptionQuery = "subscription-query": ["ignored", "refused"];
    /// What a list of reports is answered with that names no user.
    ReportsOfNobody = "reports-of-nobody": ["400", "empty-list"];
    /// How the Task Manager writes an order into its callback: as JSON in one parameter, or by dotted or bracketed names.
    TaskCallback = "task-callback": ["json", "dotted", "bracketed"];
    /// How long reports can be read.
    ReportExpiry = "report-expiry": ["never", "1-day"];
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
        assert!(
            assumption.values().contains(&value),
            "{} has no value {value}",
            assumption.name()
        );
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
