//! What a `main` ends with, told as a person reads it.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use humanapi_client::Error;

/// Whatever a `main` ends with, told with what to do next.
///
/// A `main` that gives an error back prints its `Debug`, which of most errors is made for their authors. This one's is made
/// for whoever runs the program: the cause, what lies beneath it, what to do, and the request id, on a line each.
/// Any type of an error becomes one by `?`; one in a box, such as `Box<dyn Error>` or `anyhow::Error`, is none for Rust.
/// Errors of other crates are told without what to do, unless one of ours lies beneath.
///
/// ```no_run
/// use humanapi::MainError;
///
/// fn main() -> Result<(), MainError> {
///     let client = humanapi::Client::from_env()?;
///     # let _ = client;
///     Ok(())
/// }
/// ```
///
/// ```text
/// Error: the environment variable HUMANAPI_CLIENT_ID is not set
/// help: set it to what the developer portal shows
/// ```
///
/// A function that others call gives its own error back, or [`Error`]: this one says nothing to programs.
pub struct MainError(Box<dyn StdError + Send + Sync>);

impl<E: StdError + Send + Sync + 'static> From<E> for MainError {
    fn from(error: E) -> Self {
        Self(Box::new(error))
    }
}

/// What to do next about one error, if it is of these types.
macro_rules! remedies {
    ($($(#[$feature:meta])? $type:ty,)+) => {
        fn remedy_of(error: &(dyn StdError + 'static)) -> Option<&'static str> {
            $(
                $(#[$feature])?
                if let Some(error) = error.downcast_ref::<$type>() {
                    return Some(error.remedy());
                }
            )+
            None
        }
    };
}

// All errors of this crate and those beneath it that say what to do.
remedies! {
    #[cfg(any(feature = "hyper", feature = "reqwest", feature = "blocking"))]
    crate::EnvironmentError,
    #[cfg(feature = "blocking")]
    crate::blocking::WriteError,
    Error,
    humanapi_client::StoreError,
    #[cfg(any(feature = "hyper", feature = "reqwest"))]
    humanapi_client::SaveError,
    #[cfg(feature = "admin")]
    humanapi_client::OrderError,
    #[cfg(feature = "admin")]
    humanapi_core::admin::AttachmentError,
    #[cfg(feature = "admin")]
    humanapi_core::admin::FieldError,
    humanapi_core::ApiError,
    humanapi_core::BuildError,
    humanapi_core::CallTimeoutError,
    humanapi_core::CredentialsError,
    humanapi_core::FlowError,
    humanapi_core::HostError,
    humanapi_core::IntermediaryError,
    humanapi_core::Refusal,
    humanapi_core::ResponseError,
    humanapi_core::connect::CallbackError,
    humanapi_core::connect::LaunchError,
    #[cfg(feature = "axum")]
    humanapi_axum::Problem,
    #[cfg(feature = "export")]
    humanapi_export::ExportError,
    #[cfg(feature = "export")]
    humanapi_export::PolicyError,
    #[cfg(feature = "export")]
    humanapi_export::ReportError,
    #[cfg(feature = "export")]
    humanapi_export::WriteError,
    #[cfg(feature = "cloud")]
    humanapi_export::CloudError,
}

/// How a call failed, where this is one or is shared by all who waited for it.
fn call<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a Error> {
    let shared = || error.downcast_ref::<Arc<Error>>().map(Arc::as_ref);
    error.downcast_ref().or_else(shared)
}

impl MainError {
    /// What to do next, by the first of these errors that is one of ours.
    fn remedy(&self) -> Option<&'static str> {
        let of_shared = |error| call(error).map(Error::remedy);
        self.chain()
            .find_map(|error| remedy_of(error).or_else(|| of_shared(error)))
    }

    /// The service's name for the answer that it failed with.
    fn request_id(&self) -> Option<&str> {
        self.chain()
            .find_map(|error| call(error)?.shown_request_id())
    }

    /// The error, and all that lie beneath it.
    fn chain(&self) -> impl Iterator<Item = &(dyn StdError + 'static)> {
        let first: &(dyn StdError + 'static) = &*self.0;
        std::iter::successors(Some(first), |&error| error.source())
    }
}

impl fmt::Display for MainError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for MainError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(error) = self.0.downcast_ref::<Error>() {
            return write!(f, "{}", error.report());
        }
        write!(f, "{}", self.0)?;
        for error in self.chain().skip(1) {
            write!(f, "\ncaused by: {error}")?;
        }
        if let Some(remedy) = self.remedy() {
            write!(f, "\nhelp: {remedy}")?;
        }
        match self.request_id() {
            Some(id) => write!(f, "\nrequest id: {id}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    /// They say what to do about something that is no error by itself.
    const NO_ERRORS: [&str; 3] = ["NextStep", "SendFailureKind", "StoreErrorKind"];
    /// Crates of which the facade shows no error.
    const ELSEWHERE: [&str; 2] = ["humanapi-cli", "humanapi-sandbox"];

    /// The type whose methods stand above this place.
    fn owner(above: &str) -> &str {
        let (_, line) = above.rsplit_once("\nimpl").expect("a method has a type");
        let line = line.lines().next().expect("a text has a line");
        let name = line.rsplit(' ').nth(1).expect("`impl Type {`");
        name.split('<').next().expect("a text has a beginning")
    }

    fn with_remedies(folder: &Path, found: &mut Vec<String>) {
        for entry in fs::read_dir(folder).expect("the sources are here") {
            let path = entry.expect("they can be read").path();
            if path.is_dir() {
                with_remedies(&path, found);
                continue;
            }
            if path.ends_with("humanapi/src/main_error.rs") {
                continue;
            }
            let text = fs::read_to_string(&path).unwrap_or_default();
            for method in ["pub fn remedy(", "pub const fn remedy("] {
                for (at, _) in text.match_indices(method) {
                    found.push(owner(&text[..at]).to_owned());
                }
            }
        }
    }

    #[test]
    fn each_error_that_says_what_to_do_is_asked() {
        let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let mut found = Vec::new();
        for entry in fs::read_dir(&crates).expect("the crates lie together") {
            let entry = entry.expect("they can be read");
            let sources = entry.path().join("src");
            if sources.is_dir() && !ELSEWHERE.contains(&&*entry.file_name().to_string_lossy()) {
                with_remedies(&sources, &mut found);
            }
        }
        found.retain(|name| !NO_ERRORS.contains(&name.as_str()));
        found.sort();
        let (_, list) = include_str!("main_error.rs")
            .split_once("\nremedies! {")
            .expect("it is there");
        let (list, _) = list.split_once("\n}").expect("it has an end");
        let mut asked: Vec<&str> = (list.lines())
            .filter_map(|line| line.trim().strip_suffix(','))
            .filter_map(|line| line.rsplit("::").next())
            .collect();
        asked.sort_unstable();
        assert_eq!(asked, found);
    }
}
