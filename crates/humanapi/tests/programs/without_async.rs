fn main() -> Result<(), Box<dyn std::error::Error>> {
    let client = humanapi::blocking::Client::from_env()?;
    for activity in client.user("patient-17").data().activities().limit(50).items() {
        let activity = activity?;
        println!("{:?} {:?}", activity.start_time(), activity.kind());
    }
    Ok(())
}
