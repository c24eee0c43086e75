use humanapi::prelude::*;

#[tokio::main]
async fn main() -> Result<(), MainError> {
    let sandbox = humanapi::testing::Sandbox::builder().build_offline();
    sandbox.control().user("patient-17").connected_with("strider")?;
    let page = sandbox.client().user("patient-17").data().activities().await?;
    page.items.iter().for_each(|activity| println!("{:?}", activity.kind()));
    Ok(())
}
