use std::time::Duration;

use humanapi_client::core::{Request, Response, SendFailure};
use humanapi_client::Transport;

fn main() {}

struct Mine;

impl Transport for Mine {
    async fn send(&self, _: Request, _: Duration) -> Result<Response, SendFailure> {
        loop {}
    }
}
