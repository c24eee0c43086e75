//! The verb `demo`: the whole story on an embedded sandbox.

#[cfg(all(feature = "export", feature = "plot"))]
mod files;
mod pages;
mod person;
mod story;
mod trace;
mod visible;

use std::borrow::Cow;
use std::io::{self, IsTerminal as _};
#[cfg(all(feature = "export", feature = "plot"))]
use std::path::PathBuf;
use std::time::{Duration, UNIX_EPOCH};

use humanapi_client::{Client, Error};
use humanapi_core::connect::{AllowedCallbacks, ConnectReport, Launch, Mode};
use humanapi_core::data::medical::Medication;
use humanapi_core::data::{Activity, HealthSummary, Number};
use humanapi_core::{
    ConnectToken, Credentials, Hosts, KnownStatus, Provisioning, RetryPolicy, TokenKind, UserEvent,
    UserStatus,
};
use humanapi_sandbox::{DemoApp, Sandbox, Source};

use crate::adapter::Adapter;
use crate::args::DemoArgs;
use crate::browser;
use crate::exit::Failure;
use crate::output;
use crate::signal::Stop;
use pages::{Pages, Reports};
use person::Person;
use story::{Story, Who};
use trace::Recorder;

/// The user of the story, by the app's own id.
const USER: &str = "patient-17";
const EMAIL: &str = "p17@example.test";
/// What the person connects, by the names in the sandbox's directory.
const SOURCES: [&str; 3] = ["strider", "pulseband", "sandbox_clinic"];

/// When the story is told: 2026-01-15T09:00:00Z, in seconds since 1970.
const NOW: u64 = 1_768_467_600;

pub(crate) async fn run(args: &DemoArgs) -> Result<(), Failure> {
    // Before the story begins: nobody reads one that ends with a folder that cannot be had.
    #[cfg(all(feature = "export", feature = "plot"))]
    let folder = files::folder(args.out.as_deref())?;
    let pages = if args.browser {
        Some(Pages::bind().await?)
    } else {
        None
    };
    // What people recorded depends on the day, and the story is the same on each.
    let mut sandbox = Sandbox::builder()
        .seed(args.seed)
        .frozen_at(UNIX_EPOCH + Duration::from_secs(NOW));
    if let Some(pages) = &pages {
        sandbox = sandbox.callback(pages.callback());
    }
    let sandbox = sandbox
        .start()
        .map_err(|error| Failure::here("cannot start the sandbox", &error))?;
    let mut demo = Demo::new(args, &sandbox)?;
    demo.introduce()?;
    let token = demo.start_session().await?;
    let is_done = match pages {
        None => {
            let report = demo.play_person(&token).await?;
            demo.confirm(&report).await?
        }
        Some(pages) => demo.wait_for_person(pages, &token).await?,
    };
    if !is_done {
        return demo.story.line("\nStopped before the end of the story.");
    }
    demo.come_back().await?;
    let read = demo.read_data().await?;
    demo.show(&read)?;
    #[cfg(all(feature = "export", feature = "plot"))]
    demo.write(folder).await?;
    demo.finish()
}

/// The app of the story.
struct Demo {
    story: Story,
    adapter: Adapter,
    client: Client,
    /// What the app's server sends.
    server: Recorder,
    /// What the person's browser sends.
    browser: Recorder,
    url: String,
    status: UserStatus,
    path: Vec<UserStatus>,
}

impl Demo {
    fn new(args: &DemoArgs, sandbox: &Sandbox) -> Result<Self, Failure> {
        let app = sandbox.app(DemoApp::Connect);
        let broken = |error: &dyn std::fmt::Display| Failure::here("the demo failed", error);
        let credentials =
            Credentials::new(app.client_id, app.client_secret).map_err(|error| broken(&error))?;
        let hosts = Hosts::single(sandbox.url()).map_err(|error| broken(&error))?;
        let policy = RetryPolicy::within(Duration::from_secs(20)).with_max_attempts(2);
        let server = Recorder::new(args.adapter.stack());
        let browser = Recorder::new(args.adapter.stack());
        let client = Client::builder(credentials, Provisioning::Connect, server.clone())
            .hosts(hosts)
            .retry(policy)
            .build();
        Ok(Self {
            story: Story::new(),
            adapter: args.adapter,
            client,
            server,
            browser,
            url: sandbox.url().to_owned(),
            status: UserStatus::New,
            path: vec![UserStatus::New],
        })
    }

    fn introduce(&mut self) -> Result<(), Failure> {
        self.story.title("Human API, the whole story")?;
        self.story.say(&format!(
            "A sandbox inside this program plays Human API on {}. No account, no \
             network. Every request below is real HTTP, sent through the SDK over {}. Secrets and \
             tokens are masked, and all health data is synthetic.",
            self.url,
            self.adapter.name(),
        ))
    }

    /// A new user, so a session token.
    async fn start_session(&mut self) -> Result<ConnectToken, Failure> {
        self.story.step("A new user")?;
        self.story.say(&format!(
            "Your app has a new user, {USER}, and says so. The rules then ask for a \
             session token and nothing else. A browser may see that token, and the id token; no \
             other."
        ))?;
        let grant = self
            .client
            .user(USER)
            .with_status(KnownStatus::asserted(UserStatus::New))
            .connect_token()
            .email(EMAIL)
            .await;
        self.story.exchanges(Who::Server, self.server.take())?;
        let grant = grant.map_err(|error| self.failed(&error))?;
        self.move_to(grant.status);
        self.story.good(&format!(
            "A {} token that lives {}. The user is {} now.",
            grant.token.kind(),
            lifetime(grant.token.kind()),
            self.status,
        ))?;
        Ok(grant.token)
    }

    /// The demo plays the person, request by request.
    async fn play_person(&mut self, token: &ConnectToken) -> Result<ConnectReport, Failure> {
        self.story.step("Connect opens")?;
        self.story.say(
            "Your page opens Connect with that token. In real life the vendor's widget does \
             this in the user's browser; here the demo plays the browser and the person.",
        )?;
        let launch = Launch::new(token).with_mode(Mode::Auth);
        let url = self.client.launcher().web_view_url(&launch);
        let url = url.map_err(|error| Failure::here("Connect cannot be opened", &error))?;
        let browser = self.browser.clone();
        let base = self.url.clone();
        let person = Person::new(&browser, &base, token);
        let opened = person.open(&url).await;
        self.story.exchanges(Who::Browser, browser.take())?;
        opened?;

        self.story.step("The person connects three sources")?;
        self.story.say(
            "Strider and Pulseband, two made-up trackers, and Sandbox Clinic, a made-up clinic. The \
             sandbox lists them all.",
        )?;
        for name in SOURCES {
            let Some(source) = Source::find(name) else {
                continue;
            };
            person.connect(source).await?;
        }
        // All answers look alike, so one is enough to see.
        let mut presses = browser.take();
        presses.truncate(1);
        self.story.exchanges(Who::Browser, presses)?;
        self.story.aside(
            "… and the same for the other two. Then the person presses Done, and Connect tells your page:",
        )?;
        let left = person.leave().await;
        self.story.exchanges(Who::Browser, browser.take())?;
        let report = ConnectReport::from_json(&left?)
            .map_err(|error| Failure::here("Connect's report cannot be read", &error))?;
        self.tell_report(&report)?;
        Ok(report)
    }

    /// A person clicks through Connect. False when they would rather not.
    async fn wait_for_person(
        &mut self,
        pages: Pages,
        token: &ConnectToken,
    ) -> Result<bool, Failure> {
        self.story.step("Connect opens, and you are the person")?;
        let mut stop =
            Stop::listen().map_err(|error| Failure::here("cannot hear Ctrl-C", &error))?;
        let (start, callback) = (pages.start(), pages.callback());
        let allowed = AllowedCallbacks::parse([&callback])
            .map_err(|error| Failure::here("the demo failed", &error))?;
        let launcher = self.client.launcher().with_callbacks(allowed);
        let token = token.clone();
        let mut reports: Reports =
            pages.serve(move || launcher.hosted_link(&Launch::new(&token), &callback));
        self.story.say(
            "Open this page in a browser on this machine. It leads to hosted Connect, the \
             one for phones. Connect Strider or Pulseband, which have activities, and \
             Sandbox Clinic, which has medications, and press Done.",
        )?;
        // Where nobody looks at the terminal, nobody sits before a browser.
        if io::stdout().is_terminal() && browser::open(&start) {
            self.story.quiet("It opens by itself.")?;
        }
        loop {
            self.story.address(&start)?;
            self.story.quiet("Waiting for you. Ctrl-C ends the demo.")?;
            let report = tokio::select! {
                report = reports.recv() => report,
                () = stop.asked() => None,
            };
            let Some(report) = report else {
                return Ok(false);
            };
            self.tell_report(&report)?;
            if self.confirm(&report).await? {
                return Ok(true);
            }
            self.story
                .say("Open the page once more and connect a source:")?;
        }
    }

    fn tell_report(&mut self, report: &ConnectReport) -> Result<(), Failure> {
        let names: Vec<_> = report
            .current_connections
            .iter()
            .map(|source| output::plain(&source.name).into_owned())
            .collect();
        let names = if names.is_empty() {
            "nothing".to_owned()
        } else {
            listed(&names)
        };
        self.story
            .good(&format!("Connect reports: {names} connected."))
    }

    /// Asks the service whether what the browser said is so.
    async fn confirm(&mut self, report: &ConnectReport) -> Result<bool, Failure> {
        self.story.step("The app asks before it believes")?;
        self.story.say(&format!(
            "That report came through a browser, so it is a hint and no proof: for the app the user \
             is {} as before. The proof is an access token, which the service gives out only for a \
             user who has connected something. It stays on the server.",
            self.status,
        ))?;
        let answer = self.client.confirm_connection(USER).await;
        self.story.exchanges(Who::Server, self.server.take())?;
        let confirmation = answer.map_err(|error| self.failed(&error))?;
        if !confirmation.is_connected() {
            if !report.connected.is_empty() {
                let cause = "Connect reported a source that the service knows nothing of";
                return Err(Failure::here("the demo failed", &cause));
            }
            self.story
                .warn("The service says that nothing was connected. So the user stays started.")?;
            return Ok(false);
        }
        self.move_to(self.status.after(UserEvent::TokenIssued(TokenKind::Access)));
        self.story.good(&format!(
            "An access token that lives {}. The user is {} now.",
            lifetime(TokenKind::Access),
            self.status,
        ))?;
        Ok(true)
    }

    /// Somebody who remembers nothing gets the right token all the same.
    async fn come_back(&mut self) -> Result<(), Failure> {
        self.story.step("The user comes back")?;
        self.story.say(&format!(
            "Some time later {USER} wants to add a source, at a server that remembers \
             nothing of them. A session is refused to a user who has connected; the SDK then asks for an id token."
        ))?;
        let grant = self.client.user(USER).connect_token().await;
        self.story.exchanges(Who::Server, self.server.take())?;
        let grant = grant.map_err(|error| self.failed(&error))?;
        self.story.good(&format!(
            "An {} token that lives {}. One call in your code, two requests on the wire; a \
             server that remembers the status needs one.",
            grant.token.kind(),
            lifetime(grant.token.kind()),
        ))
    }

    async fn read_data(&mut self) -> Result<Read, Failure> {
        self.story.step("A server reads the data")?;
        self.story
            .say("With the access token from before, which the client sends along by itself.")?;
        let data = self
            .client
            .user(USER)
            .with_status(KnownStatus::asserted(self.status))
            .data();
        let profile = data.profile().await;
        self.story.exchanges(Who::Server, self.server.take())?;
        let profile = profile.map_err(|error| self.failed(&error))?;
        let summary = data.summary().await;
        self.story.exchanges(Who::Server, self.server.take())?;
        let summary = summary.map_err(|error| self.failed(&error))?;
        let page = data.activities().await;
        self.story.exchanges(Who::Server, self.server.take())?;
        let page = page.map_err(|error| self.failed(&error))?;
        let prescribed = data.medications().await;
        self.story.exchanges(Who::Server, self.server.take())?;
        let prescribed = prescribed.map_err(|error| self.failed(&error))?;
        let email = profile.email().unwrap_or(Cow::Borrowed("nobody"));
        self.story.good(&format!(
            "The profile of {}; a summary with {}; {} activities on the first page, of {} in all; and {}.",
            output::plain(&email),
            in_words(&summary),
            page.items.len(),
            page.total
                .map_or_else(|| "some".to_owned(), |total| total.to_string()),
            match prescribed.items.len() {
                1 => "1 medication".to_owned(),
                count => format!("{count} medications"),
            },
        ))?;
        Ok(Read {
            activities: page.items,
            total: page.total,
            medications: prescribed.items,
        })
    }

    fn show(&mut self, read: &Read) -> Result<(), Failure> {
        self.story.step("What was read")?;
        self.story.activities(&read.activities, read.total)?;
        self.story.medications(&read.medications)
    }

    /// The records go to whoever works with files.
    #[cfg(all(feature = "export", feature = "plot"))]
    async fn write(&mut self, folder: PathBuf) -> Result<(), Failure> {
        self.story.step("The data leave as files")?;
        self.story.say(&format!(
            "What {USER} shares, as a data team wants it: records as files, and a picture. `humanapi data \
             export` and `humanapi data plot` do the same. They are here:"
        ))?;
        let written = files::write(&self.client, USER, folder).await?;
        // So many pages look alike.
        drop(self.server.take());
        self.story.address(&written.folder.display().to_string())?;
        self.story.list(&format!(
            "{}: {} records of {} kinds, each as it was sent, a line each",
            files::EXPORT,
            written.records,
            written.kinds
        ))?;
        self.story.list(&match written.drawn {
            Some(values) => format!(
                "{}: {values} heart rates over time, for any browser",
                files::PICTURE
            ),
            None => "no picture: nothing that was connected measures heart rates".to_owned(),
        })
    }

    fn finish(&mut self) -> Result<(), Failure> {
        self.story.title("The user's path")?;
        self.story.path(&self.path)?;
        self.story.title("What to try next")?;
        self.story.next(self.adapter)
    }

    fn move_to(&mut self, status: UserStatus) {
        if status != self.status {
            self.status = status;
            self.path.push(status);
        }
    }

    fn failed(&self, error: &Error) -> Failure {
        Failure::call(error, &self.url, Provisioning::Connect)
    }
}

/// What was read, for the tables at the end.
struct Read {
    activities: Vec<Activity>,
    total: Option<u64>,
    medications: Vec<Medication>,
}

/// `a, b and c`.
fn listed(names: &[String]) -> String {
    match names {
        [first @ .., last] if !first.is_empty() => format!("{} and {last}", first.join(", ")),
        _ => names.concat(),
    }
}

fn lifetime(kind: TokenKind) -> String {
    output::span(kind.default_lifetime().as_secs())
}

fn in_words(summary: &HealthSummary) -> String {
    let in_words = |name: &str, value: Option<Number<'_>>, unit: Option<Cow<'_, str>>| {
        let unit = unit.unwrap_or_default();
        Some(format!(
            "{name} {} {}",
            value?.to_f64(),
            output::plain(&unit)
        ))
    };
    let weight = summary.weight();
    let weight = weight.and_then(|it| in_words("weight", it.value(), it.unit()));
    let heart_rate = summary.heart_rate();
    let heart_rate = heart_rate.and_then(|it| in_words("heart rate", it.value(), it.unit()));
    let known: Vec<String> = [weight, heart_rate].into_iter().flatten().collect();
    if known.is_empty() {
        "no readings".to_owned()
    } else {
        listed(&known)
    }
}
