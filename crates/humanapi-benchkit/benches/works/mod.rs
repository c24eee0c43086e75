//! The works whose instructions and allocations are counted.

use std::hint::black_box;

use humanapi_benchkit::Work;
use humanapi_benchkit::exchange::{ACCESS, CLIENT, ID, SESSION};

use crate::exchange::{Application, bytes_of, response};
use crate::usual::usual_exchange;

/// Core's exchange for each kind of token, one carried by a flow, and the usual way.
pub(crate) const WORKS: [Work; 6] = [
    Work::new("access", access).with_baseline(answers),
    Work::new("session", session).with_baseline(answers),
    Work::new("id", id).with_baseline(answers),
    Work::new("client", client).with_baseline(answers),
    Work::new("access, by a flow", call).with_baseline(answers),
    Work::new("usual", usual).with_baseline(answers),
];

fn session(times: u32) -> anyhow::Result<()> {
    let application = Application::new()?;
    for _ in 0..times {
        black_box(application.exchange(&application.session()?, response(SESSION))?);
    }
    Ok(())
}

fn id(times: u32) -> anyhow::Result<()> {
    let application = Application::new()?;
    for _ in 0..times {
        black_box(application.exchange(&application.id()?, response(ID))?);
    }
    Ok(())
}

fn access(times: u32) -> anyhow::Result<()> {
    let application = Application::new()?;
    for _ in 0..times {
        black_box(application.exchange(&application.access()?, response(ACCESS))?);
    }
    Ok(())
}

fn client(times: u32) -> anyhow::Result<()> {
    let application = Application::new()?;
    for _ in 0..times {
        black_box(application.exchange(&application.client(), response(CLIENT))?);
    }
    Ok(())
}

fn call(times: u32) -> anyhow::Result<()> {
    let application = Application::new()?;
    for _ in 0..times {
        black_box(application.call(application.access()?, response(ACCESS))?);
    }
    Ok(())
}

fn usual(times: u32) -> anyhow::Result<()> {
    (0..times).try_for_each(|_| usual_exchange())
}

/// What a transport does and not who calls it: an answer's bytes. The answers' lengths differ too little to count.
fn answers(times: u32) -> anyhow::Result<()> {
    for _ in 0..times {
        black_box(bytes_of(ACCESS));
    }
    Ok(())
}
