//! Keys as text, and reading that from a file.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use humanapi_client::StoreError;
use secrecy::SecretString;
use zeroize::Zeroizing;

use crate::keys::{NAMING, SealingKey, SealingKeys, Secret, check_id, is_id, misconfigured};

impl SealingKeys {
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
        KeyText::new(std::iter::once(naming).chain(sealing).collect()).write()
    }
}

/// Far more than anybody's keys: a wrong path may name a device that never ends.
pub(crate) const LARGEST_FILE: u64 = 64 * 1024;

/// Keys as a text lists them, with the remarks between them.
pub(crate) struct KeyText(Vec<Item>);

pub(crate) enum Item {
    /// A line that is no key, as it stands. It may be a key that somebody put out of use.
    Remark(Zeroizing<String>),
    Naming(Secret),
    Sealing(SealingKey),
}

impl KeyText {
    pub(crate) const fn new(items: Vec<Item>) -> Self {
        Self(items)
    }

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
        Ok(Item::Sealing(SealingKey::new(id, secret)))
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
        Ok(SealingKeys::new(naming, sealing))
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
            Self::Sealing(key) => Some(key.secret()),
            Self::Naming(secret) => Some(secret),
            Self::Remark(_) => None,
        }
    }

    fn line(&self) -> Zeroizing<String> {
        let (id, secret) = match self {
            Self::Remark(line) => return line.clone(),
            Self::Naming(secret) => (NAMING, secret),
            Self::Sealing(key) => (key.id(), key.secret()),
        };
        let secret = Zeroizing::new(BASE64.encode(**secret));
        Zeroizing::new([id, ":", &secret].concat())
    }
}

fn decode(text: &str) -> Option<Secret> {
    let mut secret = Secret::default();
    let length = BASE64.decode_slice(text, &mut *secret).ok()?;
    (length == secret.len()).then_some(secret)
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

#[cfg(test)]
mod tests {
    use humanapi_client::StoreErrorKind;
    use secrecy::ExposeSecret as _;

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
            (0o666, false),
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
