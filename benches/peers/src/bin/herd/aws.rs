//! The cache of identities in AWS's SDK.

use std::time::{Duration, SystemTime};

use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use aws_smithy_async::time::{SharedTimeSource, SystemTimeSource};
use aws_smithy_runtime::client::identity::IdentityCache;
use aws_smithy_runtime_api::client::identity::{
    Identity, IdentityFuture, ResolveCachedIdentity as _, ResolveIdentity, SharedIdentityCache,
    SharedIdentityResolver,
};
use aws_smithy_runtime_api::client::runtime_components::{
    RuntimeComponents, RuntimeComponentsBuilder,
};
use aws_smithy_types::config_bag::ConfigBag;

use crate::service::Service;
use crate::{Cache, LEFT_WHEN_DUE};

#[derive(Clone)]
pub struct Aws {
    cache: SharedIdentityCache,
    resolver: SharedIdentityResolver,
    components: RuntimeComponents,
}

impl Cache for Aws {
    const NAME: &'static str = "aws-smithy-runtime, identity cache";
    // It goes by the wall clock, which cannot be moved.
    const LIFE_OF_DUE: Duration = LEFT_WHEN_DUE;

    fn new(service: Service) -> anyhow::Result<Self> {
        let components = RuntimeComponentsBuilder::for_tests()
            .with_sleep_impl(Some(SharedAsyncSleep::new(TokioSleep::new())))
            .with_time_source(Some(SharedTimeSource::new(SystemTimeSource::new())))
            .build()?;
        // It renews 5 to 10 s ahead unless told otherwise. Told as early as the others, half of it by chance, so that 100 s
        // before its end renewal is due.
        let cache = IdentityCache::lazy()
            .buffer_time(Duration::from_secs(300))
            .build();
        Ok(Self {
            cache,
            resolver: SharedIdentityResolver::new(service),
            components,
        })
    }

    async fn take(&self) -> anyhow::Result<()> {
        let bag = ConfigBag::base();
        let resolver = self.resolver.clone();
        let resolved = self
            .cache
            .resolve_cached_identity(resolver, &self.components, &bag);
        resolved.await.map_err(|error| anyhow::anyhow!(error))?;
        Ok(())
    }
}

impl ResolveIdentity for Service {
    fn resolve_identity<'a>(
        &'a self,
        _: &'a RuntimeComponents,
        _: &'a ConfigBag,
    ) -> IdentityFuture<'a> {
        IdentityFuture::new(async {
            if let Some(life) = self.exchange().await {
                let ends = SystemTime::now() + life;
                Ok(Identity::new("t", Some(ends)))
            } else {
                Err("the service is down".into())
            }
        })
    }
}
