use humanapi::prelude::*;

#[tokio::main]
async fn main() -> Result<(), MainError> {
    let client = Client::from_env()?;
    let mut activities = client.user("patient-17").data().activities().items();
    while let Some(activity) = activities.try_next().await? {
        println!("{:?} {:?}", activity.start_time(), activity.kind());
    }
    Ok(())
}
