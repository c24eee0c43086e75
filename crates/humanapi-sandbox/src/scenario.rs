//! How a story begins: users in given states, faults, assumptions, and credentials of one's own, read from JSON.

mod invalid;
mod orders;

use std::collections::{BTreeMap, HashSet};
use std::fmt;

use serde::Deserialize;

use crate::app::{AppCredentials, DemoApp};
use crate::assumption::{Assumption, spelling};
use crate::edits::Edits;
use crate::fault::{Fault, FaultWire, Faults};
use crate::orders::Beginning;
use crate::persona::Persona;
use crate::record_change::{RecordChange, RecordChangeWire};
use crate::source::Source;
use crate::state::State;
use crate::user::UserStatus;
use invalid::read_app;
use orders::OrderWire;

pub use invalid::InvalidScenario;

/// How a sandbox begins, and what [`reset`](crate::Control::reset) comes back to.
///
/// ```
/// use humanapi_sandbox::{DemoApp, Sandbox, Scenario, UserStatus};
///
/// let scenario = Scenario::from_json(
///     br#"{
///         "apps": {"connect": {"client_id": "my-app", "client_secret": "made up"}},
///         "users": [
///             {"client_user_id": "patient-17", "sources": ["strider"], "persona": "athlete",
///              "changes": [{"change": "fill", "resource": "weight", "count": 1000000}]},
///             {"client_user_id": "patient-18", "status": "deleted", "app": "hip"}
///         ],
///         "orders": [{"client_user_id": "policy-000417", "state": "pended", "lacks": ["authorization"]}],
///         "faults": [{"kind": "status", "status": 503, "path": "/v1/human"}],
///         "assumptions": {"id-response": "lean"}
///     }"#,
/// )?;
/// let sandbox = Sandbox::builder().scenario(scenario).build_offline();
/// let user = sandbox.control().find_user("my-app", "patient-17")?.unwrap();
/// assert_eq!(user.status, UserStatus::Connected);
/// assert_eq!(sandbox.control().faults().len(), 1);
/// assert_eq!(sandbox.control().ledger().len(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Every part may be left out. `app` is `connect` (the default), `hip` or `no-admin`; `status` is
/// `started`, `connected` or `deleted`, and follows from the sources where it is left out.
/// A source is given by its id, its word or its name, a fault as the control API takes it, and a
/// change of the user's records as [`RecordChange::from_json`] does. `persona` says whose life the
/// records tell. An application may have an `app_key` of its own too.
/// An order is the HIP application's unless `app` says otherwise, and is in its `state` when the story begins: `created`,
/// `in-progress`, `pended`, `completed` or `cancelled`. `email`, `first_name`, `last_name`, `birth_date` and `order_type`
/// may be given; what it `lacks` is any of `particulars`, `authorization`, `provider`.
/// `Debug` leaves secrets out.
#[derive(Clone, Default)]
pub struct Scenario {
    apps: Vec<OwnCredentials>,
    users: Vec<Person>,
    orders: Vec<(usize, Beginning)>,
    faults: Vec<Fault>,
    pub(crate) assumptions: Vec<(Assumption, &'static str)>,
}

impl fmt::Debug for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scenario")
            .field("users", &self.users.len())
            .field("orders", &self.orders.len())
            .field("faults", &self.faults.len())
            .field("assumptions", &self.assumptions.len())
            .finish_non_exhaustive()
    }
}

#[derive(Clone)]
struct OwnCredentials {
    app: DemoApp,
    client_id: String,
    client_secret: String,
    app_key: Option<String>,
}

/// Somebody whom the story begins with; everything of them was checked.
#[derive(Clone)]
pub(crate) struct Person {
    pub(crate) app: usize,
    pub(crate) client_user_id: String,
    pub(crate) email: Option<String>,
    pub(crate) status: UserStatus,
    pub(crate) sources: Vec<&'static Source>,
    pub(crate) persona: Option<Persona>,
    pub(crate) changes: Vec<RecordChange>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct ScenarioWire {
    apps: BTreeMap<String, CredentialsWire>,
    users: Vec<PersonWire>,
    orders: Vec<OrderWire>,
    faults: Vec<FaultWire>,
    assumptions: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CredentialsWire {
    client_id: String,
    client_secret: String,
    #[serde(default)]
    app_key: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PersonWire {
    client_user_id: String,
    #[serde(default)]
    app: Option<String>,
    #[serde(default)]
    email: Option<String>,
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    sources: Vec<String>,
    #[serde(default)]
    persona: Option<String>,
    #[serde(default)]
    changes: Vec<RecordChangeWire>,
}

impl Scenario {
    /// Reads a scenario.
    ///
    /// # Errors
    ///
    /// If it is no JSON, or has a field, an application, a source, a status, a fault or an
    /// assumption that there is not.
    pub fn from_json(json: &[u8]) -> Result<Self, InvalidScenario> {
        // Some editors write one.
        let json = json.strip_prefix(b"\xef\xbb\xbf").unwrap_or(json);
        let wire: ScenarioWire = serde_json::from_slice(json).map_err(|error| unread(&error))?;
        let mut faults = Vec::new();
        for (at, fault) in wire.faults.into_iter().enumerate() {
            let fault = Fault::try_from(fault).map_err(|error| {
                InvalidScenario::new(format!("faults[{at}]"), error.to_string())
            })?;
            faults.push(fault);
        }
        if faults.len() > Faults::MOST {
            return Err(InvalidScenario::new(
                "faults",
                format!("there may be {} at once", Faults::MOST),
            ));
        }
        Ok(Self {
            apps: read_apps(wire.apps)?,
            users: read_users(wire.users)?,
            orders: orders::read(wire.orders)?,
            faults,
            assumptions: read_assumptions(wire.assumptions)?,
        })
    }

    /// The application with one's own credentials, where there are some for it.
    pub(crate) fn dress(&self, mut app: AppCredentials) -> AppCredentials {
        if let Some(own) = self.apps.iter().find(|own| own.app == app.app) {
            app.client_id.clone_from(&own.client_id);
            app.client_secret.clone_from(&own.client_secret);
            if let Some(key) = &own.app_key {
                app.app_key.clone_from(key);
            }
        }
        app
    }

    /// Whom the story begins with.
    pub(crate) fn people(&self) -> &[Person] {
        &self.users
    }

    /// The orders that it begins with, and whose application's each is.
    pub(crate) fn orders(&self) -> &[(usize, Beginning)] {
        &self.orders
    }

    /// The faults that it begins with.
    pub(crate) fn faults(&self) -> &[Fault] {
        &self.faults
    }
}

fn unread(error: &serde_json::Error) -> InvalidScenario {
    let place = format!("line {}, column {}", error.line(), error.column());
    let text = error.to_string();
    // Other messages repeat values, and a value may be meant to stay secret.
    let names_a_field = ["unknown field", "missing field", "duplicate field"]
        .iter()
        .any(|start| text.starts_with(start));
    let problem = if names_a_field {
        text.split(" at line ").next().unwrap_or_default()
    } else if error.is_data() {
        "a value of another type than this field has"
    } else {
        "this is no JSON"
    };
    InvalidScenario::new(place, problem)
}

fn read_apps(
    apps: BTreeMap<String, CredentialsWire>,
) -> Result<Vec<OwnCredentials>, InvalidScenario> {
    let mut ids = HashSet::new();
    let mut own = Vec::new();
    for (name, wire) in apps {
        let place = format!("apps.{name}");
        let app = read_app(&name, &place)?;
        let texts = [
            Some(&wire.client_id),
            Some(&wire.client_secret),
            wire.app_key.as_ref(),
        ];
        if texts
            .iter()
            .flatten()
            .any(|text| text.is_empty() || text.trim() != text.as_str())
        {
            let problem = "client_id and client_secret must not be empty nor have white space around them, \
                           and neither must app_key where it is given";
            return Err(InvalidScenario::new(place, problem));
        }
        if !ids.insert(wire.client_id.clone()) {
            let problem = "another application has this client_id";
            return Err(InvalidScenario::new(place, problem));
        }
        own.push(OwnCredentials {
            app,
            client_id: wire.client_id,
            client_secret: wire.client_secret,
            app_key: wire.app_key,
        });
    }
    Ok(own)
}

fn read_users(users: Vec<PersonWire>) -> Result<Vec<Person>, InvalidScenario> {
    let mut seen = HashSet::new();
    let mut people = Vec::new();
    let mut bytes = 0;
    let mut changes_in_all = 0;
    for (at, wire) in users.into_iter().enumerate() {
        let place = |field: &str| format!("users[{at}]{field}");
        let app = match &wire.app {
            Some(name) => read_app(name, &place(".app"))?,
            None => DemoApp::Connect,
        };
        if wire.client_user_id.is_empty() {
            let problem = "must not be empty";
            return Err(InvalidScenario::new(place(".client_user_id"), problem));
        }
        if !seen.insert((app, wire.client_user_id.clone())) {
            let problem = "this application has a user of this id already";
            return Err(InvalidScenario::new(place(".client_user_id"), problem));
        }
        let mut sources = Vec::new();
        for (number, name) in wire.sources.iter().enumerate() {
            sources.push(Source::find(name).ok_or_else(|| {
                let place = place(&format!(".sources[{number}]"));
                InvalidScenario::new(place, format!("no source is called {name:?}"))
            })?);
        }
        let persona = match &wire.persona {
            None => None,
            Some(name) => Some(name.parse().map_err(|_| {
                let names: Vec<_> = Persona::ALL.iter().map(|one| one.name()).collect();
                let problem = format!("no such persona; there are {}", names.join(", "));
                InvalidScenario::new(place(".persona"), problem)
            })?),
        };
        let mut changes = Vec::new();
        for (number, change) in wire.changes.into_iter().enumerate() {
            let place = || place(&format!(".changes[{number}]"));
            changes_in_all += 1;
            if changes_in_all > Edits::MOST {
                let problem = format!("there may be {} changes of records", Edits::MOST);
                return Err(InvalidScenario::new(place(), problem));
            }
            let change = RecordChange::try_from(change)
                .map_err(|error| InvalidScenario::new(place(), error.to_string()))?;
            changes.push(change);
        }
        let status = match wire.status.as_deref() {
            None if sources.is_empty() => UserStatus::Started,
            None | Some("connected") => UserStatus::Connected,
            Some("started") => UserStatus::Started,
            Some("deleted") => UserStatus::Deleted,
            Some(_) => {
                let problem = "no such status; there are started, connected and deleted";
                return Err(InvalidScenario::new(place(".status"), problem));
            }
        };
        if status != UserStatus::Connected && !sources.is_empty() {
            let problem = "only a connected user has sources";
            return Err(InvalidScenario::new(place(".sources"), problem));
        }
        bytes +=
            State::size_of_user(&wire.client_user_id) + wire.email.as_ref().map_or(0, String::len);
        if bytes > State::HELD {
            let problem = "more users than a sandbox holds";
            return Err(InvalidScenario::new(place(""), problem));
        }
        people.push(Person {
            app: DemoApp::ALL.iter().position(|own| *own == app).unwrap_or(0),
            client_user_id: wire.client_user_id,
            email: wire.email,
            status,
            sources,
            persona,
            changes,
        });
    }
    Ok(people)
}

fn read_assumptions(
    assumptions: BTreeMap<String, String>,
) -> Result<Vec<(Assumption, &'static str)>, InvalidScenario> {
    let mut read = Vec::new();
    for (name, value) in assumptions {
        let place = format!("assumptions.{name}");
        let assumption: Assumption = name
            .parse()
            .map_err(|_| InvalidScenario::new(&*place, "no assumption has this name"))?;
        let own = spelling(assumption, &value).ok_or_else(|| {
            let values = assumption.values().join(", ");
            InvalidScenario::new(&*place, format!("its values are {values}"))
        })?;
        read.push((assumption, own));
    }
    Ok(read)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(json: &str, place: &str, problem: &str) {
        let error = Scenario::from_json(json.as_bytes()).unwrap_err();
        assert_eq!(error.place, place, "{error}");
        assert!(error.problem.contains(problem), "{error}");
        assert!(!error.to_string().contains("canary"), "{error}");
    }

    #[test]
    fn nonsense_is_refused_with_its_place_and_without_its_value() {
        check("{", "line 1, column 1", "no JSON");
        check(r#"{"user":[]}"#, "line 1, column 7", "unknown field `user`");
        check(r#"{"users":"canary"}"#, "line 1, column 17", "another type");
        check(
            r#"{"users":[{}]}"#,
            "line 1, column 12",
            "missing field `client_user_id`",
        );
        check(
            r#"{"apps":{"web":{"client_id":"a","client_secret":"canary"}}}"#,
            "apps.web",
            "hip",
        );
        check(
            r#"{"apps":{"hip":{"client_id":"","client_secret":"canary"}}}"#,
            "apps.hip",
            "must not be empty",
        );
        check(
            r#"{"apps":{"hip":{"client_id":"a","client_secret":"canary "}}}"#,
            "apps.hip",
            "white space around",
        );
        check(
            r#"{"apps":{"hip":{"client_id":"a","client_secret":"canary"},"connect":{"client_id":"a","client_secret":"b"}}}"#,
            "apps.hip",
            "another application",
        );
        let user = |rest: &str| format!(r#"{{"users":[{{"client_user_id":"u"{rest}}}]}}"#);
        check(&user(r#","app":"canary""#), "users[0].app", "no-admin");
        check(&user(r#","status":"canary""#), "users[0].status", "deleted");
        check(&user(r#","sources":["x"]"#), "users[0].sources[0]", "\"x\"");
        check(
            &user(r#","status":"started","sources":["strider"]"#),
            "users[0].sources",
            "only a connected user",
        );
        check(
            &user(r#"},{"client_user_id":"u""#),
            "users[1].client_user_id",
            "already",
        );
        check(
            r#"{"faults":[{"kind":"status"}]}"#,
            "faults[0]",
            "needs a status",
        );
        check(
            r#"{"assumptions":{"x":"y"}}"#,
            "assumptions.x",
            "no assumption",
        );
        check(
            r#"{"assumptions":{"id-response":"fat"}}"#,
            "assumptions.id-response",
            "full, lean",
        );
    }
}
