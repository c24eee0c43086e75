//! A server's token never gets into a page.

use humanapi_client::core::connect::Launch;
use humanapi_client::core::{AccessToken, Issued};

fn open(issued: &Issued<AccessToken>) {
    let _ = Launch::new(issued);
}

fn main() {}
