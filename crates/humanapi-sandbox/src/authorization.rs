//! What stands in an `Authorization` header, by its scheme.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, header};

use crate::body::single;

/// The token of `Authorization: Bearer`.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<String> {
    of_scheme(headers, "bearer").map(str::to_owned)
}

/// The user name of `Authorization: Basic`; the password must be empty.
pub(crate) fn basic_user(headers: &HeaderMap) -> Option<String> {
    let pair = STANDARD.decode(of_scheme(headers, "basic")?).ok()?;
    let pair = String::from_utf8(pair).ok()?;
    let (user, password) = pair.split_once(':')?;
    password.is_empty().then(|| user.to_owned())
}

fn of_scheme<'h>(headers: &'h HeaderMap, wanted: &str) -> Option<&'h str> {
    let text = single(headers, header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, rest) = text.split_once(' ')?;
    scheme.eq_ignore_ascii_case(wanted).then(|| rest.trim())
}
