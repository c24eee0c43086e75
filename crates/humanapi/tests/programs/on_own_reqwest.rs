use humanapi::prelude::*;

#[tokio::main]
async fn main() -> Result<(), MainError> {
    let own = humanapi::ReqwestTransport::from_builder(reqwest::Client::builder())?;
    let user = Client::from_env()?.transport(own).user("patient-17");
    let list: Vec<_> = user.data().activities().items().try_collect().await?;
    list.iter().for_each(|one| println!("{:?}", one.kind()));
    Ok(())
}
