//! Text or bytes in the making that hold a secret.

use std::fmt;
use std::io;
use std::str::Utf8Error;

use secrecy::SecretString;
use zeroize::optimization_barrier;

use crate::hidden::hidden_debug;

/// Text or bytes in the making that hold a secret.
///
/// A buffer that grows moves to a larger place and leaves a copy in the old one. This one wipes what it leaves, and
/// itself when it is dropped, so that whoever writes a secret need not know its size beforehand.
///
/// ```
/// use std::fmt::Write as _;
///
/// use humanapi_core::SecretBuffer;
///
/// let mut page = SecretBuffer::new();
/// write!(page, "token={}", "st-1")?;
/// assert_eq!(page.as_bytes(), b"token=st-1");
/// assert_eq!(format!("{page:?}"), "SecretBuffer(…)");
/// # Ok::<(), std::fmt::Error>(())
/// ```
#[derive(Default)]
pub struct SecretBuffer {
    bytes: Vec<u8>,
}

impl SecretBuffer {
    /// An empty one.
    #[must_use]
    pub const fn new() -> Self {
        Self { bytes: Vec::new() }
    }

    /// An empty one with room for so many bytes. More may come.
    #[must_use]
    pub fn with_capacity(bytes: usize) -> Self {
        Self {
            bytes: Vec::with_capacity(bytes),
        }
    }

    /// An empty one for so many bytes as somebody else announced. Room for at most 1 MiB is made beforehand: what is
    /// announced need not come, and memory is for what came.
    #[must_use]
    pub fn for_announced(bytes: u64) -> Self {
        const MOST: usize = 1024 * 1024;
        Self::with_capacity(usize::try_from(bytes).map_or(MOST, |bytes| bytes.min(MOST)))
    }

    /// Appends bytes.
    // Inlined, what is known beforehand is written by a move or two, as into a vector.
    #[inline]
    pub fn push(&mut self, bytes: &[u8]) {
        if bytes.len() > self.bytes.capacity() - self.bytes.len() {
            self.make_room(bytes.len());
        }
        self.bytes.extend_from_slice(bytes);
    }

    #[cold]
    fn make_room(&mut self, more: usize) {
        let needed = self.bytes.len() + more;
        drop(self.grow(needed.max(2 * self.bytes.capacity())));
    }

    /// Moves to a larger place and gives the old one, wiped.
    fn grow(&mut self, capacity: usize) -> Vec<u8> {
        let mut larger = Vec::with_capacity(capacity);
        larger.extend_from_slice(&self.bytes);
        let mut old = std::mem::replace(&mut self.bytes, larger);
        wipe(&mut old);
        old
    }

    /// How many bytes there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The bytes in clear.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The bytes in clear, to be written over.
    #[cfg(feature = "admin")]
    pub(crate) fn as_bytes_mut(&mut self) -> &mut [u8] {
        &mut self.bytes
    }

    /// The whole as text.
    ///
    /// # Errors
    ///
    /// When it is no UTF-8.
    pub fn into_text(self) -> Result<SecretString, Utf8Error> {
        // A text as long as it will be is not moved once more.
        std::str::from_utf8(&self.bytes).map(SecretString::from)
    }
}

impl From<Vec<u8>> for SecretBuffer {
    /// Takes bytes over. Those behind the end of the vector were never written, or stay as they are.
    fn from(bytes: Vec<u8>) -> Self {
        Self { bytes }
    }
}

impl AsRef<[u8]> for SecretBuffer {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl fmt::Write for SecretBuffer {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.push(text.as_bytes());
        Ok(())
    }
}

impl io::Write for SecretBuffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.push(bytes);
        Ok(bytes.len())
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.push(bytes);
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for SecretBuffer {
    fn drop(&mut self) {
        wipe(&mut self.bytes);
    }
}

hidden_debug!(SecretBuffer);

/// Overwrites all bytes at once: byte by byte it would cost more than reading an answer does.
pub(crate) fn wipe(bytes: &mut [u8]) {
    bytes.fill(0);
    // Without it the compiler may leave out writes to what nobody reads any more.
    optimization_barrier(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_behind_is_wiped() {
        let mut buffer = SecretBuffer::with_capacity(6);
        buffer.push(b"canary");
        let old = buffer.grow(12);
        assert_eq!((old.as_slice(), old.capacity()), (&[0; 6][..], 6));
        assert_eq!(buffer.as_bytes(), b"canary");
    }

    #[test]
    fn what_is_announced_makes_no_room_for_more_than_a_piece() {
        for (announced, room) in [(0, 0), (6, 6), (u64::MAX, 1024 * 1024)] {
            let mut buffer = SecretBuffer::for_announced(announced);
            assert_eq!(buffer.bytes.capacity(), room);
            buffer.push(b"canary");
            assert_eq!(buffer.as_bytes(), b"canary");
        }
    }

    #[test]
    fn no_growth_goes_past_the_one_that_wipes() {
        // `push` makes room first, so that the vector never has to.
        let mut buffer = SecretBuffer::new();
        for size in 0..200 {
            buffer.push(&vec![b'x'; size]);
            let room = buffer.bytes.capacity();
            buffer.push(b"");
            assert_eq!(buffer.bytes.capacity(), room);
        }
        assert_eq!(buffer.len(), 199 * 200 / 2);
        let text = buffer.into_text().unwrap();
        assert_eq!(secrecy::ExposeSecret::expose_secret(&text).len(), 19_900);
        assert!(SecretBuffer::from(vec![0xff]).into_text().is_err());
    }
}
