//! How many threads a verb has at most, beside the one that it begins with.

/// The runtime's own, for what blocks: names of hosts, certificates, files. It starts no more.
pub(crate) const BLOCKING: usize = 4;
/// One at a time reads a secret, asks at a terminal or opens a browser.
const BESIDE: usize = 1;
/// A store in a file has one for each connection to it, and has so many of them at most.
#[cfg(any(feature = "export", feature = "orders"))]
const STORE: usize = 4;

/// Of a verb that asks for one thing after another, for which a store has one connection.
#[cfg(feature = "token")]
pub(crate) const ONE_BY_ONE: usize = BLOCKING + BESIDE + 1;

/// Of a verb that has a sandbox, which is one that serves and two that work.
#[cfg(any(feature = "demo", feature = "sandbox"))]
pub(crate) const SANDBOX: usize = BLOCKING + BESIDE + 3;

/// Of a verb with many orders at once, with the store of tokens and the journal.
#[cfg(feature = "orders")]
pub(crate) const ORDERS: usize = BLOCKING + BESIDE + 2 * STORE;

/// The list of users is read by one of its own.
#[cfg(feature = "export")]
const LIST: usize = 1;

/// Of a verb that reads the data of many users, with the store of tokens and that of cursors.
#[cfg(feature = "export")]
pub(crate) const EXPORT: usize =
    BLOCKING + BESIDE + LIST + 2 * STORE + humanapi_export::Export::THREADS;
