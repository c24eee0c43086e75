//! Serves a sandbox on the port given as the first argument, until the input ends.

use std::io::{Read as _, Write as _};

use humanapi_sandbox::Sandbox;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let port = match std::env::args().nth(1) {
        Some(port) => port.parse()?,
        None => 0,
    };
    let sandbox = Sandbox::builder().port(port).start()?;
    writeln!(std::io::stdout(), "{}", sandbox.url())?;
    // Ends with the terminal's end of input, so that the sandbox stops in good order.
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}
