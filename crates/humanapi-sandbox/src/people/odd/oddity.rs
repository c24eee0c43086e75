//! One oddity: a record by hand, and what is odd about it.

/// One oddity of the odd persona's records.
///
/// ```
/// use humanapi_sandbox::Oddity;
///
/// let twice = Oddity::ALL.iter().find(|oddity| oddity.what == "a field is there twice").unwrap();
/// assert_eq!(twice.resource, "activities");
/// assert_eq!(twice.unreadable, ["steps"]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Oddity {
    /// The path of its resource below `/v1/human/`. Its records come in the order of [`Oddity::ALL`].
    pub resource: &'static str,
    /// What is odd about the record.
    pub what: &'static str,
    /// Which fields hold what the documents do not allow, by path; `.`: all of it. Other oddities can be read.
    pub unreadable: &'static [&'static str],
    /// The record, with what differs from user to user in braces.
    pub(super) json: &'static str,
}

pub(super) const fn oddity(
    resource: &'static str,
    what: &'static str,
    unreadable: &'static [&'static str],
    json: &'static str,
) -> Oddity {
    Oddity {
        resource,
        what,
        unreadable,
        json,
    }
}
