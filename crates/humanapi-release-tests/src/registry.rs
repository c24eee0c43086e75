//! A registry of crates on loopback, for tests of what is published and in which order.
//!
//! It speaks what cargo documents: the sparse index, publishing, downloading, yanking. Everything is in memory.
//!
//! One piece: a registry on loopback, whose routes share what was published.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::Body;
use axum::extract::DefaultBodyLimit;
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderName, Method, Request, Response, StatusCode, header};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

/// A registry on a free port, with a thread of its own. It ends when it is dropped, which must be outside of async code.
pub struct Registry {
    address: SocketAddr,
    shelves: Arc<Mutex<Shelves>>,
    _runtime: Runtime,
}

impl Registry {
    /// What cargo has to show before it may publish or yank.
    pub const TOKEN: &str = "canary-registry-token";

    /// Starts a registry without crates.
    ///
    /// # Panics
    ///
    /// When this machine has no thread or no port on loopback left, or in async code.
    #[must_use]
    pub fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("the system has a thread left");
        let listener = runtime
            .block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))
            .expect("loopback has a free port");
        let address = listener.local_addr().expect("the listener is bound");
        let shelves = Arc::new(Mutex::new(Shelves::default()));
        let shared = Arc::clone(&shelves);
        let answer = move |head: Parts, body: Bytes| {
            let answer = lock(&shared).answer(&Request::from_parts(head, body));
            std::future::ready(answer.map(Body::from))
        };
        let router = Router::new()
            .fallback(answer)
            .layer(DefaultBodyLimit::disable());
        runtime.spawn(async move { axum::serve(listener, router).await });
        Self {
            address,
            shelves,
            _runtime: runtime,
        }
    }

    /// Where its index is, as cargo wants it: `sparse+http://…/index/`.
    #[must_use]
    pub fn index(&self) -> String {
        format!("sparse+http://{}{INDEX}", self.address)
    }

    /// The variables that tell cargo of this registry under a name, and let it publish.
    #[must_use]
    pub fn environment(&self, name: &str) -> [(String, String); 2] {
        let name = name.to_uppercase().replace('-', "_");
        [
            (format!("CARGO_REGISTRIES_{name}_INDEX"), self.index()),
            (
                format!("CARGO_REGISTRIES_{name}_TOKEN"),
                Self::TOKEN.to_owned(),
            ),
        ]
    }

    /// The names of the crates that were published, in the order in which they came, one for each version.
    #[must_use]
    pub fn published(&self) -> Vec<String> {
        lock(&self.shelves).published.clone()
    }

    /// How many requests came that wanted to publish something, accepted or not.
    #[must_use]
    pub fn uploads(&self) -> usize {
        lock(&self.shelves).uploads
    }

    /// Answers the next attempt to publish a version of this crate with 500, and does not keep it.
    pub fn fail_publish_of(&self, name: &str) {
        lock(&self.shelves).failing.insert(name.to_owned());
    }

    /// What the index says of a crate: one line of JSON for each version. Empty for a crate that it does not know.
    #[must_use]
    pub fn index_of(&self, name: &str) -> String {
        lock(&self.shelves).lines(name).unwrap_or_default()
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry")
            .field("index", &self.index())
            .field("published", &self.published())
            .finish_non_exhaustive()
    }
}

/// What the registry holds.
#[derive(Default)]
struct Shelves {
    crates: BTreeMap<String, Vec<Version>>,
    published: Vec<String>,
    uploads: usize,
    failing: BTreeSet<String>,
}

struct Version {
    line: Line,
    file: Bytes,
}

/// A status and what is wrong, for a person.
struct Refusal(StatusCode, String);

impl Shelves {
    fn answer(&mut self, request: &Request<Bytes>) -> Response<Bytes> {
        let path = request.uri().path();
        let answer = match path.strip_prefix(INDEX) {
            Some(file) if request.method() == Method::GET => self.index(file, request),
            _ => match path.strip_prefix(API) {
                Some(path) => self.api(&path.split('/').collect::<Vec<_>>(), request),
                None => Err(nothing()),
            },
        };
        answer.unwrap_or_else(|Refusal(status, detail)| {
            let errors = serde_json::json!({ "errors": [{ "detail": detail }] });
            respond(status, header::CONTENT_TYPE, JSON, errors.to_string())
        })
    }

    fn index(&self, file: &str, request: &Request<Bytes>) -> Result<Response<Bytes>, Refusal> {
        let host = request
            .headers()
            .get(header::HOST)
            .and_then(|host| host.to_str().ok())
            .ok_or_else(|| Refusal(StatusCode::BAD_REQUEST, "no host is named".to_owned()))?;
        let content = if file == "config.json" {
            // Cargo adds `/{crate}/{version}/download` to the one, and `/api/v1/crates/…` to the other.
            let downloads = format!("http://{host}{API}")
                .trim_end_matches('/')
                .to_owned();
            serde_json::json!({ "dl": downloads, "api": format!("http://{host}") }).to_string()
        } else {
            let name = file.rsplit('/').next().unwrap_or_default();
            let lines = self.lines(name).filter(|_| file == index_file(name));
            lines.ok_or_else(nothing)?
        };
        let tag = format!("\"{}\"", sha256(content.as_bytes()));
        let known = request.headers().get(header::IF_NONE_MATCH);
        if known.is_some_and(|known| known == tag.as_str()) {
            return Ok(respond(StatusCode::NOT_MODIFIED, header::ETAG, &tag, ""));
        }
        Ok(respond(StatusCode::OK, header::ETAG, &tag, content))
    }

    /// The file of the index about a crate. The index knows names in lower case.
    fn lines(&self, name: &str) -> Option<String> {
        let (_, versions) = self
            .crates
            .iter()
            .find(|(known, _)| known.to_lowercase() == name.to_lowercase())?;
        let line = |version: &Version| {
            serde_json::to_string(&version.line).expect("a line has only texts for keys") + "\n"
        };
        Some(versions.iter().map(line).collect())
    }

    fn api(&mut self, path: &[&str], request: &Request<Bytes>) -> Result<Response<Bytes>, Refusal> {
        match (request.method(), path) {
            (&Method::GET, [name, version, "download"]) => {
                let file = self.version(name, version)?.file.clone();
                Ok(Response::new(file))
            }
            (&Method::PUT, ["new"]) => {
                self.uploads += 1;
                check_token(request)?;
                self.publish(request.body())
            }
            (&Method::DELETE, [name, version, "yank"]) => {
                check_token(request)?;
                self.set_yanked(name, version, true)
            }
            (&Method::PUT, [name, version, "unyank"]) => {
                check_token(request)?;
                self.set_yanked(name, version, false)
            }
            _ => Err(nothing()),
        }
    }

    fn publish(&mut self, body: &Bytes) -> Result<Response<Bytes>, Refusal> {
        let unreadable = |what: &dyn fmt::Display| {
            Refusal(StatusCode::BAD_REQUEST, format!("unreadable: {what}"))
        };
        let (json, file) = parts(body).ok_or_else(|| unreadable(&"a length is wrong"))?;
        let new: NewVersion = serde_json::from_slice(json).map_err(|error| unreadable(&error))?;
        let (name, vers) = (new.name.clone(), new.vers.clone());
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        if name.is_empty() || !name.bytes().all(allowed) {
            return Err(Refusal(
                StatusCode::BAD_REQUEST,
                format!("`{name}` is no name for a crate"),
            ));
        }
        if self.failing.remove(&name) {
            return Err(Refusal(
                StatusCode::INTERNAL_SERVER_ERROR,
                format!("`{name}` fails once, as it was told"),
            ));
        }
        let known = self.crates.get(&name).map_or(&[][..], Vec::as_slice);
        // Versions that differ only in what was added about their build are the same.
        let same = |version: &Version| without_build(&version.line.vers) == without_build(&vers);
        if known.iter().any(same) {
            return Err(Refusal(
                StatusCode::BAD_REQUEST,
                format!("crate version `{vers}` is already uploaded"),
            ));
        }
        for dependency in &new.deps {
            // A dependency that names no registry is one of this registry.
            if dependency.registry.is_none() && !self.crates.contains_key(&dependency.name) {
                return Err(Refusal(
                    StatusCode::BAD_REQUEST,
                    format!("no known crate named `{}`", dependency.name),
                ));
            }
        }
        let line = Line::new(new, sha256(file));
        let file = body.slice_ref(file);
        self.crates
            .entry(name.clone())
            .or_default()
            .push(Version { line, file });
        self.published.push(name);
        let warnings = serde_json::json!({ "warnings": {
            "invalid_categories": [], "invalid_badges": [], "other": [],
        } });
        Ok(json_answer(&warnings))
    }

    fn set_yanked(
        &mut self,
        name: &str,
        version: &str,
        yanked: bool,
    ) -> Result<Response<Bytes>, Refusal> {
        self.version(name, version)?.line.yanked = yanked;
        Ok(json_answer(&serde_json::json!({ "ok": true })))
    }

    fn version(&mut self, name: &str, version: &str) -> Result<&mut Version, Refusal> {
        self.crates
            .get_mut(name)
            .and_then(|versions| versions.iter_mut().find(|known| known.line.vers == version))
            .ok_or_else(nothing)
    }
}

/// What cargo says of a version that it publishes. What only a web page would show is left out.
#[derive(Deserialize)]
struct NewVersion {
    name: String,
    vers: String,
    deps: Vec<NewDependency>,
    features: BTreeMap<String, Vec<String>>,
    links: Option<String>,
    rust_version: Option<String>,
}

#[derive(Deserialize)]
struct NewDependency {
    name: String,
    version_req: String,
    features: Vec<String>,
    optional: bool,
    default_features: bool,
    target: Option<String>,
    kind: String,
    /// The index of another registry than the one published to.
    registry: Option<String>,
    /// What its user calls it, where that is another name.
    explicit_name_in_toml: Option<String>,
}

/// A version as the index tells of it.
#[derive(Serialize)]
struct Line {
    name: String,
    vers: String,
    deps: Vec<Dependency>,
    cksum: String,
    features: BTreeMap<String, Vec<String>>,
    features2: BTreeMap<String, Vec<String>>,
    yanked: bool,
    links: Option<String>,
    v: u32,
    rust_version: Option<String>,
}

#[derive(Serialize)]
struct Dependency {
    name: String,
    req: String,
    features: Vec<String>,
    optional: bool,
    default_features: bool,
    target: Option<String>,
    kind: String,
    /// The index of another registry than the one in which this stands.
    registry: Option<String>,
    /// The crate's name, where its user calls it by another.
    package: Option<String>,
}

impl Line {
    fn new(new: NewVersion, cksum: String) -> Self {
        // Old compilers fail over the syntax of later features, so those stand apart, and are only for version 2.
        let later = |values: &[String]| {
            let later = |value: &String| value.starts_with("dep:") || value.contains("?/");
            values.iter().any(later)
        };
        let (features2, features) = new
            .features
            .into_iter()
            .partition(|(_, values)| later(values));
        Self {
            name: new.name,
            vers: new.vers,
            deps: new.deps.into_iter().map(Dependency::from).collect(),
            cksum,
            features,
            features2,
            yanked: false,
            links: new.links,
            v: 2,
            rust_version: new.rust_version,
        }
    }
}

impl From<NewDependency> for Dependency {
    fn from(new: NewDependency) -> Self {
        // The index puts the user's name first, publishing the crate's.
        let (name, package) = match new.explicit_name_in_toml {
            Some(called) => (called, Some(new.name)),
            None => (new.name, None),
        };
        Self {
            name,
            req: new.version_req,
            features: new.features,
            optional: new.optional,
            default_features: new.default_features,
            target: new.target,
            kind: new.kind,
            registry: new.registry,
            package,
        }
    }
}

/// The two parts of a request to publish, each after its length.
fn parts(body: &[u8]) -> Option<(&[u8], &[u8])> {
    let (json, rest) = part(body)?;
    let (file, rest) = part(rest)?;
    rest.is_empty().then_some((json, file))
}

fn part(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    rest.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)
}

/// Where in the index a crate's file is.
fn index_file(name: &str) -> String {
    let name = name.to_lowercase();
    match name.len() {
        0 => String::new(),
        length @ 1..=2 => format!("{length}/{name}"),
        3 => format!("3/{}/{name}", &name[..1]),
        _ => format!("{}/{}/{name}", &name[..2], &name[2..4]),
    }
}

fn check_token(request: &Request<Bytes>) -> Result<(), Refusal> {
    let token = request.headers().get(header::AUTHORIZATION);
    if token.is_some_and(|token| token == Registry::TOKEN) {
        return Ok(());
    }
    Err(Refusal(
        StatusCode::FORBIDDEN,
        "the token is missing or wrong".to_owned(),
    ))
}

fn without_build(version: &str) -> &str {
    version.split('+').next().unwrap_or(version)
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn json_answer(value: &serde_json::Value) -> Response<Bytes> {
    let text = value.to_string();
    respond(StatusCode::OK, header::CONTENT_TYPE, JSON, text)
}

fn respond(
    status: StatusCode,
    name: HeaderName,
    value: &str,
    body: impl Into<Bytes>,
) -> Response<Bytes> {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    let value = value.parse().expect("a tag or a media type");
    response.headers_mut().insert(name, value);
    response
}

fn nothing() -> Refusal {
    Refusal(StatusCode::NOT_FOUND, "there is nothing here".to_owned())
}

/// A test that fails may do so while it holds the lock. The next one still sees whole crates.
fn lock(shelves: &Mutex<Shelves>) -> MutexGuard<'_, Shelves> {
    shelves.lock().unwrap_or_else(PoisonError::into_inner)
}

const INDEX: &str = "/index/";
const API: &str = "/api/v1/crates/";
const JSON: &str = "application/json";

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue};
    use serde_json::{Value, json};

    use super::*;

    const CRATES_IO: &str = "https://github.com/rust-lang/crates.io-index";

    /// A registry without a network.
    #[derive(Default)]
    struct World(Shelves);

    struct Seen {
        status: u16,
        headers: HeaderMap,
        body: Bytes,
    }

    impl World {
        fn ask(
            &mut self,
            method: Method,
            path: &str,
            headers: &[(&str, &str)],
            body: &[u8],
        ) -> Seen {
            let mut request = Request::new(Bytes::copy_from_slice(body));
            *request.method_mut() = method;
            *request.uri_mut() = path.parse().unwrap();
            let map = request.headers_mut();
            map.insert(header::HOST, HeaderValue::from_static("127.0.0.1:1"));
            for (name, value) in headers {
                let name: HeaderName = name.parse().unwrap();
                map.insert(name, value.parse().unwrap());
            }
            let (head, body) = self.0.answer(&request).into_parts();
            Seen {
                status: head.status.as_u16(),
                headers: head.headers,
                body,
            }
        }

        fn get(&mut self, path: &str) -> Seen {
            self.ask(Method::GET, path, &[], b"")
        }

        fn publish(&mut self, name: &str, version: &str, deps: &[Value], file: &[u8]) -> Seen {
            self.publish_as(Registry::TOKEN, name, version, deps, file)
        }

        fn publish_as(
            &mut self,
            token: &str,
            name: &str,
            version: &str,
            deps: &[Value],
            file: &[u8],
        ) -> Seen {
            let json = json!({
                "name": name, "vers": version, "deps": deps,
                "features": { "default": ["std"], "std": [], "tls": ["dep:rustls"] },
                "links": null, "rust_version": "1.88", "authors": [],
            });
            let body = upload(json.to_string().as_bytes(), file);
            self.ask(
                Method::PUT,
                "/api/v1/crates/new",
                &[("authorization", token)],
                &body,
            )
        }

        fn line(&mut self, path: &str) -> Value {
            serde_json::from_slice(&self.get(path).body).unwrap()
        }
    }

    fn upload(json: &[u8], file: &[u8]) -> Vec<u8> {
        let mut body = u32::try_from(json.len()).unwrap().to_le_bytes().to_vec();
        body.extend_from_slice(json);
        body.extend_from_slice(&u32::try_from(file.len()).unwrap().to_le_bytes());
        body.extend_from_slice(file);
        body
    }

    fn dependency(name: &str, called: Option<&str>, registry: Option<&str>) -> Value {
        json!({
            "name": name, "version_req": "^1.2", "features": ["std"], "optional": true,
            "default_features": false, "target": "cfg(unix)", "kind": "dev",
            "registry": registry, "explicit_name_in_toml": called,
        })
    }

    #[track_caller]
    fn check_refused(seen: &Seen, status: u16, detail: &str) {
        let body: Value = serde_json::from_slice(&seen.body).unwrap();
        assert_eq!(
            (seen.status, &body["errors"][0]["detail"]),
            (status, &detail.into())
        );
    }

    #[test]
    fn a_file_of_the_index_lies_where_cargo_looks() {
        for (name, path) in [
            ("a", "1/a"),
            ("ab", "2/ab"),
            ("abc", "3/a/abc"),
            ("abcd", "ab/cd/abcd"),
            ("Lantern-Base", "la/nt/lantern-base"),
        ] {
            let mut world = World::default();
            assert_eq!(world.get(&format!("/index/{path}")).status, 404);
            assert_eq!(world.publish(name, "1.0.0", &[], b"x").status, 200);
            let line = world.line(&format!("/index/{path}"));
            assert_eq!(line["name"], name);
            assert_eq!(world.get(&format!("/index/zz/{path}")).status, 404);
        }
    }

    #[test]
    fn the_configuration_names_its_own_port() {
        let config = World::default().line("/index/config.json");
        let expected =
            json!({ "dl": "http://127.0.0.1:1/api/v1/crates", "api": "http://127.0.0.1:1" });
        assert_eq!(config, expected);
    }

    #[test]
    fn a_line_says_what_was_published() {
        let mut world = World::default();
        world.publish("own", "1.2.0", &[], b"own");
        let deps = [
            dependency("own", None, None),
            dependency("own", Some("renamed"), None),
            dependency("serde", None, Some(CRATES_IO)),
        ];
        assert_eq!(world.publish("user", "0.3.0", &deps, b"abc").status, 200);
        let index = |name, package: Option<&str>, registry: Option<&str>| {
            json!({
                "name": name, "req": "^1.2", "features": ["std"], "optional": true,
                "default_features": false, "target": "cfg(unix)", "kind": "dev",
                "registry": registry, "package": package,
            })
        };
        let expected = json!({
            "name": "user", "vers": "0.3.0", "v": 2, "yanked": false, "links": null,
            "rust_version": "1.88",
            "features": { "default": ["std"], "std": [] },
            "features2": { "tls": ["dep:rustls"] },
            // SHA-256 of "abc", from FIPS 180-2.
            "cksum": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
            "deps": [
                index("own", None, None),
                index("renamed", Some("own"), None),
                index("serde", None, Some(CRATES_IO)),
            ],
        });
        assert_eq!(world.line("/index/us/er/user"), expected);
        let file = world.get("/api/v1/crates/user/0.3.0/download");
        assert_eq!((file.status, &*file.body), (200, &b"abc"[..]));
        assert_eq!(world.get("/api/v1/crates/user/0.4.0/download").status, 404);
    }

    #[test]
    fn what_is_known_is_not_sent_again() {
        let mut world = World::default();
        world.publish("lamp", "1.0.0", &[], b"x");
        let path = "/index/la/mp/lamp";
        let first = world.get(path);
        let tag = first.headers["etag"].to_str().unwrap().to_owned();
        let again = world.ask(Method::GET, path, &[("if-none-match", &tag)], b"");
        assert_eq!((again.status, again.body.len()), (304, 0));
        world.publish("lamp", "1.0.1", &[], b"x");
        let changed = world.ask(Method::GET, path, &[("if-none-match", &tag)], b"");
        assert_eq!(changed.status, 200);
        assert_eq!(changed.body.split(|byte| *byte == b'\n').count(), 3);
    }

    #[test]
    fn what_must_not_be_published_is_refused() {
        let mut world = World::default();
        let token = "the token is missing or wrong";
        check_refused(
            &world.publish_as("other", "a", "1.0.0", &[], b""),
            403,
            token,
        );
        let missing = world.ask(Method::PUT, "/api/v1/crates/new", &[], b"");
        check_refused(&missing, 403, token);
        let early = world.publish("leaf", "1.0.0", &[dependency("root", Some("r"), None)], b"");
        check_refused(&early, 400, "no known crate named `root`");
        assert_eq!(world.publish("root", "1.0.0", &[], b"").status, 200);
        let twice = "crate version `1.0.0+again` is already uploaded";
        check_refused(&world.publish("root", "1.0.0+again", &[], b""), 400, twice);
        let path = world.publish("../root", "1.0.0", &[], b"");
        check_refused(&path, 400, "`../root` is no name for a crate");
        for body in [
            &b""[..],
            &upload(b"{}", b"x")[..9],
            &[&upload(b"{}", b"x")[..], b"x"].concat(),
        ] {
            let authorization = [("authorization", Registry::TOKEN)];
            let short = world.ask(Method::PUT, "/api/v1/crates/new", &authorization, body);
            check_refused(&short, 400, "unreadable: a length is wrong");
        }
        assert_eq!(world.0.published, ["root"]);
    }

    #[test]
    fn a_failure_that_was_asked_for_comes_once() {
        let mut world = World::default();
        world.0.failing.insert("lamp".to_owned());
        assert_eq!(world.publish("other", "1.0.0", &[], b"").status, 200);
        assert_eq!(world.publish("lamp", "1.0.0", &[], b"").status, 500);
        assert_eq!(world.publish("lamp", "1.0.0", &[], b"").status, 200);
        assert_eq!((world.0.uploads, world.0.published.len()), (3, 2));
    }

    #[test]
    fn yanking_takes_a_token_and_can_be_undone() {
        let mut world = World::default();
        world.publish("lamp", "1.0.0", &[], b"");
        let authorization = [("authorization", Registry::TOKEN)];
        for (method, verb, headers, status, yanked) in [
            (Method::DELETE, "yank", &[][..], 403, false),
            (Method::DELETE, "yank", &authorization, 200, true),
            (Method::PUT, "unyank", &[], 403, true),
            (Method::PUT, "unyank", &authorization, 200, false),
        ] {
            let path = format!("/api/v1/crates/lamp/1.0.0/{verb}");
            assert_eq!(world.ask(method, &path, headers, b"").status, status);
            assert_eq!(world.line("/index/la/mp/lamp")["yanked"], yanked);
        }
        let path = "/api/v1/crates/lamp/2.0.0/yank";
        let unknown = world.ask(Method::DELETE, path, &authorization, b"");
        assert_eq!(unknown.status, 404);
    }
}
