//! How setters are called: `with_x` on a value, `x` on what exists only to be carried out.
//!
//! A setter is a public method that takes `mut self` and gives it back, or on what is carried out `self`: on a value that
//! may as well make another one of it. Of a macro that implements methods for a type, the type is what it is called there.

use std::collections::BTreeMap;

use super::sources::{blank, signature};

/// What exists only to be built, sent, read or planned, besides everything called a `Builder`.
const CARRIED_OUT: [&str; 11] = [
    "ApiCall",
    "Client",
    "ConnectTokenCall",
    "ConfirmConnection",
    "Pages",
    "Items",
    "ChangesPages",
    "Fault",
    "RecordChange",
    "OrderControl",
    "UserControl",
];

/// Its fields are named at run time, so `with` is its verb and no part of a setter's name.
const SETS_BY_NAME: &str = "RecordBuilder";

/// Setters that are not called by the rule.
pub(crate) fn check(sources: &BTreeMap<String, String>) -> Vec<String> {
    let mut findings = Vec::new();
    for (file, text) in sources {
        let mut owner = String::new();
        let text = blank(text);
        for (at, line) in text.lines().enumerate() {
            if let Some(name) = owner_of(line.trim_start()) {
                owner = name;
            }
            let Some((name, rest)) = function(line.trim_start()) else {
                continue;
            };
            let signature = signature(&text, at, rest);
            let is_carried_out =
                owner.ends_with("Builder") || CARRIED_OUT.contains(&owner.as_str());
            let takes_itself =
                signature.contains("(mut self") || is_carried_out && signature.contains("(self,");
            let gives_itself =
                signature.contains("-> Self") || signature.contains("-> Result<Self");
            if !takes_itself || !gives_itself || owner == SETS_BY_NAME {
                continue;
            }
            let line = at + 1;
            match (is_carried_out, name.strip_prefix("with_")) {
                (true, Some(bare)) => findings.push(format!(
                    "{file}:{line}: `{owner}` exists only to be carried out, so its setter is called `{bare}`"
                )),
                (false, None) => findings.push(format!(
                    "{file}:{line}: `{owner}` is a value, so its setter is called `with_{name}`, or by the name of what it sets behind `with_`"
                )),
                _ => {}
            }
        }
    }
    findings
}

/// The type whose methods an `impl` that begins here holds.
fn owner_of(line: &str) -> Option<String> {
    let rest = line.strip_prefix("impl")?;
    let rest = match rest.strip_prefix('<') {
        None => rest.strip_prefix(' ')?,
        Some(parameters) => {
            let mut depth = 1;
            let end = parameters.find(|letter| {
                depth += match letter {
                    '<' => 1,
                    '>' => -1,
                    _ => 0,
                };
                depth == 0
            })?;
            parameters[end + 1..].trim_start()
        }
    };
    let rest = rest.split_once(" for ").map_or(rest, |(_, owner)| owner);
    let rest = rest.strip_prefix('$').unwrap_or(rest);
    let end = rest.find(|letter: char| !letter.is_alphanumeric() && letter != '_');
    Some(rest[..end.unwrap_or(rest.len())].to_owned())
}

/// The name of the public function that begins here, and what follows it.
fn function(line: &str) -> Option<(&str, &str)> {
    let rest = line.strip_prefix("pub ")?;
    let rest = rest.strip_prefix("const ").unwrap_or(rest);
    let rest = rest.strip_prefix("fn ")?;
    let end = rest.find(['(', '<'])?;
    Some(rest.split_at(end))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::assert_found;

    #[track_caller]
    fn check_text(text: &str, finding: Option<&str>) {
        let found = check(&BTreeMap::from([("src/a.rs".to_owned(), text.to_owned())]));
        assert_found(&found, finding);
    }

    #[test]
    fn a_value_is_set_by_with() {
        let value = |name| {
            format!("impl Policy {{\n    pub const fn {name}(mut self, of: u32) -> Self {{\n")
        };
        check_text(&value("with_most"), None);
        check_text(&value("most"), Some("called `with_most`"));
        check_text("impl Policy {\n    pub fn most(self) -> u32 {\n", None);
        let long = "impl<T: A<B>> Launch<T> {\n    pub fn mode(\n        mut self,\n        mode: Mode,\n    ) -> Result<Self, E> {\n";
        check_text(long, Some("`Launch` is a value"));
    }

    #[test]
    fn what_is_carried_out_is_set_without() {
        let builder = |name| {
            format!(
                "impl<T> ClientBuilder<T> {{\n    pub fn {name}(mut self, hosts: Hosts) -> Self {{\n"
            )
        };
        check_text(&builder("hosts"), None);
        check_text(&builder("with_hosts"), Some("called `hosts`"));
        let call = "impl<E> ApiCall<E> {\n    pub fn with_timeout(mut self, t: u8) -> Self {\n";
        check_text(call, Some("called `timeout`"));
        let client = |name| {
            format!("impl $Client {{\n    pub fn {name}(self, policy: RetryPolicy) -> Self {{\n")
        };
        check_text(&client("retry"), None);
        check_text(&client("with_retry"), Some("called `retry`"));
        check_text(
            "impl Now {\n    pub fn after(self, by: u8) -> Self {\n",
            None,
        );
    }
}
