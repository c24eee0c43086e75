//! `/v1/apps/{clientId}`: the users of an application, and what all of them recorded.
//!
//! The documents of newer versions of the API leave this level out, and an application's users are made
//! by the token service and looked after by the Admin API. It is here for applications that have an
//! app key.

mod app_key;
mod batch;
mod users;

pub use app_key::AppKey;
pub use batch::{Batch, BatchResource};
pub use users::{AppUser, CreateUser, DeleteUser, ListUsers, ReadUser};

use http::Method;
use http::header::AUTHORIZATION;

use crate::answer::Expected;
use crate::body::Body;
use crate::credentials::ClientId;
use crate::error::{Asked, BuildError, ResponseError};
use crate::hosts::{Host, Hosts};
use crate::message::{self, Request, Response};
use crate::url_path::UrlPath;

/// The application that asks, and its key.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Application {
    client_id: ClientId,
    key: AppKey,
}

impl Application {
    /// The path of its users.
    fn users(&self) -> Result<UrlPath, BuildError> {
        let path = UrlPath::new("/v1/apps").with_segment(self.client_id.as_str())?;
        Ok(path.with_path("/users"))
    }

    fn request(
        &self,
        hosts: &Hosts,
        method: Method,
        path_and_query: &str,
        body: Option<Body>,
    ) -> Result<Request, BuildError> {
        let uri = hosts.base(Host::Data).join(path_and_query)?;
        let mut request = message::build(method, uri, body);
        let authorization = self.key.authorization().clone();
        request.headers_mut().insert(AUTHORIZATION, authorization);
        Ok(request)
    }
}

/// The answer if it is a success that can hold what was asked for.
fn accept(expected: Expected, response: Response) -> Result<Response, ResponseError> {
    super::accept(Asked::WithAppKey, expected, response)
}
