//! Where a case takes place: the service with what it would bill, the way to it, and the time that all go by.

use std::fmt::Debug;
use std::time::Duration;

use humanapi_client::testing::VirtualRuntime;
use humanapi_client::{Runtime, Timer as _, Transport};
use humanapi_core::Credentials;

use crate::service::{Reading, Sending, Service};

pub(crate) trait Scene {
    type Time: Runtime + Clone + 'static;
    type Way: Transport + 'static;

    fn time(&self) -> Self::Time;
    fn way(&self) -> Self::Way;
    fn credentials(&self) -> Credentials;
    fn advance(&self, by: Duration);
    /// How many orders would be billed for this user of the application's.
    fn billed(&self, user: &str) -> usize;
}

/// What goes wrong at a service.
pub(crate) trait Trouble: Copy + Debug {
    type Scene: Scene;

    fn all() -> Vec<Self>;
    /// A service of its own, where that goes wrong.
    fn begin(self) -> Self::Scene;
}

/// What becomes of the first order, and what somebody sees who looks for it, at a service that is made for these tests.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Feigned(pub(crate) Sending, pub(crate) Reading);

impl Trouble for Feigned {
    type Scene = (Service, VirtualRuntime);

    fn all() -> Vec<Self> {
        let sendings = Sending::ALL.into_iter();
        let each = sendings.flat_map(|sending| Reading::ALL.map(|reading| Self(sending, reading)));
        each.collect()
    }

    fn begin(self) -> Self::Scene {
        let runtime = VirtualRuntime::new();
        let clock = runtime.clone();
        let service = Service::new(self.0, self.1, move || clock.now().wall());
        (service, runtime)
    }
}

impl Scene for (Service, VirtualRuntime) {
    type Time = VirtualRuntime;
    type Way = Service;

    fn time(&self) -> VirtualRuntime {
        self.1.clone()
    }

    fn way(&self) -> Service {
        self.0.clone()
    }

    fn credentials(&self) -> Credentials {
        Credentials::new("app-1", "canary-secret").unwrap()
    }

    fn advance(&self, by: Duration) {
        self.1.advance(by);
    }

    fn billed(&self, user: &str) -> usize {
        self.0.billed(user)
    }
}
