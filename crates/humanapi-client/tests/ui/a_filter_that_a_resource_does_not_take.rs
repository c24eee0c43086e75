use humanapi_client::UserData;

fn main() {}

fn read(data: UserData) {
    let day = "2026-01-02".parse().unwrap();
    // Activities take both, medical records neither.
    let _ = data.activities().time_series().days(day, day);
    let _ = data.allergies().time_series();
    let _ = data.allergies().days(day, day);
}
