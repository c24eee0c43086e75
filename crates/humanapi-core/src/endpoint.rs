//! One documented operation as a value.

use crate::body::Body;

/// One HTTP request, ready for any stack that speaks the [`http`] types.
pub type Request = http::Request<Body>;

/// One HTTP response with its whole body.
pub type Response = http::Response<Body>;
