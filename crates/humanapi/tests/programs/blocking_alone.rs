// Which of two globs a name comes from is never left to their order.
#![deny(ambiguous_glob_imports)]

use humanapi::blocking::*;
use humanapi::*;

fn main() -> Result<(), MainError> {
    // Both globs are there, and this name is that of one of them.
    let client = Client::from_env()?;
    let grant = client.user("patient-17").connect_token().send()?;
    println!("{:?}", grant.token);
    Ok(())
}
