//! Which host a path belongs to, and what authorizes a call there.

use humanapi_core::http::Uri;
use humanapi_core::{BaseUrl, Host, Hosts};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::failure::usage;
use crate::exit::Failure;

/// A path, with whatever query was written behind it, and whose it is.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) by: By,
    pub(super) path: String,
}

/// What authorizes a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    /// The access token of a user whose data it is about.
    User,
    /// The client token of the application.
    Client,
    /// The application's key, which opens the data of all its users.
    AppKey,
}

impl By {
    /// The host that takes it.
    pub(super) const fn host(self) -> Host {
        match self {
            Self::User | Self::AppKey => Host::Data,
            Self::Client => Host::Admin,
        }
    }
}

/// Reads a path, or an address on one of these hosts.
pub(super) fn read(hosts: &Hosts, typed: &str) -> Result<Target, Failure> {
    let path = match typed.contains("://") {
        true => [Host::Data, Host::Admin]
            .iter()
            .find_map(|host| below(hosts.base(*host), typed))
            .ok_or_else(|| {
                usage(
                    "the address is on none of the hosts that are asked",
                    "give the path alone, or say by --base-url, --data-url or --admin-url where the host is",
                )
            })?,
        false => typed.to_owned(),
    };
    let by = by_path(&path)?;
    // Its path may be another host's than the address says.
    if typed.contains("://") && below(hosts.base(by.host()), typed).is_none() {
        return Err(usage(
            "the address is on another host than its path belongs to",
            "give the path alone",
        ));
    }
    Ok(Target { by, path })
}

/// What stands behind a host's own address.
fn below(base: &BaseUrl, typed: &str) -> Option<String> {
    let uri: Uri = (!typed.contains('#')).then(|| typed.parse().ok())??;
    let rest = uri.path_and_query()?.as_str();
    let rest = rest.strip_prefix(base.path())?;
    (base.is_origin_of(&uri) && rest.starts_with('/')).then(|| rest.to_owned())
}

fn by_path(typed: &str) -> Result<By, Failure> {
    let path = typed.split('?').next().unwrap_or_default();
    let is_below = |root: &str| {
        let rest = path.strip_prefix(root);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    if is_below("/v1/human") {
        return Ok(By::User);
    }
    if is_below("/api") {
        return Ok(By::Client);
    }
    if is_below("/v1/connect") || is_below("/v1/admin") {
        return Err(usage(
            "this path is the token service's, which takes the client secret",
            "use `humanapi token`",
        ));
    }
    if is_below("/v1/apps") {
        return Ok(By::AppKey);
    }
    Err(usage(
        "no host of the service has this path",
        "paths below /v1/human and /v1/apps are the data API's, those below /api the Admin API's",
    ))
}

/// All but letters, digits and `-._~`.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

impl Target {
    /// The path with further parameters behind its own.
    pub(super) fn with_query<'a>(
        &self,
        query: impl IntoIterator<Item = &'a (String, String)>,
    ) -> String {
        let mut path = self.path.clone();
        for (name, value) in query {
            path.push(if path.contains('?') { '&' } else { '?' });
            path.extend(utf8_percent_encode(name, ESCAPED));
            path.push('=');
            path.extend(utf8_percent_encode(value, ESCAPED));
        }
        path
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_says_which_host_is_asked() {
        let hosts = Hosts::production()
            .with(Host::Data, "https://gateway.example.test/health")
            .unwrap();
        #[track_caller]
        fn check(hosts: &Hosts, typed: &str, wanted: Option<(By, &str)>) {
            let read = read(hosts, typed).ok();
            let read = read.as_ref().map(|read| (read.by, read.path.as_str()));
            assert_eq!(read, wanted, "{typed}");
        }
        let data = |path| Some((By::User, path));
        let admin = |path| Some((By::Client, path));
        let apps = |path| Some((By::AppKey, path));
        check(&hosts, "/v1/human", data("/v1/human"));
        check(&hosts, "/v1/human?a=b", data("/v1/human?a=b"));
        check(&hosts, "/v1/human/profile", data("/v1/human/profile"));
        check(&hosts, "/api/v1/users", admin("/api/v1/users"));
        check(&hosts, "/v1/apps/x/users", apps("/v1/apps/x/users"));
        check(
            &hosts,
            "https://gateway.example.test/health/v1/human/bmi?x",
            data("/v1/human/bmi?x"),
        );
        check(
            &hosts,
            "https://admin.humanapi.co/api/v1/users",
            admin("/api/v1/users"),
        );
        for nowhere in [
            "",
            "/",
            "v1/human",
            "/v1/humans",
            "/v1/appsx/users",
            "/v1/connect/token",
            "/v1/admin/token",
            "/apis",
            "//v1/human",
            "/V1/human",
            "https://api.humanapi.co/v1/human",
            "https://gateway.example.test/v1/human",
            "https://gateway.example.test/healthy/v1/human",
            "https://gateway.example.test/health/api/v1/users",
            "https://gateway.example.test.evil.example/health/v1/human",
            "https://gateway.example.test@evil.example/health/v1/human",
            "http://gateway.example.test/health/v1/human",
            "https://gateway.example.test/health/v1/human#a",
            "https://evil.example/v1/human",
            "file:///v1/human",
            "://v1/human",
        ] {
            check(&hosts, nowhere, None);
        }
    }

    #[test]
    fn parameters_are_escaped_behind_those_that_are_there() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let target = |path: &str| Target {
            by: By::User,
            path: path.to_owned(),
        };
        let more = [pair("a&b", "c d=é"), pair("e", "")];
        assert_eq!(
            target("/v1/human").with_query(&more),
            "/v1/human?a%26b=c%20d%3D%C3%A9&e="
        );
        assert_eq!(
            target("/v1/human?x=y").with_query(&more[1..]),
            "/v1/human?x=y&e="
        );
    }
}
