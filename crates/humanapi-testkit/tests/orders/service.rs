//! The service, as far as orders need it: users, what would be billed, and what goes wrong on the way.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use humanapi_client::Transport;
use humanapi_core::http::Method;
use humanapi_core::{Request, Response, SendFailure, SendFailureKind};
use serde_json::{Value, json};

/// What becomes of the first order that arrives. Each later one is taken and answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sending {
    /// It is taken and answered.
    Fine,
    /// The service refuses it.
    Refused,
    /// No connection can be made.
    NeverLeaves,
    /// It is lost on its way.
    LostBefore,
    /// It is taken, and the answer is lost.
    LostAfter,
    /// The service fails before it takes it.
    FailsBefore,
    /// The service takes it and then fails.
    FailsAfter,
    /// Something in between fails before it passes it on.
    GatewayBefore,
    /// Something in between fails after it passed it on.
    GatewayAfter,
    /// It is taken, and the answer breaks off.
    CutAfter,
    /// It is taken, and the answer says that such a user is there.
    ConflictAfter,
    /// It is on its way for half a minute longer than anybody waits for it.
    Late,
}

impl Sending {
    pub(crate) const ALL: [Self; 12] = [
        Self::Fine,
        Self::Refused,
        Self::NeverLeaves,
        Self::LostBefore,
        Self::LostAfter,
        Self::FailsBefore,
        Self::FailsAfter,
        Self::GatewayBefore,
        Self::GatewayAfter,
        Self::CutAfter,
        Self::ConflictAfter,
        Self::Late,
    ];

    /// Whether the order is taken as soon as it arrives.
    const fn takes(self) -> bool {
        matches!(
            self,
            Self::Fine
                | Self::LostAfter
                | Self::FailsAfter
                | Self::GatewayAfter
                | Self::CutAfter
                | Self::ConflictAfter
        )
    }
}

/// What somebody sees who looks which users there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    /// All of them.
    Fine,
    /// None that was made in the last ten seconds.
    Behind,
    /// None that was made in the last minute.
    FarBehind,
    /// The first three readings fail.
    Fails,
}

impl Reading {
    pub(crate) const ALL: [Self; 4] = [Self::Fine, Self::Behind, Self::FarBehind, Self::Fails];

    const fn behind(self) -> Duration {
        match self {
            Self::Fine | Self::Fails => Duration::ZERO,
            Self::Behind => Duration::from_secs(10),
            Self::FarBehind => Duration::from_secs(60),
        }
    }
}

/// How an exchange with the service ends.
pub(crate) enum Ending {
    /// With this status and body.
    Whole(u16, String),
    /// With a body that breaks off.
    Cut,
    /// Nothing was sent.
    NotSent,
    /// Nothing comes back.
    Lost,
}

/// One service. Clones are the same.
#[derive(Clone)]
pub(crate) struct Service {
    inner: Arc<Mutex<Inner>>,
    clock: Arc<dyn Fn() -> SystemTime + Send + Sync>,
}

struct Inner {
    sending: Sending,
    reading: Reading,
    /// What is on its way, and when it arrives.
    flying: Vec<(SystemTime, Value)>,
    /// The users, by the application's own id: one more for each order.
    users: BTreeMap<String, Vec<Value>>,
    made: BTreeMap<String, SystemTime>,
    /// Whether an order has come, and how often somebody looked since.
    has_come: bool,
    readings: u32,
}

const LATE: Duration = Duration::from_secs(30);

impl Service {
    pub(crate) fn new(
        sending: Sending,
        reading: Reading,
        clock: impl Fn() -> SystemTime + Send + Sync + 'static,
    ) -> Self {
        let inner = Inner {
            sending,
            reading,
            flying: Vec::new(),
            users: BTreeMap::new(),
            made: BTreeMap::new(),
            has_come: false,
            readings: 0,
        };
        Self {
            inner: Arc::new(Mutex::new(inner)),
            clock: Arc::new(clock),
        }
    }

    /// What would be billed for this user of the application's.
    pub(crate) fn billed(&self, user: &str) -> usize {
        let inner = self.arrived();
        inner.users.get(user).map_or(0, Vec::len)
    }

    fn arrived(&self) -> MutexGuard<'_, Inner> {
        let now = (self.clock)();
        let mut inner = self.inner.lock().unwrap();
        let flying = std::mem::take(&mut inner.flying);
        for (at, order) in flying {
            if at <= now {
                inner.take(&order, at);
            } else {
                inner.flying.push((at, order));
            }
        }
        inner
    }

    /// Answers one request to a path with its query.
    pub(crate) fn answer(&self, method: &Method, path: &str, body: &[u8]) -> Ending {
        if !path.starts_with("/api/v1/users") {
            let token = r#"{"client_token":"canary-ct","expires_in":86400}"#;
            return Ending::Whole(200, token.to_owned());
        }
        if *method == Method::POST {
            self.order(&serde_json::from_slice(body).unwrap())
        } else {
            self.read(path)
        }
    }

    fn order(&self, order: &Value) -> Ending {
        let now = (self.clock)();
        let mut inner = self.arrived();
        inner.has_come = true;
        let sending = std::mem::replace(&mut inner.sending, Sending::Fine);
        let user = sending.takes().then(|| inner.take(order, now));
        let error = |status: u16| {
            let body = json!({"code": status, "error": "Canary", "message": "canary"});
            Ending::Whole(status, body.to_string())
        };
        match sending {
            Sending::Fine => Ending::Whole(201, json!([user]).to_string()),
            Sending::Refused => error(400),
            Sending::NeverLeaves => Ending::NotSent,
            Sending::LostBefore | Sending::LostAfter => Ending::Lost,
            Sending::FailsBefore | Sending::FailsAfter => error(500),
            Sending::GatewayBefore | Sending::GatewayAfter => {
                Ending::Whole(502, "<html>canary</html>".to_owned())
            }
            Sending::CutAfter => Ending::Cut,
            Sending::ConflictAfter => error(409),
            Sending::Late => {
                inner.flying.push((now + LATE, order.clone()));
                Ending::Lost
            }
        }
    }

    fn read(&self, path: &str) -> Ending {
        let now = (self.clock)();
        let mut inner = self.arrived();
        // Who looks before the first order is sent is not meant.
        inner.readings += u32::from(inner.has_come);
        if inner.reading == Reading::Fails && (1..=3).contains(&inner.readings) {
            return Ending::Whole(503, r#"{"code":503,"error":"Canary"}"#.to_owned());
        }
        let wanted = path.split_once("clientUserId=").map(|(_, rest)| rest);
        let wanted = wanted.map(|rest| rest.split('&').next().unwrap_or_default());
        let latest = now - inner.reading.behind();
        let seen = inner.users.iter().filter(|(id, _)| {
            wanted.is_none_or(|wanted| wanted == id.as_str()) && inner.made[*id] <= latest
        });
        let seen: Vec<&Value> = seen.flat_map(|(_, users)| users).collect();
        Ending::Whole(200, json!(seen).to_string())
    }
}

#[async_trait]
impl Transport for Service {
    async fn send(&self, request: Request, _: Duration) -> Result<Response, SendFailure> {
        let path = request.uri().path_and_query().unwrap().as_str();
        let failed = |kind| Err(SendFailure::new(kind));
        match self.answer(request.method(), path, request.body().as_bytes()) {
            Ending::Whole(status, body) => {
                let mut response = Response::new(body.into());
                *response.status_mut() = status.try_into().unwrap();
                Ok(response)
            }
            Ending::Cut => failed(SendFailureKind::CutShort),
            Ending::NotSent => failed(SendFailureKind::NotSent),
            Ending::Lost => failed(SendFailureKind::TimedOut),
        }
    }
}

impl Inner {
    /// One more billable order.
    fn take(&mut self, order: &Value, at: SystemTime) -> Value {
        let id = order["clientUserId"].as_str().unwrap().to_owned();
        let made = jiff::Timestamp::try_from(at).unwrap();
        let orders = self.users.entry(id.clone()).or_default();
        let user = json!({
            "humanId": format!("{id}-human-{}", orders.len()),
            "clientUserId": id,
            "firstName": order["firstName"],
            "lastName": order["lastName"],
            "dateOfBirth": format!("{}T00:00:00.000Z", "1980-04-09"),
            "createdAt": made.to_string(),
        });
        orders.push(user.clone());
        self.made.entry(id).or_insert(at);
        user
    }
}
