//! The script that joins buttons, connect.js and the routes.

use std::path::Path;

#[test]
fn its_own_tests_pass() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/page.test.js");
    humanapi_testkit::node_test("its_own_tests_pass", &file);
}
