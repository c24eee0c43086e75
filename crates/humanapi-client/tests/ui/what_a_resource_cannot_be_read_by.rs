use humanapi_client::UserData;
use humanapi_client::core::data::{Activity, Source, Weight};

fn main() {}

fn read(data: UserData) {
    let day = "2026-01-02".parse().unwrap();
    let _ = (data.latest::<Weight>(), data.on_day::<Weight>(day), data.by_id::<Weight>("1"));
    let _ = data.latest::<Activity>();
    let _ = data.by_id::<Source>("1");
    let _ = data.profile().items();
    let _ = (data.sleeps().sync(None), data.sources().sync(None));
}
