//! The Admin API, as one command asks it.

use std::time::Duration;

use humanapi_client::{Error, ErrorKind, Orders, StoreError};
use humanapi_core::admin::UserRef;
use humanapi_core::admin::order::OrderPolicy;
use humanapi_core::{ApiErrorKind, Host, HumanId, Provisioning, TokenKey};

use crate::args::orders::{AdminArgs, JournalArgs, Who};
use crate::args::{ServiceArgs, StoreArgs};
use crate::exit::{Code, Failure};
use crate::service::{Service, user_id};
use crate::store::{self, Journal};

/// The Admin API, as one command asks it.
pub(super) struct AdminApi {
    pub(super) service: Service,
}

impl AdminApi {
    pub(super) async fn open(args: &AdminArgs) -> Result<Self, Failure> {
        Self::of(&args.service, &args.store).await
    }

    pub(super) async fn of(service: &ServiceArgs, store: &StoreArgs) -> Result<Self, Failure> {
        let store = store::shared(store).await?;
        Self::ready(Service::sharing(service, Provisioning::Hip, store)?).await
    }

    /// The token first, so that it is clear which host refuses what. The client's broker keeps it.
    pub(super) async fn ready(service: Service) -> Result<Self, Failure> {
        service.kept(TokenKey::client).await?;
        Ok(Self { service })
    }

    pub(super) fn orders(&self) -> Orders {
        self.service.client.orders()
    }

    /// What a failed call means for the command.
    pub(super) fn failure(&self, error: &Error) -> Failure {
        let failure = self.service.failure(error, Host::Admin);
        let remedy = match error.kind() {
            ErrorKind::Api(ApiErrorKind::NotFound) => {
                "check the id: there is nothing of this id, or your application may not do this"
            }
            ErrorKind::Api(ApiErrorKind::Conflict) => {
                "look how it stands: what is completed, cancelled or there already cannot be changed so"
            }
            _ => return failure,
        };
        failure.with_remedy(remedy)
    }
}

/// Which user is meant.
pub(super) fn user_ref(who: &Who) -> Result<UserRef, Failure> {
    match (&who.user, &who.human_id) {
        (Some(id), _) => Ok(user_id(id)?.into()),
        (None, id) => Ok(HumanId::new(id.as_deref().unwrap_or_default()).into()),
    }
}

/// The journal that the options name.
pub(super) async fn journal(args: &JournalArgs) -> Result<Journal, Failure> {
    let Some(store) = &args.store else {
        return Err(Failure::new(
            Code::Usage,
            "--store is missing: without a journal nobody can tell which orders were sent",
            "use --store sqlite:orders.db --store-keys keys.txt; `humanapi store init --new-keys` makes both",
        ));
    };
    store::journal(store, args.store_keys.clone()).await
}

/// Does what waits for a disk, on a thread of its own: the runtime's have others to serve.
pub(super) async fn off_runtime<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Failure> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| Failure::here("cannot read a file", &error))
}

/// What a journal that fails means for the command.
pub(super) fn journal_failure(error: &StoreError) -> Failure {
    store::failure(error).about(&"the journal of orders")
}

/// How patient placing is. A claim that a process took which was killed is over after three calls' time, so that the next
/// run can wait for that.
pub(super) fn policy(args: &JournalArgs, timeout: Duration) -> Result<OrderPolicy, Failure> {
    let claim = timeout.saturating_mul(3);
    let mut policy = OrderPolicy::default()
        .with_claim_ttl(claim)
        .map_err(|error| Failure::new(Code::Usage, error.to_string(), error.remedy()))?
        .with_wait_for_others(claim.saturating_add(timeout));
    if let Some(after) = args.absent_after {
        policy = policy.with_absent_after(Some(after));
    }
    Ok(policy)
}
