//! Why a call is not made, and why its answer is not kept.

use std::io;

use crate::exit::{Code, Failure, system_text};

pub(super) fn usage(cause: &str, remedy: &'static str) -> Failure {
    Failure::new(Code::Usage, cause, remedy)
}

/// Why a request cannot be made.
pub(super) fn refused(error: &humanapi_core::BuildError) -> Failure {
    Failure::new(Code::Usage, error.to_string(), error.remedy())
}

/// What is said where `--output` names no file that can be written.
pub(super) fn unwritten(error: &io::Error) -> Failure {
    Failure::new(
        Code::Machine,
        format!("cannot write the file: {}", system_text(error)),
        "check the path that --output names, its permissions and the room on the disk",
    )
}
