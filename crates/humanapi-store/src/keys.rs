//! The keys that seal tokens and name rows, and the text that holds them.

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
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
    naming: Secret,
    /// The newest first; never empty.
    sealing: Vec<SealingKey>,
}

#[derive(Clone)]
pub(crate) struct SealingKey {
    id: Box<str>,
    secret: Secret,
}

/// A key's bytes, wiped when dropped.
pub(crate) type Secret = Zeroizing<[u8; 32]>;

/// The id of the line that holds the naming key.
const NAMING: &str = "naming";

/// Far more than anybody's keys: a wrong path may name a device that never ends.
pub(crate) const LARGEST_FILE: u64 = 64 * 1024;

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

    /// Reads keys from text, in the form that the type's documentation shows. A byte order mark before
    /// it is skipped.
    ///
    /// # Errors
    ///
    /// When the text is of another form, or a key stands in it twice. The message names the line and
    /// nothing in it.
    pub fn parse(text: &str) -> Result<Self, StoreError> {
        KeyText::parse(text)?.keys()
    }

    /// Reads keys from an environment variable.
    ///
    /// Other processes of the same user can read it; a file is better kept.
    ///
    /// # Errors
    ///
    /// When it is not set or not of the right form.
    pub fn from_env(name: &str) -> Result<Self, StoreError> {
        let value = std::env::var_os(name).ok_or_else(|| {
            misconfigured(format!("the variable {name} with sealing keys is not set"))
        })?;
        let text = value.into_string().map_err(|_| {
            misconfigured(format!(
                "the variable {name} with sealing keys does not hold text"
            ))
        })?;
        Self::parse(&Zeroizing::new(text))
    }

    /// Reads keys from a file.
    ///
    /// # Errors
    ///
    /// When it is no regular file, cannot be read or is not of the right form, and on Unix when others
    /// than its owner and group may read it, or others than its owner may write it. The message names
    /// the path; where the system refused, its error is the source.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let path = path.as_ref();
        let mut file = open(path)?;
        Self::parse(&read(&mut file, path)?)
    }

    /// The keys as text, to be kept in a file that only its owner can read. Keep it out of logs.
    #[must_use]
    pub fn to_text(&self) -> SecretString {
        let sealing = self.sealing.iter().cloned().map(Item::Sealing);
        let naming = Item::Naming(self.naming.clone());
        KeyText(std::iter::once(naming).chain(sealing).collect()).write()
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
    fn random(id: &str) -> Result<Self, StoreError> {
        let id = id.into();
        let secret = random()?;
        Ok(Self { id, secret })
    }

    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    pub(crate) const fn secret(&self) -> &Secret {
        &self.secret
    }
}

/// Keys as a text lists them, with the remarks between them.
pub(crate) struct KeyText(Vec<Item>);

enum Item {
    /// A line that is no key, as it stands. It may be a key that somebody put out of use.
    Remark(Zeroizing<String>),
    Naming(Secret),
    Sealing(SealingKey),
}

impl KeyText {
    /// Reads a text, and refuses what no file of keys holds. It may still lack keys.
    pub(crate) fn parse(text: &str) -> Result<Self, StoreError> {
        let mut read = Self(Vec::new());
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        for (number, line) in (1..).zip(text.lines()) {
            if line.trim().is_empty() || line.trim_start().starts_with('#') {
                let remark = Zeroizing::new(line.to_owned());
                read.0.push(Item::Remark(remark));
                continue;
            }
            let entries = line.split(',').map(str::trim);
            for entry in entries.filter(|entry| !entry.is_empty()) {
                let item = read.item(entry).map_err(|what| {
                    misconfigured(format!("line {number} of the sealing keys {what}"))
                })?;
                read.0.push(item);
            }
        }
        Ok(read)
    }

    /// Reads one key, which is none of those before it.
    fn item(&self, entry: &str) -> Result<Item, &'static str> {
        let (id, secret) = entry.split_once(':').ok_or("is not `id:base64`")?;
        let secret = decode(secret).ok_or("does not hold 32 bytes in base64")?;
        let mut known = self.0.iter().filter_map(Item::secret);
        if known.any(|known| **known == *secret) {
            return Err("repeats a key");
        }
        if id == NAMING {
            let has_one = self.0.iter().any(|item| matches!(item, Item::Naming(_)));
            return match has_one {
                true => Err("is a second naming key"),
                false => Ok(Item::Naming(secret)),
            };
        }
        if !is_id(id) {
            return Err(
                "has an id that is not 1 to 32 letters, digits, dots, dashes or underscores",
            );
        }
        if self.place(id).is_some() {
            return Err("repeats an id");
        }
        let id = id.into();
        Ok(Item::Sealing(SealingKey { id, secret }))
    }

    /// The keys, the newest first.
    pub(crate) fn keys(&self) -> Result<SealingKeys, StoreError> {
        let mut naming = None;
        let mut sealing = Vec::new();
        for item in &self.0 {
            match item {
                Item::Remark(_) => {}
                Item::Naming(secret) => naming = Some(secret.clone()),
                Item::Sealing(key) => sealing.push(key.clone()),
            }
        }
        let naming = naming
            .ok_or_else(|| misconfigured("the sealing keys lack a line `naming:` with a key"))?;
        if sealing.is_empty() {
            return Err(misconfigured("there is a naming key but no sealing key"));
        }
        Ok(SealingKeys { naming, sealing })
    }

    /// Adds a key that reads, below all others.
    pub(crate) fn add(&mut self, id: &str) -> Result<(), StoreError> {
        check_id(id)?;
        if self.place(id).is_some() {
            return Err(misconfigured("there is a sealing key of this id already"));
        }
        self.0.push(Item::Sealing(SealingKey::random(id)?));
        Ok(())
    }

    /// Moves a key before all others that seal, so that it writes.
    pub(crate) fn promote(&mut self, id: &str) -> Result<(), StoreError> {
        check_id(id)?;
        let first = self.0.iter().position(|item| item.id().is_some());
        let (Some(from), Some(to)) = (self.place(id), first) else {
            return Err(misconfigured(
                "there is no sealing key of this id: add it first",
            ));
        };
        let key = self.0.remove(from);
        self.0.insert(to, key);
        Ok(())
    }

    fn place(&self, id: &str) -> Option<usize> {
        self.0.iter().position(|item| item.id() == Some(id))
    }

    /// The text, with one key a line.
    pub(crate) fn write(&self) -> SecretString {
        let lines = self.0.iter().map(Item::line);
        let lines: Vec<Zeroizing<String>> = lines.collect();
        // As large as the text from the start: a buffer that grows leaves copies behind.
        let size = lines.iter().map(|line| line.len() + 1).sum();
        let mut text = String::with_capacity(size);
        for line in &lines {
            text.push_str(line);
            text.push('\n');
        }
        text.into()
    }
}

impl Item {
    fn id(&self) -> Option<&str> {
        match self {
            Self::Sealing(key) => Some(key.id()),
            Self::Remark(_) | Self::Naming(_) => None,
        }
    }

    const fn secret(&self) -> Option<&Secret> {
        match self {
            Self::Sealing(key) => Some(&key.secret),
            Self::Naming(secret) => Some(secret),
            Self::Remark(_) => None,
        }
    }

    fn line(&self) -> Zeroizing<String> {
        let (id, secret) = match self {
            Self::Remark(line) => return line.clone(),
            Self::Naming(secret) => (NAMING, secret),
            Self::Sealing(key) => (key.id(), &key.secret),
        };
        let secret = Zeroizing::new(BASE64.encode(**secret));
        Zeroizing::new([id, ":", &secret].concat())
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

fn is_id(id: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
    (1..=32).contains(&id.len()) && id.bytes().all(allowed) && id != NAMING
}

fn check_id(id: &str) -> Result<(), StoreError> {
    if is_id(id) {
        return Ok(());
    }
    Err(misconfigured(
        "a sealing key's id is 1 to 32 letters, digits, dots, dashes or underscores, and not `naming`",
    ))
}

fn decode(text: &str) -> Option<Secret> {
    let mut secret = Secret::default();
    let length = BASE64.decode_slice(text, &mut *secret).ok()?;
    (length == secret.len()).then_some(secret)
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

/// Opens a file of keys for reading. What is no regular file may never give an answer, or never end.
pub(crate) fn open(path: &Path) -> Result<File, StoreError> {
    let about = std::fs::metadata(path).map_err(|error| cannot("read", path, error))?;
    if !about.is_file() {
        let path = path.display();
        let message = format!("{path} is no regular file, so it holds no sealing keys");
        return Err(misconfigured(message));
    }
    File::open(path).map_err(|error| cannot("read", path, error))
}

/// Reads the text of an opened file of keys, if nobody else can.
pub(crate) fn read(file: &mut File, path: &Path) -> Result<Zeroizing<String>, StoreError> {
    let about = file
        .metadata()
        .map_err(|error| cannot("read", path, error))?;
    check_mode(&about, path)?;
    // As large as the file from the start: a buffer that grows leaves copies behind.
    let size = usize::try_from(about.len().min(LARGEST_FILE)).unwrap_or_default();
    let mut text = Zeroizing::new(String::with_capacity(size + 1));
    let read = file.take(LARGEST_FILE + 1).read_to_string(&mut text);
    match read {
        Ok(read) if read as u64 > LARGEST_FILE => Err(misconfigured(format!(
            "{} is larger than 64 KiB, so it holds no sealing keys",
            path.display()
        ))),
        Ok(_) => Ok(text),
        Err(error) => Err(cannot("read", path, error)),
    }
}

/// What the system says of a file of keys. A path is no secret.
pub(crate) fn cannot(what: &str, path: &Path, error: io::Error) -> StoreError {
    let path = path.display();
    let message = match error.kind() {
        io::ErrorKind::NotFound if what == "read" => {
            format!("there is no file with sealing keys at {path}")
        }
        kind => format!("the file with sealing keys {path} cannot be {what}: {kind}"),
    };
    misconfigured(message).with_source(error)
}

#[cfg(unix)]
fn check_mode(about: &std::fs::Metadata, path: &Path) -> Result<(), StoreError> {
    use std::os::unix::fs::MetadataExt as _;

    if about.mode() & 0o027 == 0 {
        return Ok(());
    }
    Err(misconfigured(format!(
        "the file with sealing keys {} is open to others: `chmod 600` it",
        path.display()
    )))
}

#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "on Unix it can fail")]
fn check_mode(_: &std::fs::Metadata, _: &Path) -> Result<(), StoreError> {
    Ok(())
}

pub(crate) fn misconfigured(message: impl Into<String>) -> StoreError {
    StoreError::new(StoreErrorKind::Misconfigured, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    const B: &str = "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    const C: &str = "AgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

    #[track_caller]
    fn check(text: &str, expected: Result<&[&str], &str>) {
        let ids = SealingKeys::parse(text).map(|keys| {
            let ids: Vec<String> = keys.ids().map(str::to_owned).collect();
            ids
        });
        match (ids, expected) {
            (Ok(ids), Ok(expected)) => assert_eq!(ids, expected),
            (Err(error), Err(part)) => {
                assert_eq!(error.kind(), StoreErrorKind::Misconfigured);
                let shown = format!("{error} {error:?}");
                assert!(shown.contains(part), "{shown}");
                for secret in [A, B, C, "canary"] {
                    assert!(!shown.contains(secret), "{shown}");
                }
            }
            (found, expected) => panic!("{found:?} instead of {expected:?}"),
        }
    }

    #[test]
    fn the_first_sealing_key_is_the_newest() {
        let text = format!("# canary\r\nnaming:{A}\r\n\r\n 2:{B}\r\n1:{C}\r\n");
        check(&text, Ok(&["2", "1"]));
        check(&format!("naming:{A},2:{B},1:{C}"), Ok(&["2", "1"]));
        check(&format!("2:{B},naming:{A}\n1:{C}"), Ok(&["2", "1"]));
    }

    #[test]
    fn a_form_that_is_not_kept_is_told_by_its_line() {
        check("", Err("lack a line `naming:`"));
        check(&format!("1:{A}"), Err("lack a line `naming:`"));
        check(&format!("naming:{A}"), Err("no sealing key"));
        check("naming:canary", Err("line 1 of the sealing keys does not"));
        check("\ncanary", Err("line 2 of the sealing keys is not"));
        check(&format!("naming:{A}\ncanary!:{B}"), Err("line 2"));
        check(&format!("naming:{A}\n:{B}"), Err("line 2"));
        let long = "x".repeat(33);
        check(&format!("naming:{A}\n{long}:{B}"), Err("line 2"));
        check(&format!("naming:{A}\n1:{B}="), Err("line 2"));
        check(&format!("naming:{A}\n1:{}", &B[..40]), Err("line 2"));
        check("naming:AAAA\n", Err("line 1"));
    }

    #[test]
    fn no_key_and_no_id_stands_twice() {
        check(&format!("naming:{A}\nnaming:{B}"), Err("second naming key"));
        check(&format!("naming:{A}\n1:{A}"), Err("repeats a key"));
        check(&format!("naming:{A}\n1:{B}\n2:{B}"), Err("repeats a key"));
        check(&format!("naming:{A}\n1:{B}\n1:{C}"), Err("repeats an id"));
    }

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
        let keys = SealingKeys::parse(&format!("naming:{A},1:{B}")).unwrap();
        assert_eq!(format!("{keys:?}"), r#"SealingKeys { ids: ["1"], .. }"#);
    }

    #[test]
    fn an_unset_variable_is_named() {
        let error = SealingKeys::from_env("HUMANAPI_NO_SUCH_VARIABLE").unwrap_err();
        assert!(error.to_string().contains("HUMANAPI_NO_SUCH_VARIABLE"));
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_is_open_to_others_is_refused() {
        use std::os::unix::fs::PermissionsExt;

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys");
        std::fs::write(&path, format!("naming:{A}\n1:{B}\n")).unwrap();
        for (mode, fits) in [
            (0o600, true),
            (0o400, true),
            (0o440, true),
            (0o604, false),
            (0o644, false),
            (0o620, false),
        ] {
            std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
            let read = SealingKeys::from_file(&path);
            assert_eq!(read.is_ok(), fits, "{mode:o}: {read:?}");
        }
    }

    #[test]
    fn a_file_that_cannot_be_one_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let told = |path: &Path| SealingKeys::from_file(path).unwrap_err().to_string();
        let path = folder.path().join("missing");
        assert_eq!(
            told(&path),
            format!("there is no file with sealing keys at {}", path.display())
        );
        let path = folder.path();
        assert_eq!(
            told(path),
            format!(
                "{} is no regular file, so it holds no sealing keys",
                path.display()
            )
        );
        let path = folder.path().join("large");
        let file = File::options()
            .write(true)
            .create_new(true)
            .open(&path)
            .unwrap();
        close_to_others(&file);
        file.set_len(LARGEST_FILE + 1).unwrap();
        assert!(told(&path).contains("larger than 64 KiB"), "{path:?}");
    }

    #[cfg(unix)]
    fn close_to_others(file: &File) {
        use std::os::unix::fs::PermissionsExt;
        file.set_permissions(PermissionsExt::from_mode(0o600))
            .expect("it is ours");
    }

    #[cfg(not(unix))]
    fn close_to_others(_: &File) {}

    #[test]
    fn a_byte_order_mark_is_no_part_of_the_first_line() {
        check(&format!("\u{feff}naming:{A}\n1:{B}"), Ok(&["1"]));
    }

    #[test]
    fn a_key_is_added_below_and_promoted_above_whatever_the_form() {
        let shown = |text: &KeyText| text.write().expose_secret().to_owned();
        for form in [
            format!("naming:{A},1:{B}"),
            format!("naming:{A}\r\n1:{B}\r\n"),
            format!("1:{B},\nnaming:{A}"),
        ] {
            let mut text = KeyText::parse(&form).unwrap();
            text.add("2").unwrap();
            assert_eq!(text.keys().unwrap().newest_id(), "1", "{form}");
            text.promote("2").unwrap();
            let keys = SealingKeys::parse(&shown(&text)).unwrap();
            assert_eq!(keys.ids().collect::<Vec<_>>(), ["2", "1"], "{form}");
            assert_eq!(**keys.naming(), *decode(A).unwrap());
            text.promote("2").unwrap();
            assert_eq!(text.keys().unwrap().newest_id(), "2", "{form}");
        }
        let mut text = KeyText::parse(&format!("# ours\nnaming:{A}\n\n1:{B}\n#0:{C}\n")).unwrap();
        assert_eq!(
            shown(&text),
            format!("# ours\nnaming:{A}\n\n1:{B}\n#0:{C}\n")
        );
        for refused in ["naming", "", "a b", "3"] {
            assert!(text.promote(refused).is_err(), "{refused}");
        }
        for refused in ["naming", "", "a:b", "1"] {
            assert!(text.add(refused).is_err(), "{refused}");
        }
        assert_eq!(text.0.len(), 5);
    }
}
