//! The bytes that every transport sends, written out by hand.

/// A token request over HTTP/1.1. `HOST` stands for the server's address.
pub(crate) const POST: &str = "\
POST /v1/connect/token HTTP/1.1\r
accept: application/json\r
authorization: Bearer canary-token\r
content-type: application/json\r
user-agent: humanapi-testkit/1\r
host: HOST\r
content-length: 33\r
\r
{\"client_secret\":\"canary-secret\"}";

/// A request for data over HTTP/1.1, with an address that needs care.
pub(crate) const GET: &str = "\
GET /v1/human/medical%2Frecords;v=1/?limit=50&since=2021-01-01T00:00:00%2B02:00&q=a%20b+c HTTP/1.1\r
accept: application/json\r
authorization: Bearer canary-token\r
user-agent: humanapi-testkit/1\r
host: HOST\r
\r
";

/// A request without a body by a method that usually has one.
pub(crate) const DELETE: &str = "\
DELETE /v1/human?x HTTP/1.1\r
accept: application/json\r
authorization: Bearer canary-token\r
user-agent: humanapi-testkit/1\r
host: HOST\r
\r
";

/// What a proxy is asked for.
pub(crate) const CONNECT: &str = "\
CONNECT api.example.test:443 HTTP/1.1\r
Host: api.example.test:443\r
Proxy-Authorization: Basic Y2FuYXJ5LXVzZXI6Y2FuYXJ5LXBhc3N3b3Jk\r
\r
";
