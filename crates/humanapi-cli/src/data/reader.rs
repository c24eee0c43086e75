//! One user's health data, as one command reads it, and what is told of the reading on standard error.

use std::io::{self, IsTerminal as _, Write as _};

use humanapi_client::{Error, User};
use humanapi_core::{Drift, Host, TokenKey};

use crate::args::data::ReadArgs;
use crate::exit::Failure;
use crate::output::{self, palette};
use crate::service::{Service, user_id};

/// One user's health data, as one command reads it.
pub(super) struct Reader {
    service: Service,
    pub(super) user: User,
}

impl Reader {
    pub(super) async fn open(args: &ReadArgs) -> Result<Self, Failure> {
        #[cfg(feature = "store")]
        let store = crate::store::shared(&args.store).await?;
        #[cfg(not(feature = "store"))]
        let store = None;
        let id = user_id(&args.user.user)?;
        let service = Service::of_setup(&args.service, &args.setup, store)?;
        // The token first, so that it is clear which host refuses what. The client's broker keeps it.
        service
            .kept(|app| TokenKey::access(app, id.clone()))
            .await?;
        let user = service.client.user(id.as_str());
        Ok(Self { service, user })
    }

    pub(super) fn failure(&self, error: &Error) -> Failure {
        self.service.failure(error, Host::Data)
    }
}

/// Tells how far reading is, where somebody watches.
pub(crate) fn announce(text: &str) {
    if io::stderr().is_terminal() && !output::is_quiet() {
        let quiet = palette::QUIET;
        // Where stderr is closed there is nobody to tell.
        let _ = writeln!(anstream::stderr(), "{quiet}{text}{quiet:#}");
    }
}

/// How many of how many, where the service counts them.
pub(crate) fn of_total(count: u64, total: Option<u64>) -> String {
    match total {
        Some(total) => format!("{count} of {total}"),
        None => count.to_string(),
    }
}

/// Tells what was noticed of a list while it was read.
pub(crate) fn warn_of(drift: &Drift, kind: &str) {
    let hint = match drift {
        Drift::NoRecord { .. } => "JSON has it as it was sent",
        _ => "read it again if it has to be complete",
    };
    output::warn(&format!("{kind}: {drift}; {hint}"));
}
