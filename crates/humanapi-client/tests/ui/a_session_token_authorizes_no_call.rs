//! A token for a browser never becomes an authorization.

use humanapi_client::core::{Bearer, Generation, SessionToken};

fn main() {
    let token = SessionToken::new("made-1");
    let _ = Bearer::access(&token, Generation::new(1));
}
