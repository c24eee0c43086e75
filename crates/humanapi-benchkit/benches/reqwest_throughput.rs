//! Times token calls over loopback: by the client, by the loop alone, and by reqwest by hand, in turns.

mod by_reqwest;
mod calls;

use by_reqwest::ByReqwest;
use calls::{ByClient, ByDrive};
use humanapi_benchkit::{Contender, Load, Race, Server, serve_if_asked};
use humanapi_reqwest::ReqwestTransport;

fn main() -> anyhow::Result<()> {
    serve_if_asked();
    let server = Server::start()?;
    let contenders = [
        Contender::new("client", |load| {
            load.run::<ByClient<ReqwestTransport>>(server.url())
        }),
        Contender::new("drive", |load| {
            load.run::<ByDrive<ReqwestTransport>>(server.url())
        }),
        Contender::new("by hand", |load| load.run::<ByReqwest>(server.url())),
    ];
    Race::new("64 at once", Load::at_once(10_000, 64), &contenders)
        .with_rounds(41)
        .run()?;
    Race::new("in sequence", Load::in_sequence(1_000), &contenders)
        .with_rounds(41)
        .run()
}
