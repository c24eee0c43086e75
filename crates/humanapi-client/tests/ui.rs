//! What must not compile: calls that the service would refuse, secrets that would get about, half a transport.
//!
//! What is the core's is here, too, as the client shows it: one project is built for all of it.

#[test]
fn what_would_be_refused_or_would_give_a_secret_away_does_not_compile() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
