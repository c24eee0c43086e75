//! Who a person is: what they are called, when they were born, where they live.

use super::calendar::{MINUTE, date};
use super::person::Person;
use crate::clock::{DAY, Millis};
use crate::persona::Persona;

/// A person's particulars.
#[derive(Debug, Clone, Copy)]
pub(super) struct Life {
    pub(super) given: &'static str,
    pub(super) middle: &'static str,
    pub(super) family: &'static str,
    pub(super) is_female: bool,
    pub(super) born: Millis,
    pub(super) house: i64,
}

const FEMALE: &[&str] = &["Robin", "Alma", "June", "Noor", "Ines", "Tove"];
const MALE: &[&str] = &["Robin", "Emil", "Otto", "Idris", "Pavel", "Tomas"];
const MIDDLE: &[&str] = &["Kim", "Sage", "Lou", "Quinn"];
const FAMILY: &[&str] = &["Sample", "Placeholder", "Example", "Testwell", "Mockford"];

/// By how much local time differs from UTC, in minutes.
const OFFSETS: &[i64] = &[-480, -300, -240, 0, 60, 120, 330];

impl Person {
    pub(super) fn life(&self) -> Life {
        let mut numbers = self.numbers(&[b"life"]);
        let is_female = numbers.within(0, 1) == 0;
        let given = if is_female { FEMALE } else { MALE };
        let born = match self.persona {
            Persona::Child => date(2021, 3, 9) + numbers.within(0, 60) * DAY,
            Persona::Chronic => date(1952, 1, 1) + numbers.within(0, 3650) * DAY,
            _ => date(1988, 1, 1) + numbers.within(0, 4000) * DAY,
        };
        Life {
            is_female,
            given: numbers.pick(given, "Robin"),
            middle: numbers.pick(MIDDLE, "Kim"),
            family: numbers.pick(FAMILY, "Sample"),
            born,
            house: numbers.within(1, 240),
        }
    }

    /// By how much the person's clocks differ from UTC.
    pub(super) fn offset(&self) -> Millis {
        // Of the demo user every example says that it is UTC.
        let own = self.numbers(&[b"offset"]).pick(OFFSETS, 0);
        if self.is_demo { 0 } else { own * MINUTE }
    }

    /// `+02:00`.
    pub(super) fn offset_text(&self) -> String {
        let minutes = self.offset() / MINUTE;
        let sign = if minutes < 0 { '-' } else { '+' };
        let minutes = minutes.abs();
        format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60)
    }
}

impl Life {
    pub(super) const fn gender(&self) -> &'static str {
        if self.is_female { "female" } else { "male" }
    }

    /// `Robin Sample`.
    pub(super) fn name(&self) -> String {
        format!("{} {}", self.given, self.family)
    }
}
