//! Exports of a million records from the server of the benches.

use std::future::pending;
use std::io;
use std::path::Path;

use anyhow::ensure;
use futures_util::stream;
use humanapi_benchkit::exchange::{CLIENT_ID, CLIENT_SECRET};
use humanapi_client::Client;
use humanapi_core::data::Route;
use humanapi_core::{ClientUserId, Credentials, Hosts, Provisioning};
use humanapi_export::{Export, Format};
use humanapi_hyper::HyperTransport;
use tokio::runtime::{Builder, Runtime};

pub(crate) const MILLION: u32 = 1_000_000;
/// Records of each user where there are many.
pub(crate) const OF_A_USER: u32 = 5_000;
/// Lists that are read at once.
pub(crate) const AT_ONCE: u32 = 16;

/// The activities of so many users, in a folder.
pub(crate) fn exported(url: &str, format: Format, users: u32, folder: &Path) -> anyhow::Result<()> {
    let export = Export::new(client(url)?, format)
        .with_resources(activities())
        .with_at_once(AT_ONCE as usize);
    let summary = runtime()?.block_on(export.run(ids(users), folder, pending()))?;
    ensure!(summary.whole, "{summary:?}");
    Ok(())
}

pub(crate) fn client(url: &str) -> anyhow::Result<Client> {
    let credentials = Credentials::new(CLIENT_ID, CLIENT_SECRET)?;
    let client = Client::builder(credentials, Provisioning::Connect, HyperTransport::new());
    Ok(client.hosts(Hosts::single(url)?).build())
}

pub(crate) fn activities() -> impl Iterator<Item = &'static Route> {
    Export::all_resources().filter(|route| route.name == "data.activities")
}

pub(crate) fn ids(users: u32) -> impl stream::Stream<Item = io::Result<ClientUserId>> {
    stream::iter((0..users).map(|user| Ok(format!("u-{user}").into())))
}

pub(crate) fn runtime() -> io::Result<Runtime> {
    Builder::new_multi_thread().enable_all().build()
}
