//! A person's first programs: each is built in a new project beside the facade, and run against a sandbox.
//!
//! They share the workspace's target folder, so that what all projects need is compiled once.

mod projects;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use humanapi_sandbox::{DemoApp, Sandbox};
use projects::{BLOCKING_ALONE, ON_OWN_REQWEST, PROJECTS, TOKIO, reqwests};

const USER: &str = "patient-17";

/// The guide to testing, whose recipe for continuous integration is run here.
const GUIDE: &str = include_str!("../../../../docs/testing-your-application.md");
/// The application that the guide tests.
const TESTED: &str = "tested";

/// The first block of a language in the guide, behind this heading.
fn of_guide(heading: &str, language: &str) -> &'static str {
    let fence = format!("```{language}\n");
    let (_, chapter) = GUIDE.split_once(heading).expect("the guide has it");
    let (_, block) = chapter.split_once(&fence).expect("the chapter has one");
    block.split_once("```").expect("a block ends").0
}

/// The guide's example as a file of tests, as a reader would copy it.
fn test_of_guide() -> String {
    let example = of_guide("## A user in one call", "rust");
    let lines = example
        .lines()
        .map(|line| line.strip_prefix("# ").unwrap_or(line));
    let lines: Vec<_> = lines.collect();
    format!(
        "#[test]\nfn the_example_holds() {{\n    main().unwrap();\n}}\n\n{}\n",
        lines.join("\n")
    )
}

fn facade() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The target folder of whatever runs this test.
fn target() -> PathBuf {
    let tmp = Path::new(env!("CARGO_TARGET_TMPDIR"));
    tmp.parent()
        .expect("it lies in the target folder")
        .to_owned()
}

fn manifest(name: &str, dependencies: &str) -> String {
    manifest_with(name, &format!("[dependencies]\n{dependencies}"))
}

fn manifest_with(name: &str, tables: &str) -> String {
    let path = format!("path = {:?}", facade().display().to_string());
    let tables = tables.replace("PATH", &path).replace("TOKIO", TOKIO);
    format!(
        "[package]\nname = \"program-{name}\"\nversion = \"0.0.0\"\nedition = \"2024\"\npublish = false\n\n{tables}"
    )
}

/// The guide's lines of a manifest, with the facade as it is here.
fn manifest_of_guide() -> String {
    let tables = of_guide("## Add it", "toml");
    let (once, with_more) = ("humanapi = \"0.1\"", "humanapi = { version = \"0.1\", ");
    assert!(
        tables.contains(once) && tables.contains(with_more),
        "{tables}"
    );
    let tables = tables.replace(once, "humanapi = { PATH }");
    manifest_with(TESTED, &tables.replace(with_more, "humanapi = { PATH, "))
}

/// How the workspace compiles for its tests: other people's crates are the same when projects compile them alike.
fn profile() -> String {
    let manifest = std::fs::read_to_string(facade().join("../../Cargo.toml"));
    let manifest = manifest.expect("the workspace has one");
    let begin = manifest.find("[profile.dev]");
    let end = manifest.find("[profile.release]");
    let (Some(begin), Some(end)) = (begin, end) else {
        panic!("the workspace's profile for tests stands before that for releases");
    };
    manifest[begin..end].to_owned()
}

/// The folder of all projects, and the manifest of their workspace.
fn workspace() -> &'static Path {
    static WORKSPACE: OnceLock<PathBuf> = OnceLock::new();
    WORKSPACE.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("programs");
        let mut projects: BTreeMap<String, (String, &str)> = PROJECTS
            .iter()
            .chain([&BLOCKING_ALONE])
            .map(|project| {
                let manifest = manifest(project.name, project.dependencies);
                (project.name.to_owned(), (manifest, project.program))
            })
            .collect();
        for beside in reqwests() {
            let dependencies = format!(
                "humanapi = {{ PATH, features = [\"reqwest\"] }}\nTOKIO\n{}\n",
                beside.lines
            );
            let manifest = manifest(beside.name, &dependencies);
            projects.insert(beside.name.to_owned(), (manifest, beside.program));
        }
        projects.insert(TESTED.to_owned(), (manifest_of_guide(), "fn main() {}\n"));
        write(
            &folder.join(TESTED).join("tests/steps.rs"),
            &test_of_guide(),
        );
        let mut members = String::new();
        for (name, (manifest, program)) in &projects {
            let folder = folder.join(name);
            write(&folder.join("Cargo.toml"), manifest);
            write(&folder.join("src/main.rs"), program);
            write!(members, "{name:?}, ").expect("a text takes more");
        }
        let root = format!(
            "[workspace]\nresolver = \"3\"\nmembers = [{members}]\n\n{}",
            profile()
        );
        write(&folder.join("Cargo.toml"), &root);
        // And the same versions, so that nothing has to be fetched.
        let lock = std::fs::read_to_string(facade().join("../../Cargo.lock"));
        write(
            &folder.join("Cargo.lock"),
            &lock.expect("the workspace has one"),
        );
        folder
    })
}

/// Writes a file, unless it holds that already: a newer one would be compiled again.
fn write(path: &Path, text: &str) {
    if std::fs::read_to_string(path).is_ok_and(|old| old == text) {
        return;
    }
    let folder = path.parent().expect("a file lies in a folder");
    std::fs::create_dir_all(folder).expect("the target folder can be written");
    std::fs::write(path, text).expect("the target folder can be written");
}

/// Cargo in one of the folders, for the shared target folder.
fn cargo(folder: &Path) -> Command {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(folder).env("CARGO_TARGET_DIR", target());
    // What cargo told the test's own build is not meant for this one.
    for (name, _) in std::env::vars_os() {
        let told = name.to_string_lossy();
        if told.starts_with("CARGO_PKG_") || told.starts_with("CARGO_MANIFEST_") {
            cargo.env_remove(&name);
        }
    }
    cargo
}

fn build(names: &[String]) {
    let cargo = |offline: bool| {
        let mut cargo = cargo(workspace());
        cargo.args(["build", "--quiet"]);
        if offline {
            cargo.arg("--offline");
        }
        for name in names {
            cargo.args(["--package", &format!("program-{name}")]);
        }
        cargo.output().expect("cargo runs")
    };
    let mut built = cargo(true);
    let said = String::from_utf8_lossy(&built.stderr).into_owned();
    if !built.status.success() && said.contains("offline") {
        built = cargo(false);
    }
    let said = String::from_utf8_lossy(&built.stderr);
    assert!(built.status.success(), "{names:?}: {said}");
}

/// Builds all that may be built together, once.
fn build_projects() {
    static BUILT: OnceLock<()> = OnceLock::new();
    BUILT.get_or_init(|| {
        let names: Vec<_> = PROJECTS
            .iter()
            .map(|project| project.name.to_owned())
            .collect();
        build(&names);
    });
}

/// A sandbox where a user has connected a source.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::start().expect("loopback is there");
    let app = sandbox.app(DemoApp::Connect);
    let client = humanapi::blocking::Client::new(&app.client_id, &app.client_secret)
        .expect("the sandbox has good ones")
        .base_url(sandbox.url())
        .expect("the sandbox is on loopback");
    let session = client.user(USER).session_token().email("p17@example.test");
    session.send().expect("the user is new");
    let control = sandbox.control();
    control
        .connect_source(&app.client_id, USER, "strider")
        .expect("the sandbox has this source");
    control.clear_requests();
    sandbox
}

fn program(name: &str, sandbox: &Sandbox) -> Command {
    let app = sandbox.app(DemoApp::Connect);
    let name = format!("program-{name}{}", std::env::consts::EXE_SUFFIX);
    let mut program = Command::new(target().join("debug").join(name));
    program
        .env("HUMANAPI_CLIENT_ID", app.client_id)
        .env("HUMANAPI_CLIENT_SECRET", app.client_secret)
        .env("HUMANAPI_BASE_URL", sandbox.url())
        .stdin(Stdio::null());
    program
}

/// Runs it to its end, and gives the lines that it printed.
fn run(name: &str, sandbox: &Sandbox) -> Vec<String> {
    let output = program(name, sandbox).output().expect("it was built");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name}: {said}");
    let printed = String::from_utf8(output.stdout).expect("a program prints text");
    printed.lines().map(str::to_owned).collect()
}

/// How many requests came for paths with this in them.
fn asked(sandbox: &Sandbox, part: &str) -> usize {
    let requests = sandbox.control().requests();
    let asked = requests
        .iter()
        .filter(|request| request.path.contains(part));
    asked.count()
}

#[test]
fn a_first_program_of_ten_lines_prints_a_users_activities() {
    build_projects();
    let sandbox = sandbox();
    let printed = run("first", &sandbox);
    assert!(printed.len() > 50, "{printed:?}");
    assert!(
        printed.iter().all(|line| line.contains("Some(")),
        "{printed:?}"
    );
    assert_eq!(asked(&sandbox, "/token"), 1);
}

#[test]
fn a_first_program_that_fails_says_what_to_do() {
    build_projects();
    let sandbox = sandbox();
    let said = |change: &dyn Fn(&mut Command)| {
        let mut program = program("first", &sandbox);
        change(&mut program);
        let output = program.output().expect("it was built");
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8(output.stderr).expect("a program prints text")
    };
    let nothing_set = said(&|program| {
        program.env_remove("HUMANAPI_CLIENT_ID");
    });
    assert_eq!(
        nothing_set,
        "Error: the environment variable HUMANAPI_CLIENT_ID is not set\nhelp: set it to what the developer portal shows\n"
    );
    let wrong = said(&|program| {
        program.env("HUMANAPI_CLIENT_SECRET", "canary");
    });
    assert!(
        wrong.contains("\nhelp: check the client id and the client secret"),
        "{wrong}"
    );
    assert!(wrong.contains("\nrequest id: "), "{wrong}");
    assert!(!wrong.contains("canary") && !wrong.contains('{'), "{wrong}");
}

#[test]
fn a_program_without_async_prints_the_same_and_keeps_its_token_between_pages() {
    build_projects();
    let (one, other) = (sandbox(), sandbox());
    assert_eq!(run("without-async", &one), run("first", &other));
    assert_eq!(asked(&one, "/token"), 1);
    assert!(asked(&one, "/activities") > 1);
}

#[test]
fn without_a_stack_the_name_of_the_client_is_that_of_the_one_without_async() {
    build(&[BLOCKING_ALONE.name.to_owned()]);
    let sandbox = sandbox();
    assert_eq!(run(BLOCKING_ALONE.name, &sandbox).len(), 1);
    assert_eq!(asked(&sandbox, "/token"), 2, "a session is refused");
}

#[test]
fn an_axum_app_shows_the_same_at_the_address_it_is_given() {
    build_projects();
    let free = TcpListener::bind("127.0.0.1:0").expect("loopback is there");
    let address = free.local_addr().expect("it has one").to_string();
    drop(free);
    let sandbox = sandbox();
    let mut app = program("on-axum", &sandbox)
        .env("LISTEN", &address)
        .spawn()
        .expect("it was built");
    let begun = Instant::now();
    let page = loop {
        let page = page_at(&address);
        if page.is_ok() || begun.elapsed() > PATIENCE {
            break page;
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    check_shown(&mut app, page, &sandbox);
}

#[test]
fn an_axum_app_with_connect_shows_the_same_at_the_address_it_tells() {
    build_projects();
    let sandbox = sandbox();
    let mut app = program("with-connect", &sandbox)
        .stdout(Stdio::piped())
        .spawn()
        .expect("it was built");
    let mut address = String::new();
    let stdout = app.stdout.take().expect("it is piped");
    BufReader::new(stdout)
        .read_line(&mut address)
        .expect("it prints its address");
    let page = page_at(address.trim());
    check_shown(&mut app, page, &sandbox);
}

/// So long an app may take until it listens.
const PATIENCE: Duration = Duration::from_secs(60);

fn page_at(address: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.write_all(b"GET / HTTP/1.1\r\nhost: app.example.test\r\nconnection: close\r\n\r\n")?;
    let mut page = String::new();
    stream.read_to_string(&mut page)?;
    Ok(page)
}

/// Ends the app, whose page has what the first program prints.
#[track_caller]
fn check_shown(app: &mut Child, page: std::io::Result<String>, sandbox: &Sandbox) {
    app.kill().expect("it is ours");
    app.wait().expect("it was ended");
    let page = page.expect("it answers");
    let (head, page) = page.split_once("\r\n\r\n").expect("an answer has a head");
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    for line in run("first", sandbox) {
        let (_, kind) = line.split_once(") ").expect("a time stands before it");
        assert!(page.contains(kind), "{kind} is missing in {page}");
    }
}

#[test]
fn an_application_is_tested_without_a_network() {
    build_projects();
    let sandbox = sandbox();
    assert!(!run("under-test", &sandbox).is_empty());
    assert!(sandbox.control().requests().is_empty());
}

#[test]
fn an_application_is_tested_by_what_the_guides_recipes_run() {
    let (_, recipes) =
        (GUIDE.split_once("## In continuous integration")).expect("the guide has it");
    let runs: Vec<_> = (recipes.lines())
        .map(|line| {
            line.trim()
                .trim_start_matches("- ")
                .trim_start_matches("run: ")
        })
        .filter(|line| line.starts_with("cargo test"))
        .collect();
    assert_eq!(runs, ["cargo test --locked"; 2], "both forges run the same");
    // An application has its Cargo.lock; here it is made by the first build.
    build_projects();
    let mut cargo = cargo(&workspace().join(TESTED));
    let words = runs[0].split(' ').skip(1);
    let tested = cargo.args(words).output().expect("cargo runs");
    let told = String::from_utf8_lossy(&tested.stdout);
    let said = String::from_utf8_lossy(&tested.stderr);
    assert!(tested.status.success(), "{told}{said}");
    assert!(told.contains("1 passed"), "{told}");
}

#[test]
fn an_applications_own_reqwest_client_works_whatever_its_features() {
    for beside in reqwests().filter(|beside| beside.program == ON_OWN_REQWEST) {
        let name = beside.name;
        build(&[name.to_owned()]);
        let sandbox = sandbox();
        assert!(run(name, &sandbox).len() > 50, "{name}");
        assert_eq!(asked(&sandbox, "/token"), 1, "{name}");
    }
}

#[test]
fn two_crypto_providers_and_two_stacks_get_on_in_one_program() {
    build(&["two-providers".to_owned()]);
    let sandbox = sandbox();
    let printed = run("two-providers", &sandbox);
    let told: Vec<_> = printed
        .iter()
        .filter(|line| line.starts_with("50 "))
        .collect();
    assert_eq!(told.len(), 3, "{printed:?}");
    for line in told {
        // The connection was refused, and TLS was not what failed.
        assert!(line.contains("Network"), "{line}");
        assert!(!line.contains("provider"), "{line}");
    }
    assert_eq!(asked(&sandbox, "/token"), 3);
}

/// As rustfmt lays them out: `fmt` reaches them, too.
#[test]
fn first_programs_are_short_and_import_the_prelude_alone() {
    for (program, most) in [
        (include_str!("first.rs"), 10),
        (include_str!("without_async.rs"), 10),
        (include_str!("under_test.rs"), 10),
        (ON_OWN_REQWEST, 10),
        (include_str!("on_axum.rs"), 10),
        // It serves Connect, too, and tells its address.
        (include_str!("with_connect.rs"), 13),
    ] {
        let lines = program.lines().filter(|line| !line.is_empty());
        assert!(lines.clone().count() <= most, "{program}");
        let imports = lines.filter(|line| line.starts_with("use "));
        for import in imports {
            assert_eq!(import, "use humanapi::prelude::*;");
        }
        assert!(!program.contains("pin!"), "{program}");
    }
    // Its README shows the first one, letter by letter.
    let shown = include_str!("../../README.md");
    assert!(shown.contains(include_str!("first.rs")));
}
