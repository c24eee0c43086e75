//! What `--help` teaches, word for word.
#![cfg(all(
    feature = "cloud",
    feature = "deidentify",
    feature = "demo",
    feature = "orders",
    feature = "parquet",
    feature = "plot",
    feature = "report",
    feature = "sandbox",
    feature = "sync"
))]

#[test]
fn help_says_what_it_said() {
    trycmd::TestCases::new()
        .env("NO_COLOR", "1")
        .env("COLUMNS", "100")
        .env("HUMANAPI_CONFIG", "/dev/null/humanapi/config.toml")
        .case("tests/help/*.trycmd");
}
