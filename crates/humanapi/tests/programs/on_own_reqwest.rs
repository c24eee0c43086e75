use humanapi::prelude::*;

#[tokio::main]
async fn main() -> Result<(), MainError> {
    let own = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build()?;
    let client = Client::from_env()?.transport(humanapi::ReqwestTransport::from_client(own));
    let list: Vec<_> = client.user("patient-17").data().activities().limit(50).items().try_collect().await?;
    list.iter().for_each(|activity| println!("{:?} {:?}", activity.start_time(), activity.kind()));
    Ok(())
}
