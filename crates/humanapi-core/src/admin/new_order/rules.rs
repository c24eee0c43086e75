//! What the fields of an order may hold.

use thiserror::Error;

use crate::hidden::Personal;

/// A value that an order cannot have. Names the field as it is on the wire, and never what stood there.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("`{field}` must be {rule}")]
pub struct FieldError {
    field: &'static str,
    rule: &'static str,
}

impl FieldError {
    pub(crate) const fn new(field: &'static str, rule: &'static str) -> Self {
        Self { field, rule }
    }

    /// The field's name on the wire.
    #[must_use]
    pub const fn field(&self) -> &'static str {
        self.field
    }

    /// What it has to be, as the end of a sentence.
    #[must_use]
    pub const fn rule(&self) -> &'static str {
        self.rule
    }

    /// What to do next, in one sentence.
    #[must_use]
    pub const fn remedy(&self) -> &'static str {
        "correct the value of the field that the message names; nothing was sent"
    }
}

pub(crate) fn text(field: &'static str, text: &str) -> Result<Personal, FieldError> {
    if text.trim().is_empty() {
        return Err(FieldError::new(
            field,
            "some text; leave the field out where there is none",
        ));
    }
    Ok(Personal::new(text))
}

pub(crate) fn email(field: &'static str, text: &str) -> Result<Personal, FieldError> {
    let parts = text.split_once('@');
    let is_one =
        |(name, host): (&str, &str)| !name.is_empty() && !host.is_empty() && !host.contains('@');
    let is_plain = !text.contains(|letter: char| letter.is_whitespace() || letter.is_control());
    if is_plain && parts.is_some_and(is_one) {
        Ok(Personal::new(text))
    } else {
        Err(FieldError::new(field, "an e-mail address"))
    }
}

/// Nine digits, or three, two and four with both hyphens. No part may be all zeros, and the first not 666.
pub(super) fn ssn(text: &str) -> Result<Personal, FieldError> {
    if is_ssn(text.as_bytes()) {
        Ok(Personal::new(text))
    } else {
        Err(FieldError::new(
            "ssn",
            "nine digits, or 3-2-4 with both hyphens, with no part all zeros and the first not 666",
        ))
    }
}

fn is_ssn(text: &[u8]) -> bool {
    let digits = |part: &[u8]| part.iter().all(u8::is_ascii_digit);
    let parts = match *text {
        [a, b, c, b'-', d, e, b'-', f, g, h, i] | [a, b, c, d, e, f, g, h, i] => {
            ([a, b, c], [d, e], [f, g, h, i])
        }
        _ => return false,
    };
    let (area, group, serial) = parts;
    digits(&area)
        && digits(&group)
        && digits(&serial)
        && area != *b"000"
        && area != *b"666"
        && group != *b"00"
        && serial != *b"0000"
}

/// Ten digits, with at most two of `( ) - .` and spaces before each and behind the last.
pub(super) fn phone(field: &'static str, text: &str) -> Result<Personal, FieldError> {
    if is_phone(text) {
        Ok(Personal::new(text))
    } else {
        Err(FieldError::new(
            field,
            "ten digits of the United States, with at most two of ( ) - . and spaces between them, and without a country code or an extension",
        ))
    }
}

fn is_phone(text: &str) -> bool {
    let (mut digits, mut between) = (0, 0);
    for byte in text.bytes() {
        match byte {
            b'0'..=b'9' => (digits, between) = (digits + 1, 0),
            b'(' | b')' | b'-' | b' ' | b'.' => between += 1,
            _ => return false,
        }
        if digits > 10 || between > 2 {
            return false;
        }
    }
    digits == 10
}

/// Five digits, or five and four. Always text: as a number, `02134` would be `2134`.
pub(super) fn zip(text: &str) -> Result<Personal, FieldError> {
    let is_zip = |text: &[u8]| match text {
        [first @ .., b'-', _, _, _, _] => {
            first.len() == 5
                && text
                    .iter()
                    .enumerate()
                    .all(|(at, byte)| at == 5 || byte.is_ascii_digit())
        }
        _ => text.len() == 5 && text.iter().all(u8::is_ascii_digit),
    };
    if is_zip(text.as_bytes()) {
        Ok(Personal::new(text))
    } else {
        Err(FieldError::new(
            "zip",
            "five digits, or five and four with a hyphen; a leading zero that a spreadsheet lost belongs to it",
        ))
    }
}

/// Ten digits.
pub(super) fn npi(text: &str) -> Result<Personal, FieldError> {
    if text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        Ok(Personal::new(text))
    } else {
        Err(FieldError::new(
            "npi",
            "ten digits; leave the field out where there is none",
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ssn_is_one_of_those_that_are_given_out() {
        for text in ["900-12-3456", "900123456", "123-45-6789", "665010001"] {
            assert!(is_ssn(text.as_bytes()), "{text}");
        }
        for text in [
            "000-12-3456",
            "666123456",
            "123-00-4567",
            "123-45-0000",
            "123-456789",
            "12345-6789",
            "",
            "12345678",
            "1234567890",
            "123 45 6789",
            "12a-45-6789",
            "123-45-6789 ",
            "١٢٣456789",
            "123--45678",
        ] {
            assert!(!is_ssn(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn a_phone_number_has_ten_digits_and_little_between_them() {
        for text in [
            "5550100199",
            "(555) 010-0199",
            "555.010.0199",
            "( 555)-010--0199  ",
            "5-5-5-0-1-0-0-1-9-9",
        ] {
            assert!(is_phone(text), "{text}");
        }
        for text in [
            "+1 555 010 0199",
            "1-555-010-0199",
            "555-010-019",
            "555-010-0199 x5",
            "",
            "555---0100199",
            "5550100199   ",
            "٥550100199",
        ] {
            assert!(!is_phone(text), "{text}");
        }
    }

    #[test]
    fn a_zip_code_keeps_its_zeros() {
        assert_eq!(zip("02134").unwrap().as_str(), "02134");
        assert!(zip("02134-0001").is_ok());
        for text in [
            "2134",
            "",
            "02134-",
            "0213a",
            "02134-00011",
            "021341234",
            "02134 0001",
        ] {
            assert_eq!(zip(text).unwrap_err().field(), "zip", "{text}");
        }
    }

    #[test]
    fn an_address_for_mail_has_one_at_sign() {
        assert!(email("clientUserEmail", "a@example.test").is_ok());
        for text in ["", "a", "@", "a@", "@b", "a@b@c", "a b@c", "a@b\n"] {
            assert!(email("clientUserEmail", text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_error_names_the_field_and_not_the_value() {
        let error = phone("fax", "canary").unwrap_err();
        assert_eq!(error.field(), "fax");
        assert!(!format!("{error} {error:?}").contains("canary"));
    }
}
