//! What is kept beside the cursors of a bucket: what the folder holds that they are of, and how it was read.

use super::super::key::Code;

/// What tells that cursors are of the folder that there is, and whether they need another reading.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct BucketCheck {
    /// Of what was written last, see [`BucketCommit::code`](super::manifest::BucketCommit::code); nothing where nothing was, or
    /// where it is lost what was. A number of a run does not tell it alone: a run that is gone on with writes a bucket anew that
    /// was broken off, and a folder may have been saved between the two.
    pub(super) written: Option<Code>,
    /// For whom, for which lists and how it was read; nothing where some of it could not be.
    pub(super) read: Option<Code>,
}

const LENGTH: usize = size_of::<Code>();

impl BucketCheck {
    /// What other versions wrote is nothing: then the bucket is read anew.
    pub(super) fn from_bytes(bytes: &[u8]) -> Self {
        let code = |at: usize| {
            let code: Code = bytes.get(at..at + LENGTH)?.try_into().ok()?;
            (code != Code::default()).then_some(code)
        };
        match bytes.len() == 2 * LENGTH {
            true => Self {
                written: code(0),
                read: code(LENGTH),
            },
            false => Self::default(),
        }
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        [self.written, self.read]
            .map(Option::unwrap_or_default)
            .concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_comes_out_as_it_went_in() {
        for written in [None, Some([1; LENGTH])] {
            for read in [None, Some([2; LENGTH])] {
                let check = BucketCheck { written, read };
                assert_eq!(BucketCheck::from_bytes(&check.to_bytes()), check);
            }
        }
    }

    #[test]
    fn what_is_of_another_length_is_nothing() {
        for length in [0, LENGTH, 2 * LENGTH - 1, 2 * LENGTH + 1] {
            assert_eq!(
                BucketCheck::from_bytes(&vec![7; length]),
                BucketCheck::default()
            );
        }
    }
}
