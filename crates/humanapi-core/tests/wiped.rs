//! What an answer leaves behind in this process's memory once nobody holds its tokens any more.
//!
//! It stands alone, because it looks for a token in all memory that the process may write to.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a test may read the memory of its own process, which the library may not"
)]

use std::fs::{File, read_to_string};
use std::hint::black_box;
use std::os::unix::fs::FileExt as _;
use std::time::{Duration, SystemTime};

use humanapi_core::auth::{IssueAccessToken, IssueClientToken, IssueIdToken, IssueSessionToken};
use humanapi_core::{Body, Credentials, Endpoint, Now, Provisioning, Response};

/// What tokens are made of, as it is written: unescaped each `\/` is a `/`.
const WRITTEN: &str = r"q7\/Zx3\/k9Vb\/m2";
/// The same once it is unescaped. It lies where nothing can be written.
const CANARY: &[u8] = b"q7/Zx3/k9Vb/m2";
/// So often it stands in each, because a part of what is freed is soon written over.
const TIMES: usize = 2_000;

/// How often the canary lies in memory that can be written to.
fn found(piece: &mut [u8]) -> usize {
    // What an earlier search found is no finding.
    piece.fill(0);
    black_box(&mut *piece);
    let memory = File::open("/proc/self/mem").unwrap();
    let maps = read_to_string("/proc/self/maps").unwrap();
    let mut found = 0;
    for line in maps.lines() {
        let (range, rest) = line.split_once(' ').unwrap();
        if !rest.starts_with("rw") {
            continue;
        }
        let (start, end) = range.split_once('-').unwrap();
        let mut at = u64::from_str_radix(start, 16).unwrap();
        let end = u64::from_str_radix(end, 16).unwrap();
        while at < end {
            let most = piece.len().min((end - at) as usize);
            // What cannot be read was given back meanwhile.
            let Ok(read @ 1..) = memory.read_at(&mut piece[..most], at) else {
                break;
            };
            let windows = piece[..read].windows(CANARY.len());
            found += windows.filter(|window| *window == CANARY).count();
            // One that lies across two pieces is whole in the second.
            let step = if read == most && at + (read as u64) < end {
                read - (CANARY.len() - 1)
            } else {
                read
            };
            at += step as u64;
        }
    }
    found
}

#[track_caller]
fn check<E: Endpoint>(endpoint: &E, piece: &mut [u8]) {
    // What is asked for, what replaces it, and what was never asked for.
    let token = WRITTEN.repeat(TIMES);
    let mut body = String::from("{");
    for name in [
        "session_token",
        "id_token",
        "access_token",
        "client_token",
        "refresh_token",
        "id_refresh_token",
    ] {
        for number in 0..2 {
            body += &format!("\"{name}\":\"{number}-{token}\",");
        }
    }
    body += "\"expires_in\":60}";
    let now = Now::new(Duration::ZERO, SystemTime::UNIX_EPOCH);
    let issued = endpoint.parse(Response::new(Body::from(body)), now);
    assert!(
        found(piece) >= TIMES,
        "{}: a token is held",
        endpoint.name()
    );
    drop(issued);
    assert_eq!(found(piece), 0, "{}: copies are left", endpoint.name());
}

#[test]
fn no_copy_of_an_escaped_token_is_left_behind() {
    let mut piece = vec![0; 1 << 20];
    let credentials = || Credentials::new("app-1", "made-up-secret").unwrap();
    check(&IssueSessionToken::new(credentials(), "p17"), &mut piece);
    check(&IssueIdToken::new(credentials(), "p17"), &mut piece);
    check(
        &IssueAccessToken::new(credentials(), Provisioning::Connect, "p17"),
        &mut piece,
    );
    check(&IssueClientToken::new(credentials()), &mut piece);
}
