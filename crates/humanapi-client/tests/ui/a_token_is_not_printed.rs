//! Text with a token in it has to be asked for by name.

use humanapi_client::core::AccessToken;

fn main() {
    let token = AccessToken::new("made-1");
    let _ = format!("{token}");
}
