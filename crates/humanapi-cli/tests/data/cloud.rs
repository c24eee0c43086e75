//! `data export` to an object store: S3 on loopback, by a server that is not ours, where its Python is there.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use humanapi_sandbox::Sandbox;
use tempfile::TempDir;

use crate::support::{Run, run};
use crate::{data, fails, json, sandbox};

/// A Python with `moto`, as `.ci/install` makes it.
fn python() -> Option<PathBuf> {
    let named = std::env::var_os("HUMANAPI_MOTO_PYTHON").map(PathBuf::from);
    let home = std::env::var_os("HOME").map(PathBuf::from);
    let made = home.map(|home| home.join(".cache/humanapi/moto/bin/python"));
    let mut pythons = named.into_iter().chain(made);
    pythons.find(|python| {
        let imports = Command::new(python).args(["-c", "import moto"]).output();
        imports.is_ok_and(|imports| imports.status.success())
    })
}

/// S3 with one bucket, `example-bucket`.
struct S3 {
    server: Child,
    said: BufReader<ChildStdout>,
    endpoint: String,
}

impl S3 {
    fn start(python: &Path) -> Self {
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/s3.py");
        let mut server = Command::new(python)
            .arg(program)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let said = BufReader::new(server.stdout.take().unwrap());
        let mut s3 = Self {
            server,
            said,
            endpoint: String::new(),
        };
        s3.endpoint = format!("http://127.0.0.1:{}", s3.line());
        s3
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.said.read_line(&mut line).unwrap();
        line.trim().to_owned()
    }

    /// What the bucket holds below a folder.
    fn content(&mut self, folder: &str) -> BTreeMap<PathBuf, Vec<u8>> {
        let copy = TempDir::new().unwrap();
        let stdin = self.server.stdin.as_mut().unwrap();
        writeln!(stdin, "{}", copy.path().display()).unwrap();
        let count: usize = self.line().parse().unwrap();
        assert!(count > 0);
        content(&copy.path().join(folder))
    }

    /// The command, with credentials that would show.
    fn command(&self, sandbox: &Sandbox, given: &[&str]) -> Command {
        let mut command = data(sandbox, given);
        command
            .env("AWS_ENDPOINT_URL", &self.endpoint)
            .env("AWS_ALLOW_HTTP", "true")
            .env("AWS_REGION", "us-east-1")
            .env("AWS_ACCESS_KEY_ID", "key-canary")
            .env("AWS_SECRET_ACCESS_KEY", "secret-canary")
            .env("NO_PROXY", "127.0.0.1");
        command
    }

    fn run(&self, sandbox: &Sandbox, given: &[&str]) -> Run {
        let told = run(&mut self.command(sandbox, given));
        let said = format!("{} {}", told.stdout, told.stderr);
        assert!(!said.contains("canary"), "{said}");
        told
    }
}

impl Drop for S3 {
    fn drop(&mut self) {
        // It ends with its input; who kills it does not depend on that.
        drop(self.server.stdin.take());
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// The files of an export with what they hold, but for the time at which they were written, and locks.
fn content(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut all = BTreeMap::new();
    let mut left = vec![folder.to_owned()];
    while let Some(inner) = left.pop() {
        for entry in fs::read_dir(inner).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            if path.is_dir() {
                left.push(path);
            } else if name != "export.json" && !name.starts_with('.') {
                let content = fs::read(&path).unwrap();
                all.insert(path.strip_prefix(folder).unwrap().to_owned(), content);
            }
        }
    }
    all
}

#[test]
fn s3_gets_what_a_folder_gets_and_the_same_command_goes_on_after_a_kill() {
    let Some(python) = python() else {
        humanapi_testkit::skip(
            "s3_gets_what_a_folder_gets_and_the_same_command_goes_on_after_a_kill",
            "a Python with moto",
        );
        return;
    };
    let mut s3 = S3::start(&python);
    let (sandbox, place) = (sandbox(), TempDir::new().unwrap());
    let (key, out) = (place.path().join("key"), place.path().join("out"));
    fs::write(&key, "7".repeat(64)).unwrap();
    let export = [
        "export",
        "--user",
        "ill",
        "--user",
        "odd",
        "--resources",
        "test_results,profile,ccds",
        "--documents",
        "json",
        "--buckets",
        "4",
        "--key-file",
        key.to_str().unwrap(),
        "--out",
    ];
    let to = |out| [&export[..], &[out]].concat();
    let told = s3.run(&sandbox, &to(out.to_str().unwrap()));
    assert_eq!(told.code, Some(0), "{told:?}");
    let expected = content(&out);
    assert!(expected.len() > 20, "{}", expected.len());

    // So slow that it is not over before it is killed.
    let address = "s3://example-bucket/exports/2026";
    let slow = [&to(address)[..], &["--rate", "20"]].concat();
    for _ in 0..2 {
        let mut killed = s3.command(&sandbox, &slow);
        killed.stdout(Stdio::null()).stderr(Stdio::null());
        let mut killed = killed.spawn().unwrap();
        std::thread::sleep(Duration::from_millis(1_200));
        killed.kill().unwrap();
        killed.wait().unwrap();
    }
    let told = s3.run(&sandbox, &[&to(address)[..], &["-v"]].concat());
    assert_eq!(told.code, Some(0), "{told:?}");
    assert_eq!(json(&told)["whole"], true);
    assert!(s3.content("exports/2026") == expected);
    let again = s3.run(&sandbox, &to(address));
    let again = json(&again);
    let counts = (&again["records"], &again["buckets_skipped"]);
    assert_eq!(counts, (&0.into(), &4.into()));

    // A key of its own is drawn and kept, by a put that the server takes only once.
    let drawn = [
        "export",
        "--user",
        "odd",
        "--resources",
        "profile",
        "--out",
        "s3://example-bucket/drawn",
    ];
    for _ in 0..2 {
        let told = s3.run(&sandbox, &drawn);
        assert_eq!(told.code, Some(0), "{told:?}");
    }
    assert!(s3.content("drawn").contains_key(Path::new("_manifest/key")));

    let told = s3.run(&sandbox, &to("s3://no-such-bucket/exported"));
    assert!(told.stderr.contains("no such bucket"), "{told:?}");
    assert_eq!((told.code, told.stdout.as_str()), (Some(70), ""));
}

#[test]
fn what_is_no_address_of_an_object_store_is_refused_before_anything_is_sent() {
    let sandbox = sandbox();
    for address in [
        "ftp://example.test/exported",
        "s3://key:secret@example-bucket/exported",
        "az://container/exported?sig=secret",
    ] {
        fails(
            &sandbox,
            &["export", "--user", "ill", "--out", address],
            2,
            "it is no address of a folder in an object store",
            "s3://bucket/folder",
        );
    }
    assert_eq!(sandbox.control().requests().len(), 0);
}
