//! Writing a page of records to a file that is not there: what an export adds to reading it.

use std::hint::black_box;
use std::io;

use humanapi_core::data::Activity;
use humanapi_export::{Columns, Format, Row, User};
use jiff::Timestamp;

use crate::pages;

pub(crate) fn ndjson(times: u32) -> anyhow::Result<()> {
    write(Format::Ndjson, times)
}

pub(crate) fn envelopes(times: u32) -> anyhow::Result<()> {
    write(Format::Envelope, times)
}

pub(crate) fn csv(times: u32) -> anyhow::Result<()> {
    write(Format::Csv, times)
}

pub(crate) fn parquet(times: u32) -> anyhow::Result<()> {
    write(Format::Parquet, times)
}

/// Each page into one file that goes on.
fn write(format: Format, times: u32) -> anyhow::Result<()> {
    let page = pages::page();
    let user = User::new("patient-17");
    let mut sink = format.begin(&Columns::of(Activity::FIELDS), io::sink())?;
    for _ in 0..times {
        for record in pages::read(&page)? {
            let row = Row::new(&user, Timestamp::UNIX_EPOCH, black_box(&record));
            sink.write(&row)?;
        }
    }
    Ok(sink.finish()?)
}
