//! Ten thousand callers at once, over real HTTP: the sandbox counts what reaches the token service.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed, wherever it stands"
)]

use std::sync::Arc;
use std::time::Duration;

use humanapi_client::TokenBroker;
use humanapi_core::broker::{BrokerPolicy, KeptToken};
use humanapi_core::{
    ClientUserId, Credentials, FlowError, Hosts, Provisioning, RetryPolicy, TokenKey,
};
use humanapi_hyper::HyperTransport;
use humanapi_sandbox::{DemoApp, Fault, Sandbox, Source};

const HERD: usize = 10_000;
const USER: &str = "p17";
const PAUSE: Duration = Duration::from_secs(120);

struct World {
    sandbox: Sandbox,
    broker: TokenBroker,
    key: TokenKey,
}

impl World {
    async fn new() -> Self {
        let sandbox = Sandbox::start().unwrap();
        let app = sandbox.app(DemoApp::Connect);
        let credentials =
            Credentials::new(app.client_id.as_str(), app.client_secret.as_str()).unwrap();
        let transport = HyperTransport::new();
        let hosts = Hosts::single(sandbox.url()).unwrap();
        let client = humanapi_client::Client::builder(
            credentials.clone(),
            Provisioning::Connect,
            transport.clone(),
        )
        .hosts(hosts.clone())
        .build();
        client.user(USER).session_token().await.unwrap();
        let control = sandbox.control();
        control
            .connect_source(&app.client_id, USER, Source::ALL[0].id)
            .unwrap();
        control.clear_requests();
        let broker = TokenBroker::builder(credentials, Provisioning::Connect, transport)
            .hosts(hosts)
            .retry(RetryPolicy::none())
            // However slow this machine is, all ask before the first pause ends.
            .policy(BrokerPolicy::default().with_backoff(PAUSE, PAUSE))
            .build();
        let user = ClientUserId::new(USER).unwrap();
        let key = TokenKey::access(broker.client_id().clone(), user);
        Self {
            sandbox,
            broker,
            key,
        }
    }

    async fn herd(&self) -> Vec<Result<KeptToken, Arc<FlowError>>> {
        let callers: Vec<_> = (0..HERD)
            .map(|_| {
                let (broker, key) = (self.broker.clone(), self.key.clone());
                tokio::spawn(async move { broker.token(&key).await })
            })
            .collect();
        let mut outcomes = Vec::with_capacity(HERD);
        for caller in callers {
            outcomes.push(caller.await.unwrap());
        }
        outcomes
    }

    fn plan(&self, fault: Fault) {
        let fault = fault.on_path("/v1/connect/token").times(u32::MAX);
        self.sandbox.control().plan_fault(fault).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_cold_key_the_service_sees_one_exchange() {
    let world = World::new().await;
    world.plan(Fault::delay(Duration::from_millis(200)));
    let outcomes = world.herd().await;
    let first = outcomes[0].as_ref().unwrap().generation();
    assert!(
        outcomes
            .iter()
            .all(|token| token.as_ref().unwrap().generation() == first)
    );
    let control = world.sandbox.control();
    assert_eq!((outcomes.len(), control.exchanges().access), (HERD, 1));
    assert_eq!(control.requests().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_service_that_is_down_all_share_one_failure() {
    let world = World::new().await;
    world.plan(Fault::status(503));
    let outcomes = world.herd().await;
    let first = outcomes[0].as_ref().unwrap_err();
    assert!(
        outcomes
            .iter()
            .all(|error| Arc::ptr_eq(first, error.as_ref().unwrap_err()))
    );
    assert_eq!(world.sandbox.control().requests().len(), 1);
}
