//! What public functions take: a user's id and a text in every form that an application has them in.
//!
//! The text is read line by line. A function of what only this workspace calls is not read.

use std::collections::BTreeMap;

use super::sources::{blank, signature};

/// What takes no `&String`, or no text at all, and what does.
const TOO_NARROW: [(&str, &str); 7] = [
    (": ClientUserId", "impl Into<ClientUserId>"),
    (": HumanId", "impl Into<HumanId>"),
    (": UserRef", "impl Into<UserRef>"),
    ("impl Into<Arc<str>>", "impl AsRef<str>"),
    ("impl Into<Box<str>>", "impl Into<String>"),
    ("impl Into<Rc<str>>", "impl AsRef<str>"),
    ("impl Into<SecretString>", "impl IntoSecret"),
];

/// Parts whose functions applications do not call.
const INTERNAL: [&str; 5] = [
    "crates/humanapi-cli/",
    "crates/humanapi-testkit/",
    "crates/humanapi-benchkit/",
    "examples/",
    "xtask/",
];

/// Parameters of public functions that take less than they could.
pub(crate) fn check(sources: &BTreeMap<String, String>) -> Vec<String> {
    let mut findings = Vec::new();
    let read = sources
        .iter()
        .filter(|(file, _)| !INTERNAL.iter().any(|part| file.starts_with(part)));
    for (file, text) in read {
        let text = blank(text);
        for (at, line) in text.lines().enumerate() {
            let Some((_, first)) = line.trim_start().split_once("fn ") else {
                continue;
            };
            if !line.trim_start().starts_with("pub ") {
                continue;
            }
            let signature = signature(&text, at, first);
            let parameters = parameters(&signature);
            for (narrow, wide) in TOO_NARROW {
                if takes(parameters, narrow) {
                    let narrow = narrow.trim_start_matches(": ");
                    findings.push(format!(
                        "{file}:{}: takes `{narrow}`; take `{wide}`, which whoever has a `String` lends by `&`",
                        at + 1
                    ));
                }
            }
        }
    }
    findings
}

/// What stands between the parentheses of a function's signature, behind what it is generic over.
fn parameters(signature: &str) -> &str {
    let (mut begin, mut depth, mut before) = (None, 0_usize, ' ');
    for (at, letter) in signature.char_indices() {
        match (begin, letter) {
            (None, '(') if depth == 0 => begin = Some(at + 1),
            (None, '<') | (Some(_), '(') => depth += 1,
            // Of an arrow it closes nothing.
            (None, '>') if before != '-' => depth = depth.saturating_sub(1),
            (Some(begin), ')') if depth == 0 => return &signature[begin..at],
            (Some(_), ')') => depth -= 1,
            _ => {}
        }
        before = letter;
    }
    ""
}

/// Whether these parameters name the type, and not one whose name begins alike.
fn takes(parameters: &str, narrow: &str) -> bool {
    parameters.match_indices(narrow).any(|(at, _)| {
        let next = parameters[at + narrow.len()..].chars().next();
        next.is_none_or(|next| matches!(next, ',' | ')' | ' '))
    })
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
    fn an_id_is_taken_in_every_form() {
        let find = |id| format!("    pub fn find(&self, user: {id}) -> ApiCall<ListUsers> {{\n");
        check_text(&find("impl Into<ClientUserId>"), None);
        check_text(
            &find("ClientUserId"),
            Some("take `impl Into<ClientUserId>`"),
        );
        check_text(&find("&ClientUserId"), None);
        check_text(&find("HumanIdOrNone"), None);
        let long = "    pub async fn list(\n        &self,\n        user: HumanId,\n    ) {\n";
        check_text(long, Some("take `impl Into<HumanId>`"));
        check_text("    pub(crate) fn find(user: HumanId) {\n", None);
        for before in ["of: impl Fn(u8) -> u8", "of: [u8; 32]", "of: (u8, u8)"] {
            let text = format!("    pub fn find({before}, user: HumanId) -> u8 {{\n");
            check_text(&text, Some("take `impl Into<HumanId>`"));
        }
        check_text(
            "    pub fn find<F: Fn(u8) -> u8>(of: F, user: HumanId) {\n",
            Some("take `impl Into<HumanId>`"),
        );
        let asked = "    pub fn find<F: Fn(HumanId) -> u8>(of: F) -> impl Fn(HumanId) {\n";
        check_text(asked, None);
        check_text("    pub fn id(&self) -> HumanId {\n", None);
    }

    #[test]
    fn a_text_is_taken_in_every_form() {
        let new = |text| format!("pub fn new(text: {text}) -> Self {{\n");
        check_text(&new("impl AsRef<str>"), None);
        check_text(&new("impl Into<Arc<str>>"), Some("take `impl AsRef<str>`"));
        check_text(&new("impl Into<SecretString>"), Some("`impl IntoSecret`"));
    }
}
