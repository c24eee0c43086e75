//! What must not compile.

#[test]
fn what_the_service_does_not_know_for_a_resource_does_not_compile() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
