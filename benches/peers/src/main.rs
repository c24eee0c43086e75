//! Times token calls over loopback: the SDK's, those of peers that people use today, and a bare socket's, in turns.
//!
//! Peers in other languages are scripts; one whose language or library is missing is left out.

mod sdk;
mod socket;
mod stacks;

use std::path::Path;
use std::process::Command;

use anyhow::Context as _;
use humanapi_benchkit::{Contender, Load, Outcome, Race, Server, serve_if_asked};

fn main() -> anyhow::Result<()> {
    serve_if_asked();
    let server = Server::start()?;
    let url = server.url();
    let mut contenders = vec![
        Contender::new("bare socket", |load| load.run::<socket::Socket>(url)),
        Contender::new("hyper-util by hand", |load| load.run::<stacks::Hyper>(url)),
        Contender::new("oauth2 over reqwest", |load| {
            load.run::<stacks::OAuth2>(url)
        }),
    ];
    for (name, program, script) in [
        ("undici (Node)", "node", "undici.cjs"),
        ("aiohttp (Python)", "python3", "aiohttp_peer.py"),
    ] {
        // One short run tells whether it is there.
        match by_script(program, script, url, Load::at_once(200, 8)) {
            Ok(_) => contenders.push(Contender::new(name, move |load| {
                by_script(program, script, url, load.shortened(5))
            })),
            Err(error) => eprintln!("left out: {name}: {error:#}"),
        }
    }
    contenders.push(Contender::new("humanapi over reqwest", |load| {
        load.run::<sdk::OverReqwest>(url)
    }));
    contenders.push(Contender::new("humanapi over hyper", |load| {
        load.run::<sdk::OverHyper>(url)
    }));
    Race::new("64 at once", Load::at_once(40_000, 64), &contenders).run()?;
    Race::new("in sequence", Load::in_sequence(4_000), &contenders).run()
}

/// Lets a script make the calls and tell how many a second there were.
fn by_script(program: &str, script: &str, url: &str, load: Load) -> anyhow::Result<Outcome> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts");
    let output = Command::new(program)
        .arg(folder.join(script))
        .args([url, &load.calls().to_string(), &load.width().to_string()])
        .output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    let reason = said.lines().last().unwrap_or("it failed").to_owned();
    anyhow::ensure!(output.status.success(), reason);
    let told = String::from_utf8(output.stdout)?;
    let speed = told.trim().parse().context("it told no number")?;
    Ok(Outcome::told(speed))
}
