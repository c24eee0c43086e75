use humanapi_client::Client;
use humanapi_client::core::{Credentials, Provisioning};

struct OwnStack;

fn main() {
    let credentials = Credentials::new("my-app", "hush").unwrap();
    let _ = Client::new(credentials, Provisioning::Connect, OwnStack);
}
