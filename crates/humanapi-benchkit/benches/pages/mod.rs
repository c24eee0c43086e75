//! Reading a page of 500 activities of 15 fields: by core, and as it is usually done with serde_json.

pub(crate) mod spans;

use std::hint::black_box;
use std::time::{Duration, SystemTime};

use humanapi_benchkit::lists;
use humanapi_core::data::{Activity, ListActivities};
use humanapi_core::http::HeaderValue;
use humanapi_core::{Body, Endpoint, Now, Response};
use serde::Deserialize;

const RECORDS: u32 = lists::PAGE;

/// The page, as a transport hands it over.
pub(crate) fn page() -> String {
    lists::page(0, RECORDS)
}

/// An answer whose bytes are its own, as those of a transport are.
fn answer(page: &str) -> Response {
    let mut response = Response::new(Body::from(page.as_bytes().to_vec()));
    let total = HeaderValue::from(RECORDS);
    response.headers_mut().insert("x-total-count", total);
    response
}

/// What a transport does and not who reads.
pub(crate) fn answers(times: u32) -> anyhow::Result<()> {
    let page = page();
    for _ in 0..times {
        // Without the wiping of what nobody took.
        black_box(answer(black_box(&page)).into_body().into_bytes());
    }
    Ok(())
}

pub(crate) fn read(page: &str) -> anyhow::Result<Vec<Activity>> {
    let now = Now::new(Duration::from_secs(1), SystemTime::UNIX_EPOCH);
    let call = ListActivities::new().with_limit(RECORDS);
    Ok(call.parse(answer(black_box(page)), now)?.items)
}

pub(crate) fn no_field(times: u32) -> anyhow::Result<()> {
    let page = page();
    for _ in 0..times {
        black_box(read(&page)?);
    }
    Ok(())
}

pub(crate) fn five_fields(times: u32) -> anyhow::Result<()> {
    let page = page();
    for _ in 0..times {
        for one in read(&page)? {
            read_five(&one);
        }
    }
    Ok(())
}

pub(crate) fn all_fields(times: u32) -> anyhow::Result<()> {
    let page = page();
    for _ in 0..times {
        for one in read(&page)? {
            read_five(&one);
            black_box((one.id(), one.user_id(), one.human_id(), one.source()));
            black_box((one.end_time(), one.created_at(), one.updated_at()));
            black_box((
                one.tz_offset(),
                one.calories().map(f64::from),
                one.source_data(),
            ));
        }
    }
    Ok(())
}

fn read_five(one: &Activity) {
    black_box((one.start_time(), one.kind()));
    let numbers = [one.duration(), one.distance(), one.steps()];
    black_box(numbers.map(|number| number.map(f64::from)));
}

/// As an application would write it, with dates as text.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "reading it is what is measured")]
struct Owned {
    id: String,
    user_id: String,
    human_id: String,
    start_time: String,
    end_time: String,
    tz_offset: String,
    r#type: String,
    source: String,
    duration: f64,
    distance: f64,
    steps: f64,
    calories: f64,
    source_data: Manual,
    created_at: String,
    updated_at: String,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "reading it is what is measured")]
struct Manual {
    manual: bool,
}

pub(crate) fn owned_structs(times: u32) -> anyhow::Result<()> {
    let page = page();
    for _ in 0..times {
        let records: Vec<Owned> = serde_json::from_slice(black_box(page.as_bytes()))?;
        black_box(records);
    }
    Ok(())
}
