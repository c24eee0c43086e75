//! Connect in a real browser: the vendor's widget, our launcher and the sandbox's pages.
//!
//! A [`Stage`] has all that a case needs, each part on a free port of its own: a sandbox, an
//! application that opens Connect and asks the service, somebody else's site, and a [`Browser`] whose
//! [`Traffic`] is recorded. It all ends with the test, however that ends.

mod browser;
mod clinic;
pub mod packages;
mod site;
mod stage;
mod traffic;

pub use browser::{Browser, Key, NAMES, Remains};
pub use clinic::{Clinic, Told};
pub use site::Site;
pub use stage::Stage;
pub use traffic::{Exchange, Traffic};
