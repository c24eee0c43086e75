use humanapi::prelude::*;

#[tokio::main]
async fn main() -> Result<(), MainError> {
    let sandbox = humanapi::testing::Sandbox::builder().build_offline();
    let control = sandbox.control();
    control.user("patient-17").connected_with("strider")?;
    let user = sandbox.client().user("patient-17");
    println!("{:?}", user.data().activities().await?.items[0].kind());
    Ok(())
}
