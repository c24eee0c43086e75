//! Sealing tokens and naming rows: what a store keeps says nothing to whoever has no key.

use std::time::{Duration, SystemTime};

use chacha20poly1305::aead::AeadInOut as _;
use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac as _};
use humanapi_client::{StoreError, StoreErrorKind};
use humanapi_core::broker::{KeptToken, RowToken};
use humanapi_core::rules::Purpose;
use humanapi_core::{ClientId, Expiry, Generation, HumanId, RefreshToken, TokenKey, TokenKind};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::journal_rows::JournalRow;
use crate::keys::{SealingKey, SealingKeys, fill};
use crate::rows::{LARGEST_SEALED, Mark, RowName, Sealed};

/// The first sealed byte. A change of anything below needs another.
const FORMAT: u8 = 1;
const NONCE: usize = 24;
const TAG: usize = 16;

/// Redis counts in floating point: whole numbers are exact up to here.
const LARGEST: u64 = (1 << 53) - 1;

/// The name of a key's row. Each part is preceded by its length, so that no two keys run together.
pub(crate) fn name(keys: &SealingKeys, key: &TokenKey) -> RowName {
    let mut hash = keyed_hash(keys, b"humanapi row 1");
    let mut part = |bytes: &[u8]| {
        hash.update(&(bytes.len() as u64).to_be_bytes());
        hash.update(bytes);
    };
    part(key.client_id().as_str().as_bytes());
    match key.user() {
        Some(user) => part(user.as_str().as_bytes()),
        // No user has an empty id.
        None => part(b""),
    }
    part(match key.purpose() {
        Purpose::OpenConnect => b"connect",
        Purpose::ReadData => b"access",
        Purpose::Administer => b"client",
    });
    RowName::new(hash.finalize().into_bytes().into())
}

/// The name of the row of an order's intent. It is the same for all applications that share a journal.
#[cfg(feature = "admin")]
pub(crate) fn order_name(keys: &SealingKeys, intent: &str) -> RowName {
    let mut hash = keyed_hash(keys, b"humanapi order 1");
    hash.update(intent.as_bytes());
    RowName::new(hash.finalize().into_bytes().into())
}

/// The name of the row by which an application's rate is shared.
pub(crate) fn rate_name(keys: &SealingKeys, application: &ClientId) -> RowName {
    let mut hash = keyed_hash(keys, b"humanapi rate 1");
    hash.update(application.as_str().as_bytes());
    RowName::new(hash.finalize().into_bytes().into())
}

/// What tells that a store was set up with this naming key.
pub(crate) fn mark(keys: &SealingKeys) -> Mark {
    let hash = keyed_hash(keys, b"humanapi mark 1");
    Mark::new(hash.finalize().into_bytes().into())
}

fn keyed_hash(keys: &SealingKeys, domain: &[u8]) -> Hmac<Sha256> {
    let naming = keys.naming().as_slice();
    let mut hash = <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(naming)
        .expect("a key of any length will do");
    hash.update(domain);
    hash
}

/// When a token ends, as rows keep it: rounded down to a whole millisecond.
pub(crate) fn expires_at(expiry: Expiry) -> u64 {
    let since = expiry.wall().duration_since(SystemTime::UNIX_EPOCH);
    millis(since.unwrap_or_default())
}

/// Whole milliseconds, as far as rows can hold them.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).map_or(LARGEST, |millis| millis.min(LARGEST))
}

/// What is sealed. JSON, so that a later version may add to it and an older one still reads it.
#[derive(Serialize)]
struct Payload<'a> {
    kind: &'a str,
    token: &'a str,
    life_ms: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    human_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<&'a str>,
}

/// What was sealed.
#[derive(Deserialize)]
struct Opened {
    kind: String,
    token: SecretString,
    life_ms: u64,
    human_id: Option<String>,
    refresh_token: Option<SecretString>,
}

/// Seals a token for one place: this row, this generation, this end.
pub(crate) fn seal(
    keys: &SealingKeys,
    name: &RowName,
    generation: Generation,
    expires_at: u64,
    token: &KeptToken,
) -> Result<Sealed, StoreError> {
    let payload = Payload {
        kind: token.kind().name(),
        token: token.expose_secret(),
        life_ms: millis(token.life()),
        human_id: token.human_id().map(HumanId::as_str),
        refresh_token: token.refresh_token().map(RefreshToken::expose_secret),
    };
    // Large enough from the start, for a text of escapes alone: a buffer that grows leaves copies behind.
    let texts = [Some(payload.token), payload.human_id, payload.refresh_token];
    let escaped: usize = texts.iter().flatten().map(|text| 6 * text.len()).sum();
    let mut plain = Zeroizing::new(Vec::with_capacity(escaped + 160));
    serde_json::to_writer(&mut *plain, &payload).expect("a vector takes any JSON of text");
    if plain.len() > LARGEST_SEALED - ADDED {
        let message = "a token is larger than 1 MiB, which no store keeps";
        return Err(StoreError::new(StoreErrorKind::Misconfigured, message));
    }
    seal_bytes(keys, &Place::of_token(name, generation, expires_at), &plain)
}

/// Seals a row's token with the newest key instead of the one that sealed it.
pub(crate) fn reseal(
    keys: &SealingKeys,
    name: &RowName,
    row: &RowToken<Sealed>,
) -> Result<Sealed, StoreError> {
    let place = Place::of_token(name, row.generation, row.expires_at);
    let plain = open_bytes(keys, &place, &row.payload)?;
    seal_bytes(keys, &place, &plain)
}

/// Does the same to a row of a journal.
pub(crate) fn reseal_order(
    keys: &SealingKeys,
    name: &RowName,
    row: &JournalRow,
) -> Result<Sealed, StoreError> {
    let place = Place::of_order(name, row.version, row.is_open);
    let plain = open_bytes(keys, &place, &row.sealed)?;
    seal_bytes(keys, &place, &plain)
}

/// Opens a row's token.
pub(crate) fn open(
    keys: &SealingKeys,
    name: &RowName,
    row: &RowToken<Sealed>,
) -> Result<KeptToken, StoreError> {
    let place = Place::of_token(name, row.generation, row.expires_at);
    let plain = open_bytes(keys, &place, &row.payload)?;
    let opened: Opened = serde_json::from_slice(&plain)
        .map_err(|_| place.unknown_form("holds what this version cannot read"))?;
    let kind: TokenKind = (opened.kind.parse())
        .map_err(|_| place.unknown_form("is of a kind that this version does not know"))?;
    let ends = SystemTime::UNIX_EPOCH + Duration::from_millis(row.expires_at.min(LARGEST));
    let life = Duration::from_millis(opened.life_ms);
    Ok(
        KeptToken::new(kind, opened.token, row.generation, Expiry::at(ends), life)
            .with_human_id(opened.human_id.map(HumanId::new))
            .with_refresh_token(opened.refresh_token.map(RefreshToken::new)),
    )
}

/// Where something sealed lies. It is authenticated along with it, so that it can be opened in this very place alone.
pub(crate) struct Place<'a> {
    /// What lies there, in words.
    what: &'static str,
    name: &'a RowName,
    numbers: (u64, u64),
}

impl<'a> Place<'a> {
    const fn of_token(name: &'a RowName, generation: Generation, expires_at: u64) -> Self {
        Self {
            what: "token",
            name,
            numbers: (generation.number(), expires_at),
        }
    }

    /// No token lies at a name of an order: they are hashes of different kinds.
    pub(crate) const fn of_order(name: &'a RowName, version: u64, is_open: bool) -> Self {
        Self {
            what: "order",
            name,
            numbers: (version, is_open as u64),
        }
    }

    /// All parts but the last are of one length.
    fn to_bytes(&self, key_id: &str) -> Vec<u8> {
        let mut place = Vec::with_capacity(96);
        place.push(FORMAT);
        place.extend_from_slice(self.name.as_bytes());
        place.extend_from_slice(&self.numbers.0.to_be_bytes());
        place.extend_from_slice(&self.numbers.1.to_be_bytes());
        place.extend_from_slice(key_id.as_bytes());
        place
    }

    fn tampered(&self) -> StoreError {
        let what = self.what;
        let message = format!("a stored {what} was not sealed for its place, or was changed since");
        StoreError::new(StoreErrorKind::Tampered, message)
    }

    pub(crate) fn unknown_form(&self, which: &str) -> StoreError {
        let message = format!("a stored {} {which}", self.what);
        StoreError::new(StoreErrorKind::Tampered, message)
    }
}

/// How many bytes sealing adds.
pub(crate) const ADDED: usize = 1 + NONCE + TAG;

/// Seals with the newest key, for one place.
pub(crate) fn seal_bytes(
    keys: &SealingKeys,
    place: &Place<'_>,
    plain: &[u8],
) -> Result<Sealed, StoreError> {
    let key = keys.newest();
    let mut nonce = [0; NONCE];
    fill(&mut nonce)?;
    let mut bytes = Vec::with_capacity(ADDED + plain.len());
    bytes.push(FORMAT);
    bytes.extend_from_slice(&nonce);
    let mut text = Zeroizing::new(Vec::with_capacity(plain.len() + TAG));
    text.extend_from_slice(plain);
    cipher(key)
        .encrypt_in_place(&XNonce::from(nonce), &place.to_bytes(key.id()), &mut *text)
        .expect("what a store keeps is shorter than 256 GiB");
    bytes.extend_from_slice(&text);
    Ok(Sealed {
        key_id: key.id().into(),
        bytes,
    })
}

pub(crate) fn open_bytes(
    keys: &SealingKeys,
    place: &Place<'_>,
    sealed: &Sealed,
) -> Result<Zeroizing<Vec<u8>>, StoreError> {
    let Sealed { key_id, bytes } = sealed;
    let key = keys.sealing_key(key_id).ok_or_else(|| {
        let what = place.what;
        let message =
            format!("a stored {what} was sealed with a key that this process does not have");
        StoreError::new(StoreErrorKind::UnknownSealingKey, message)
    })?;
    let (&format, bytes) = bytes.split_first().ok_or_else(|| place.tampered())?;
    if format != FORMAT {
        return Err(place.unknown_form("has a form that this version does not know"));
    }
    let (nonce, text) = (bytes.split_first_chunk::<NONCE>()).ok_or_else(|| place.tampered())?;
    let mut plain = Zeroizing::new(text.to_vec());
    cipher(key)
        .decrypt_in_place(&XNonce::from(*nonce), &place.to_bytes(key_id), &mut *plain)
        .map_err(|_| place.tampered())?;
    Ok(plain)
}

fn cipher(key: &SealingKey) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new((&**key.secret()).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use humanapi_core::{ClientId, ClientUserId};

    fn client(id: &str) -> ClientId {
        ClientId::new(id).unwrap()
    }

    fn user(id: &str) -> ClientUserId {
        ClientUserId::new(id).unwrap()
    }

    fn row(keys: &SealingKeys, name: &RowName) -> RowToken<Sealed> {
        let (generation, ends) = (Generation::new(7), 1_000);
        let expiry = Expiry::at(SystemTime::UNIX_EPOCH);
        let life = Duration::from_secs(3_600);
        let token = KeptToken::new(TokenKind::Id, "can\"ary\n", generation, expiry, life)
            .with_human_id(Some(HumanId::new("human")))
            .with_refresh_token(Some(RefreshToken::new("refresh")));
        RowToken {
            generation,
            expires_at: ends,
            payload: seal(keys, name, generation, ends, &token).unwrap(),
        }
    }

    #[test]
    fn what_was_sealed_opens_whole() {
        let keys = SealingKeys::generate("1").unwrap();
        let name = RowName::new([1; 32]);
        let token = open(&keys, &name, &row(&keys, &name)).unwrap();
        assert_eq!(token.kind(), TokenKind::Id);
        assert_eq!(token.expose_secret(), "can\"ary\n");
        assert_eq!(token.generation(), Generation::new(7));
        assert_eq!(expires_at(token.expiry()), 1_000);
        assert_eq!(token.life(), Duration::from_secs(3_600));
        assert_eq!(token.human_id().unwrap().as_str(), "human");
        assert_eq!(token.refresh_token().unwrap().expose_secret(), "refresh");
    }

    #[test]
    fn it_opens_in_its_place_alone() {
        let keys = SealingKeys::generate("1").unwrap();
        let keys = keys.with_new_key("2").unwrap();
        let name = RowName::new([1; 32]);
        let row = row(&keys, &name);
        let kind = |name: &RowName, row: &RowToken<Sealed>| {
            open(&keys, name, row).err().map(|error| error.kind())
        };
        assert_eq!(kind(&name, &row), None);
        let tampered = Some(StoreErrorKind::Tampered);
        assert_eq!(kind(&RowName::new([2; 32]), &row), tampered);
        let generation = Generation::new(8);
        assert_eq!(
            kind(
                &name,
                &RowToken {
                    generation,
                    ..row.clone()
                }
            ),
            tampered
        );
        let expires_at = 1_001;
        assert_eq!(
            kind(
                &name,
                &RowToken {
                    expires_at,
                    ..row.clone()
                }
            ),
            tampered
        );
        let other_key = |id: &str| {
            let mut other = row.clone();
            other.payload.key_id = id.into();
            kind(&name, &other)
        };
        assert_eq!(other_key("1"), tampered);
        assert_eq!(other_key("3"), Some(StoreErrorKind::UnknownSealingKey));
        for index in 0..row.payload.bytes.len() {
            let mut bent = row.clone();
            bent.payload.bytes[index] ^= 1;
            assert_eq!(kind(&name, &bent), tampered, "{index}");
            bent.payload.bytes.truncate(index);
            assert_eq!(kind(&name, &bent), tampered, "{index}");
        }
    }

    #[test]
    fn sealing_the_same_twice_looks_different() {
        let keys = SealingKeys::generate("1").unwrap();
        let name = RowName::new([1; 32]);
        assert_ne!(row(&keys, &name).payload, row(&keys, &name).payload);
    }

    #[test]
    fn names_do_not_run_together() {
        let keys = SealingKeys::generate("1").unwrap();
        let all = [
            TokenKey::access(client("ab"), user("c")),
            TokenKey::access(client("a"), user("bc")),
            TokenKey::connect(client("ab"), user("c")),
            TokenKey::client(client("ab")),
            TokenKey::client(client("abc")),
            TokenKey::access(client("ab"), user("caf\u{e9}")),
            TokenKey::access(client("ab"), user("cafe\u{301}")),
        ];
        let names: std::collections::BTreeSet<RowName> =
            all.iter().map(|key| name(&keys, key)).collect();
        assert_eq!(names.len(), all.len());
    }

    #[test]
    fn a_name_depends_on_the_naming_key_alone() {
        let keys = SealingKeys::generate("1").unwrap();
        let key = TokenKey::client(client("app"));
        let rotated = keys.clone().with_new_key("2").unwrap();
        assert_eq!(name(&keys, &key), name(&rotated, &key));
        assert_eq!(mark(&keys), mark(&rotated));
        let others = SealingKeys::generate("1").unwrap();
        assert_ne!(name(&keys, &key), name(&others, &key));
        assert_ne!(mark(&keys), mark(&others));
    }

    /// A store outlives the version that filled it: names and sealed bytes must not change unnoticed.
    #[test]
    fn what_is_kept_stays_readable() {
        let text = format!("naming:{}=,1:{}E=", "A".repeat(43), "A".repeat(42));
        let keys = SealingKeys::parse(&text).unwrap();
        let key = TokenKey::access(client("app"), user("patient-17"));
        let name = name(&keys, &key);
        assert_eq!(name.to_string(), NAME);
        let bytes = (0..SEALED.len() / 2)
            .map(|index| u8::from_str_radix(&SEALED[2 * index..2 * index + 2], 16).unwrap())
            .collect();
        let row = RowToken {
            generation: Generation::new(7),
            expires_at: 1_000,
            payload: Sealed {
                key_id: "1".into(),
                bytes,
            },
        };
        let token = open(&keys, &name, &row).unwrap();
        assert_eq!(token.expose_secret(), "kept");
    }

    const NAME: &str = "ae5998312f2084a302df491b4876fc840226942bf2a0a9b4a24bbdca6764b2ca";
    const SEALED: &str = "01e96ac6a887349015c082939759e701e58d2e2b826b6405ab148c0f45e372085daff8efdc81d25c6ab0d463a9\
        7b13cd35dfa3a555df95e5c0252250b04bf47037c96915e1bf231e16475720e5aab305b78924699a1c06676e";
}
