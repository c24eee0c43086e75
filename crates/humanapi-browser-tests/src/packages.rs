//! Packages of npm that pages under test load, in the versions that they are tested with.

/// The vendor's widget.
pub const WIDGET: &str = "humanapi-connect-client@2.4.1";
/// Checks a page for what keeps people out.
pub const AXE: &str = "axe-core@4.14.1";
