use humanapi::prelude::*;

#[tokio::main]
async fn main() -> Result<(), MainError> {
    let own = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .build()?;
    let client = Client::from_env()?.transport(humanapi::ReqwestTransport::from_client(own));
    let since: humanapi::jiff::Timestamp = "2000-01-01T00:00:00Z".parse()?;
    let list: Vec<_> = client
        .user("patient-17")
        .data()
        .activities()
        .updated_since(since)
        .items()
        .try_collect()
        .await?;
    list.iter()
        .for_each(|activity| println!("{:?} {:?}", activity.start_time(), activity.kind()));
    Ok(())
}
