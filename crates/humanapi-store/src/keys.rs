//! The keys that seal tokens and name rows.

use std::fmt;

use humanapi_client::{StoreError, StoreErrorKind};
use secrecy::{ExposeSecret as _, SecretString};
use zeroize::Zeroizing;

/// The secret keys of a store. All processes that share a store need the same ones.
///
/// One **naming key** turns an application, a user and a purpose into the name of a row. It stays the
/// same for the life of a store: with another one, no row is found again.
/// One or more **sealing keys** seal tokens. The first one writes; all of them read.
///
/// They are kept as text, in a file or an environment variable, one key a line. A line that begins
/// with `#` is a remark.
///
/// ```text
/// # made by `humanapi store`
/// naming:3q2+7wAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=
/// 2026-11:ASNFZ4mrze8AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=
/// 2026-05:/ty6mHZUMhAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=
/// ```
///
/// Before the colon stands the key's id: 1 to 32 letters, digits, dots, dashes or underscores, which
/// the store keeps in clear beside what the key sealed. After it stand 32 random bytes in base64.
/// Between keys, a comma does as well as a line break.
///
/// # Changing the sealing key
///
/// No process may meet a token that it cannot open, so a new key is known everywhere before it is used:
///
/// 1. Add the new key **below** the first sealing key, and give that to all processes.
/// 2. Move it **above** all other sealing keys, and give that to all processes. From now on it writes.
/// 3. Call [`Store::rotate`](crate::Store::rotate), until no row is sealed with the old key.
/// 4. Take the old key away.
///
/// [`KeyFile`](crate::KeyFile) does the first two in a file.
///
/// `Debug` shows ids alone, and the keys are wiped when dropped.
#[derive(Clone)]
pub struct SealingKeys {
    pub(crate) naming: Secret,
    /// The newest first; never empty.
    pub(crate) sealing: Vec<SealingKey>,
}

#[derive(Clone)]
pub(crate) struct SealingKey {
    id: Box<str>,
    secret: Secret,
}

/// A key's bytes, wiped when dropped.
pub(crate) type Secret = Zeroizing<[u8; 32]>;

/// The id of the line that holds the naming key.
pub(crate) const NAMING: &str = "naming";

impl SealingKeys {
    /// New keys from the operating system's random numbers: a naming key, and one sealing key of this id.
    ///
    /// # Errors
    ///
    /// When the id is not one, or the system has no random numbers to give.
    pub fn generate(id: &str) -> Result<Self, StoreError> {
        check_id(id)?;
        Ok(Self {
            naming: random()?,
            sealing: vec![SealingKey::random(id)?],
        })
    }

    /// The same keys with one more, which becomes the newest.
    ///
    /// Give other processes the new key as a second one first: see the type's documentation.
    ///
    /// # Errors
    ///
    /// When the id is taken or is not one, or the system has no random numbers to give.
    pub fn with_new_key(mut self, id: &str) -> Result<Self, StoreError> {
        check_id(id)?;
        if self.sealing_key(id).is_some() {
            return Err(misconfigured("there is a sealing key of this id already"));
        }
        self.sealing.insert(0, SealingKey::random(id)?);
        Ok(self)
    }

    /// The id of the key that writes.
    #[must_use]
    pub fn newest_id(&self) -> &str {
        self.newest().id()
    }

    /// The ids of all sealing keys, the newest first.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.sealing.iter().map(SealingKey::id)
    }

    /// Of these keys, of which at least one seals, the newest first.
    pub(crate) const fn new(naming: Secret, sealing: Vec<SealingKey>) -> Self {
        Self { naming, sealing }
    }

    pub(crate) fn newest(&self) -> &SealingKey {
        self.sealing
            .first()
            .expect("no keys are made without a sealing key")
    }

    pub(crate) fn sealing_key(&self, id: &str) -> Option<&SealingKey> {
        self.sealing.iter().find(|key| *key.id == *id)
    }

    pub(crate) const fn naming(&self) -> &Secret {
        &self.naming
    }
}

impl SealingKey {
    pub(crate) fn new(id: impl Into<Box<str>>, secret: Secret) -> Self {
        let id = id.into();
        Self { id, secret }
    }

    pub(crate) fn random(id: &str) -> Result<Self, StoreError> {
        Ok(Self::new(id, random()?))
    }

    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    pub(crate) const fn secret(&self) -> &Secret {
        &self.secret
    }
}

impl TryFrom<SecretString> for SealingKeys {
    type Error = StoreError;

    fn try_from(text: SecretString) -> Result<Self, StoreError> {
        Self::parse(text.expose_secret())
    }
}

impl fmt::Debug for SealingKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids: Vec<&str> = self.ids().collect();
        f.debug_struct("SealingKeys")
            .field("ids", &ids)
            .finish_non_exhaustive()
    }
}

pub(crate) fn is_id(id: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
    (1..=32).contains(&id.len()) && id.bytes().all(allowed) && id != NAMING
}

pub(crate) fn check_id(id: &str) -> Result<(), StoreError> {
    if is_id(id) {
        return Ok(());
    }
    Err(misconfigured(
        "a sealing key's id is 1 to 32 letters, digits, dots, dashes or underscores, and not `naming`",
    ))
}

fn random() -> Result<Secret, StoreError> {
    let mut secret = Secret::default();
    fill(&mut *secret)?;
    Ok(secret)
}

/// Fills a buffer with the operating system's random numbers.
pub(crate) fn fill(buffer: &mut [u8]) -> Result<(), StoreError> {
    getrandom::fill(buffer).map_err(|_| {
        StoreError::new(
            StoreErrorKind::Unavailable,
            "the operating system has no random numbers to give",
        )
    })
}

pub(crate) fn misconfigured(message: impl Into<String>) -> StoreError {
    StoreError::new(StoreErrorKind::Misconfigured, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_keys_can_be_kept_as_text() {
        let keys = SealingKeys::generate("1").unwrap();
        let keys = keys.with_new_key("2").unwrap();
        assert_eq!(keys.newest_id(), "2");
        let again = SealingKeys::try_from(keys.to_text()).unwrap();
        assert_eq!(again.newest().secret(), keys.newest().secret());
        assert_eq!(again.naming(), keys.naming());
        assert!(again.clone().with_new_key("1").is_err());
        assert!(again.with_new_key("naming").is_err());
        assert!(SealingKeys::generate("no id").is_err());
        let other = SealingKeys::generate("1").unwrap();
        assert_ne!(other.naming(), keys.naming());
    }

    #[test]
    fn debug_shows_ids_alone() {
        let keys = SealingKeys::generate("1").unwrap();
        assert_eq!(format!("{keys:?}"), r#"SealingKeys { ids: ["1"], .. }"#);
    }

    #[test]
    fn an_unset_variable_is_named() {
        let error = SealingKeys::from_env("HUMANAPI_NO_SUCH_VARIABLE").unwrap_err();
        assert!(error.to_string().contains("HUMANAPI_NO_SUCH_VARIABLE"));
    }
}
