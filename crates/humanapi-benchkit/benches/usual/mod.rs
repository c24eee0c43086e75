//! The usual way to do an exchange, beside which core's is measured.

use std::hint::black_box;

use humanapi_benchkit::exchange::{ACCESS, usual_answer, usual_request};

use crate::exchange::bytes_of;

pub(crate) fn usual_exchange() -> anyhow::Result<()> {
    drop(black_box(usual_request(black_box(URL))?));
    black_box(usual_answer(&bytes_of(ACCESS))?);
    Ok(())
}

const URL: &str = "https://auth.humanapi.co/v1/connect/token";
