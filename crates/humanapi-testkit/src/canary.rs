//! Texts that must not be shown, in the forms in which they could be.

/// A canary as itself, as the list of bytes that `Debug` makes of a body, and as their hex.
///
/// ```
/// let forms = humanapi_testkit::shown_forms("canary-1");
/// assert_eq!(forms[1], "99, 97, 110, 97, 114, 121, 45, 49");
/// assert_eq!(forms[2], "63616e6172792d31");
/// ```
#[must_use]
pub fn shown_forms(canary: &str) -> Vec<String> {
    let mut forms = vec![canary.to_owned()];
    // A shorter row of bytes can occur by chance.
    if canary.len() >= 8 {
        let bytes = format!("{:?}", canary.as_bytes());
        forms.push(bytes.trim_matches(['[', ']']).to_owned());
        forms.push(canary.bytes().map(|byte| format!("{byte:02x}")).collect());
    }
    forms
}
