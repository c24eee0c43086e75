//! Private instances of the servers that stores need, on free ports of loopback, for tests.
//!
//! Each runs under a small shell that waits for its standard input to end. That happens when the test says so, when it
//! panics, and also when its process is killed: no server outlives the test that started it, and none but that very
//! process is ended.
//!
//! One piece: each server is a few lines over what all of them share.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::{MetadataExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use crate::skip;

/// The password of every server here, so that a search for it in every output means something.
pub const PASSWORD: &str = "canary-password";

/// A PostgreSQL server with a fresh cluster.
#[derive(Debug)]
pub struct PostgresServer {
    server: Server,
}

/// A Redis server without data.
#[derive(Debug)]
pub struct RedisServer {
    server: Server,
}

impl PostgresServer {
    /// Starts a server, or skips `test` where PostgreSQL is not installed.
    ///
    /// # Panics
    ///
    /// When the server does not start.
    #[must_use]
    pub fn start(test: &str) -> Option<Self> {
        // Only a machine that fails could lose what these write.
        Self::start_with(test, &["fsync=off", "full_page_writes=off"])
    }

    /// The same, with a server that has on its disk what it answered, and takes a little longer for it.
    ///
    /// # Panics
    ///
    /// When the server does not start.
    #[must_use]
    pub fn start_durable(test: &str) -> Option<Self> {
        Self::start_with(test, &[])
    }

    fn start_with(test: &str, settings: &'static [&'static str]) -> Option<Self> {
        let Some(initdb) = find("initdb").filter(|path| path.with_file_name("postgres").exists())
        else {
            skip(test, "postgres");
            return None;
        };
        let postgres = initdb.with_file_name("postgres");
        let server = Server::new(Kind {
            ready: "database system is ready to accept connections",
            // Fast: clients are sent away. Immediate: as if the power had failed.
            stop: "INT",
            crash: "QUIT",
            never_as_root: true,
            command: Box::new(move |folder, port| {
                let mut command = Command::new(&postgres);
                command.arg("-D").arg(folder.join("data")).arg("-p");
                command.arg(port.to_string());
                let always = [
                    "listen_addresses=127.0.0.1",
                    "unix_socket_directories=",
                    "max_connections=300",
                    "shared_buffers=32MB",
                ];
                for setting in always.iter().chain(settings) {
                    command.arg("-c").arg(setting);
                }
                command
            }),
        });
        let password = server.folder.join("password");
        std::fs::write(&password, PASSWORD).expect("the folder takes a file");
        server.give_away(&password);
        let mut make = Command::new(initdb);
        make.arg("-D").arg(server.folder.join("data"));
        make.args(["-U", "humanapi", "-E", "UTF8", "--locale=C", "--no-sync"]);
        make.arg("--auth=scram-sha-256")
            .arg("--pwfile")
            .arg(password);
        let made = server.as_user(&mut make).output().expect("initdb runs");
        let told = String::from_utf8_lossy(&made.stderr);
        assert!(made.status.success(), "initdb failed: {told}");
        server.start();
        Some(Self { server })
    }

    /// The server that all tests of this program share. It ends with the program.
    #[must_use]
    pub fn shared(test: &str) -> Option<&'static Self> {
        static SHARED: OnceLock<Option<PostgresServer>> = OnceLock::new();
        let shared = SHARED.get_or_init(|| Self::start(test)).as_ref();
        if shared.is_none() {
            skip(test, "postgres");
        }
        shared
    }

    /// The same, of those that are [durable](Self::start_durable).
    #[must_use]
    pub fn shared_durable(test: &str) -> Option<&'static Self> {
        static SHARED: OnceLock<Option<PostgresServer>> = OnceLock::new();
        let shared = SHARED.get_or_init(|| Self::start_durable(test)).as_ref();
        if shared.is_none() {
            skip(test, "postgres");
        }
        shared
    }

    /// Its address, password included, with the database that is always there.
    #[must_use]
    pub fn url(&self) -> String {
        self.database_url("postgres")
    }

    /// The address of one of its databases.
    #[must_use]
    pub fn database_url(&self, database: &str) -> String {
        let port = self.server.port();
        format!("postgres://humanapi:{PASSWORD}@127.0.0.1:{port}/{database}?sslmode=disable")
    }

    /// Where its data lies.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.server.folder.join("data")
    }
}

impl RedisServer {
    /// Starts a server, or skips `test` where Redis is not installed.
    ///
    /// # Panics
    ///
    /// When the server does not start.
    #[must_use]
    pub fn start(test: &str) -> Option<Self> {
        Self::start_with(test, "everysec")
    }

    /// The same, with a server that has on its disk what it answered.
    ///
    /// # Panics
    ///
    /// When the server does not start.
    #[must_use]
    pub fn start_durable(test: &str) -> Option<Self> {
        Self::start_with(test, "always")
    }

    fn start_with(test: &str, fsync: &str) -> Option<Self> {
        let Some(redis) = find("redis-server") else {
            skip(test, "redis-server");
            return None;
        };
        let server = Server::new(Kind {
            ready: "Ready to accept connections",
            stop: "TERM",
            crash: "KILL",
            never_as_root: false,
            command: Box::new(move |folder, port| {
                let mut command = Command::new(&redis);
                command.arg(folder.join("redis.conf"));
                command.arg("--port").arg(port.to_string());
                command
            }),
        });
        // What was answered is in the file when the server starts again.
        let settings = format!(
            "bind 127.0.0.1\nrequirepass {PASSWORD}\ndir {}\ndatabases 1000\nsave \"\"\nappendonly yes\nappendfsync {fsync}\n",
            server.folder.display()
        );
        std::fs::write(server.folder.join("redis.conf"), settings)
            .expect("the folder takes a file");
        server.start();
        Some(Self { server })
    }

    /// The server that all tests of this program share. It ends with the program.
    #[must_use]
    pub fn shared(test: &str) -> Option<&'static Self> {
        static SHARED: OnceLock<Option<RedisServer>> = OnceLock::new();
        let shared = SHARED.get_or_init(|| Self::start(test)).as_ref();
        if shared.is_none() {
            skip(test, "redis-server");
        }
        shared
    }

    /// The same, of those that are [durable](Self::start_durable).
    #[must_use]
    pub fn shared_durable(test: &str) -> Option<&'static Self> {
        static SHARED: OnceLock<Option<RedisServer>> = OnceLock::new();
        let shared = SHARED.get_or_init(|| Self::start_durable(test)).as_ref();
        if shared.is_none() {
            skip(test, "redis-server");
        }
        shared
    }

    /// Its address, password included, with database 0.
    #[must_use]
    pub fn url(&self) -> String {
        self.database_url(0)
    }

    /// The address of one of its 1000 databases.
    #[must_use]
    pub fn database_url(&self, database: u16) -> String {
        let port = self.server.port();
        format!("redis://:{PASSWORD}@127.0.0.1:{port}/{database}")
    }

    /// Where its data lies.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.server.folder.join("appendonlydir")
    }
}

/// A PgBouncer before a PostgreSQL server, with a pool in transaction mode.
#[derive(Debug)]
pub struct PgBouncerServer {
    server: Server,
}

impl PgBouncerServer {
    /// Starts one with this many connections to the server, for as many clients as come; or skips `test` where PgBouncer
    /// is not installed.
    ///
    /// # Panics
    ///
    /// When it does not start.
    #[must_use]
    pub fn start(test: &str, before: &PostgresServer, pool: u16) -> Option<Self> {
        let Some(pgbouncer) = find("pgbouncer") else {
            skip(test, "pgbouncer");
            return None;
        };
        let target = before.port();
        let server = Server::new(Kind {
            ready: "process up: PgBouncer",
            // It keeps nothing, so there is no need to be orderly; and its signals mean another thing in each version.
            stop: "KILL",
            crash: "KILL",
            never_as_root: true,
            command: Box::new(move |folder, port| {
                let settings = format!(
                    "[databases]\n* = host=127.0.0.1 port={target}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = scram-sha-256\nauth_file = {}\npool_mode = transaction\ndefault_pool_size = {pool}\nmax_client_conn = 800\n",
                    folder.join("users").display()
                );
                let file = folder.join("pgbouncer.ini");
                std::fs::write(&file, settings).expect("the folder takes a file");
                let mut command = Command::new(&pgbouncer);
                command.arg(file);
                command
            }),
        });
        let users = server.folder.join("users");
        let line = format!("\"humanapi\" \"{PASSWORD}\"\n");
        std::fs::write(&users, line).expect("the folder takes a file");
        server.give_away(&users);
        server.start();
        Some(Self { server })
    }

    /// The address of a database of the server behind it.
    #[must_use]
    pub fn database_url(&self, database: &str) -> String {
        let port = self.server.port();
        format!("postgres://humanapi:{PASSWORD}@127.0.0.1:{port}/{database}?sslmode=disable")
    }
}

macro_rules! running {
    ($($name:ident),+) => {$(
        impl $name {
            /// Its port on 127.0.0.1, which it keeps when it is started again.
            #[must_use]
            pub fn port(&self) -> u16 {
                self.server.port()
            }

            /// Ends it in an orderly way. Its data stays.
            pub fn stop(&self) {
                self.server.end("stop");
            }

            /// Ends it at once, as if its machine had failed. Its data stays.
            pub fn crash(&self) {
                self.server.end("crash");
            }

            /// Stops it in the middle of whatever it does: its connections stay, and nothing answers.
            ///
            /// # Panics
            ///
            /// When it does not run.
            pub fn pause(&self) {
                self.server.tell("pause");
            }

            /// Lets it go on.
            ///
            /// # Panics
            ///
            /// When it does not run.
            pub fn resume(&self) {
                self.server.tell("resume");
            }

            /// Starts it again, on the same port and with its data.
            ///
            /// # Panics
            ///
            /// When it runs, or does not start.
            pub fn start_again(&self) {
                self.server.start();
            }

            /// Ends it in an orderly way and starts it again.
            ///
            /// # Panics
            ///
            /// When it does not start.
            pub fn restart(&self) {
                self.stop();
                self.start_again();
            }
        }
    )+};
}
running!(PostgresServer, RedisServer, PgBouncerServer);

/// What tells one program from another.
struct Kind {
    /// What it says when it is ready.
    ready: &'static str,
    /// The signal that ends it in an orderly way.
    stop: &'static str,
    /// The signal that ends it at once.
    crash: &'static str,
    /// Whether it refuses to run as root.
    never_as_root: bool,
    command: Box<MakeCommand>,
}

/// Makes the server's command of its folder and port.
type MakeCommand = dyn Fn(&Path, u16) -> Command + Send + Sync;

struct Server {
    kind: Kind,
    folder: PathBuf,
    /// As whom it runs, when we are root and it must not be.
    user: Option<(u32, u32)>,
    running: Mutex<Running>,
}

#[derive(Default)]
struct Running {
    port: Option<u16>,
    shell: Option<Shell>,
}

struct Shell {
    child: Child,
    /// What the server and the shell say.
    lines: Receiver<String>,
}

/// Runs the server until it is told otherwise. A word keeps the folder; the end of input alone does not. A server that is
/// paused has its children paused too, and goes on before it is ended. One that cannot end at once, as Redis cannot while it
/// writes its first file of appends, forgets that it was told to, and is told again.
const SHELL: &str = r#"
exec 3<&0 4>&1
"$@" </dev/null 2>&1 3<&- 4>&- &
server=$!
exec >/dev/null 2>&1
trap '' INT TERM HUP
each() { kill -s "$1" $server $(cat /proc/$server/task/$server/children); }
while read -r word <&3; do
    case "$word" in
        pause) each STOP ;;
        resume) each CONT ;;
        *) break ;;
    esac
    echo "done: $word" >&4
done
if [ "$word" = crash ]; then kill -s "$CRASH" $server; else kill -s "$STOP" $server; fi
each CONT
(exec 3<&- 4>&-; while sleep 1; do kill -s "$STOP" $server; done) &
again=$!
wait $server
kill -s KILL $again
[ -n "$word" ] || rm -rf -- "$FOLDER"
"#;

/// A loaded machine is slow to start anything.
const PATIENCE: Duration = Duration::from_secs(60);

impl Server {
    fn new(kind: Kind) -> Self {
        let folder = tempfile::Builder::new().prefix("humanapi-").tempdir();
        let folder = folder.expect("there is room for a folder").keep();
        let owner = std::fs::metadata(&folder).expect("it was just made").uid();
        let server = Self {
            user: (kind.never_as_root && owner == 0).then(someone),
            kind,
            folder,
            running: Mutex::default(),
        };
        server.give_away(&server.folder);
        server
    }

    /// Lets the user as whom the server runs have a file of ours.
    fn give_away(&self, path: &Path) {
        if let Some((user, group)) = self.user {
            chown(path, Some(user), Some(group)).expect("root may do that");
        }
    }

    fn as_user<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        if let Some((user, group)) = self.user {
            command.uid(user).gid(group);
        }
        command.current_dir(&self.folder)
    }

    fn running(&self) -> MutexGuard<'_, Running> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn port(&self) -> u16 {
        let port = self.running().port;
        port.expect("a server that was started has a port")
    }

    fn start(&self) {
        let mut running = self.running();
        assert!(running.shell.is_none(), "it runs already");
        let mut told = Vec::new();
        for _ in 0..5 {
            let port = running.port.unwrap_or_else(free_port);
            match self.try_start(port) {
                Ok(shell) => {
                    *running = Running {
                        port: Some(port),
                        shell: Some(shell),
                    };
                    return;
                }
                Err(lines) => told = lines,
            }
        }
        panic!("the server does not start: {told:#?}");
    }

    /// Starts it and waits until it is ready; tells what it said if it never is.
    fn try_start(&self, port: u16) -> Result<Shell, Vec<String>> {
        let server = (self.kind.command)(&self.folder, port);
        let mut shell = Command::new("sh");
        shell.args(["-c", SHELL, "sh"]).arg(server.get_program());
        shell.args(server.get_args());
        shell
            .env("STOP", self.kind.stop)
            .env("CRASH", self.kind.crash);
        shell.env("FOLDER", &self.folder);
        shell.stdin(Stdio::piped()).stdout(Stdio::piped());
        // An interrupt from the keyboard is for the tests; the server ends with them.
        shell.process_group(0);
        let mut shell = self.as_user(&mut shell).spawn().expect("there is a shell");
        let output = shell.stdout.take().expect("it was asked for");
        let (tell, lines) = channel();
        std::thread::spawn(move || listen(output, &tell));
        let ready = until_ready(&lines, self.kind.ready);
        let shell = Shell {
            child: shell,
            lines,
        };
        match ready {
            Ok(()) => Ok(shell),
            Err(told) => {
                finish(shell, "stop");
                Err(told)
            }
        }
    }

    fn end(&self, word: &str) {
        if let Some(shell) = self.running().shell.take() {
            finish(shell, word);
        }
    }

    /// Tells the shell to do something that does not end it, and waits until it is done.
    fn tell(&self, word: &str) {
        let mut running = self.running();
        let shell = running.shell.as_mut().expect("it runs");
        let input = shell.child.stdin.as_mut().expect("it was asked for");
        writeln!(input, "{word}").expect("the shell listens");
        let done = until_ready(&shell.lines, &format!("done: {word}"));
        done.expect("the shell does as it is told");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.running().shell.is_some() {
            self.end("");
        } else {
            // Stopped before; the shell that would have done this is gone.
            let _ = std::fs::remove_dir_all(&self.folder);
        }
    }
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server")
            .field("folder", &self.folder)
            .field("port", &self.running().port)
            .finish_non_exhaustive()
    }
}

/// Tells the shell a word, or nothing but the end of input, and waits until it has done its work.
fn finish(mut shell: Shell, word: &str) {
    let mut input = shell.child.stdin.take().expect("it was asked for");
    if !word.is_empty() {
        // A shell that is gone needs no telling.
        let _ = writeln!(input, "{word}");
    }
    drop(input);
    let _ = shell.child.wait();
}

/// Passes on what the server says, and goes on reading so that it never waits for us.
fn listen(output: impl std::io::Read, tell: &Sender<String>) {
    for line in BufReader::new(output).lines().map_while(Result::ok) {
        let _ = tell.send(line);
    }
}

fn until_ready(lines: &Receiver<String>, ready: &str) -> Result<(), Vec<String>> {
    let deadline = Instant::now() + PATIENCE;
    let mut told = Vec::new();
    loop {
        match lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(line) if line.contains(ready) => return Ok(()),
            Ok(line) => told.push(line),
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return Err(told),
        }
    }
}

/// A port that nobody listens on now. Somebody may before the server does; then it is tried again.
fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("there is a free port");
    listener.local_addr().expect("it is bound").port()
}

/// The user and group of somebody who is not root.
fn someone() -> (u32, u32) {
    let users = std::fs::read_to_string("/etc/passwd").expect("users are listed there");
    let ids = |name: &str| {
        let line = users
            .lines()
            .find(|line| line.split(':').next() == Some(name))?;
        let mut fields = line.split(':').skip(2);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    };
    ids("postgres")
        .or_else(|| ids("nobody"))
        .expect("there is a user who is not root")
}

/// Where a program lies: on the path, where servers lie that only root has on it, or where Debian keeps PostgreSQL's.
fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path)
        .chain([PathBuf::from("/usr/sbin")])
        .map(|folder| folder.join(name));
    let mut versions: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|version| Some(version.ok()?.path().join("bin").join(name)))
        .collect();
    versions.sort();
    on_path
        .chain(versions.into_iter().rev())
        .find(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpStream;

    fn answers(port: u16) -> bool {
        TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()
    }

    #[test]
    fn redis_stops_starts_again_and_leaves_nothing() {
        let Some(server) = RedisServer::start("servers: redis") else {
            return;
        };
        let (port, folder) = (server.port(), server.server.folder.clone());
        for end in [RedisServer::stop, RedisServer::crash] {
            assert!(answers(port));
            end(&server);
            assert!(!answers(port));
            assert!(folder.exists());
            server.start_again();
            assert_eq!(server.port(), port);
        }
        drop(server);
        assert!(!answers(port));
        assert!(!folder.exists());
    }

    #[test]
    fn postgres_stops_starts_again_and_leaves_nothing() {
        let Some(server) = PostgresServer::start("servers: postgres") else {
            return;
        };
        let (port, folder) = (server.port(), server.server.folder.clone());
        for end in [PostgresServer::stop, PostgresServer::crash] {
            assert!(answers(port));
            end(&server);
            assert!(!answers(port));
            server.start_again();
            assert_eq!(server.port(), port);
        }
        server.stop();
        drop(server);
        assert!(!folder.exists());
    }

    #[test]
    fn a_paused_server_does_not_answer_and_goes_on() {
        use std::io::Read as _;

        let Some(server) = RedisServer::start("servers: pause") else {
            return;
        };
        let ask = |patience: u64| {
            let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, server.port())).unwrap();
            let patience = Some(Duration::from_millis(patience));
            stream.set_read_timeout(patience).unwrap();
            stream.write_all(b"PING\r\n").unwrap();
            stream.read_exact(&mut [0; 8])
        };
        server.pause();
        assert!(ask(200).is_err());
        server.resume();
        ask(60_000).unwrap();
        server.pause();
        let (port, folder) = (server.port(), server.server.folder.clone());
        drop(server);
        assert!(!answers(port));
        assert!(!folder.exists());
    }

    #[test]
    fn a_server_ends_with_a_panic() {
        let Some(server) = RedisServer::start("servers: panic") else {
            return;
        };
        let port = server.port();
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let _moved = server;
            panic!("as a test does");
        }));
        assert!(panicked.is_err());
        assert!(!answers(port));
    }
}
