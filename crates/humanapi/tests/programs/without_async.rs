fn main() -> Result<(), humanapi::MainError> {
    let client = humanapi::blocking::Client::from_env()?;
    let id = String::from("patient-17");
    for activity in client.user(&id).data().activities().limit(50).items() {
        let activity = activity?;
        println!("{:?} {:?}", activity.start_time(), activity.kind());
    }
    Ok(())
}
