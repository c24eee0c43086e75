//! Text, which a number may stand for.

use std::borrow::Cow;

use super::found::{Found, Read};
use super::number;
use crate::json::tokens::Form;

impl<'r> Read<'r> for Cow<'r, str> {
    fn read(found: Found<'r>) -> Option<Self> {
        match found.form() {
            // An id that was written as a number is still that id.
            Form::Bare => found
                .bare()
                .filter(|sent| number::is_number(sent))
                .map(Cow::Borrowed),
            _ => found.text(),
        }
    }
}
