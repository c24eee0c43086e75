//! What `humanapi api` takes.

use std::path::PathBuf;

use humanapi_core::http::Method;

#[cfg(feature = "store")]
use super::service::StoreArgs;
use super::service::{ServiceArgs, SetupArgs};

#[derive(Debug, clap::Args)]
pub(crate) struct ApiArgs {
    /// GET, HEAD, POST, PUT, PATCH or DELETE
    #[arg(value_name = "METHOD", value_parser = method)]
    pub(crate) method: Method,
    /// The path, percent-encoded, such as /v1/human/profile; a whole address must be on a host that is asked
    #[arg(value_name = "PATH")]
    pub(crate) path: String,
    /// Your own id for the user whose data is asked for, as paths below /v1/human need
    #[arg(long, value_name = "ID", help_heading = "What is asked for")]
    pub(crate) user: Option<String>,
    /// A parameter of the query, such as source=strider; it is escaped; may be repeated
    #[arg(long, value_name = "NAME=VALUE", value_parser = parameter, help_heading = "What is asked for")]
    pub(crate) query: Vec<(String, String)>,
    /// A field of a JSON body: NAME=TEXT, or NAME:=JSON for a number, a list and the like; may be repeated
    #[arg(long, value_name = "NAME=TEXT", value_parser = field, help_heading = "What is asked for")]
    pub(crate) field: Vec<(String, serde_json::Value)>,
    /// The whole JSON body, sent as it stands in this file; `-` reads standard input
    #[arg(
        long,
        value_name = "PATH",
        conflicts_with = "field",
        help_heading = "What is asked for"
    )]
    pub(crate) input: Option<PathBuf>,
    /// Read all pages of a list, and print its records as one array; below /v1, limit in the query is the size of a page
    #[arg(
        long,
        conflicts_with_all = ["field", "input", "include"],
        help_heading = "What is asked for"
    )]
    pub(crate) paginate: bool,
    #[command(flatten)]
    pub(crate) setup: SetupArgs,
    #[cfg(feature = "store")]
    #[command(flatten)]
    pub(crate) store: StoreArgs,
    #[command(flatten)]
    pub(crate) service: ServiceArgs,
    /// A file that holds the app key and nothing else, for paths below /v1/apps; `-` reads standard input
    /// [env: HUMANAPI_APP_KEY]
    #[arg(long, value_name = "PATH", help_heading = "Credentials")]
    pub(crate) app_key_file: Option<PathBuf>,
    /// Print the status and the headers too, and also what a refusal holds
    #[arg(long, help_heading = "Output")]
    pub(crate) include: bool,
    /// Show secrets and tokens in clear where an answer repeats them; else they are masked on standard output
    #[arg(long, help_heading = "Output")]
    pub(crate) reveal: bool,
    /// Tell what goes wrong as one line of JSON; the answer is as it came in any case
    #[arg(long, help_heading = "Output")]
    pub(crate) json: bool,
    /// Write the answer into this file as it came, whole or not at all
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub(crate) output: Option<PathBuf>,
}

fn method(text: &str) -> Result<Method, &'static str> {
    const KNOWN: [Method; 6] = [
        Method::GET,
        Method::HEAD,
        Method::POST,
        Method::PUT,
        Method::PATCH,
        Method::DELETE,
    ];
    let is_it = |method: &Method| method.as_str().eq_ignore_ascii_case(text);
    let mut known = KNOWN.into_iter();
    known
        .find(is_it)
        .ok_or("it is GET, HEAD, POST, PUT, PATCH or DELETE")
}

fn parameter(text: &str) -> Result<(String, String), &'static str> {
    let (name, value) = named(text).ok_or("it is written NAME=VALUE, such as limit=5")?;
    Ok((name.to_owned(), value.to_owned()))
}

fn field(text: &str) -> Result<(String, serde_json::Value), &'static str> {
    const FORM: &str = "it is written NAME=TEXT, or NAME:=JSON, such as count:=5";
    let (name, value) = named(text).ok_or(FORM)?;
    match name.strip_suffix(':') {
        None => Ok((name.to_owned(), value.into())),
        Some("") => Err(FORM),
        Some(name) => {
            let value = serde_json::from_str(value).map_err(|_| "behind := stands no JSON")?;
            Ok((name.to_owned(), value))
        }
    }
}

fn named(text: &str) -> Option<(&str, &str)> {
    text.split_once('=').filter(|(name, _)| !name.is_empty())
}

pub(super) const ABOUT: &str = "\
Send any call to the service, and print its answer as it came.

The path says which host is asked and what authorizes the call: below /v1/human an access token of --user, \
below /api a client token, below /v1/apps the app key. Other paths are refused, no redirect is followed, and a \
call that may place an order is repeated only if it surely never left. A refusal is told as by the other commands.

With --paginate all pages of a list are read, wherever the service gives lists on pages: those below /v1 by \
their offset, as `humanapi data list --all` does, and /api/v1/users and /api/v1/subscriptions until a page is \
empty. That a list below /v1 changed meanwhile is told on standard error; the Admin API does not show it.

On standard output, the client secret, the app key and every token that went out are masked wherever the answer \
repeats them, and cookies and the like in its headers; --reveal shows them. All else is byte for byte as it came, \
and so is all of the file that --output names.";

pub(super) const EXAMPLES: &str = "  humanapi api GET /v1/human/profile --user p17
  humanapi api GET /v1/human/activities --user p17 --query limit=5 --include
  humanapi api GET /v1/human/medical/vitals --user p17 --paginate --output vitals.json
  humanapi api GET /v1/human/medical/reports/r-1/raw --user p17 --query format=pdf --output r-1.pdf
  humanapi api GET /api/v1/users --paginate
  humanapi api GET /v1/apps/my-app/users/activities --paginate --app-key-file app-key
  humanapi api POST /api/v1/users/actions --field clientUserId=p17 --field action=abort";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_text_or_json() {
        let read = |text: &str| field(text).map(|(name, value)| (name, value.to_string()));
        let pair = |name: &str, value: &str| Ok((name.to_owned(), value.to_owned()));
        assert_eq!(read("a=5"), pair("a", "\"5\""));
        assert_eq!(read("a:=5"), pair("a", "5"));
        assert_eq!(read("a:=[true]"), pair("a", "[true]"));
        assert_eq!(read("a=b=c"), pair("a", "\"b=c\""));
        assert_eq!(read("a="), pair("a", "\"\""));
        for text in ["", "a", "=a", ":=5", "a:=five", "a:="] {
            assert!(field(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_method_is_known_however_it_is_written() {
        assert_eq!(method("get"), Ok(Method::GET));
        assert_eq!(method("Patch"), Ok(Method::PATCH));
        for text in ["", "TRACE", "CONNECT", "GET "] {
            assert!(method(text).is_err(), "{text}");
        }
    }
}
