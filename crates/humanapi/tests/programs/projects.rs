//! The projects: what each has of crates, and its program.

// Compiled in projects of their own alone, and named here so that rustfmt lays them out as it lays out a reader's.
#[cfg(false)]
#[path = "blocking_alone.rs"]
mod blocking_alone;
#[cfg(false)]
#[path = "first.rs"]
mod first;
#[cfg(false)]
#[path = "on_axum.rs"]
mod on_axum;
#[cfg(false)]
#[path = "on_own_reqwest.rs"]
mod on_own_reqwest;
#[cfg(false)]
#[path = "two_providers.rs"]
mod two_providers;
#[cfg(false)]
#[path = "under_test.rs"]
mod under_test;
#[cfg(false)]
#[path = "with_connect.rs"]
mod with_connect;
#[cfg(false)]
#[path = "without_async.rs"]
mod without_async;

/// One new project.
pub(crate) struct Project {
    pub(crate) name: &'static str,
    pub(crate) program: &'static str,
    pub(crate) dependencies: &'static str,
}

pub(crate) const TOKIO: &str = r#"tokio = { version = "1", features = ["full"] }"#;

/// What projects are built together, for they want the same of every crate that they share.
pub(crate) const PROJECTS: [Project; 5] = [
    Project {
        name: "first",
        program: include_str!("first.rs"),
        dependencies: "humanapi = { PATH }\nTOKIO\n",
    },
    Project {
        name: "without-async",
        program: include_str!("without_async.rs"),
        dependencies: "humanapi = { PATH, features = [\"blocking\"] }\n",
    },
    Project {
        name: "on-axum",
        program: include_str!("on_axum.rs"),
        dependencies: ON_AXUM,
    },
    Project {
        name: "with-connect",
        program: include_str!("with_connect.rs"),
        dependencies: ON_AXUM,
    },
    Project {
        name: "under-test",
        program: include_str!("under_test.rs"),
        dependencies: "humanapi = { PATH, features = [\"testing\"] }\nTOKIO\n",
    },
];

const ON_AXUM: &str = "axum = \"0.8\"\nhumanapi = { PATH, features = [\"axum\"] }\nTOKIO\n";

/// A program whose only feature is `blocking`, in a build of its own: no other one turns a stack on for it.
pub(crate) const BLOCKING_ALONE: Project = Project {
    name: "blocking-alone",
    program: include_str!("blocking_alone.rs"),
    dependencies: "humanapi = { PATH, default-features = false, features = [\"blocking\"] }\n",
};

/// What applications have of reqwest beside ours, each in a build of its own: what another one turns on may hide what is
/// missing here. Those that are `quick` are built always, the others by `HUMANAPI_DEEP=1`.
pub(crate) struct Beside {
    pub(crate) name: &'static str,
    /// The line of reqwest, and of what else there is.
    pub(crate) lines: &'static str,
    pub(crate) program: &'static str,
    quick: bool,
}

pub(crate) const ON_OWN_REQWEST: &str = include_str!("on_own_reqwest.rs");

const fn reqwest(name: &'static str, lines: &'static str) -> Beside {
    Beside {
        name,
        lines,
        program: ON_OWN_REQWEST,
        quick: false,
    }
}

const REQWESTS: [Beside; 6] = [
    Beside {
        quick: true,
        ..reqwest(
            "reqwest-http2",
            r#"reqwest = { version = "0.13", default-features = false, features = ["http2"] }"#,
        )
    },
    reqwest("reqwest-default", r#"reqwest = "0.13""#),
    reqwest(
        "reqwest-no-features",
        r#"reqwest = { version = "0.13", default-features = false }"#,
    ),
    reqwest(
        "reqwest-rustls",
        r#"reqwest = { version = "0.13", default-features = false, features = ["rustls"] }"#,
    ),
    reqwest(
        "reqwest-native-tls",
        r#"reqwest = { version = "0.13", default-features = false, features = ["native-tls"] }"#,
    ),
    // The features of `reqwest-http2` once more, so that beside it next to nothing is compiled.
    Beside {
        program: include_str!("two_providers.rs"),
        quick: true,
        ..reqwest(
            "two-providers",
            "reqwest = { version = \"0.13\", default-features = false, features = [\"http2\"] }\n\
             rustls = { version = \"0.23\", default-features = false, features = [\"aws_lc_rs\", \"ring\"] }",
        )
    },
];

/// Those that are built in this run.
pub(crate) fn reqwests() -> impl Iterator<Item = &'static Beside> {
    let deep = std::env::var_os("HUMANAPI_DEEP").is_some_and(|value| value == "1");
    REQWESTS.iter().filter(move |beside| deep || beside.quick)
}
