//! Papers that go along with an order.

use std::fmt;
use std::io::{self, Read};
use std::sync::Arc;

use base64::display::Base64Display;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Serialize;
use serde::ser::{SerializeStruct as _, Serializer};
use thiserror::Error;

use super::rules::FieldError;
use crate::secret_buffer::SecretBuffer;

/// A paper that goes along with an order, such as the user's authorization.
///
/// Its bytes are wiped when the last clone is dropped. They are held in memory, and once more in base64 while a request
/// is out: two and a third times its size at most, for it is encoded piece by piece straight into the body. It is not
/// streamed from its file, because a request that may have to be sent with another token has to be there whole, and a file
/// can change in between. How large a paper the service takes is not documented, so whoever [reads](Self::read) one says how
/// large it may be; a scan of some pages has a few MiB.
#[derive(Clone)]
pub struct Attachment {
    kind: AttachmentKind,
    format: AttachmentFormat,
    content: Arc<SecretBuffer>,
}

/// So many bytes are read at once.
const PIECE: usize = 64 * 1024;

/// Why a paper cannot go along with an order.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AttachmentError {
    /// It is no paper that the service takes.
    #[error(transparent)]
    Unfit(#[from] FieldError),
    /// It is larger than whoever read it allowed.
    #[error("`attachments` must be at most {most} bytes each")]
    TooLarge {
        /// What was allowed.
        most: usize,
    },
    /// It could not be read to its end.
    #[error("the attachment could not be read")]
    Unreadable(#[source] io::Error),
}

impl AttachmentError {
    /// What to do next, in one sentence.
    #[must_use]
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::Unfit(error) => error.remedy(),
            Self::TooLarge { .. } => {
                "scan it in black and white at 200 dots an inch, or allow more; nothing was sent"
            }
            Self::Unreadable(_) => "check that the file can be read; nothing was sent",
        }
    }
}

/// What a paper is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AttachmentKind {
    /// The user's authorization to hand out records: `hipaaAuthorization`, the only one that is documented.
    HipaaAuthorization,
}

/// In which form a paper is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AttachmentFormat {
    /// `application/pdf`.
    Pdf,
    /// `image/tiff`.
    Tiff,
}

impl AttachmentFormat {
    const fn media_type(self) -> &'static str {
        match self {
            Self::Pdf => "application/pdf",
            Self::Tiff => "image/tiff",
        }
    }

    /// The form that these bytes are in, by how they begin.
    fn of(content: &[u8]) -> Option<Self> {
        // Readers of PDF allow other bytes before it.
        let beginning = &content[..content.len().min(1024)];
        if memchr::memmem::find(beginning, b"%PDF-").is_some() {
            Some(Self::Pdf)
        } else if content.starts_with(b"II*\0") || content.starts_with(b"MM\0*") {
            Some(Self::Tiff)
        } else {
            None
        }
    }
}

impl Attachment {
    /// A paper of this kind. In which form it is, its bytes tell.
    ///
    /// # Errors
    ///
    /// When it is neither PDF nor TIFF.
    pub fn new(kind: AttachmentKind, content: impl Into<Vec<u8>>) -> Result<Self, FieldError> {
        Self::of(kind, SecretBuffer::from(content.into()))
    }

    fn of(kind: AttachmentKind, content: SecretBuffer) -> Result<Self, FieldError> {
        let format = AttachmentFormat::of(content.as_bytes())
            .ok_or_else(|| FieldError::new("attachments", "files of PDF or TIFF"))?;
        let content = Arc::new(content);
        Ok(Self {
            kind,
            format,
            content,
        })
    }

    /// Reads a paper of this kind to its end, piece by piece, and no further than `most` bytes.
    ///
    /// ```
    /// use humanapi_core::admin::{Attachment, AttachmentError, AttachmentKind};
    ///
    /// let paper = &b"%PDF-1.7 and so on"[..];
    /// let read = |most| Attachment::read(AttachmentKind::HipaaAuthorization, paper, most);
    /// assert!(read(1024).is_ok());
    /// assert!(matches!(read(8), Err(AttachmentError::TooLarge { most: 8 })));
    /// ```
    ///
    /// # Errors
    ///
    /// When it is larger, cannot be read, or is neither PDF nor TIFF.
    pub fn read(
        kind: AttachmentKind,
        mut paper: impl Read,
        most: usize,
    ) -> Result<Self, AttachmentError> {
        let mut content = SecretBuffer::new();
        // Wiped with the rest: what was read last would be left behind in it.
        let mut piece = SecretBuffer::from(vec![0; PIECE]);
        loop {
            let count = match paper.read(piece.as_bytes_mut()) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(AttachmentError::Unreadable(error)),
            };
            if count > most.saturating_sub(content.len()) {
                return Err(AttachmentError::TooLarge { most });
            }
            content.push(&piece.as_bytes()[..count]);
        }
        Ok(Self::of(kind, content)?)
    }

    /// In which form it is.
    #[must_use]
    pub const fn format(&self) -> AttachmentFormat {
        self.format
    }
}

/// Shows what it is, and nothing of what it holds.
impl fmt::Debug for Attachment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attachment")
            .field("kind", &self.kind)
            .field("format", &self.format)
            .finish_non_exhaustive()
    }
}

/// How it goes over the wire.
#[derive(Clone)]
pub(super) struct Wire(pub(super) Attachment);

impl Serialize for Wire {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let kind = match self.0.kind {
            AttachmentKind::HipaaAuthorization => "hipaaAuthorization",
        };
        let mut wire = serializer.serialize_struct("Attachment", 4)?;
        wire.serialize_field("type", kind)?;
        wire.serialize_field("contentType", self.0.format.media_type())?;
        wire.serialize_field("encoding", "base64")?;
        wire.serialize_field("content", &Content(self.0.content.as_bytes()))?;
        wire.end()
    }
}

/// Written piece by piece, so that no text of the whole is left behind in memory.
struct Content<'a>(&'a [u8]);

impl Serialize for Content<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&Base64Display::new(self.0, &BASE64))
    }
}
