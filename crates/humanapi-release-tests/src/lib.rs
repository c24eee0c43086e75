//! A registry on loopback, for the tests that take a release from its preparation to an application that uses it.

mod registry;

pub use registry::Registry;
