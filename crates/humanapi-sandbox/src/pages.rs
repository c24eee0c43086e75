//! The pages that people see.

use crate::reply::Reply;
use crate::request_log::Note;
use crate::service::{Incoming, Service};

impl Service {
    /// Answers a request for a page; `None` if there is none at its path.
    pub(crate) fn page(
        &self,
        _incoming: &Incoming,
        _body: &[u8],
        _note: &mut Note,
    ) -> Option<Reply> {
        None
    }
}
