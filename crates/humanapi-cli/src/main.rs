//! The `humanapi` command.
fn main() {}
