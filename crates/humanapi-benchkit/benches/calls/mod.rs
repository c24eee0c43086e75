//! One token call over loopback through the SDK, over any of its transports.

use std::future::Future;
use std::hint::black_box;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;

use humanapi_benchkit::Caller;
use humanapi_benchkit::exchange::{CLIENT_ID, CLIENT_SECRET, USER};
use humanapi_client::{Client, TokenSource, TokioRuntime, Transport, drive};
use humanapi_core::auth::IssueAccessToken;
use humanapi_core::flow::Call;
use humanapi_core::{
    Bearer, BuildError, ClientUserId, Credentials, FlowError, Hosts, Provisioning, Rejected,
    RetryPolicy, TokenKey,
};

/// By the client, as an application does it.
#[derive(Clone)]
pub(crate) struct ByClient<T> {
    client: Client,
    transport: PhantomData<fn() -> T>,
}

impl<T: Transport + Clone + Default + 'static> Caller for ByClient<T> {
    fn new(url: &str) -> anyhow::Result<Self> {
        let credentials = Credentials::new(CLIENT_ID, CLIENT_SECRET)?;
        let client = Client::builder(credentials, Provisioning::Connect, T::default())
            .hosts(Hosts::single(url)?)
            .build();
        Ok(Self {
            client,
            transport: PhantomData,
        })
    }

    async fn call(&self) -> anyhow::Result<()> {
        let issued = self.client.user(USER).access_token().await?;
        black_box(issued);
        Ok(())
    }
}

/// By the loop alone, as somebody does it who brings a client of their own.
#[derive(Clone)]
pub(crate) struct ByDrive<T> {
    credentials: Credentials,
    hosts: Hosts,
    transport: T,
    runtime: TokioRuntime,
}

impl<T: Transport + Clone + Default + 'static> Caller for ByDrive<T> {
    fn new(url: &str) -> anyhow::Result<Self> {
        Ok(Self {
            credentials: Credentials::new(CLIENT_ID, CLIENT_SECRET)?,
            hosts: Hosts::single(url)?,
            transport: T::default(),
            runtime: TokioRuntime::new(),
        })
    }

    async fn call(&self) -> anyhow::Result<()> {
        let user = ClientUserId::new(USER)?;
        let endpoint = IssueAccessToken::new(self.credentials.clone(), Provisioning::Connect, user);
        let mut call = Call::new(endpoint, self.hosts.clone(), RetryPolicy::default());
        let issued = drive(&mut call, &self.transport, &NoTokens, &self.runtime).await?;
        black_box(issued);
        Ok(())
    }
}

/// A token call is authorized by no token.
struct NoTokens;

impl TokenSource for NoTokens {
    fn token<'a, 'b, 'c>(
        &'a self,
        _: &'b TokenKey,
        _: Option<Rejected>,
    ) -> Pin<Box<dyn Future<Output = Result<Bearer, Arc<FlowError>>> + Send + 'c>>
    where
        'a: 'c,
        'b: 'c,
    {
        Box::pin(async { Err(Arc::new(BuildError::NoTokenSource.into())) })
    }
}
