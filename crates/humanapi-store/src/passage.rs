//! The way to a PostgreSQL server, through which only so much comes.
//!
//! The driver opens its connections itself, and reads a server that is quicker than it is without giving the thread back:
//! neither a limit of bytes nor a timeout reaches in there. So it connects to a socket of this process, and a task here
//! carries the bytes between that and the server, and counts them. TLS passes through as it is.

use std::io;

use sqlx::ConnectOptions as _;
use sqlx::postgres::{PgConnectOptions, PgConnection};

use crate::bounded::Meter;

/// Connects through a passage whose bytes this meter counts.
#[cfg(unix)]
pub(crate) async fn connect(
    options: &PgConnectOptions,
    meter: &Meter,
) -> Result<PgConnection, sqlx::Error> {
    let server = Server::connect(options).await?;
    let door = Door::open(options.get_port())?;
    let through = options.clone().socket(&door.folder);
    let meter = meter.clone();
    let carry = tokio::spawn(async move {
        let Ok(driver) = door.enter().await else {
            return;
        };
        match server {
            Server::Tcp(server) => carry(driver, Bounded::new(server, meter)).await,
            Server::Unix(server) => carry(driver, Bounded::new(server, meter)).await,
        }
    });
    let carry = EndsWithUs(Some(carry));
    let connection = through.connect().await?;
    carry.leave();
    Ok(connection)
}

/// Where there are no Unix sockets the driver connects by itself, and only its timeouts bound it.
#[cfg(not(unix))]
pub(crate) async fn connect(
    options: &PgConnectOptions,
    _: &Meter,
) -> Result<PgConnection, sqlx::Error> {
    options.connect().await
}

#[cfg(unix)]
use unix::{Door, EndsWithUs, Server, carry};

#[cfg(unix)]
use crate::bounded::Bounded;

#[cfg(unix)]
mod unix {
    use std::path::PathBuf;

    use tokio::io::{AsyncRead, AsyncWrite, copy, split};
    use tokio::net::{TcpStream, UnixListener, UnixStream};
    use tokio::task::JoinHandle;

    use super::{PgConnectOptions, io};

    pub(super) enum Server {
        Tcp(TcpStream),
        Unix(UnixStream),
    }

    impl Server {
        /// To where the driver would connect.
        pub(super) async fn connect(options: &PgConnectOptions) -> io::Result<Self> {
            let (host, port) = (options.get_host(), options.get_port());
            let folder = match options.get_socket() {
                Some(folder) => Some(folder.clone()),
                None => host.starts_with('/').then(|| PathBuf::from(host)),
            };
            if let Some(folder) = folder {
                let socket = UnixStream::connect(folder.join(name(port))).await?;
                return Ok(Self::Unix(socket));
            }
            // An IPv6 address stands in brackets in a URL.
            let host = host.trim_matches(['[', ']']);
            let stream = TcpStream::connect((host, port)).await?;
            stream.set_nodelay(true)?;
            Ok(Self::Tcp(stream))
        }
    }

    /// A socket in this process at which the driver comes in.
    pub(super) struct Door {
        pub(super) folder: PathBuf,
        listener: UnixListener,
    }

    impl Door {
        pub(super) fn open(port: u16) -> io::Result<Self> {
            let mut random = [0; 16];
            getrandom::fill(&mut random).map_err(io::Error::other)?;
            let random: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
            let folder = make_folder(&format!("humanapi-{random}"))?;
            let listener = UnixListener::bind(folder.join(name(port)))?;
            Ok(Self { folder, listener })
        }

        /// The driver's connection: the first one of this very process, where the system tells.
        pub(super) async fn enter(self) -> io::Result<UnixStream> {
            loop {
                let (driver, _) = self.listener.accept().await?;
                let from = driver.peer_cred()?.pid().map(i32::unsigned_abs);
                if from.is_none_or(|process| process == std::process::id()) {
                    return Ok(driver);
                }
            }
        }
    }

    /// A name without a file, which a file system that cannot be written has too.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    #[expect(clippy::unnecessary_wraps, reason = "elsewhere it can fail")]
    fn make_folder(name: &str) -> io::Result<PathBuf> {
        Ok(PathBuf::from(format!("\0{name}")))
    }

    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    fn make_folder(name: &str) -> io::Result<PathBuf> {
        use std::os::unix::fs::DirBuilderExt as _;

        let folder = std::env::temp_dir().join(name);
        std::fs::DirBuilder::new().mode(0o700).create(&folder)?;
        Ok(folder)
    }

    impl Drop for Door {
        fn drop(&mut self) {
            if !cfg!(any(target_os = "linux", target_os = "android")) {
                // Nobody comes in any more; what cannot be removed is an empty folder.
                let _ = std::fs::remove_dir_all(&self.folder);
            }
        }
    }

    /// As PostgreSQL names the socket of a port.
    fn name(port: u16) -> String {
        format!(".s.PGSQL.{port}")
    }

    /// Carries bytes both ways until one side ends; then both have.
    pub(super) async fn carry(driver: UnixStream, server: impl AsyncRead + AsyncWrite + Unpin) {
        let (mut from_driver, mut to_driver) = split(driver);
        let (mut from_server, mut to_server) = split(server);
        // How it ended is for the driver to tell: its connection is closed.
        tokio::select! {
            _ = copy(&mut from_driver, &mut to_server) => {}
            _ = copy(&mut from_server, &mut to_driver) => {}
        }
    }

    /// Ends a task that nobody came to need.
    pub(super) struct EndsWithUs(pub(super) Option<JoinHandle<()>>);

    impl EndsWithUs {
        /// Leaves the task to end by itself.
        pub(super) fn leave(mut self) {
            self.0 = None;
        }
    }

    impl Drop for EndsWithUs {
        fn drop(&mut self) {
            if let Some(task) = &self.0 {
                task.abort();
            }
        }
    }
}
