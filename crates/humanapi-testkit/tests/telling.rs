//! What an application is told, against the sandbox over real HTTP: by errors, by logs and by counters.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed, wherever it stands"
)]

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::time::Duration;

use humanapi_client::{Client, Error, ErrorKind, User};
use humanapi_core::{
    ApiErrorKind, Credentials, FlowError, Hosts, Provisioning, RetryPolicy, SendFailureKind,
};
use humanapi_hyper::HyperTransport;
use humanapi_sandbox::{AppCredentials, DemoApp, Sandbox};
use humanapi_testkit::within;

const USER: &str = "canary-user";
const SOURCE: &str = "strider";

struct World {
    sandbox: Sandbox,
    app: AppCredentials,
}

impl World {
    fn new() -> Self {
        let sandbox = Sandbox::start().unwrap();
        let app = sandbox.app(DemoApp::Connect);
        Self { sandbox, app }
    }

    fn client_of(&self, secret: &str, hosts: Hosts) -> Client {
        let credentials = Credentials::new(self.app.client_id.as_str(), secret).unwrap();
        let retry = RetryPolicy::default()
            .with_base(Duration::from_millis(1))
            .with_max_attempts(2);
        Client::builder(credentials, Provisioning::Connect, HyperTransport::new())
            .hosts(hosts)
            .retry(retry)
            .build()
    }

    fn client(&self) -> Client {
        let hosts = Hosts::single(self.sandbox.url()).unwrap();
        self.client_of(&self.app.client_secret, hosts)
    }

    /// The user opens Connect and connects a source there.
    fn connect(&self) {
        let control = self.sandbox.control();
        control
            .connect_source(&self.app.client_id, USER, SOURCE)
            .unwrap();
    }

    /// How often an access token was asked for.
    fn asked(&self) -> u64 {
        self.sandbox.control().exchanges().access
    }
}

async fn read(user: &User) -> Result<usize, Error> {
    Ok(user.data().activities().await?.items.len())
}

async fn refused(user: &User) {
    let error = read(user).await.unwrap_err();
    let nothing = ErrorKind::Api(ApiErrorKind::NothingConnected);
    assert_eq!(error.kind(), nothing, "{}", error.report());
}

/// Read, nothing connected, connect, token, read: the last one reads at once, whichever token it was.
async fn check_story<T>(token: impl AsyncFn(&User) -> Result<T, Error>) {
    let world = World::new();
    let user = world.client().user(USER);
    user.session_token().await.unwrap();
    refused(&user).await;
    let asked = world.asked();
    refused(&user).await;
    assert_eq!(world.asked(), asked, "the refusal stands");
    world.connect();
    token(&user).await.unwrap();
    assert!(read(&user).await.unwrap() > 0);
}

#[tokio::test]
async fn a_token_that_shows_a_connected_source_ends_a_refusal_at_once() {
    within(async {
        check_story(async |user| user.connect_token().await).await;
        check_story(async |user| user.id_token().await).await;
        check_story(async |user| user.access_token().await).await;
        check_story(async |user| user.confirm_connection().await).await;
    })
    .await;
}

#[tokio::test]
async fn a_session_ends_no_refusal_of_an_access_token() {
    within(async {
        let world = World::new();
        let user = world.client().user(USER);
        user.session_token().await.unwrap();
        refused(&user).await;
        let asked = world.asked();
        user.session_token().await.unwrap();
        refused(&user).await;
        assert_eq!(world.asked(), asked);
    })
    .await;
}

/// A port of this machine that nobody listens on.
fn nobody() -> Hosts {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", taken.local_addr().unwrap());
    drop(taken);
    Hosts::single(&url).unwrap()
}

#[tokio::test]
async fn each_cause_has_a_sentence_of_its_own_and_a_report_with_all_of_it() {
    within(async {
        let world = World::new();
        let here = || Hosts::single(world.sandbox.url()).unwrap();
        let call = async |client: Client| read(&client.user(USER)).await.map(drop);
        let nothing = world.client().user(USER);
        nothing.session_token().await.unwrap();
        let told = [
            (
                "wrong secret",
                call(world.client_of("canary-wrong", here()))
                    .await
                    .unwrap_err(),
            ),
            (
                "nobody",
                call(world.client_of(&world.app.client_secret, nobody()))
                    .await
                    .unwrap_err(),
            ),
            ("nothing connected", call(world.client()).await.unwrap_err()),
            ("unknown", {
                let user = world.client().user("canary-unknown");
                user.id_token().await.map(drop).unwrap_err()
            }),
            ("asserted", {
                let status = humanapi_core::KnownStatus::asserted(humanapi_core::UserStatus::New);
                read(&nothing.clone().with_status(status))
                    .await
                    .unwrap_err()
            }),
            ("no id", read(&world.client().user("")).await.unwrap_err()),
        ];
        let sentences: BTreeSet<String> = told.iter().map(|(_, error)| error.to_string()).collect();
        assert_eq!(sentences.len(), told.len(), "{sentences:#?}");
        for (name, error) in &told {
            let (sentence, report) = (error.to_string(), error.report().to_string());
            assert!(!sentence.contains('\n'), "{name}: {sentence}");
            assert!(!report.contains("canary"), "{name}: {report}");
            let lines: Vec<&str> = report.lines().collect();
            assert_eq!(lines[0], sentence, "{name}");
            let help = format!("help: {}", error.remedy());
            assert!(lines.contains(&help.as_str()), "{name}: {report}");
            let id = error.request_id().map(|id| format!("request id: {id}"));
            assert_eq!(
                id.as_deref().unwrap_or(&help),
                *lines.last().unwrap(),
                "{name}"
            );
            // What is said once is not said again.
            let causes = lines
                .iter()
                .filter_map(|line| line.strip_prefix("caused by: "));
            for cause in causes {
                assert!(!sentence.contains(cause), "{name}: {report}");
            }
        }
        let sentence = |name| {
            let found = told.iter().find(|(of, _)| *of == name);
            found.unwrap().1.to_string()
        };
        assert!(sentence("wrong secret").contains("INVALID_CLIENT_ID_OR_SECRET"));
        assert!(sentence("nobody").contains("no connection to the host"));
        assert!(sentence("nothing connected").contains("ACCESS_TOKEN_GENERATION_NOT_ALLOWED"));
        assert!(sentence("unknown").contains("UNKNOWN_CLIENT_USER_ID"));
        let report = told[1].1.report().to_string();
        assert!(report.contains("\ncaused by: "), "{report}");
        let refused = told[1].1.flow_error();
        assert!(matches!(refused, FlowError::Token(_)), "{refused:?}");
        assert_eq!(
            told[1].1.kind(),
            ErrorKind::Network(SendFailureKind::NotSent)
        );
    })
    .await;
}
