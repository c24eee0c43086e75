//! Orders that are not placed twice: what is written of each before it is sent, and what is made of it afterwards.
//!
//! An order costs money and touches a patient, and the service has no key by which it would know one again. So each has an
//! [`IntentKey`] of the caller's own, and a [`Row`] under it in a journal that outlives the process:
//!
//! 1. **written** before anything else, and claimed by one worker at a time, who reads what the service has of the user;
//! 2. **sent**: marked before the first byte leaves, and from here on never sent again by itself;
//! 3. **answered**, or **unknown**, as is an answer that does not show a new order: then what is there is read;
//! 4. known to exist, known not to exist, or still unknown: only a decision of the caller's has it sent again;
//! 5. **handed back** to the caller, which is marked just before.
//!
//! All of it is plain data. [`Row::apply`] is what a journal does, one operation at once and undivided, and [`Submission`]
//! is what a worker does. Why it is so, [a decision] tells.
//!
//! [a decision]: https://github.com/humanapi-rs/humanapi/blob/main/docs/decisions/0022-order-journal.md

mod before;
mod entry;
mod intent;
mod outcome;
mod policy;
mod reading;
mod report;
mod row;
mod submission;

pub use before::Before;
pub use entry::{Claim, Doubt, Entry, EntryState};
pub use intent::{IntentKey, IntentKeyError, Subject};
pub use outcome::Outcome;
pub use policy::OrderPolicy;
pub use reading::{Finding, user_of_id, users_of_id};
pub use report::Report;
pub use row::{Decision, Effect, Op, Row};
pub use submission::{Submission, SubmissionInput, SubmissionStep};
