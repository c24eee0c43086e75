//! Cases that need an environment of their own. The test runs its own program again, with the environment set; the
//! second run comes by the same case and finds out what it is.

use std::process::{Command, Output};

use humanapi_core::SendFailureKind::NotSent;

use crate::authority::{self, HOST};
use crate::golden;
use crate::proxy::Proxy;
use crate::script::Reply;
use crate::server::{Server, Wire};
use crate::settings::{ProxySetting, TransportSettings};
use crate::support::{SECRET_PATH, Subject, fail, get, post, send, trusting};

/// `HTTPS_PROXY` and `NO_PROXY`, in either spelling, and no other variable.
pub async fn the_environment_names_the_proxy<T: Subject>(
    make: impl Fn(&TransportSettings) -> T,
    test: &str,
) {
    if let Ok(expected) = std::env::var(ROLE) {
        let root = std::env::var(ROOT).expect("the parent tells its root");
        let settings = TransportSettings {
            extra_roots: vec![from_hex(&root)],
            max_body: None,
            proxy: ProxySetting::Environment,
        };
        let transport = make(&settings);
        let request = post(&format!("https://{HOST}{SECRET_PATH}"));
        if expected == "proxied" {
            assert_eq!(
                send(&transport, request).await.body().as_bytes(),
                b"tunnelled"
            );
        } else {
            assert_eq!(fail(&transport, request).await, NotSent);
        }
        return;
    }
    let server = Server::start(Wire::Http2Tls, |_| Reply::ok("tunnelled")).await;
    let proxy = Proxy::to(server.address()).await;
    let setting = proxy.setting();
    let mut proxied = 0;
    for (expected, environment) in [
        ("proxied", &[("HTTPS_PROXY", &*setting)][..]),
        ("proxied", &[("https_proxy", &setting)]),
        (
            "proxied",
            &[("HTTPS_PROXY", &setting), ("NO_PROXY", "other.test")],
        ),
        (
            "direct",
            &[("HTTPS_PROXY", &setting), ("NO_PROXY", "example.test")],
        ),
        (
            "proxied",
            &[("HTTPS_PROXY", &setting), ("NO_PROXY", "198.51.100.0/24")],
        ),
        // The address is one below it.
        ("direct", &[("HTTPS_PROXY", &setting), ("NO_PROXY", "test")]),
        (
            "direct",
            &[
                ("https_proxy", &setting),
                ("no_proxy", "a.test,.example.test"),
            ],
        ),
        (
            "direct",
            &[("ALL_PROXY", &setting), ("HTTP_PROXY", &setting)],
        ),
        (
            "direct",
            &[("all_proxy", &setting), ("http_proxy", &setting)],
        ),
        ("direct", &[("HTTPS_PROXY", "socks5://canary")]),
        ("direct", &[]),
    ] {
        let root = to_hex(&authority::root());
        let mut environment = environment.to_vec();
        environment.extend([(ROLE, expected), (ROOT, &root)]);
        again(test, &environment).await;
        proxied += usize::from(expected == "proxied");
        assert_eq!(proxy.asked().len(), proxied, "{expected}");
    }
    assert!(proxy.asked().iter().all(|asked| asked == golden::CONNECT));
}

/// A machine without certificates serves for everything on loopback.
pub async fn plain_http_needs_no_certificate<T: Subject>(
    make: impl Fn(&TransportSettings) -> T,
    test: &str,
) {
    if std::env::var_os(ROLE).is_none() {
        let nowhere = "/nonexistent/certificates";
        let environment = [
            (ROLE, "child"),
            ("SSL_CERT_FILE", nowhere),
            ("SSL_CERT_DIR", nowhere),
        ];
        again(test, &environment).await;
        return;
    }
    let plain = Server::start(Wire::Http1, |_| Reply::ok("{}")).await;
    let secure = Server::start(Wire::Http2Tls, |_| Reply::ok("{}")).await;
    let transport = make(&TransportSettings::default());
    send(&transport, get(&plain.url("/"))).await;
    // Whom to trust is unknown now, and that is said with the request that needs to know.
    assert_eq!(
        fail(&transport, get(&secure.url(SECRET_PATH))).await,
        NotSent
    );
    send(&transport, get(&plain.url("/"))).await;
    // An extra root is enough.
    send(&make(&trusting()), get(&secure.url("/"))).await;
}

/// Runs one test of this program again, in an environment without any proxy but with these variables.
async fn again(test: &str, environment: &[(&str, &str)]) {
    let program = std::env::current_exe().expect("a program knows where it is");
    // A test's name does not begin with the crate's.
    let (_, name) = test.split_once("::").expect("a test has a path");
    let mut command = Command::new(program);
    command.args([name, "--exact", "--nocapture"]);
    for name in ["HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY"] {
        command.env_remove(name).env_remove(name.to_lowercase());
    }
    command
        .env_remove("REQUEST_METHOD")
        .envs(environment.iter().copied());
    let run = tokio::task::spawn_blocking(move || command.output());
    let Output {
        status,
        stdout,
        stderr,
    } = run
        .await
        .expect("the run is not aborted")
        .expect("a program can run itself");
    let (stdout, stderr) = (
        String::from_utf8_lossy(&stdout),
        String::from_utf8_lossy(&stderr),
    );
    assert!(status.success(), "{environment:?}\n{stdout}\n{stderr}");
    assert!(
        stdout.contains("1 passed"),
        "the test was not found: {stdout}"
    );
}

fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hex(text: &str) -> Vec<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).expect("a hexadecimal digit") as u8;
    text.as_bytes()
        .chunks(2)
        .map(|pair| digit(pair[0]) << 4 | digit(pair[1]))
        .collect()
}

const ROLE: &str = "HUMANAPI_TESTKIT_ROLE";
const ROOT: &str = "HUMANAPI_TESTKIT_ROOT";
