use humanapi::prelude::*;
use humanapi::testing::{Reply, ScriptedTransport};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let token = Reply::json(200, r#"{"access_token":"at-1","expires_in":86400}"#);
    let list = Reply::json(200, r#"[{"id":"a-1","type":"running"}]"#);
    let client = Client::new("my-app", "hush")?.transport(ScriptedTransport::new([token, list]));
    let page = client.user("patient-17").data().activities().await?;
    Ok(println!("{:?}", page.items[0].kind()))
}
