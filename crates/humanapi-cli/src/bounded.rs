//! Reading what a caller names, and no more of it than it may be: it can be a device that has no end.

use std::io::{self, Read};

/// Puts all of it behind what is there, and says whether that is at most so many bytes; what is longer is not all read.
pub(crate) fn read_all(reader: impl Read, most: usize, bytes: &mut Vec<u8>) -> io::Result<bool> {
    let most = most as u64;
    let read = reader.take(most.saturating_add(1)).read_to_end(bytes)?;
    Ok(read as u64 <= most)
}
