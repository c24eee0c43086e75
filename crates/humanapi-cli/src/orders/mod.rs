//! The verbs about orders of records: `orders`, and `providers`, `reports`, `consumer-link`, `subscriptions` and `admin`
//! about what they lead to.

mod admin_api;
mod applicant;
mod check;
mod counts;
mod input;
mod leads;
mod outcome;
mod papers;
mod reconcile;
mod results;
mod sending;
mod show;
mod source;
mod submit;
mod table;
mod users;

pub(crate) use leads::{admin, consumer_link, providers, reports, subscriptions};

use crate::args::orders::OrdersVerb;
use crate::exit::Failure;

pub(crate) async fn run(verb: OrdersVerb) -> Result<(), Failure> {
    match verb {
        OrdersVerb::Submit(args) => submit::run(&args).await,
        OrdersVerb::Status(args) => users::status(&args).await,
        OrdersVerb::List(args) => users::list(&args).await,
        OrdersVerb::Abort(args) => users::abort(&args).await,
        OrdersVerb::Resync(args) => users::resync(&args).await,
        OrdersVerb::Reconcile(args) => reconcile::run(&args).await,
        OrdersVerb::Watch(args) => users::watch(&args).await,
        OrdersVerb::Types(args) => users::types(&args).await,
    }
}
